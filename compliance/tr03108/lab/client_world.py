"""The lab's servers for mail clients at work: those of all scenarios, on loopback ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack

from OpenSSL import SSL

from tr03108.lab.client_scenarios import ClientHost
from tr03108.lab.client_server import ClientBehaviour, ClientServer
from tr03108.lab.client_services import client_service
from tr03108.lab.pki import Chain, Pki
from tr03108.lab.presenting import chain_for, presenting
from tr03108.lab.scenarios import Scenario
from tr03108.lab.service import PATIENCE, RefusedPort
from tr03108.lab.tls_hellos import Hellos
from tr03108.lab.web_scenarios import LOGIN
from tr03108.lab.web_server import BEFORE_HTTP, Page, WebFault, WebSite
from tr03108.lab.web_world import HTTP_PORT, WebWorld
from tr03108.model import CLIENT_KINDS, SERVICE_KINDS

# Where an auditor may knock though nothing is there.
WEB = "https"
ASKED_PORTS = (HTTP_PORT, *(kind.port for kind in CLIENT_KINDS))


class ClientWorld:
    """Starts the servers of scenarios. `redirect` is told address, port and loopback port of each.

    `chains` are the certificate chains of client hosts by name, for their TLSA records.
    """

    def __init__(self, pki: Pki, redirect: Callable[[str, int, int], None], patience: float = PATIENCE) -> None:
        self.chains: dict[str, Chain] = {}
        self.servers: dict[tuple[str, str, str], ClientServer] = {}  # by host, address and kind
        self.web = WebWorld(pki, self._redirect, patience)
        self._pki = pki
        self._tell = redirect
        self._patience = patience
        self._served: set[tuple[str, int]] = set()

    @property
    def violations(self) -> Iterator[str]:
        """What clients sent that an auditor must never send, as `host/address kind: line`."""
        for (host, address, kind), server in self.servers.items():
            yield from (f"{host}/{address} {kind}: {text}" for text in server.violations)
        yield from self.web.violations

    async def start(self, stack: AsyncExitStack, scenarios: Sequence[Scenario]) -> None:
        """Starts everything, and has the ports of its hosts that serve nothing refused."""
        for scenario in scenarios:
            for host in scenario.clients.hosts:
                await self._start_host(stack, host)
        await self.web.start(stack, (host for scenario in scenarios for host in scenario.clients.web))
        refused = [address for scenario in scenarios for address in _addresses(scenario)]
        if refused:
            port = (await stack.enter_async_context(RefusedPort())).port
            for place in ((address, asked) for address in refused for asked in ASKED_PORTS):
                if place not in self._served:
                    self._redirect(*place, port)

    async def _start_host(self, stack: AsyncExitStack, host: ClientHost) -> None:
        self.chains[host.name] = chain_for(self._pki, host.names, host.answer)
        for address in host.addresses if host.redirect else ():
            answer = host.at(address)
            chain = self.chains[host.name] if answer is host.answer else chain_for(self._pki, host.names, answer)
            shown = presenting(chain, answer)
            for name, port in host.ports.items():
                if name == WEB:
                    await self._start_web(stack, host, address, port, answer.web_fault, shown)
                    continue
                behaviour = ClientBehaviour(host.name, answer.faults.get(name), answer.first)
                server = client_service(SERVICE_KINDS[name], behaviour, shown, self._patience)
                await stack.enter_async_context(server)
                if isinstance(server, ClientServer):
                    self.servers[host.name, address, name] = server
                self._redirect(address, port, server.port)

    async def _start_web(
        self,
        stack: AsyncExitStack,
        host: ClientHost,
        address: str,
        port: int,
        fault: WebFault | None,
        shown: SSL.Context | Hellos,
    ) -> None:
        if fault is not WebFault.REFUSED:
            early = fault in BEFORE_HTTP
            site = WebSite({"/": Page(LOGIN, fault=None if early else fault)}, fault if early else None)
            await self.web.serve(stack, {host.name: site}, shown, port, [address])

    def _redirect(self, address: str, port: int, to: int) -> None:
        if (address, port) in self._served:
            raise ValueError(f"the lab has two servers for {address}, port {port}")
        self._served.add((address, port))
        self._tell(address, port, to)


def _addresses(scenario: Scenario) -> Iterator[str]:
    """All addresses where services of mail clients and web pages are, or may be looked for, once each."""
    clients = scenario.clients
    if clients.hosts or clients.web:
        hosts = [host.addresses for host in scenario.hosts if host.redirect]
        hosts += [host.addresses for host in clients.hosts if host.redirect]
        hosts += [host.addresses for host in clients.web]
        yield from dict.fromkeys(address for addresses in hosts for address in addresses)
