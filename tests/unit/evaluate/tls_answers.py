"""Answers and exchanges made by hand, for the tests of what is read from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tr03108.evaluate.tls.answers import Answer
from tr03108.model import Failure, HelloExchange, Observation, Reason
from tr03108.probe.hellos import NUMBERS, Hellos
from tr03108.wire.tls.client_hello import ClientHello
from tr03108.wire.tls.reader import Extensions
from tr03108.wire.tls.server_messages import KeyExchange, ServerHello

TIME = datetime(2026, 6, 1, tzinfo=UTC)
HELLOS = Hellos("mx1.lab.example")
ECDHE_RSA, ECDHE_ECDSA, CBC, DHE, DHE2, RC4 = 0xC030, 0xC02B, 0xC027, 0x009E, 0x009F, 0x0005
ANON_DH = 0x00A6


def old(suites: tuple[int, ...] = (ECDHE_RSA,), version: str = "TLSv1.2", **how: object) -> ClientHello:
    return replace(HELLOS.old(version, suites, **how), random=bytes(32))  # type: ignore[arg-type]


def new(**how: object) -> ClientHello:
    return replace(HELLOS.new(**how), random=bytes(32))  # type: ignore[arg-type]


def server_hello(version: int, suite: int, extensions: Extensions = (), random: bytes = bytes(32)) -> ServerHello:
    return ServerHello(version, random, b"", suite, 0, extensions)


def chosen(
    question: str,
    offered: ClientHello,
    suite: int,
    version: str = "TLSv1.2",
    *,
    group: int | None = None,
    prime: int = 0,
    chain: tuple[bytes, ...] = (),
    extensions: Extensions = (),
    random: bytes = bytes(32),
    after: float = 0,
) -> Answer:
    if version == "TLSv1.3" and group is not None:
        extensions = (*extensions, (51, group.to_bytes(2, "big")))
        group = None
    exchange = None
    if group is not None or prime:
        exchange = KeyExchange(group, (1 << (prime - 1)).to_bytes(prime // 8, "big") if prime else b"", public=b"k")
    hello = server_hello(NUMBERS[version], suite, extensions, random)
    time = TIME + timedelta(seconds=after)
    return Answer(question, time, "chosen", offered, hello=hello, exchange=exchange, chain=chain)


def refused(question: str, offered: ClientHello | None, alert: int | None = 40) -> Answer:
    return Answer(question, TIME, "refused", offered, alert=alert)


def unclear(question: str, offered: ClientHello | None, code: str = "SERVICE_TIMEOUT") -> Answer:
    return Answer(question, TIME, "unclear", offered, code)


def closed(question: str, offered: ClientHello | None) -> Answer:
    return Answer(question, TIME, "closed", offered)


def vector(data: bytes, size: int = 2) -> bytes:
    return len(data).to_bytes(size, "big") + data


def message(version: int, suite: int, block: bytes = b"") -> bytes:
    """A ServerHello as it is on the wire."""
    body = version.to_bytes(2, "big") + bytes(32) + b"\x00" + suite.to_bytes(2, "big") + b"\x00"
    return b"\x02" + vector(body + (vector(block) if block else b""), 3)


def observed(
    value: HelloExchange | Failure, key: str = "hello/mx1.lab.example/192.0.2.1/25/q"
) -> Observation[HelloExchange]:
    if isinstance(value, Failure):
        return Observation(key, TIME, None, value)
    return Observation(key, TIME, value, None)


def exchange(
    ended: str,
    offered: ClientHello | None,
    *received: bytes,
    alert: tuple[int, int] | None = None,
    state: str = "hello",
    certificate: str = "",
) -> HelloExchange:
    sent = (offered.encode(),) if offered is not None else (b"",)
    protocol = "tls" if offered is not None else "sslv2"
    return HelloExchange(
        "127.0.0.1:25", True, protocol, (), state, ended, sent, received, certificate, alert, False, "detail"
    )


def failed(reason: Reason) -> Failure:
    return Failure(reason, "detail")
