"""The order of questions: from a domain and a ProbePlan to all observations of its dossier.

Which question comes next may depend on how answers are judged (evaluate/); what is stored are the answers alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from typing import Any, TypeVar

import dns.exception
import dns.name
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from .. import __version__
from ..evaluate.dnssec import Validator
from ..evaluate.lookup import Lookup, NotAsked
from ..evaluate.routing import mail_routing, tlsa_names
from ..evaluate.served_chains import chains_of
from ..evaluate.servers import stops
from ..evaluate.survey import Server, ZoneServers, survey
from ..evaluate.tls.answers import answer_of
from ..model import DnsMessage, Dossier, Failure, HelloExchange, Observation, ProbePlan, Reason, SmtpSession
from . import https, looks, servers
from .asking import Asking
from .hello import Opener
from .net import Network
from .renegotiation import try_renegotiation
from .resolver import Resolver, addresses_in, has_signatures
from .revocation import RevocationProbe, literal
from .roots import RootStore
from .smtp import other_certificate_session, plaintext_session, smtp_starttls, starttls_session
from .store import observed
from .survey_full import FullSurvey
from .survey_verdict import VerdictSurvey
from .tls import BRAINPOOL

HOSTS = 20  # MX hosts of one domain that are looked at; large providers have fewer than ten
ADDRESSES = 16  # addresses of one host, both families together
QUESTIONS = 1500  # DNS questions for one domain: 20 hosts in 20 distant zones need about half
POLICY_ADDRESSES = 4  # addresses tried for the MTA-STS policy
SMTP_PORT = 25
HTTPS_PORT = 443
_POLICY_PATH = "/.well-known/mta-sts.txt"  # RFC 8461 section 3.3
_STS_PREFIX = b"v=STSv1"

T = TypeVar("T")
_AskServer = Callable[[Network, str, str, str, str], Awaitable[DnsMessage | Failure]]
_Session = Callable[[Network, str, str, int], Awaitable[SmtpSession | Failure]]


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
        self._resolver = Resolver(network)
        self._validator = Validator(
            lambda name, rdtype: self._seen.get(f"dns/{name}/{rdtype}"), anchors, network.read_message
        )
        self._seen: dict[str, Observation[Any]] = {}
        self._wanted: dict[str, None] = {}
        self._questions = 0
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
            self._give_up(self._missing(), f"deadline of {self._plan.deadline:g} s")

    def dossier(self, complete: bool) -> Dossier:
        """All that was seen by now. Wanted questions without an answer are marked as not reached."""
        self._give_up(self._missing(), "the probe ended before this was answered")
        return Dossier(
            domain=self._domain,
            started=self._started,
            finished=datetime.now(UTC),
            complete=complete,
            tool_version=__version__,
            plan=self._plan,
            vantage=self._network.vantage,
            trust_anchors=self._anchors,
            roots=self._roots.relevant(chains_of(o.value for o in self._seen.values())),
            observations=dict(self._seen),
        )

    # What to ask

    async def _everything(self) -> None:
        canary = await self._dns(".", "DNSKEY")
        if canary.value is None:
            self._say("the resolver does not answer; nothing else is asked")
            return
        if not has_signatures(canary.value):
            self._say("the resolver does not bring the signatures of the root zone; nothing else is asked")
            return
        self._say("asking for mail routing")
        mx = await self._lookup(self._domain, "MX")
        routing = mail_routing(mx, self._domain)
        if routing.kind == "not-found":
            self._say("the domain does not exist")
            return
        async with asyncio.TaskGroup() as group:
            if "tlsrpt" in self._plan.policies:
                group.create_task(self._tlsrpt())
            if "mta-sts" in self._plan.policies:
                group.create_task(self._mta_sts())
            for host in routing.hosts[:HOSTS]:
                group.create_task(self._host(host))
            if self._plan.all_servers:
                group.create_task(self._all_servers(routing.hosts[:HOSTS]))
            beyond = (f"dns/{host}/{rdtype}" for host in routing.hosts[HOSTS:] for rdtype in ("A", "AAAA"))
            self._give_up(beyond, f"only {HOSTS} mail hosts of a domain are examined")
        if self._plan.revocation:
            self._say("asking for the revocation of certificates")
            probe = RevocationProbe(self._network, self._responder_addresses, self._ask, self._give_up)
            mail = [o.value for o in self._seen.values() if isinstance(o.value, SmtpSession | HelloExchange)]
            await probe.run(chains_of(mail), lambda chain: self._roots.relevant((chain,)))
        self._say("done")

    async def _responder_addresses(self, host: str) -> tuple[str, ...]:
        """Whatever the resolver says: what a responder answers is signed."""
        if (address := literal(host)) is not None:
            return (address,) if ip_address(address).version in self._plan.families else ()
        kinds = [kind for family, kind in ((4, "A"), (6, "AAAA")) if family in self._plan.families]
        answers = await asyncio.gather(*(self._dns(host, kind) for kind in kinds))
        messages = [self._network.read_message(o.value.wire) for o in answers if o.value is not None]
        return tuple(address for message in messages for address in addresses_in(message))

    async def _host(self, host: str) -> None:
        a, aaaa = await asyncio.gather(self._lookup(host, "A"), self._lookup(host, "AAAA"))
        addresses = self._addresses(a, aaaa)
        async with asyncio.TaskGroup() as group:
            for name in tlsa_names(host, a, aaaa):
                if _fits(f"_25._tcp.{name}"):
                    group.create_task(self._lookup(f"_25._tcp.{name}", "TLSA"))
            if "smtp" in self._plan.services:
                for address in addresses[:ADDRESSES]:
                    group.create_task(self._service(host, address))
                beyond = (f"smtp/{host}/{address}/{SMTP_PORT}/1" for address in addresses[ADDRESSES:])
                self._give_up(beyond, f"only {ADDRESSES} addresses of a host are examined")

    async def _service(self, host: str, address: str) -> None:
        """Sessions with one mail server, until the looks agree; one for the other certificate; one in the clear."""
        seen = [await self._smtp("smtp", host, address, 1, starttls_session)]
        if looks.refused_our_groups(seen[0]):
            other = await self._other_groups(host, address)
            seen = [other] if other is not None else seen
        while looks.look_again(seen):
            self._say(f"{host} {address}: looking again in {self._plan.second_look:g} s")
            seen.append(await self._smtp("smtp", host, address, len(seen) + 1, starttls_session))
        self._say(f"{host} {address}: {_outcome(seen[-1])}")
        wanted = looks.other_key_type(seen[-1]) if self._plan.both_certificates and not self._plan.tls else None
        if wanted is not None:
            await self._smtp("smtp-other", host, address, 1, partial(other_certificate_session, wanted))
        if self._plan.tls and looks.came_to_tls(seen[-1]):
            await self._hellos(host, address, SMTP_PORT, smtp_starttls, seen[-1])
        if self._plan.plaintext_mail and any(looks.answered_ehlo(look) for look in seen):
            plain = [await self._smtp("smtp-plain", host, address, 1, plaintext_session)]
            if looks.plain_again(plain):
                await self._smtp("smtp-plain", host, address, 2, plaintext_session)

    async def _other_groups(self, host: str, address: str) -> Observation[SmtpSession] | None:
        """The handshake once more with each brainpool curve, until one is completed."""
        for number, offer in enumerate(BRAINPOOL, 1):
            look = await self._smtp("smtp-curve", host, address, number, partial(starttls_session, offer=offer))
            if looks.through_tls(look):
                return look
        return None

    async def _hellos(self, host: str, address: str, port: int, opener: Opener, look: Observation[SmtpSession]) -> None:
        """Single hellos, as many as the mode asks for; `look` is the ordinary handshake before them."""
        self._say(f"{host} {address}: asking what TLS it accepts")
        handshake = look.value.handshake if look.value is not None else None
        complete = handshake is not None and handshake.ended == "completed"
        ordinary = answer_of("ordinary", look.time, handshake) if handshake is not None and complete else None
        asking = Asking(self._network, self._ask, opener, (host, address, port))
        mode = VerdictSurvey if self._plan.mode == "verdict" else FullSurvey
        await mode(asking, host, self._plan.hellos, ordinary, farewell=b"QUIT\r\n").run()
        if self._plan.mode == "verdict":
            return
        await self._ask(
            f"renegotiation/{host}/{address}/{port}/1",
            lambda: try_renegotiation(self._network, opener, host, address, port, farewell=b"QUIT\r\n"),
        )

    async def _tlsrpt(self) -> None:
        if _fits(name := f"_smtp._tls.{self._domain}"):
            await self._lookup(name, "TXT")

    async def _mta_sts(self) -> None:
        if not _fits(name := f"_mta-sts.{self._domain}"):
            return
        texts = (b"".join(r.strings) for r in (await self._lookup(name, "TXT")).records if isinstance(r, TXT))
        if not any(text.startswith(_STS_PREFIX) for text in texts):
            return
        host = f"mta-sts.{self._domain}"
        a, aaaa = await asyncio.gather(self._lookup(host, "A"), self._lookup(host, "AAAA"))
        for address in self._addresses(a, aaaa)[:POLICY_ADDRESSES]:
            if await self._policy_answers(host, address):
                return

    async def _policy_answers(self, host: str, address: str) -> bool:
        """Fetches the policy from one address; False where nobody is there, so that the next one is tried."""
        self._say(f"{host} {address}: fetching the policy")
        policy = await self._ask(
            f"https/{host}/{address}/1", lambda: https.get(self._network, host, address, HTTPS_PORT, _POLICY_PATH)
        )
        return policy.value is not None and policy.value.ended != "refused"

    async def _all_servers(self, hosts: tuple[str, ...]) -> None:
        """Every authoritative server of the zones of the domain and its mail hosts, and the zones' NSEC3 parameters."""
        while True:
            try:
                zones = survey(self._validator, self._domain, hosts, self._plan.families)
                break
            except NotAsked as question:
                await self._dns(question.name, question.rdtype)
        async with asyncio.TaskGroup() as group:
            for zone in zones:
                if not zone.questions:
                    continue  # its apex is not known, or it is one too many
                group.create_task(self._lookup(zone.name, "NSEC3PARAM"))
                for server in zone.servers:
                    group.create_task(self._server(zone, server))

    async def _server(self, zone: ZoneServers, server: Server) -> None:
        """One server, question after question; whoever does not answer is left alone."""
        for name, rdtype in zone.questions:
            seen = await self._ask_server(servers.ask_udp, "dns-at", server, name, rdtype)
            if stops(seen):
                return
        await self._ask_server(servers.ask_tcp, "dns-at-tcp", server, zone.name, "SOA")

    # How to ask

    async def _ask_server(
        self, ask: _AskServer, kind: str, server: Server, name: str, rdtype: str
    ) -> Observation[DnsMessage]:
        key = f"{kind}/{server.address}/{name}/{rdtype}"
        return await self._ask(key, lambda: ask(self._network, server.name, server.address, name, rdtype))

    async def _lookup(self, name: str, rdtype: str) -> Lookup:
        """The judged answer; asks whatever the validator still needs to know."""
        while True:
            try:
                return self._validator.lookup(name, rdtype)
            except NotAsked as question:
                await self._dns(question.name, question.rdtype)

    async def _dns(self, name: str, rdtype: str) -> Observation[DnsMessage]:
        key = f"dns/{name}/{rdtype}"
        if key not in self._wanted:
            self._questions += 1
        if self._questions > QUESTIONS and key not in self._wanted:
            self._give_up((key,), f"only {QUESTIONS} DNS questions are asked for a domain")
            return self._seen[key]
        return await self._ask(key, lambda: self._resolver.ask(name, rdtype))

    async def _smtp(
        self, kind: str, host: str, address: str, number: int, session: _Session
    ) -> Observation[SmtpSession]:
        async def ask() -> SmtpSession | Failure:
            if number > 1 and kind != "smtp-curve":
                # A little longer than asked: the two looks are compared by wall clock, which may be slewed meanwhile.
                await asyncio.sleep(self._plan.second_look * 1.01)
            return await session(self._network, host, address, SMTP_PORT)

        return await self._ask(f"{kind}/{host}/{address}/{SMTP_PORT}/{number}", ask)

    async def _ask(self, key: str, ask: Callable[[], Awaitable[T | Failure]]) -> Observation[T]:
        self._wanted[key] = None
        observation = await self._network.store.once(key, ask)
        self._seen[key] = observation
        return observation

    def _missing(self) -> tuple[str, ...]:
        return tuple(key for key in self._wanted if key not in self._seen)

    def _give_up(self, keys: Iterable[str], why: str) -> None:
        for key in keys:
            self._seen.setdefault(key, observed(key, Failure(Reason.BUDGET, why)))

    def _addresses(self, *lookups: Lookup) -> tuple[str, ...]:
        """Addresses in scope, each once, whatever DNSSEC says of them: that is judged elsewhere."""
        found = (r.address for lookup in lookups for r in lookup.records if isinstance(r, A | AAAA))
        parsed = (ip_address(address) for address in dict.fromkeys(found))
        return tuple(dict.fromkeys(str(p) for p in parsed if p.version in self._plan.families))


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


def _outcome(look: Observation[SmtpSession]) -> str:
    """A few words for the progress line; nothing in them comes from the network."""
    if look.value is None:
        return f"not seen ({look.failure.reason})" if look.failure is not None else "not seen"
    return "TLS" if looks.through_tls(look) else f"{look.value.state} {look.value.ended}"


def _fits(name: str) -> bool:
    """Whether a name made by a prefix is still one (RFC 1035 section 2.3.4); where not, there can be no record."""
    try:
        dns.name.from_text(name)
    except dns.exception.DNSException:
        return False
    return True
