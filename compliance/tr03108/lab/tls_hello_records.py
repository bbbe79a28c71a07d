"""The record layer of the scripted TLS server, and the protection of TLS 1.2 (RFC 5246 section 6, AEAD suites)."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from tr03108.lab.tls import Stream
from tr03108.wire.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Records

FRAGMENT = 16384
WARNING, FATAL = 1, 2
UNEXPECTED_MESSAGE, BAD_RECORD_MAC = 10, 20
MAXIMUM_MESSAGE = 1 << 18  # octets of a client's handshake message
_CLOSE_NOTIFY = 0


class Over(ConnectionError):
    """This connection's TLS is over: closed, refused or nonsense. Services end on it as on any broken connection."""


class Protection(Protocol):
    """The records of one direction under keys, as `wire.tls.key_schedule.Protection` has them."""

    def open(self, header: bytes, fragment: bytes) -> tuple[int, bytes] | None: ...
    def seal(self, kind: int, content: bytes) -> bytes: ...


@dataclass(slots=True)
class AeadProtection:
    """TLS 1.2 with an AEAD: eight octets of the nonce travel (RFC 5288), or the number is mixed in (RFC 7905)."""

    aead: AESGCM | AESCCM | ChaCha20Poly1305
    salt: bytes
    tag_length: int = 16
    number: int = 0

    def open(self, header: bytes, fragment: bytes) -> tuple[int, bytes] | None:
        explicit = 0 if len(self.salt) == 12 else 8
        size = len(fragment) - explicit - self.tag_length
        if size < 0:
            return None
        nonce = self._nonce(fragment[:explicit])
        try:
            content = self.aead.decrypt(nonce, fragment[explicit:], self._associated(header[0], size))
        except InvalidTag:
            return None
        return header[0], content

    def seal(self, kind: int, content: bytes) -> bytes:
        explicit = b"" if len(self.salt) == 12 else self.number.to_bytes(8, "big")
        nonce = self._nonce(explicit)
        sealed = explicit + self.aead.encrypt(nonce, content, self._associated(kind, len(content)))
        return bytes((kind, 3, 3)) + len(sealed).to_bytes(2, "big") + sealed

    def _nonce(self, explicit: bytes) -> bytes:
        if explicit:
            return self.salt + explicit
        number = self.number.to_bytes(12, "big")
        return bytes(a ^ b for a, b in zip(self.salt, number, strict=True))

    def _associated(self, kind: int, size: int) -> bytes:
        data = self.number.to_bytes(8, "big") + bytes((kind, 3, 3)) + size.to_bytes(2, "big")
        self.number += 1
        return data


class RecordLayer:
    """Handshake messages and application data over a byte stream. `early` are octets that came already.

    `reading` and `writing` protect what follows; `next_reading` takes effect with the client's ChangeCipherSpec.
    """

    def __init__(self, below: Stream, early: bytes = b"", fragment: int = FRAGMENT) -> None:
        self._below = below
        self._early = early
        self._fragment = fragment
        self._records = Records()
        self._waiting: deque[tuple[int, bytes, bytes]] = deque()
        self._pending = b""
        self.version = 0x0301
        self.modern = False  # TLS 1.3: ChangeCipherSpec means nothing
        self.reading: Protection | None = None
        self.writing: Protection | None = None
        self.next_reading: Protection | None = None

    async def message(self) -> bytes:
        """The client's next handshake message. Raises Over where something else comes."""
        while True:
            if len(self._pending) >= 4:
                size = 4 + int.from_bytes(self._pending[1:4], "big")
                if size > MAXIMUM_MESSAGE:
                    await self.refuse(UNEXPECTED_MESSAGE)
                if len(self._pending) >= size:
                    message, self._pending = self._pending[:size], self._pending[size:]
                    return message
            kind, content = await self._content()
            if kind != HANDSHAKE:
                await self.refuse(UNEXPECTED_MESSAGE)
            self._pending += content

    async def data(self, renegotiate: Callable[[], Awaitable[None]]) -> bytes:
        """Application data; b"" once the client has said close_notify or closed.

        `renegotiate` answers a client that begins another handshake before TLS 1.3.
        """
        while True:
            try:
                kind, content = await self._content()
            except Over:
                return b""
            if kind == APPLICATION_DATA and content:
                return content
            if kind == HANDSHAKE and not self.modern:
                await renegotiate()

    async def send(self, kind: int, content: bytes) -> None:
        """Sends content in records, protected where keys are there."""
        parts = [content[at : at + self._fragment] for at in range(0, len(content), self._fragment)] or [b""]
        await self._below.write(b"".join(self._record(kind, part) for part in parts))

    async def refuse(self, alert: int) -> NoReturn:
        """Sends a fatal alert and raises Over."""
        await self.send(ALERT, bytes((FATAL, alert)))
        raise Over(f"refused with alert {alert}")

    async def _content(self) -> tuple[int, bytes]:
        """Type and content of the next record that is neither an alert nor ChangeCipherSpec."""
        while True:
            kind, fragment, header = await self._next()
            if kind == CHANGE_CIPHER_SPEC:
                if self.next_reading is not None:
                    self.reading, self.next_reading = self.next_reading, None
                continue
            if self.reading is not None and (not self.modern or kind == APPLICATION_DATA):
                opened = self.reading.open(header, fragment)
                if opened is None:
                    await self.refuse(BAD_RECORD_MAC)
                kind, fragment = opened
            if kind == ALERT:
                if len(fragment) == 2 and fragment[0] == WARNING and fragment[1] != _CLOSE_NOTIFY:
                    continue
                raise Over(f"the client said alert {fragment.hex()}")
            return kind, fragment

    async def _next(self) -> tuple[int, bytes, bytes]:
        while not self._waiting:
            data, self._early = self._early or await self._below.read(), b""
            if not data:
                raise Over("the client closed")
            self._waiting.extend(self._records.feed(data))
            if not self._records.could_be_tls:
                await self.refuse(UNEXPECTED_MESSAGE)
        return self._waiting.popleft()

    def _record(self, kind: int, content: bytes) -> bytes:
        if self.writing is not None and kind != CHANGE_CIPHER_SPEC:
            return self.writing.seal(kind, content)
        return bytes((kind,)) + self.version.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content


def garbage() -> bytes:
    """Octets that begin as no record does."""
    return b"\x00" + os.urandom(200)
