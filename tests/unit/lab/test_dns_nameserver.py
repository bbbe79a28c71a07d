"""The name server's sockets: both transports on one port, truncation then TCP, hostile clients, a clean end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest

from tr03108.lab.faults import Fault, FaultKind
from tr03108.lab.nameserver import NameServer
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec

HOST = "127.0.0.1"
TREE = Tree(
    [
        ZoneSpec(
            "z.test",
            ("www A 192.0.2.1", "silent A 192.0.2.2", "big TXT " + " ".join(["x" * 250] * 8)),
            faults=(Fault(FaultKind.TIMEOUT, "silent", "A"),),
        )
    ],
    datetime(2026, 6, 1, tzinfo=UTC),
)


def serve(client: Callable[[int], Awaitable[None]]) -> None:
    async def run() -> None:
        async with NameServer(TREE) as server, asyncio.timeout(20):
            await client(server.port)
        assert len(asyncio.all_tasks()) == 1, "a task outlived the server"

    asyncio.run(run())


def query(name: str, rdtype: str = "A") -> dns.message.Message:
    return dns.message.make_query(name, rdtype, want_dnssec=True, payload=1232)


async def alive(port: int) -> None:
    """Both transports answer."""
    for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
        response = await ask(query("www.z.test"), HOST, timeout=5, port=port)
        assert (response.rcode(), len(response.answer)) == (dns.rcode.NOERROR, 2)


def test_udp_and_tcp_on_one_port() -> None:
    serve(alive)


def test_truncated_answer_is_complete_over_tcp() -> None:
    async def client(port: int) -> None:
        short = await dns.asyncquery.udp(query("big.z.test", "TXT"), HOST, timeout=5, port=port)
        assert short.flags & dns.flags.TC
        full, over_tcp = await dns.asyncquery.udp_with_fallback(query("big.z.test", "TXT"), HOST, timeout=5, port=port)
        assert over_tcp
        assert len(full.answer) == 2

    serve(client)


def test_several_queries_on_one_connection_and_silence_for_one() -> None:
    async def client(port: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        sent = [query("www.z.test"), query("silent.z.test"), query("nowhere.z.test")]
        for each in sent:
            wire = each.to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)
        for expected in (sent[0], sent[2]):
            wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            assert expected.is_response(dns.message.from_wire(wire))
        writer.close()
        await writer.wait_closed()

    serve(client)


@pytest.mark.parametrize("junk", [b"", b"\x00", b"\x00\x00", b"\xff\xff short", b"\x00\x05abcde", bytes(2000)])
def test_junk_does_not_stop_the_server(junk: bytes) -> None:
    async def client(port: int) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(HOST, port))
        transport.sendto(junk)
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(junk)
        await writer.drain()
        writer.transport.abort()
        await alive(port)
        transport.close()

    serve(client)


def test_open_connections_end_with_the_server() -> None:
    async def client(port: int) -> None:
        streams = [await asyncio.open_connection(HOST, port) for _ in range(5)]
        await alive(port)
        clients.extend(streams)

    clients: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def run() -> None:
        async with NameServer(TREE) as server:
            await client(server.port)
        for reader, writer in clients:
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()

    asyncio.run(run())


def test_a_chosen_port() -> None:
    async def run() -> None:
        async with NameServer(TREE) as first:
            port = first.port
            with pytest.raises(OSError, match="in use"):
                async with NameServer(TREE, port):
                    pass
        async with NameServer(TREE, port) as second:
            assert second.port == port
            await alive(port)

    asyncio.run(run())
