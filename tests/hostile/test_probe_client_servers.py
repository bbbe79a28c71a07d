"""Services of mail clients that mean harm: reads stay bounded, nothing hangs, nothing raises."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import pytest

from tr03108.model import SERVICE_KINDS, ClientSession, Failure, ProbePlan, Reason
from tr03108.probe.client import Look, clear_login_look, client_session, injection_look
from tr03108.probe.net import Network

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECONDS = 0.5
LOOKS = [client_session, clear_login_look, injection_look]
GREETINGS = {
    "submission": b"220 mx\r\n",
    "imap": b"* OK ready\r\n",
    "pop3": b"+OK ready\r\n",
    "sieve": b"",
}
CAPABILITIES = {
    "submission": b"250-mx\r\n250 STARTTLS\r\n",
    "imap": b"* CAPABILITY STARTTLS\r\na1 OK\r\n",
    "pop3": b"+OK\r\nSTLS\r\n.\r\n",
    "sieve": b'"STARTTLS"\r\nOK\r\n',
}
GO = {"submission": b"220 go\r\n", "imap": b"a2 OK go\r\n", "pop3": b"+OK go\r\n", "sieve": b"OK\r\n"}


def against(serve: Serve, look: Look, name: str) -> ClientSession | Failure:
    """What the look brings; the time of the whole test is bounded by far."""
    kind = SERVICE_KINDS[name]
    writers: list[asyncio.StreamWriter] = []

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    async def run() -> ClientSession | Failure:
        async with await asyncio.start_server(guarded, "127.0.0.1", 0) as server:
            to = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            plan = ProbePlan(connect=(f":{kind.port}={to}",), timeout=SECONDS, greeting_timeout=SECONDS)
            async with Network(plan) as network:
                async with asyncio.timeout(30):
                    result = await look(kind, network, "mail.example.org", "192.0.2.1", kind.port)
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.001)
            return result

    return asyncio.run(run())


def flood(*start: bytes, block: bytes) -> Serve:
    """Says `start`, one for each thing heard after the first, then `block` without end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, data in enumerate(start):
            if number:
                await reader.read(4096)
            writer.write(data)
        while True:
            writer.write(block)
            await writer.drain()

    return serve


def kept(result: ClientSession | Failure) -> int:
    lines = result.lines if isinstance(result, Failure) else result.lines + result.inside
    return sum(len(line.data) for line in lines)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", GREETINGS)
@pytest.mark.parametrize(
    "block", [b"a" * 65536, b"\r\n" * 4096, b"\x00" * 9999, b'"' * 4096, b"{" * 4096, b"* X\r\n" * 99]
)
def test_endless_greetings(look: Look, name: str, block: bytes) -> None:
    result = against(flood(block=block), look, name)
    assert isinstance(result, Failure)
    assert (result.reason, result.state) == (Reason.ABORTED, "greeting")
    assert kept(result) < 70000


ENDLESS = {
    "submission": b"250-X\r\n" * 999,
    "imap": b"* CAPABILITY X\r\n" * 999,
    "pop3": b"+OK\r\n" * 999,
    "sieve": b'"X" "Y"\r\n' * 999,
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_capabilities(look: Look, name: str) -> None:
    result = against(flood(GREETINGS[name], block=ENDLESS[name]), look, name)
    assert isinstance(result, Failure)
    assert result.reason is Reason.ABORTED
    assert len(result.lines) < 110
    assert "more than 100 lines" in result.detail


@pytest.mark.parametrize(
    ("name", "announcement"),
    [
        ("imap", b"* CAPABILITY {4294967295}\r\n"),
        ("imap", b"* LIST () {99999999999999999999}\r\n"),
        ("sieve", b'"SASL" {4294967295}\r\n'),
        ("sieve", b"NO {4294967295}\r\n"),
    ],
)
def test_literals_of_4_gib_are_not_read(name: str, announcement: bytes) -> None:
    heard_after: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETINGS[name])
        if GREETINGS[name]:
            await reader.readuntil(b"\r\n")
        writer.write(announcement)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                writer.write(b"a" * 65536)
                await writer.drain()
                heard_after.append(65536)

    result = against(serve, client_session, name)
    assert isinstance(result, Failure)
    assert result.reason is Reason.ABORTED
    assert "literal" in result.detail
    assert len(heard_after) < 1000, "we read on"


@pytest.mark.parametrize("look", [client_session, injection_look])
@pytest.mark.parametrize("name", CAPABILITIES)
def test_floods_in_the_place_of_tls(look: Look, name: str) -> None:
    start = (GREETINGS[name], CAPABILITIES[name], GO[name]) if GREETINGS[name] else (CAPABILITIES[name], GO[name])
    result = against(flood(*start, block=b"a" * 4096), look, name)
    assert isinstance(result, ClientSession)
    assert (result.state, result.ended) == ("handshake", "garbage")
    assert result.handshake is not None
    assert len(result.handshake.received) <= 65536


@pytest.mark.parametrize("name", GREETINGS)
def test_a_challenge_without_end(name: str) -> None:
    block = {"submission": b"334-x\r\n", "imap": b"* X\r\n", "pop3": b"+\r\n", "sieve": b'"x" "y"\r\n'}[name] * 999
    start = (GREETINGS[name], CAPABILITIES[name]) if GREETINGS[name] else (CAPABILITIES[name],)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for data in start:
            writer.write(data)
            await reader.readuntil(b"\r\n")
        while True:
            writer.write(block)
            await writer.drain()

    result = against(serve, clear_login_look, name)
    assert isinstance(result, ClientSession)
    assert result.state in ("login", "quit")
    assert len(result.lines) < 130


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", GREETINGS)
def test_random_servers(look: Look, name: str) -> None:
    """Lines of the protocol in random order, with junk between them."""
    dice = random.Random(f"{look.__name__} {name}")
    pieces = [GREETINGS[name], CAPABILITIES[name], GO[name], b"\r\n", b"+ \r\n", b"{3}\r\n", b'""\r\n', b"\x16\x03\x01"]
    for _ in range(12):
        talk = [dice.choice(pieces) + dice.randbytes(dice.choice((0, 0, 0, 5))) for _ in range(8)]

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: list[bytes] = talk) -> None:
            for data in talk:
                writer.write(data)
                await asyncio.sleep(0.001)
            writer.close()

        result = against(serve, look, name)
        assert isinstance(result, ClientSession | Failure)
