"""The stub resolver against a scripted one on the loopback."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable, Sequence

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tr03108.model import DnsMessage, Failure, ProbePlan, Reason
from tr03108.probe import Network
from tr03108.probe.resolver import EDNS_PAYLOAD, Resolver, has_signatures

# What a scripted server does with a query: datagrams (or one message over TCP) to answer with.
Script = Callable[[dns.message.Message, bool], Sequence[bytes]]


def answer(query: dns.message.Message, *records: str, rcode: int = dns.rcode.NOERROR, truncated: bool = False) -> bytes:
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.Rcode(rcode))
    if truncated:
        response.flags |= dns.flags.TC
    for record in records:
        response.answer.append(dns.rrset.from_text(query.question[0].name, 300, "IN", *record.split(" ", 1)))
    return response.to_wire()


def resolve(*scripts: Script, seconds: float = 0.24, name: str = "example.org") -> DnsMessage | Failure:
    """Asks for `name` A; each script is one resolver, which counts the queries it got in the list `asked`."""

    async def run() -> DnsMessage | Failure:
        loop = asyncio.get_running_loop()
        servers, transports, ports = [], [], []
        for script in scripts:

            async def serve(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, script: Script = script
            ) -> None:
                size = int.from_bytes(await reader.readexactly(2), "big")
                query = dns.message.from_wire(await reader.readexactly(size))
                for message in script(query, False):
                    writer.write(len(message).to_bytes(2, "big") + message)
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]

            class Udp(asyncio.DatagramProtocol):
                transport: asyncio.DatagramTransport

                def __init__(self, script: Script) -> None:
                    self.script = script

                def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
                    self.transport = transport

                def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                    for message in self.script(dns.message.from_wire(data), True):
                        self.transport.sendto(message, addr)

            transport, _ = await loop.create_datagram_endpoint(
                functools.partial(Udp, script), local_addr=("127.0.0.1", port)
            )
            servers.append(server)
            transports.append(transport)
            ports.append(port)
        plan = ProbePlan(resolvers=tuple(f"127.0.0.1:{port}" for port in ports), timeout=seconds)
        try:
            async with Network(plan) as network:
                return await Resolver(network).ask(name, "A")
        finally:
            for transport in transports:
                transport.close()
            for server in servers:
                server.close()
            await asyncio.sleep(0.001)

    return asyncio.run(run())


def value(result: DnsMessage | Failure) -> DnsMessage:
    assert isinstance(result, DnsMessage), result
    return result


def test_the_question_and_the_answer_as_received() -> None:
    queries: list[dns.message.Message] = []

    def script(query: dns.message.Message, udp: bool) -> list[bytes]:
        queries.append(query)
        return [answer(query, "A 192.0.2.1")]

    message = value(resolve(script))
    query = queries[0]
    assert query.flags & (dns.flags.RD | dns.flags.CD) == dns.flags.RD | dns.flags.CD
    assert query.ednsflags & dns.flags.DO
    assert (query.edns, query.payload) == (0, EDNS_PAYLOAD)
    assert query.question[0].to_text() == "example.org. IN A"
    assert message.wire == answer(query, "A 192.0.2.1")
    assert (message.name, message.rdtype, message.transport) == ("example.org", "A", "udp")
    assert message.server.startswith("127.0.0.1:")


def test_the_root_can_be_asked_for() -> None:
    assert value(resolve(lambda query, udp: [answer(query)], name=".")).name == "."


@pytest.mark.parametrize(
    "first",
    [
        lambda query: answer(query, truncated=True),
        lambda query: answer(query, "A 192.0.2.1")[:-3],
        lambda query: answer(query) + b"trailing junk",
        lambda query: answer(query)[:12],
    ],
)
def test_truncated_and_malformed_datagrams_lead_to_tcp(first: Callable[[dns.message.Message], bytes]) -> None:
    def script(query: dns.message.Message, udp: bool) -> list[bytes]:
        return [first(query) if udp else answer(query, "A 192.0.2.7")]

    message = value(resolve(script))
    assert message.transport == "tcp"
    assert "192.0.2.7" in str(dns.message.from_wire(message.wire))


def test_datagrams_that_answer_something_else_are_ignored() -> None:
    def script(query: dns.message.Message, udp: bool) -> list[bytes]:
        other_id, other_name = dns.message.make_query("example.org", "A"), dns.message.make_query("other.example", "A")
        other_id.id, other_name.id = query.id ^ 1, query.id
        return [
            b"",
            b"junk",
            query.to_wire(),
            answer(other_id, "A 192.0.2.66"),
            answer(other_name, "A 192.0.2.66"),
            answer(query, "A 192.0.2.1"),
        ]

    assert "192.0.2.1" in str(dns.message.from_wire(value(resolve(script)).wire))


def test_datagrams_from_somebody_else_never_arrive() -> None:
    """The socket is connected: only the resolver's own address and port reach it."""

    async def run() -> DnsMessage | Failure:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as real,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger,
        ):
            real.bind(("127.0.0.1", 0))
            real.setblocking(False)
            loop = asyncio.get_running_loop()

            async def serve() -> None:
                data, client = await loop.sock_recvfrom(real, 4096)
                query = dns.message.from_wire(data)
                forger.sendto(answer(query, "A 192.0.2.66"), client)
                await asyncio.sleep(0.01)
                real.sendto(answer(query, "A 192.0.2.1"), client)

            serving = asyncio.create_task(serve())
            async with Network(ProbePlan(resolvers=(f"127.0.0.1:{real.getsockname()[1]}",), timeout=0.9)) as network:
                result = await Resolver(network).ask("example.org", "A")
            await serving
            return result

    assert "192.0.2.1" in str(dns.message.from_wire(value(asyncio.run(run())).wire))


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_servfail_is_asked_once_more_and_then_is_the_answer(rcode: int) -> None:
    asked = []

    def script(query: dns.message.Message, udp: bool) -> list[bytes]:
        asked.append(query.id)
        return [answer(query, rcode=rcode)]

    assert dns.message.from_wire(value(resolve(script)).wire).rcode() == rcode
    assert len(asked) == 2


def test_another_resolver_is_asked_after_servfail() -> None:
    message = value(
        resolve(
            lambda query, udp: [answer(query, rcode=dns.rcode.SERVFAIL)],
            lambda query, udp: [answer(query, "A 192.0.2.1")],
        )
    )
    assert dns.message.from_wire(message.wire).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("rcode", [dns.rcode.NXDOMAIN, dns.rcode.NOTIMP, dns.rcode.NOERROR])
def test_other_answers_are_final(rcode: int) -> None:
    asked = []

    def script(query: dns.message.Message, udp: bool) -> list[bytes]:
        asked.append(query.id)
        return [answer(query, rcode=rcode)]

    value(resolve(script))
    assert len(asked) == 1


def test_an_error_without_a_question_is_an_answer() -> None:
    def script(query: dns.message.Message, udp: bool) -> list[bytes]:
        return [query.id.to_bytes(2, "big") + b"\x81\x81" + bytes(8)]  # FORMERR, header only

    assert dns.message.from_wire(value(resolve(script)).wire).rcode() == dns.rcode.FORMERR


def test_a_lost_datagram_is_sent_again() -> None:
    asked = []

    def script(query: dns.message.Message, udp: bool) -> list[bytes]:
        asked.append(query.id)
        return [answer(query)] if len(asked) == 2 else []

    value(resolve(script))


def test_a_silent_resolver() -> None:
    result = resolve(lambda query, udp: [], seconds=0.06)
    assert isinstance(result, Failure)
    assert result.reason is Reason.TIMEOUT


def test_a_silent_resolver_beside_a_good_one() -> None:
    value(resolve(lambda query, udp: [], lambda query, udp: [answer(query)], seconds=0.06))


def test_malformed_answers_over_tcp_too() -> None:
    result = resolve(lambda query, udp: [answer(query, "A 192.0.2.1")[:-2]])
    assert isinstance(result, Failure)
    assert result.reason is Reason.ABORTED


def test_tcp_that_closes_early_is_unreachable() -> None:
    result = resolve(lambda query, udp: [answer(query, truncated=True)] if udp else [])
    assert isinstance(result, Failure)
    assert result.reason is Reason.UNREACHABLE


def test_no_resolver_there() -> None:
    async def run() -> DnsMessage | Failure:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        async with Network(ProbePlan(resolvers=(f"127.0.0.1:{port}",), timeout=0.3)) as network:
            return await Resolver(network).ask("example.org", "A")

    result = asyncio.run(run())
    assert isinstance(result, Failure)
    assert result.reason is Reason.UNREACHABLE


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example", "x." * 200 + "example"])
def test_names_that_cannot_be_asked(name: str) -> None:
    result = resolve(lambda query, udp: [answer(query)], name=name)
    assert isinstance(result, Failure)
    assert result.reason is Reason.ABORTED


def test_signatures() -> None:
    query = dns.message.make_query("example.org", "A")
    signature = "RRSIG A 13 2 300 20300101000000 20260101000000 1 example.org. AAAA"
    signed, bare = (
        DnsMessage("example.org", "A", wire, "", "udp")
        for wire in (answer(query, "A 192.0.2.1", signature), answer(query))
    )
    assert has_signatures(signed)
    assert not has_signatures(bare)
    assert not has_signatures(DnsMessage("example.org", "A", b"junk", "", "udp"))
