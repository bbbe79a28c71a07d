"""A lab with one scenario, read from text, and what a prober asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import dns.asyncquery
import dns.message

from tr03108.lab.scenarios import Scenario, load_scenarios
from tr03108.lab.world import World
from tr03108.model import Handshake, ProbePlan
from tr03108.probe.http import Request, Response, converse
from tr03108.probe.net import Network, Refused
from tr03108.probe.tls import TlsClient

HEAD = '[[scenario]]\nid = "one"\ntitle = { en = "a", de = "b" }\nverdict = "compliant"\n'
T = TypeVar("T")


def read(folder: Path, text: str) -> Scenario:
    """The scenario "one" with the keys of `text`; its domain is one.example."""
    file = folder / "scenarios.toml"
    file.write_text(HEAD + text, "utf-8")
    (one,) = load_scenarios(file)
    return one


def in_world(scenario: Scenario, work: Callable[[World, Network], Awaitable[T]], seconds: float = 2) -> T:
    """What `work` brings from a lab with one scenario, to which nothing was sent that must not be."""

    async def run() -> T:
        async with World((scenario,), patience=5) as world:
            plan = ProbePlan(connect=world.connect, timeout=seconds, greeting_timeout=seconds)
            async with Network(plan) as network:
                result = await work(world, network)
            assert world.violations == ()
        assert len(asyncio.all_tasks()) == 1
        return result

    return asyncio.run(run())


async def ask_dns(world: World, name: str, rdtype: str) -> list[str]:
    """All data that the answer's records hold, aliases included."""
    address, _, port = world.resolver.rpartition(":")
    answer = await dns.asyncquery.udp(dns.message.make_query(name, rdtype), address, port=int(port), timeout=2)
    return sorted(str(record) for rrset in answer.answer for record in rrset)


async def fetch(
    network: Network, address: str, url: str, method: str = "GET", body: bytes = b""
) -> tuple[str, Response, Handshake | None]:
    """How a request for `url`, sent to `address`, ended, and what came; "refused" where nothing listens."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    seconds, handshake = network.plan.timeout, None
    request = Request(method, host, f"/{path}", "*/*", 65536, "text/xml" if body else "", body)
    response = Response()
    try:
        async with network.connect(host, address, 443 if scheme == "https" else 80) as stream:
            if scheme == "http":
                return await converse(stream, request, response, seconds), response, None
            client = TlsClient(stream, host)
            handshake = await client.handshake(seconds)
            ended = handshake.ended
            if ended == "completed":
                ended = await converse(client, request, response, seconds)
            return ended, response, handshake
    except Refused:
        return "refused", response, handshake
