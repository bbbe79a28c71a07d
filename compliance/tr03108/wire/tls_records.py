"""What a server said in the clear part of a TLS handshake, read from its raw records (RFC 5246, RFC 8446).

Nothing here raises on junk: what cannot be read is None.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .tls_names import VERSIONS, group_name
from .tls_suites import SUITES

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 20, 21, 22, 23
_SERVER_HELLO, _SERVER_KEY_EXCHANGE = 2, 12
_SUPPORTED_VERSIONS, _KEY_SHARE = 43, 51
_NAMED_CURVE = 3
# RFC 8446 section 4.1.3: SHA-256 of "HelloRetryRequest" in place of the server's random.
_RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_MAXIMUM_RECORD = 16384 + 2048  # RFC 5246 section 6.2.3
_WARNING, _FATAL = 1, 2


@dataclass(frozen=True, slots=True)
class ServerHello:
    """The server's choices as far as they can be read without keys.

    `group` is the code point of the group used (key_share of TLS 1.3, or the named curve of ServerKeyExchange);
    `retry_group` the one a HelloRetryRequest asked for. `dh_bits` is the length of the prime of a finite-field
    ServerKeyExchange; `signature_scheme` that of a TLS 1.2 ServerKeyExchange. `alert` is the number of the first fatal
    alert that came unencrypted, else of the first warning. `tls`: whether the bytes begin as a TLS record at all.
    """

    tls: bool
    version: str | None = None
    suite: int | None = None
    group: int | None = None
    retry_group: int | None = None
    dh_bits: int | None = None
    signature_scheme: int | None = None
    alert: int | None = None

    @property
    def group_name(self) -> str | None:
        """Registered name of the group, or `dh-2048` for a prime of the server's own."""
        if self.group is not None:
            return group_name(self.group)
        return f"dh-{self.dh_bits}" if self.dh_bits is not None else None


class _Reader:
    """A cursor over bytes that answers None past the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self, size: int) -> int | None:
        part = self.take(size)
        return None if part is None else int.from_bytes(part, "big")

    def take(self, size: int) -> bytes | None:
        if self.at + size > len(self.data):
            return None
        self.at += size
        return self.data[self.at - size : self.at]

    def vector(self, length_size: int) -> bytes | None:
        size = self.number(length_size)
        return None if size is None else self.take(size)


def records(received: bytes) -> Iterator[tuple[int, bytes]]:
    """Content type and fragment of each complete record; stops at the first thing that is none."""
    at = 0
    while at + 5 <= len(received):
        kind, major, _minor, length = struct.unpack_from("!BBBH", received, at)
        if not _CHANGE_CIPHER_SPEC <= kind <= 24 or major != 3 or length > _MAXIMUM_RECORD:
            return
        if at + 5 + length > len(received):
            return
        yield kind, received[at + 5 : at + 5 + length]
        at += 5 + length


def server_hello(received: bytes) -> ServerHello:
    """Reads a server's side of a handshake: ServerHello (the last one, after a retry), key exchange, alert."""
    state = _Flight()
    looks_like_tls = len(received) >= 2 and _CHANGE_CIPHER_SPEC <= received[0] <= _APPLICATION_DATA and received[1] == 3
    pending = b""
    for kind, fragment in records(received):
        if kind == _ALERT and not state.encrypted:
            state.take_alert(fragment)
        elif kind == _HANDSHAKE and not state.encrypted:
            pending = state.messages(pending + fragment)
        elif kind == _APPLICATION_DATA or (kind == _CHANGE_CIPHER_SPEC and not state.awaits_second_hello):
            state.encrypted = True
    return ServerHello(
        looks_like_tls,
        state.version,
        state.suite,
        state.group,
        state.retry_group,
        state.dh_bits,
        state.signature_scheme,
        state.alert,
    )


class _Flight:
    """Collects what the messages of one handshake say."""

    def __init__(self) -> None:
        self.version: str | None = None
        self.suite: int | None = None
        self.group: int | None = None
        self.retry_group: int | None = None
        self.dh_bits: int | None = None
        self.signature_scheme: int | None = None
        self.alert: int | None = None
        self.encrypted = False
        self.awaits_second_hello = False
        self._fatal = False

    def take_alert(self, fragment: bytes) -> None:
        """Notes an alert: the first, unless a fatal one follows a warning."""
        if len(fragment) != 2 or fragment[0] not in (_WARNING, _FATAL) or self._fatal:
            return
        self._fatal = fragment[0] == _FATAL
        if self._fatal or self.alert is None:
            self.alert = fragment[1]

    def messages(self, data: bytes) -> bytes:
        """Takes the complete handshake messages off `data` and returns the rest."""
        while len(data) >= 4:
            size = int.from_bytes(data[1:4], "big")
            if len(data) < 4 + size:
                break
            if not self.encrypted:
                self._message(data[0], data[4 : 4 + size])
            data = data[4 + size :]
        return data

    def _message(self, kind: int, body: bytes) -> None:
        if kind == _SERVER_HELLO:
            self._server_hello(_Reader(body))
        elif kind == _SERVER_KEY_EXCHANGE and self.suite is not None:
            self._key_exchange(_Reader(body), SUITES.get(self.suite, ""))

    def _server_hello(self, reader: _Reader) -> None:
        legacy, random, session = reader.number(2), reader.take(32), reader.vector(1)
        suite, compression = reader.number(2), reader.number(1)
        if legacy is None or random is None or session is None or suite is None or compression is None:
            return
        version = legacy
        retry = random == _RETRY_RANDOM
        for kind, body in _extensions(reader.vector(2) or b""):
            if kind == _SUPPORTED_VERSIONS and len(body) == 2:
                version = int.from_bytes(body, "big")
            elif kind == _KEY_SHARE and len(body) >= 2:
                code = int.from_bytes(body[:2], "big")
                if retry:
                    self.retry_group = code
                else:
                    self.group = code
        self.version, self.suite = VERSIONS.get(version), suite
        self.awaits_second_hello = retry
        # After the (second) TLS 1.3 ServerHello everything is encrypted, whatever the outer record type claims.
        self.encrypted = version >= 0x0304 and not retry

    def _key_exchange(self, reader: _Reader, suite: str) -> None:
        exchange = suite.partition("_WITH_")[0]
        if "_PSK" in exchange:
            reader.vector(2)  # the identity hint comes first (RFC 4279, RFC 5489)
        if exchange.startswith("TLS_ECDHE") or exchange == "TLS_ECDH_anon":
            if reader.number(1) != _NAMED_CURVE:
                return
            self.group = reader.number(2)
            complete = reader.vector(1) is not None
        elif exchange.startswith("TLS_DHE") or exchange.startswith("TLS_DH_anon"):
            prime = reader.vector(2)
            if prime:
                self.dh_bits = int.from_bytes(prime, "big").bit_length()
            complete = reader.vector(2) is not None and reader.vector(2) is not None
        else:
            return
        signed = not exchange.endswith(("_anon", "_PSK"))
        if complete and signed and self.version == "TLSv1.2":
            self.signature_scheme = reader.number(2)


def _extensions(block: bytes) -> Iterator[tuple[int, bytes]]:
    reader = _Reader(block)
    while True:
        kind, body = reader.number(2), reader.vector(2)
        if kind is None or body is None:
            return
        yield kind, body
