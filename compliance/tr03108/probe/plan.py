"""The order of questions: from a domain and a ProbePlan to all observations of its dossier.

Which question comes next may depend on how answers are judged (evaluate/); what is stored are the answers alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from ipaddress import ip_address

from .. import __version__
from ..evaluate.dmarc_policy import dmarc_of
from ..evaluate.routing import mail_routing
from ..evaluate.served_chains import chains_of
from ..evaluate.servers import stops
from ..evaluate.spf_policy import spf_of
from ..evaluate.survey import Server, ZoneServers, survey
from ..evaluate.text_records import Find
from ..model import (
    MAIL_SERVICE,
    ClientSession,
    DnsMessage,
    Dossier,
    Failure,
    HelloExchange,
    Observation,
    ProbePlan,
    SmtpSession,
)
from . import servers
from .clients import ADDRESSES, ClientsProbe
from .mta_sts import mta_sts
from .net import Network
from .questions import Questions
from .resolver import addresses_in, has_signatures
from .revocation import RevocationProbe, literal
from .roots import RootStore
from .service import ServiceProbe
from .tlsrpt import tlsrpt

HOSTS = 20  # MX hosts of one domain that are looked at; large providers have fewer than ten

_AskServer = Callable[[Network, str, str, str, str], Awaitable[DnsMessage | Failure]]


class Probe:
    """One domain's probe. `run` asks; `dossier` gives what was seen so far, also after a cancellation."""

    def __init__(
        self,
        domain: str,
        plan: ProbePlan,
        network: Network,
        anchors: tuple[str, ...],
        roots: RootStore,
        progress: Callable[[str], None],
    ) -> None:
        """`domain` in the form of dossiers (lower case A-labels, no trailing dot); `progress` gets short lines."""
        self._domain = domain
        self._plan = plan
        self._network = network
        self._anchors = anchors
        self._roots = roots
        self._say = progress
        self._questions = Questions(plan, network, anchors, progress)
        self._started = datetime.now(UTC)

    async def run(self) -> None:
        """Asks everything, within the plan's deadline. What it cut off is in the dossier as Failure(BUDGET)."""
        self._started = datetime.now(UTC)
        try:
            async with asyncio.timeout(self._plan.deadline) as deadline:
                await self._everything()
        except TimeoutError:
            if not deadline.expired():
                raise
            self._say(f"deadline of {self._plan.deadline:g} s reached")
            self._questions.give_up_missing(f"deadline of {self._plan.deadline:g} s")

    def dossier(self, complete: bool) -> Dossier:
        """All that was seen by now. Wanted questions without an answer are marked as not reached."""
        self._questions.give_up_missing("the probe ended before this was answered")
        seen = self._questions.seen
        return Dossier(
            domain=self._domain,
            started=self._started,
            finished=datetime.now(UTC),
            complete=complete,
            tool_version=__version__,
            plan=self._plan,
            vantage=self._network.vantage,
            trust_anchors=self._anchors,
            roots=self._roots.relevant(chains_of(o.value for o in seen.values())),
            observations=dict(seen),
        )

    async def _everything(self) -> None:
        canary = await self._questions.dns(".", "DNSKEY")
        if canary.value is None:
            self._say("the resolver does not answer; nothing else is asked")
            return
        if not has_signatures(canary.value):
            self._say("the resolver does not bring the signatures of the root zone; nothing else is asked")
            return
        self._say("asking for mail routing")
        mx = await self._questions.lookup(self._domain, "MX")
        routing = mail_routing(mx, self._domain)
        if routing.kind == "not-found":
            self._say("the domain does not exist")
            return
        async with asyncio.TaskGroup() as group:
            if "tlsrpt" in self._plan.policies:
                group.create_task(tlsrpt(self._questions, self._domain))
            if "mta-sts" in self._plan.policies:
                group.create_task(mta_sts(self._questions, self._domain))
            for policy, read in (("spf", spf_of), ("dmarc", dmarc_of)):
                if policy in self._plan.policies:
                    group.create_task(self._mail_authentication(read))
            for host in routing.hosts[:HOSTS]:
                group.create_task(self._host(host))
            group.create_task(ClientsProbe(self._domain, self._questions).run())
            if self._plan.all_servers:
                group.create_task(self._all_servers(routing.hosts[:HOSTS]))
            beyond = (f"dns/{host}/{rdtype}" for host in routing.hosts[HOSTS:] for rdtype in ("A", "AAAA"))
            self._questions.give_up(beyond, f"only {HOSTS} mail hosts of a domain are examined")
        if self._plan.revocation:
            self._say("asking for the revocation of certificates")
            probe = RevocationProbe(
                self._network, self._responder_addresses, self._questions.ask, self._questions.give_up
            )
            values = [observation.value for observation in self._questions.seen.values()]
            services = [value for value in values if isinstance(value, SmtpSession | ClientSession | HelloExchange)]
            await probe.run(chains_of(services), lambda chain: self._roots.relevant((chain,)))
        self._say("done")

    async def _responder_addresses(self, host: str) -> tuple[str, ...]:
        """Whatever the resolver says: what a responder answers is signed."""
        if (address := literal(host)) is not None:
            return (address,) if ip_address(address).version in self._plan.families else ()
        kinds = [kind for family, kind in ((4, "A"), (6, "AAAA")) if family in self._plan.families]
        answers = await asyncio.gather(*(self._questions.dns(host, kind) for kind in kinds))
        messages = [self._network.read_message(o.value.wire) for o in answers if o.value is not None]
        return tuple(address for message in messages for address in addresses_in(message))

    async def _host(self, name: str) -> None:
        host = await self._questions.host(name)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._questions.tlsa(host, MAIL_SERVICE.port))
            if MAIL_SERVICE.name in self._plan.services:
                for address in host.addresses[:ADDRESSES]:
                    probe = ServiceProbe(self._questions, MAIL_SERVICE, name, address, MAIL_SERVICE.port)
                    group.create_task(probe.run())
                beyond = (f"smtp/{name}/{address}/{MAIL_SERVICE.port}/1" for address in host.addresses[ADDRESSES:])
                self._questions.give_up(beyond, f"only {ADDRESSES} addresses of a host are examined")

    async def _mail_authentication(self, read: Callable[[str, Find], object]) -> None:
        """All that reading a policy leads to: SPF and DMARC refer to records elsewhere."""
        await self._questions.until(lambda: read(self._domain, self._questions.validator.lookup))

    async def _all_servers(self, hosts: tuple[str, ...]) -> None:
        """Every authoritative server of the zones of the domain and its mail hosts, and the zones' NSEC3 parameters."""
        zones = await self._questions.until(
            lambda: survey(self._questions.validator, self._domain, hosts, self._plan.families)
        )
        async with asyncio.TaskGroup() as group:
            for zone in zones:
                if not zone.questions:
                    continue  # its apex is not known, or it is one too many
                group.create_task(self._questions.lookup(zone.name, "NSEC3PARAM"))
                for server in zone.servers:
                    group.create_task(self._server(zone, server))

    async def _server(self, zone: ZoneServers, server: Server) -> None:
        """One server, question after question; whoever does not answer is left alone."""
        for name, rdtype in zone.questions:
            seen = await self._ask_server(servers.ask_udp, "dns-at", server, name, rdtype)
            if stops(seen):
                return
        await self._ask_server(servers.ask_tcp, "dns-at-tcp", server, zone.name, "SOA")

    async def _ask_server(
        self, ask: _AskServer, kind: str, server: Server, name: str, rdtype: str
    ) -> Observation[DnsMessage]:
        key = f"{kind}/{server.address}/{name}/{rdtype}"
        return await self._questions.ask(key, lambda: ask(self._network, server.name, server.address, name, rdtype))


async def probe_domain(
    domain: str,
    plan: ProbePlan,
    network: Network,
    anchors: tuple[str, ...],
    roots: RootStore,
    progress: Callable[[str], None],
) -> Dossier:
    """The complete probe of one domain."""
    probe = Probe(domain, plan, network, anchors, roots, progress)
    await probe.run()
    return probe.dossier(complete=True)
