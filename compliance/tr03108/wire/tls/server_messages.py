"""The server's handshake messages, read without keys (RFC 5246 section 7.4, RFC 8446 section 4).

Nothing here raises on junk: a message that cannot be read is None, a part that is missing too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from . import ffdhe
from .names import VERSIONS, Extension, group_name, suite_name
from .reader import Extensions, Reader, extension, extensions, numbers

TLS12, TLS13 = 0x0303, 0x0304
# RFC 8446 section 4.1.3: SHA-256 of "HelloRetryRequest" in place of the server's random.
RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_NAMED_CURVE = 3
MAXIMUM_CHAIN = 100  # certificates of a chain that are read


class MessageType(IntEnum):
    """Handshake types of a server (IANA "TLS HandshakeType")."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    NEW_SESSION_TICKET = 4
    ENCRYPTED_EXTENSIONS = 8
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    FINISHED = 20
    CERTIFICATE_STATUS = 22
    KEY_UPDATE = 24
    COMPRESSED_CERTIFICATE = 25


@dataclass(frozen=True, slots=True)
class ServerHello:
    """A ServerHello, or the HelloRetryRequest that looks like one (`retry`)."""

    version: int
    random: bytes
    session_id: bytes
    suite: int
    compression: int
    extensions: Extensions

    @property
    def retry(self) -> bool:
        return self.random == RETRY_RANDOM

    @property
    def version_name(self) -> str | None:
        return VERSIONS.get(self.version)

    @property
    def group(self) -> int | None:
        """The group of key_share: the one used, or the one that a HelloRetryRequest asks for."""
        body = self.extension(Extension.KEY_SHARE)
        return int.from_bytes(body[:2], "big") if body is not None and len(body) >= 2 else None

    @property
    def key_share(self) -> bytes | None:
        """The server's public value in TLS 1.3."""
        body = self.extension(Extension.KEY_SHARE)
        return Reader(body[2:]).vector(2) if body is not None and not self.retry else None

    def extension(self, kind: int) -> bytes | None:
        """The body of an extension; None where it is not there."""
        return extension(self.extensions, kind)


@dataclass(frozen=True, slots=True)
class KeyExchange:
    """A ServerKeyExchange of TLS 1.2 and below.

    `group` is the named curve, or the group of RFC 7919 that `prime` is of; `dh_bits` is the length of that prime;
    `explicit_curve` an elliptic curve without a name. `parameters` is what the signature covers beside both randoms;
    `scheme` is there from TLS 1.2 on, `signature` where the suite signs.
    """

    group: int | None = None
    prime: bytes = b""
    explicit_curve: bool = False
    public: bytes = b""
    parameters: bytes = b""
    scheme: int | None = None
    signature: bytes = b""

    @property
    def dh_bits(self) -> int | None:
        return int.from_bytes(self.prime, "big").bit_length() if self.prime else None

    @property
    def group_name(self) -> str | None:
        """Registered name of the group, or `dh-2048` for a prime of the server's own."""
        if self.group is not None:
            return group_name(self.group)
        return f"dh-{self.dh_bits}" if self.prime else None


def parse_server_hello(body: bytes) -> ServerHello | None:
    """The body of a ServerHello. `version` is that of supported_versions where it is there."""
    reader = Reader(body)
    version, random, session = reader.number(2), reader.take(32), reader.vector(1)
    suite, compression = reader.number(2), reader.number(1)
    if version is None or random is None or session is None or suite is None or compression is None:
        return None
    found = extensions(reader.vector(2))
    chosen = extension(found, Extension.SUPPORTED_VERSIONS)
    if chosen is not None and len(chosen) == 2:
        version = int.from_bytes(chosen, "big")
    return ServerHello(version, random, session, suite, compression, found)


def exchange_of(suite: str) -> str:
    """The part of a suite's name that says how keys are exchanged: `ECDHE_RSA` of `TLS_ECDHE_RSA_WITH_...`."""
    head, separator, _ = suite.removeprefix("TLS_").removeprefix("SSL_").partition("_WITH_")
    return head if separator else ""


def parse_key_exchange(body: bytes, suite: int, version: int) -> KeyExchange | None:
    """The body of a ServerKeyExchange under the suite and version of the ServerHello before it."""
    exchange = exchange_of(suite_name(suite))
    reader = Reader(body)
    if "PSK" in exchange:
        reader.vector(2)  # the identity hint comes first (RFC 4279, RFC 5489)
    start = reader.at
    group, prime, public = None, b"", b""
    if exchange.startswith("ECDH"):
        kind = reader.number(1)
        if kind is None:
            return None
        if kind != _NAMED_CURVE:
            return KeyExchange(explicit_curve=True, parameters=body[start:])
        group, public = reader.number(2), reader.vector(1) or b""
        if group is None:
            return None
    elif exchange.startswith(("DHE", "DH_anon", "PSK_DHE")):
        prime = reader.vector(2) or b""
        if not prime:
            return None
        group = ffdhe.named(prime)
        reader.vector(2)  # the generator
        public = reader.vector(2) or b""
    else:
        return None
    if not public:
        return KeyExchange(group, prime)
    parameters = body[start : reader.at]
    if "anon" in exchange or "PSK" in exchange:  # nothing signs these, export ones included
        return KeyExchange(group, prime, False, public, parameters)
    scheme = reader.number(2) if version >= TLS12 else None
    return KeyExchange(group, prime, False, public, parameters, scheme, reader.vector(2) or b"")


def parse_certificate(body: bytes, version: int) -> tuple[bytes, ...] | None:
    """The chain of a Certificate message, DER as sent, leaf first; None where its frame is broken."""
    return None if (entries := certificate_entries(body, version)) is None else tuple(der for der, _ in entries)


def certificate_entries(body: bytes, version: int) -> tuple[tuple[bytes, Extensions], ...] | None:
    """The certificates with the extensions that TLS 1.3 has for each."""
    outer = Reader(body)
    if version >= TLS13:
        outer.vector(1)  # certificate_request_context
    block = outer.vector(3)
    if block is None:
        return None
    reader = Reader(block)
    found: list[tuple[bytes, Extensions]] = []
    while reader.rest and len(found) < MAXIMUM_CHAIN:
        der = reader.vector(3)
        extras = reader.vector(2) if version >= TLS13 else b""
        if der is None or extras is None:
            return None
        found.append((der, extensions(extras)))
    return tuple(found)


def parse_status(body: bytes) -> bytes | None:
    """The OCSP response of a CertificateStatus message, or of the status_request extension of TLS 1.3 (RFC 6066)."""
    reader = Reader(body)
    return reader.vector(3) if reader.number(1) == 1 else None


def parse_encrypted_extensions(body: bytes) -> Extensions:
    """The extensions of EncryptedExtensions."""
    return extensions(Reader(body).vector(2))


def parse_certificate_verify(body: bytes) -> tuple[int, bytes] | None:
    """Scheme and signature of CertificateVerify."""
    reader = Reader(body)
    scheme, signature = reader.number(2), reader.vector(2)
    return None if scheme is None or signature is None else (scheme, signature)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A NewSessionTicket. `early_data` is max_early_data_size of TLS 1.3, None where it is not there."""

    lifetime: int
    early_data: int | None


def parse_ticket(body: bytes, version: int) -> Ticket | None:
    """A NewSessionTicket of TLS 1.2 (RFC 5077) or 1.3."""
    reader = Reader(body)
    lifetime = reader.number(4)
    if lifetime is None:
        return None
    if version < TLS13:
        return Ticket(lifetime, None)
    reader.number(4)
    if reader.vector(1) is None or reader.vector(2) is None:
        return None
    early = extension(extensions(reader.vector(2)), Extension.EARLY_DATA)
    return Ticket(lifetime, int.from_bytes(early, "big") if early is not None and len(early) == 4 else None)


def groups_of(body: bytes | None) -> tuple[int, ...]:
    """The list in a supported_groups extension."""
    return numbers(Reader(body or b"").vector(2))
