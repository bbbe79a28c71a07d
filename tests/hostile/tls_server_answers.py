"""TLS servers that mean harm: raw answers to a hello, and Certificate messages without bound."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tr03108.lab.pki import Chain
from tr03108.lab.service import Service
from tr03108.lab.tls import PlainStream
from tr03108.lab.tls_hello_config import HelloConfig
from tr03108.lab.tls_hellos import Hellos, HelloServer
from unit.lab.scripted import CHAINS

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Chains = Callable[[], Sequence[Chain]]
RECORD = bytes.fromhex("160303")
SERVER_HELLO = bytes.fromhex("0200002d0303") + bytes(32) + bytes.fromhex("00c030000005ff01000100")
_UNKNOWN = x509.ObjectIdentifier("2.999.3108")


def record(content: bytes, kind: int = 22) -> bytes:
    return bytes((kind, 3, 3)) + len(content).to_bytes(2, "big") + content


class Raw(Service):
    """Reads a hello, unless it is to speak first, then does as it is told."""

    def __init__(self, talk: Talk, *, first: bool = False) -> None:
        super().__init__(patience=30.0)
        self._talk = talk
        self._first = first

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._first:
            await reader.read(65536)
        await self._talk(reader, writer)


def says(octets: bytes, *, then: str = "silence") -> Talk:
    """Writes once, then "silence", "close" or "reset"."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await writer.drain()
        if then == "reset":
            PlainStream(reader, writer).reset()
        elif then == "silence":
            while await reader.read(65536):
                pass

    return talk


def floods(block: bytes) -> Talk:
    """Writes the same without end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(block)
            await writer.drain()

    return talk


def drips(octets: bytes) -> Talk:
    """Writes one octet after the other, slowly, and then goes on with zeros."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = bytearray(octets)
        while True:
            writer.write(bytes((rest.pop(0) if rest else 0,)))
            await writer.drain()
            await asyncio.sleep(0.01)

    return talk


@dataclass(frozen=True, slots=True)
class Changing(Hellos):
    """Other certificates at each connection."""

    make: Chains = tuple

    def chains_for(self, name: str | None) -> tuple[Chain, ...]:
        return tuple(self.make())


@asynccontextmanager
async def served(service: Service) -> AsyncIterator[int]:
    async with service:
        yield service.port


def presenting(config: HelloConfig, make: Chains) -> HelloServer:
    return HelloServer(Changing(config, (), make=make))


def padded(octets: int, key: str = "P-256") -> Chain:
    """The usual chain, and a certificate of so many octets, which nobody has seen before."""
    chain = CHAINS[key]
    now = datetime.now(UTC)
    name = x509.Name([])
    built = (
        x509.CertificateBuilder(name, name, chain.leaf.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.UnrecognizedExtension(_UNKNOWN, os.urandom(octets)), critical=False)
        .sign(chain.key, hashes.SHA256())
    )
    return replace(chain, sent=(*chain.sent, built))


@asynccontextmanager
async def by_turns(*talks: Talk) -> AsyncIterator[int]:
    """A server that does another of these at each connection."""
    number = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        number += 1
        with contextlib.suppress(ConnectionError):
            await talks[number % len(talks)](reader, writer)

    async with served(Raw(talk)) as port:
        yield port
