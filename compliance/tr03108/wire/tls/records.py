"""The record layer of a server, and what its handshake says in clear (RFC 5246 section 6.2, RFC 8446 section 5.1).

Nothing here raises on junk: what cannot be read is None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .names import group_name
from .server_messages import TLS13, MessageType, parse_key_exchange, parse_server_hello

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = range(20, 25)
_HEADER = 5
_MAXIMUM_RECORD = 16384 + 2048  # RFC 5246 section 6.2.3
_WARNING, _FATAL = 1, 2


class Records:
    """Takes a server's octets as they come and gives complete records. `broken` once something is no record."""

    def __init__(self) -> None:
        self._pending = bytearray()  # loses its front at no cost, however many and small the records are
        self.broken = False

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """Content type, fragment and header of each record that is now complete."""
        self._pending += data
        while len(self._pending) >= _HEADER and not self.broken:
            kind, major = self._pending[0], self._pending[1]
            length = int.from_bytes(self._pending[3:_HEADER], "big")
            if not CHANGE_CIPHER_SPEC <= kind <= HEARTBEAT or major != 3 or length > _MAXIMUM_RECORD:
                self.broken = True
                return
            if len(self._pending) < _HEADER + length:
                return
            header, fragment = bytes(self._pending[:_HEADER]), bytes(self._pending[_HEADER : _HEADER + length])
            del self._pending[: _HEADER + length]
            yield kind, fragment, header

    @property
    def could_be_tls(self) -> bool:
        """Whether what is still incomplete begins as a record does."""
        head = self._pending[:2]
        return not self.broken and (
            not head or (CHANGE_CIPHER_SPEC <= head[0] <= HEARTBEAT and (len(head) < 2 or head[1] == 3))
        )


@dataclass(frozen=True, slots=True)
class ClearFlight:
    """The server's choices in one handshake as far as they can be read without keys.

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


def clear_flight(received: bytes) -> ClearFlight:
    """Reads a server's side of a handshake: ServerHello (the last one, after a retry), key exchange, alert."""
    state = _Flight()
    looks_like_tls = len(received) >= 2 and CHANGE_CIPHER_SPEC <= received[0] <= APPLICATION_DATA and received[1] == 3
    pending = b""
    for kind, fragment, _ in Records().feed(received):
        if kind == ALERT and not state.encrypted:
            state.take_alert(fragment)
        elif kind == HANDSHAKE and not state.encrypted:
            pending = state.messages(pending + fragment)
        elif kind == APPLICATION_DATA or (kind == CHANGE_CIPHER_SPEC and not state.awaits_second_hello):
            state.encrypted = True
    return ClearFlight(
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
        self._wire_version = 0
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
        if kind == MessageType.SERVER_HELLO:
            self._server_hello(body)
        elif kind == MessageType.SERVER_KEY_EXCHANGE and self.suite is not None:
            exchange = parse_key_exchange(body, self.suite, self._wire_version)
            if exchange is not None:
                self.group, self.dh_bits = exchange.group, exchange.dh_bits
                self.signature_scheme = exchange.scheme

    def _server_hello(self, body: bytes) -> None:
        hello = parse_server_hello(body)
        if hello is None:
            return
        if hello.retry:
            self.retry_group = hello.group
        elif hello.group is not None:
            self.group = hello.group
        self._wire_version, self.version, self.suite = hello.version, hello.version_name, hello.suite
        self.awaits_second_hello = hello.retry
        # After the (second) TLS 1.3 ServerHello everything is encrypted, whatever the outer record type claims.
        self.encrypted = hello.version >= TLS13 and not hello.retry
