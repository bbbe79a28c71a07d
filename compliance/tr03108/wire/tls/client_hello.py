"""ClientHello, written and read again (RFC 5246 section 7.4.1.2, RFC 8446 section 4.1.2).

A hello offers exactly what it is told to, whatever that is; there is no cryptography in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .names import Extension
from .reader import Extensions, Reader, extension, extensions, numbers

HANDSHAKE_RECORD = 22
CLIENT_HELLO = 1
_FRAGMENT = 16384  # octets of a record at most
# RFC 6066 section 8: type ocsp, no responders named, no request extensions.
STATUS_REQUEST = b"\x01\x00\x00\x00\x00"
UNCOMPRESSED_POINTS = b"\x01\x00"


@dataclass(frozen=True, slots=True)
class ClientHello:
    """One hello. None for a list means that its extension is not sent.

    `version` is the legacy version field: the newest version up to TLS 1.2. `versions` is supported_versions.
    `extras` are further extensions as type and body, sent last, in their order.
    """

    version: int
    suites: tuple[int, ...]
    random: bytes
    session_id: bytes = b""
    compressions: tuple[int, ...] = (0,)
    server_name: str | None = None
    versions: tuple[int, ...] | None = None
    groups: tuple[int, ...] | None = None
    schemes: tuple[int, ...] | None = None
    certificate_schemes: tuple[int, ...] | None = None
    key_shares: tuple[tuple[int, bytes], ...] | None = None
    extras: Extensions = ()

    @property
    def offered_versions(self) -> tuple[int, ...]:
        """The versions that a server may choose by this hello, as far as it names them."""
        return self.versions if self.versions is not None else (self.version,)

    def encode(self) -> bytes:
        """The handshake message."""
        body = self.version.to_bytes(2, "big") + self.random + _vector(self.session_id, 1)
        body += _vector(_numbers(self.suites), 2) + _vector(bytes(self.compressions), 1)
        block = b"".join(kind.to_bytes(2, "big") + _vector(data, 2) for kind, data in self._extensions())
        if block:
            body += _vector(block, 2)
        return CLIENT_HELLO.to_bytes(1, "big") + _vector(body, 3)

    def _extensions(self) -> Iterable[tuple[int, bytes]]:
        if self.server_name is not None:
            name = b"\x00" + _vector(self.server_name.encode("ascii"), 2)
            yield Extension.SERVER_NAME, _vector(name, 2)
        if self.groups is not None:
            yield Extension.SUPPORTED_GROUPS, _vector(_numbers(self.groups), 2)
            yield Extension.EC_POINT_FORMATS, UNCOMPRESSED_POINTS
        if self.schemes is not None:
            yield Extension.SIGNATURE_ALGORITHMS, _vector(_numbers(self.schemes), 2)
        if self.certificate_schemes is not None:
            yield Extension.SIGNATURE_ALGORITHMS_CERT, _vector(_numbers(self.certificate_schemes), 2)
        if self.versions is not None:
            yield Extension.SUPPORTED_VERSIONS, _vector(_numbers(self.versions), 1)
        if self.key_shares is not None:
            shares = b"".join(group.to_bytes(2, "big") + _vector(key, 2) for group, key in self.key_shares)
            yield Extension.KEY_SHARE, _vector(shares, 2)
        yield from self.extras


def in_records(message: bytes, version: int = 0x0301) -> bytes:
    """A handshake message in plaintext records. A first hello says 3.1, or 3.0 for SSLv3 (RFC 5246 appendix E.1)."""
    parts = (message[at : at + _FRAGMENT] for at in range(0, len(message), _FRAGMENT))
    return b"".join(bytes((HANDSHAKE_RECORD,)) + version.to_bytes(2, "big") + _vector(part, 2) for part in parts)


def parse_client_hello(message: bytes) -> ClientHello | None:
    """What a hello offers; None where `message` is none."""
    outer = Reader(message)
    if outer.number(1) != CLIENT_HELLO:
        return None
    body = outer.vector(3)
    reader = Reader(body or b"")
    version, random, session, suites = reader.number(2), reader.take(32), reader.vector(1), reader.vector(2)
    compressions = reader.vector(1)
    if version is None or random is None or session is None or suites is None or compressions is None:
        return None
    found = extensions(reader.vector(2))
    known = {
        Extension.SERVER_NAME,
        Extension.SUPPORTED_GROUPS,
        Extension.EC_POINT_FORMATS,
        Extension.SIGNATURE_ALGORITHMS,
        Extension.SIGNATURE_ALGORITHMS_CERT,
        Extension.SUPPORTED_VERSIONS,
        Extension.KEY_SHARE,
    }
    return ClientHello(
        version=version,
        suites=numbers(suites),
        random=random,
        session_id=session,
        compressions=numbers(compressions, 1),
        server_name=_server_name(extension(found, Extension.SERVER_NAME)),
        versions=_list(extension(found, Extension.SUPPORTED_VERSIONS), 1),
        groups=_list(extension(found, Extension.SUPPORTED_GROUPS), 2),
        schemes=_list(extension(found, Extension.SIGNATURE_ALGORITHMS), 2),
        certificate_schemes=_list(extension(found, Extension.SIGNATURE_ALGORITHMS_CERT), 2),
        key_shares=_shares(extension(found, Extension.KEY_SHARE)),
        extras=tuple((kind, data) for kind, data in found if kind not in known),
    )


def _server_name(body: bytes | None) -> str | None:
    reader = Reader(Reader(body or b"").vector(2) or b"")
    name = reader.vector(2) if reader.number(1) == 0 else None
    return None if name is None else name.decode("ascii", "replace")


def _list(body: bytes | None, length_size: int) -> tuple[int, ...] | None:
    return None if body is None else numbers(Reader(body).vector(length_size))


def _shares(body: bytes | None) -> tuple[tuple[int, bytes], ...] | None:
    return None if body is None else extensions(Reader(body).vector(2))


def _numbers(values: Iterable[int]) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def _vector(data: bytes, length_size: int) -> bytes:
    return len(data).to_bytes(length_size, "big") + data
