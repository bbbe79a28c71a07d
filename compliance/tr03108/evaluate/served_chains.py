"""Every certificate chain that servers showed, however it was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model import ClientSession, HelloExchange, HttpExchange, SmtpSession
from ..wire.tls.server_messages import MessageType, parse_certificate, parse_server_hello

_SERVER_HELLO, _CERTIFICATE = bytes((MessageType.SERVER_HELLO,)), bytes((MessageType.CERTIFICATE,))


def chains_of(values: Iterable[object]) -> tuple[tuple[bytes, ...], ...]:
    """The chains in observed values, each once, as sent (DER)."""
    return tuple(dict.fromkeys(chain for value in values for chain in _chains(value) if chain))


def _chains(value: object) -> Iterator[tuple[bytes, ...]]:
    if isinstance(value, SmtpSession | ClientSession | HttpExchange):
        if value.handshake is not None:
            yield value.handshake.chain
    elif isinstance(value, HelloExchange) and value.protocol == "tls":
        # A Certificate message that other exchanges repeat is kept in one of them.
        hellos = [parse_server_hello(message[4:]) for message in value.received if message[:1] == _SERVER_HELLO]
        versions = [hello.version for hello in hellos if hello is not None]
        for message in value.received:
            if versions and message[:1] == _CERTIFICATE:
                yield parse_certificate(message[4:], versions[-1]) or ()
