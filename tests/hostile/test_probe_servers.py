"""Mail servers and resolvers that mean harm: reads stay bounded, nothing hangs, nothing raises."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.model import DnsMessage, Failure, HttpExchange, ProbePlan, Reason, SmtpSession
from tr03108.probe import Network
from tr03108.probe import resolver as resolver_module
from tr03108.probe.https import get
from tr03108.probe.resolver import has_signatures
from tr03108.probe.smtp import starttls_session
from tr03108.probe.tls import KEPT
from tr03108.wire.dns_message import Question, read_message
from tr03108.wire.dns_query import make_query

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECONDS = 0.25
T = TypeVar("T")


def against(serve: Serve, ask: Callable[[Network], Awaitable[T]]) -> tuple[T, float]:
    """What `ask` brings from a server, and how long it took."""
    writers: list[asyncio.StreamWriter] = []

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    async def run() -> tuple[T, float]:
        async with await asyncio.start_server(guarded, "127.0.0.1", 0) as server:
            to = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            plan = ProbePlan(
                connect=(f":25={to}", f":443={to}"), resolvers=(to,), timeout=SECONDS, greeting_timeout=SECONDS
            )
            async with Network(plan) as network:
                began = time.monotonic()
                result = await ask(network)
                took = time.monotonic() - began
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.001)
            return result, took

    return asyncio.run(run())


async def session(network: Network) -> SmtpSession | Failure:
    return await starttls_session(network, "mx.example.org", "192.0.2.1", 25)


def flood(block: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(block)
            await writer.drain()

    return serve


def after_220(tail: Serve) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"250-mx\r\n250 STARTTLS\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"220 go\r\n")
        await tail(reader, writer)

    return serve


def drip(block: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(block)
            await writer.drain()
            await asyncio.sleep(0.01)

    return serve


@pytest.mark.parametrize(
    "block", [b"a" * 65536, b"220-more\r\n" * 5000, b"\r\n" * 30000, b"220 mx\n" * 9000, bytes(65536)]
)
def test_floods_before_ehlo(block: bytes) -> None:
    result, took = against(flood(block), session)
    assert took < 2 * SECONDS + 1
    if isinstance(result, Failure):
        assert result.reason in (Reason.ABORTED, Reason.TIMEOUT)
    lines = result.lines
    assert sum(len(line.data) for line in lines) < 200_000
    assert len(lines) < 250


RECORD = bytes.fromhex("160303")


@pytest.mark.parametrize(
    "block",
    [
        RECORD + b"\x40\x00" + b"\x02\xff\xff\xff" + bytes(16380),  # a ServerHello of 16 MiB
        (RECORD + b"\x00\x00") * 5000,  # empty records
        bytes.fromhex("15030300020170") * 1000,  # warnings
        (RECORD + b"\x00\x04" + b"\x00\x00\x00\x00") * 5000,  # HelloRequests
        b"\x80\x2e\x01\x00\x02" * 5000,  # SSLv2
    ],
)
def test_floods_in_the_handshake(block: bytes) -> None:
    result, took = against(after_220(flood(block)), session)
    assert isinstance(result, SmtpSession)
    assert result.handshake is not None
    assert result.handshake.ended in ("garbage", "alert", "silent")
    assert len(result.handshake.received) <= KEPT
    assert took < SECONDS + 1


@pytest.mark.parametrize("block", [RECORD[:1], b"\x15\x03\x03\x00\x02\x01\x70"])
def test_a_dripping_handshake_ends_in_time(block: bytes) -> None:
    async def one_record_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(RECORD + b"\x40\x00")
        await drip(bytes(1))(reader, writer)

    result, took = against(after_220(one_record_slowly), session)
    assert isinstance(result, SmtpSession)
    assert result.ended in ("silent", "garbage")
    assert took < SECONDS + 1


@pytest.mark.parametrize("seed", range(12))
def test_random_bytes_after_220(seed: int) -> None:
    junk = random.Random(seed)

    async def tail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = junk.randbytes(junk.randrange(400))
        writer.write(RECORD + len(body).to_bytes(2, "big") + body if seed % 2 else body)
        await writer.drain()
        writer.close()

    result, _ = against(after_220(tail), session)
    assert isinstance(result, SmtpSession)
    assert result.state == "handshake"
    assert result.ended in ("garbage", "closed", "reset")


@pytest.mark.parametrize("block", [b"HTTP/1.1 200 OK\r\n" * 4000, b"a" * 65536])
def test_floods_of_a_policy_host(block: bytes) -> None:
    result, took = against(flood(block), lambda network: get(network, "mta-sts.example.org", "192.0.2.1", 443, "/"))
    assert isinstance(result, HttpExchange)
    assert result.ended == "garbage"
    assert took < SECONDS + 1


QUESTION = Question(dns.name.from_text("example.org"), dns.rdatatype.MX, dns.rdataclass.IN)
QUERY = make_query(4711, QUESTION, 1232)
ANSWER = dns.message.make_response(dns.message.from_wire(QUERY.wire))
ANSWER.answer.append(dns.rrset.from_text("example.org.", 300, "IN", "MX", "10 mx.example.org.", "20 mx2.example.org."))
SIGNATURE = "MX 13 2 300 20300101000000 20260101000000 1 example.org. AAAA"
ANSWER.answer.append(dns.rrset.from_text("example.org.", 300, "IN", "RRSIG", SIGNATURE))
WIRE = ANSWER.to_wire()


@given(st.lists(st.tuples(st.integers(0, len(WIRE) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(WIRE)))
def test_broken_dns_answers_never_raise(changes: list[tuple[int, int]], size: int) -> None:
    data = bytearray(WIRE)
    for at, octet in changes:
        data[at] = octet
    for wire in (bytes(data), bytes(data[:size])):
        resolver_module.answers(wire, QUERY)
        if resolver_module._complete(wire, QUERY):
            assert isinstance(read_message(wire).rcode, int)
        has_signatures(DnsMessage("example.org", "MX", wire, "", "udp"))


def test_the_unbroken_answer_is_complete() -> None:
    assert resolver_module.answers(WIRE, QUERY)
    assert resolver_module._complete(WIRE, QUERY)
