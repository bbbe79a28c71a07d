"""The embedded lab at work: one PKI, one DNS tree and all servers of the given scenarios, on loopback ports."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from OpenSSL import SSL

from tr03108.lab import publish
from tr03108.lab.authorities import ServerFault, told_by
from tr03108.lab.client_server import ClientServer
from tr03108.lab.client_world import ClientWorld
from tr03108.lab.nameserver import NameServer
from tr03108.lab.pki import Chain, Pki
from tr03108.lab.policy_server import PolicyBehaviour, PolicyFault, PolicyServer
from tr03108.lab.presenting import chain_for, presenting
from tr03108.lab.responder import Responder
from tr03108.lab.scenarios import REPORTS, HostScenario, Scenario
from tr03108.lab.service import LOOPBACK, PATIENCE, RefusedPort
from tr03108.lab.signing import KeyRing
from tr03108.lab.smtp_server import SmtpBehaviour, SmtpServer, smtp_service
from tr03108.lab.tls import TlsSettings, by_server_name, context
from tr03108.lab.tree import NAME_SERVER_ADDRESSES, Tree
from tr03108.lab.web_server import WebRequest
from tr03108.lab.web_world import HTTP_PORT, HTTPS_PORT
from tr03108.model import bracketed

SMTP_PORT = 25
DNS_PORT = 53
OPEN_FILES = 2048
REPORTS_NAME = "mx.reports.example"  # in the certificate of the mail server that takes reports for most domains


class World:
    """All services of `scenarios`, started on entering the context and stopped on leaving it.

    `now` is the time that certificates and signatures are made for (default: the time of entering); `patience` is how
    long, in seconds, a server bears one connection.
    """

    def __init__(
        self, scenarios: Sequence[Scenario], *, now: datetime | None = None, patience: float = PATIENCE
    ) -> None:
        self.scenarios = tuple(scenarios)
        self.domains = tuple(scenario.domain for scenario in self.scenarios)
        self._now = now or datetime.now(UTC)
        self._patience = patience
        self._stack = AsyncExitStack()
        self._pki = Pki(self._now)
        self._connect: list[str] = []
        self._clients = ClientWorld(self._pki, self._redirect, patience)
        self._smtp: dict[tuple[str, str], SmtpServer] = {}
        self._resolvers: dict[str, int] = {}
        self._anchors: dict[str, str] = {}

    @property
    def resolver(self) -> str:
        """ADDRESS:PORT of the recursive resolver."""
        return self._resolver("lab")

    @property
    def connect(self) -> tuple[str, ...]:
        """The redirections that lead from every published service address to its server, as `--connect` takes them."""
        return tuple(self._connect)

    @property
    def trust_anchor(self) -> str:
        """DS records of the lab's root in zone-file form."""
        return self._anchors["lab"]

    @property
    def ca_pem(self) -> str:
        """The root of the lab's PKI."""
        return self._pki.ca_pem

    @property
    def violations(self) -> tuple[str, ...]:
        """What clients sent that an auditor must never send (RCPT, DATA, ...), as `host/address: line`."""
        mail = [
            f"{host}/{address}: {text}" for (host, address), server in self._smtp.items() for text in server.violations
        ]
        return (*mail, *self._clients.violations)

    def smtp_server(self, host: str, address: str) -> SmtpServer:
        """The server at a service address, with the record of what it was sent. KeyError where nothing listens."""
        return self._smtp[host, address]

    def client_server(self, host: str, address: str, kind: str) -> ClientServer:
        """The server for mail clients at a service address. KeyError where nothing listens."""
        return self._clients.servers[host, address, kind]

    @property
    def web_requests(self) -> tuple[WebRequest, ...]:
        """What was asked of web servers: documents for mail clients, webmail (policy hosts are not among them)."""
        return tuple(self._clients.web.requests)

    def resolver_of(self, scenario: Scenario) -> str:
        """The resolver that an audit of `scenario` is to use: most use `resolver`."""
        return self._resolver(scenario.resolver)

    def trust_anchor_of(self, scenario: Scenario) -> str:
        """The trust anchor that an audit of `scenario` is to use: most use `trust_anchor`."""
        return self._anchors[scenario.anchor]

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        _allow_open_files()
        mx: dict[str, Chain] = {}
        for scenario in self.scenarios:
            for host in (*scenario.hosts, *scenario.reports):
                common = host.addresses == (REPORTS,)
                # The certificate names the TLSA base domain, which is the host's name unless that is an alias.
                name = REPORTS_NAME if common else host.tlsa_at
                if not common or name not in mx:
                    mx[name] = chain_for(self._pki, (name,), host.behaviour)
                    await self._start_host(stack, host, mx[name])
                mx[host.name] = mx[name]
        await self._start_policy_hosts(stack)
        await self._clients.start(stack, self.scenarios)
        chains = publish.Chains(mx, self._clients.chains, self._clients.web.chains)
        responder = await stack.enter_async_context(Responder(self._pki, self._patience))
        self._redirect(publish.RESPONDER_ADDRESS, HTTP_PORT, responder.port)
        zones, keys = (*publish.zones(self.scenarios, chains), publish.RESPONDER_ZONE), KeyRing()
        tree = Tree(zones, self._now, keys=keys)
        self._anchors = {"lab": tree.trust_anchor, "other": Tree((), self._now).trust_anchor}
        self._resolvers["lab"] = (await stack.enter_async_context(NameServer(tree))).port
        await self._start_authorities(stack, tree, chains, keys)
        if any(scenario.resolver == "strip-dnssec" for scenario in self.scenarios):
            stripped = NameServer(Tree(zones, self._now, keys=keys, strip_dnssec=True))
            self._resolvers["strip-dnssec"] = (await stack.enter_async_context(stripped)).port
        self._resolvers["dead"] = (await stack.enter_async_context(RefusedPort())).port

    async def _start_authorities(
        self, stack: AsyncExitStack, tree: Tree, chains: publish.Chains, keys: KeyRing
    ) -> None:
        """The common name server answers both as resolver and as authority; one with a fault has a port of its own."""
        common = self._resolvers["lab"]
        for line in NAME_SERVER_ADDRESSES:
            self._redirect(line.split()[-1], DNS_PORT, common)
        for scenario in self.scenarios:
            zones = publish.zones((scenario,), chains)
            for server in scenario.servers:
                port = common
                if server.fault is not None:
                    told = told_by(server.fault, tree, zones, scenario.domain, self._now, keys)
                    one = NameServer(told, tcp=server.fault is not ServerFault.NO_TCP)
                    port = (await stack.enter_async_context(one)).port
                self._redirect(server.address, DNS_PORT, port)

    async def _start_host(self, stack: AsyncExitStack, host: HostScenario, chain: Chain) -> None:
        for address in host.addresses:
            if not host.redirect:
                continue
            behaviour = host.at(address)
            presented = chain if behaviour is host.behaviour else chain_for(self._pki, (host.tlsa_at,), behaviour)
            talk = SmtpBehaviour(
                host.name, behaviour.fault, behaviour.plaintext, behaviour.first, behaviour.banner, behaviour.mailbox
            )
            service = smtp_service(talk, presenting(presented, behaviour), self._patience)
            await stack.enter_async_context(service)
            if isinstance(service, SmtpServer):
                self._smtp[host.name, address] = service
            self._redirect(address, SMTP_PORT, service.port)

    async def _start_policy_hosts(self, stack: AsyncExitStack) -> None:
        """Hosts without a fault share a port, the others have one each."""
        flawless: dict[str, PolicyBehaviour] = {}
        contexts: dict[str, SSL.Context] = {}
        shared: list[str] = []
        for scenario in self.scenarios:
            policy, host = scenario.mta_sts, f"mta-sts.{scenario.domain}"
            for address in policy.addresses if scenario.zones else ():
                place = policy.at(address)
                presented = context(self._pki.chain(host, place.certificate), place.tls)
                if place.plain and place is policy.place:
                    flawless[host], contexts[host] = place.behaviour, presented
                    shared.append(address)
                elif place.behaviour.fault is PolicyFault.REFUSED:
                    self._redirect(address, HTTPS_PORT, (await stack.enter_async_context(RefusedPort())).port)
                else:
                    server = PolicyServer({host: place.behaviour}, presented, self._patience)
                    self._redirect(address, HTTPS_PORT, (await stack.enter_async_context(server)).port)
        if shared:
            default = context(self._pki.chain("mta-sts.invalid"), TlsSettings())
            server = PolicyServer(flawless, by_server_name(default, contexts), self._patience)
            await stack.enter_async_context(server)
            for address in shared:
                self._redirect(address, HTTPS_PORT, server.port)

    def _redirect(self, address: str, port: int, to: int) -> None:
        self._connect.append(f"{bracketed(address)}:{port}={LOOPBACK}:{to}")

    def _resolver(self, name: str) -> str:
        return f"{LOOPBACK}:{self._resolvers[name]}"


def _allow_open_files() -> None:
    """Raises this process's soft limit where it is low: macOS starts with 256, each service address is a socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
