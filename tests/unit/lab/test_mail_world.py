"""The lab as a whole: what it announces leads to its servers, and it leaves nothing behind."""

from __future__ import annotations

import asyncio

import dns.asyncquery
import dns.message
import dns.rcode

from tr03108.lab.scenarios import Scenario, load_scenarios
from tr03108.lab.world import World
from tr03108.model import bracketed


def chosen(*ids: str) -> tuple[Scenario, ...]:
    return tuple(scenario for scenario in load_scenarios() if scenario.id in ids)


async def ask(server: str, name: str, rdtype: str) -> dns.message.Message:
    address, _, port = server.rpartition(":")
    query = dns.message.make_query(name, rdtype, want_dnssec=True)
    return await dns.asyncquery.udp(query, address, port=int(port), timeout=2)


def test_every_service_address_is_redirected() -> None:
    scenarios = chosen("flawless", "port-refused", "address-not-global")

    async def run() -> None:
        async with World(scenarios) as world:
            sources = [line.partition("=")[0] for line in world.connect]
            assert len(set(sources)) == len(sources)
            for scenario in scenarios:
                for host in scenario.hosts:
                    for address in host.addresses:
                        assert (f"{bracketed(address)}:25" in sources) == host.redirect
            assert all("=127.0.0.1:" in line for line in world.connect)
            assert world.domains == ("flawless.example", "address-not-global.example", "port-refused.example")
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_resolvers() -> None:
    scenarios = chosen("flawless", "resolver-without-dnssec")

    async def run() -> None:
        async with World(scenarios) as world:
            full = await ask(world.resolver_of(scenarios[0]), ".", "DNSKEY")
            stripped = await ask(world.resolver_of(scenarios[1]), ".", "DNSKEY")
            assert full.rcode() == stripped.rcode() == dns.rcode.NOERROR
            assert [len(message.answer) for message in (full, stripped)] == [2, 1]

    asyncio.run(run())


def test_anchors() -> None:
    scenarios = chosen("flawless", "trust-anchor-mismatch")

    async def run() -> None:
        async with World(scenarios) as world:
            right, wrong = (world.trust_anchor_of(scenario) for scenario in scenarios)
            assert right == world.trust_anchor
            assert wrong not in ("", right)

    asyncio.run(run())


def test_violations_are_told() -> None:
    scenarios = chosen("flawless")

    async def run() -> None:
        async with World(scenarios) as world:
            to = next(line for line in world.connect if line.startswith("192.0.2.1:25=")).rpartition(":")[2]
            reader, writer = await asyncio.open_connection("127.0.0.1", int(to))
            writer.write(b"RCPT TO:<someone@flawless.example>\r\nQUIT\r\n")
            await reader.read()
            writer.close()
            assert world.violations == ("mx1.flawless.example/192.0.2.1: RCPT TO:<someone@flawless.example>",)

    asyncio.run(run())
