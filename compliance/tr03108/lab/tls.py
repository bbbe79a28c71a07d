"""The TLS end of the lab's servers: pyOpenSSL over memory buffers on asyncio streams.

pyOpenSSL brings a current OpenSSL of its own, whatever Python was linked with, and lets each server choose versions,
suites, one curve and Diffie-Hellman parameters.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from tr03108.lab.pki import Chain
from tr03108.lab.service import reset

CHUNK = 16384
VERSIONS = {
    "TLSv1": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}
CURVES: Mapping[str, ec.EllipticCurve] = {
    "secp224r1": ec.SECP224R1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "secp521r1": ec.SECP521R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
}
# The 1024-bit MODP group (RFC 2409 section 6.2) with generator 2 as a DER DHParameter (PKCS #3), for servers that are
# meant to be weak: SEQUENCE { INTEGER p, INTEGER 2 }.
MODP_1024 = bytes.fromhex(
    "308187028181" + "00"
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF" + "020102"
)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What a lab server speaks. The defaults satisfy TR-03116-4 (2023) and TR-02102-2 (2025-01).

    `ciphers` is OpenSSL's list for TLS 1.2 and below, `suites` that for TLS 1.3, `group` one curve of `CURVES`, or
    empty for the library's own list (which prefers X25519). `dh1024` serves a 1024-bit group to suites with DHE;
    clients that offer groups of RFC 7919 get one of those instead, or with a `group` no DHE at all. `key` is the
    certificate's: "P-256" or "RSA"; `second_key` is that of a second certificate beside it.
    """

    minimum: str = "TLSv1.2"
    maximum: str = "TLSv1.3"
    ciphers: str = "ECDHE+AESGCM"
    suites: str = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"
    group: str = "secp256r1"
    dh1024: bool = False
    key: str = "P-256"
    second_key: str = ""


class Stream(Protocol):
    """A byte stream, in clear or inside TLS. `read` gives b"" at the end of the stream."""

    async def read(self) -> bytes: ...
    async def write(self, data: bytes) -> None: ...


class TlsEnd(Stream, Protocol):
    """The server side of one TLS connection: `handshake` first, then a stream. What fails raises."""

    @property
    def server_name(self) -> str | None: ...
    async def handshake(self) -> None: ...
    async def close(self) -> None: ...


class PlainStream:
    """An asyncio connection as a Stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        return await self._reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def reset(self) -> None:
        """Ends the connection with RST."""
        reset(self._writer)


class TlsStream:
    """The server side of one TLS connection above another stream."""

    def __init__(self, below: Stream, context: SSL.Context) -> None:
        self._below = below
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()

    async def handshake(self) -> None:
        """Completes the handshake. A failure raises `SSL.Error`, with the alert already sent."""
        while True:
            try:
                self._tls.do_handshake()
            except SSL.WantReadError:
                await self._flush()
                await self._fill()
                continue
            except SSL.Error:
                await self._flush()
                raise
            await self._flush()
            return

    @property
    def server_name(self) -> str | None:
        """The name of the client's SNI extension."""
        name = self._tls.get_servername()
        return None if name is None else name.decode("ascii", "replace")

    async def read(self) -> bytes:
        while True:
            try:
                return self._tls.recv(CHUNK)
            except SSL.WantReadError:
                await self._flush()
                with contextlib.suppress(SSL.ZeroReturnError):
                    await self._fill()
                    continue
                return b""
            except SSL.ZeroReturnError:
                return b""

    async def write(self, data: bytes) -> None:
        self._tls.sendall(data)  # a memory buffer takes everything
        await self._flush()

    async def close(self) -> None:
        """Says close_notify, if the connection still stands."""
        with contextlib.suppress(SSL.Error, ConnectionError):
            self._tls.shutdown()
            await self._flush()

    async def _fill(self) -> None:
        data = await self._below.read()
        if not data:
            raise SSL.ZeroReturnError
        self._tls.bio_write(data)

    async def _flush(self) -> None:
        while True:
            try:
                data = self._tls.bio_read(CHUNK)
            except SSL.WantReadError:
                return
            await self._below.write(data)


def context(chain: Chain, settings: TlsSettings) -> SSL.Context:
    """A server context that presents `chain` under `settings`."""
    result = SSL.Context(SSL.TLS_SERVER_METHOD)
    result.set_min_proto_version(VERSIONS[settings.minimum])
    result.set_max_proto_version(VERSIONS[settings.maximum])
    # Security level 0 lets the lab be as weak as a scenario asks; what is offered is named by the settings.
    result.set_cipher_list(f"{settings.ciphers}:@SECLEVEL=0".encode("ascii"))
    result.set_tls13_ciphersuites(settings.suites.encode("ascii"))
    result.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    result.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if settings.group:
        result.set_tmp_ecdh(CURVES[settings.group])
    if settings.dh1024:
        _load_dh1024(result)
    result.use_certificate(chain.leaf)
    for certificate in chain.sent[1:]:
        result.add_extra_chain_cert(certificate)
    result.use_privatekey(chain.key)
    if chain.second is not None:  # OpenSSL keeps one certificate for each type of key
        result.use_certificate(chain.second.leaf)
        result.use_privatekey(chain.second.key)
    return result


def by_server_name(default: SSL.Context, others: Mapping[str, SSL.Context]) -> SSL.Context:
    """Makes `default` hand over to the context of the name that the client asks for (SNI), where there is one."""

    def choose(connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        if name in others:
            connection.set_context(others[name])

    default.set_tlsext_servername_callback(choose)
    return default


def _load_dh1024(target: SSL.Context) -> None:
    text = base64.encodebytes(MODP_1024).decode("ascii")
    pem = f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n"
    with tempfile.TemporaryDirectory() as folder:  # pyOpenSSL reads these parameters from a file only
        path = Path(folder) / "dh1024.pem"
        path.write_text(pem, encoding="ascii")
        target.load_tmp_dh(str(path))
