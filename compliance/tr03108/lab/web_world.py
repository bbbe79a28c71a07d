"""The lab's web servers at work: hosts where nothing is wrong before HTTP share two ports, others have their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack

from OpenSSL import SSL

from tr03108.lab.pki import Chain, Pki
from tr03108.lab.presenting import chain_for, presenting
from tr03108.lab.service import PATIENCE
from tr03108.lab.tls import TlsSettings, by_server_name, context
from tr03108.lab.tls_hellos import Hellos
from tr03108.lab.web_scenarios import WebHost
from tr03108.lab.web_server import WebFault, WebRequest, WebServer, WebSite

HTTP_PORT, HTTPS_PORT = 80, 443


class WebWorld:
    """Starts web servers. `redirect` is told address, port and loopback port of each.

    `chains` are the certificate chains of hosts by name, for their TLSA records.
    """

    def __init__(self, pki: Pki, redirect: Callable[[str, int, int], None], patience: float = PATIENCE) -> None:
        self.chains: dict[str, Chain] = {}
        self._pki = pki
        self._redirect = redirect
        self._patience = patience
        self._servers: list[WebServer] = []

    @property
    def requests(self) -> Iterator[WebRequest]:
        """All that was asked of all servers."""
        for server in self._servers:
            yield from server.requests

    @property
    def violations(self) -> Iterator[str]:
        for request in self.requests:
            yield from request.violations

    async def start(self, stack: AsyncExitStack, hosts: Iterable[WebHost]) -> None:
        sites: dict[str, WebSite] = {}
        plain: dict[str, WebSite] = {}
        contexts: dict[str, SSL.Context] = {}
        secure_at: list[str] = []
        plain_at: list[str] = []
        for host in hosts:
            chain = self.chains[host.name] = chain_for(self._pki, (host.name,), host.answer)
            if host.secure is not None and host.secure.fault is not WebFault.REFUSED:
                shown = presenting(chain, host.answer)
                if host.secure.fault is None and host.answer.ordinary and isinstance(shown, SSL.Context):
                    sites[host.name], contexts[host.name] = host.secure, shown
                    secure_at += host.addresses
                else:
                    await self.serve(stack, {host.name: host.secure}, shown, HTTPS_PORT, host.addresses)
            if host.plain is not None and host.plain.fault is not WebFault.REFUSED:
                if host.plain.fault is None:
                    plain[host.name] = host.plain
                    plain_at += host.addresses
                else:
                    await self.serve(stack, {host.name: host.plain}, None, HTTP_PORT, host.addresses)
        if sites:
            default = context(self._pki.chain("web.invalid"), TlsSettings())
            await self.serve(stack, sites, by_server_name(default, contexts), HTTPS_PORT, secure_at)
        if plain:
            await self.serve(stack, plain, None, HTTP_PORT, plain_at)

    async def serve(
        self,
        stack: AsyncExitStack,
        sites: dict[str, WebSite],
        shown: SSL.Context | Hellos | None,
        port: int,
        addresses: Iterable[str],
    ) -> None:
        """One server, at `port` of all `addresses`."""
        server = await stack.enter_async_context(WebServer(sites, shown, self._patience))
        self._servers.append(server)
        for address in addresses:
            self._redirect(address, port, server.port)
