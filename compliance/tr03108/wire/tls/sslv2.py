"""The hello of SSLv2 and its answer (the SSL 2.0 protocol as RFC 6176 forbids it; form in RFC 5246 appendix E.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .reader import Reader, numbers

_CLIENT_HELLO, _SERVER_HELLO = 1, 4
_VERSION = 0x0002
_TWO_BYTE_HEADER = 0x8000
_MAXIMUM = 32767

SUITES: Mapping[int, str] = MappingProxyType(
    {
        0x010080: "SSL_CK_RC4_128_WITH_MD5",
        0x020080: "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
        0x030080: "SSL_CK_RC2_128_CBC_WITH_MD5",
        0x040080: "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
        0x050080: "SSL_CK_IDEA_128_CBC_WITH_MD5",
        0x060040: "SSL_CK_DES_64_CBC_WITH_MD5",
        0x0700C0: "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
    }
)


@dataclass(frozen=True, slots=True)
class Sslv2Hello:
    """What an SSLv2 server says: the suites it shares with us, and its certificate (DER, may be empty)."""

    suites: tuple[int, ...]
    certificate: bytes


def client_hello(challenge: bytes) -> bytes:
    """A CLIENT-HELLO with its record header that offers all suites; `challenge` has 16 to 32 octets."""
    specs = b"".join(code.to_bytes(3, "big") for code in SUITES)
    body = bytes((_CLIENT_HELLO,)) + _VERSION.to_bytes(2, "big")
    body += len(specs).to_bytes(2, "big") + bytes(2) + len(challenge).to_bytes(2, "big") + specs + challenge
    return (_TWO_BYTE_HEADER | len(body)).to_bytes(2, "big") + body


def complete(received: bytes) -> bool | None:
    """Whether the first record is there; None where this is no SSLv2 record."""
    if len(received) < 3:
        return False if not received or received[0] & 0x80 else None
    header = int.from_bytes(received[:2], "big")
    if not header & _TWO_BYTE_HEADER or received[2] not in (0, _SERVER_HELLO):
        return None
    return len(received) >= 2 + (header & _MAXIMUM)


def parse_server_hello(received: bytes) -> Sslv2Hello | None:
    """A SERVER-HELLO with its record header; None where it is anything else."""
    reader = Reader(Reader(received[2:]).take(int.from_bytes(received[:2], "big") & _MAXIMUM) or b"")
    if not complete(received) or reader.number(1) != _SERVER_HELLO:
        return None
    reader.take(2)  # session id hit, certificate type
    version = reader.number(2)
    sizes = reader.number(2), reader.number(2), reader.number(2)
    if version != _VERSION or None in sizes:
        return None
    certificate, specs = reader.take(sizes[0] or 0), reader.take(sizes[1] or 0)
    if certificate is None or specs is None:
        return None
    return Sslv2Hello(numbers(specs, 3), certificate)
