"""TLS servers of four makes with one handle: `async with server as port`.

Python's ssl, pyOpenSSL (a newer OpenSSL of its own), tlslite-ng (SSLv3, RC4, 3DES) and the lab's script. Each speaks
TLS from the first octet on, answers application data with the same, and ends with its context.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL

from tr03108.lab.pki import Chain
from tr03108.lab.service import PATIENCE, Service
from tr03108.lab.tls import VERSIONS, PlainStream, TlsStream
from tr03108.lab.tls_hello_config import HelloConfig
from tr03108.lab.tls_hellos import Hellos, HelloServer, echo

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # tlslite-ng imports asyncore where there is one
    from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey  # type: ignore[import-untyped]

Server = AbstractAsyncContextManager[int]
_SECONDS = 10.0  # that a blocking server waits for its client
_CHUNK = 16384


@dataclass(frozen=True)
class PythonSsl:
    """Settings of Python's ssl: `ciphers` is OpenSSL's list, `curve` one curve or the library's own order."""

    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ciphers: str = "ALL:@SECLEVEL=0"
    curve: str = ""
    server_preference: bool = True
    dh_pem: str = ""


@dataclass(frozen=True)
class PyOpenSsl:
    """Settings of pyOpenSSL, lists as OpenSSL writes them; an empty one leaves the library's own."""

    minimum: str = "TLSv1.2"
    maximum: str = "TLSv1.3"
    ciphers: str = "ALL"
    suites: str = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
    groups: str = ""
    sigalgs: str = ""
    server_preference: bool = True
    renegotiation: bool = True
    staple: bytes = b""


@dataclass(frozen=True)
class Tlslite:
    """Settings of tlslite-ng, by its own names and as its versions (3, 0) for SSLv3 to (3, 4). Empty: its default."""

    minimum: tuple[int, int] = (3, 0)
    maximum: tuple[int, int] = (3, 3)
    ciphers: tuple[str, ...] = ("rc4", "3des")
    macs: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()
    extras: tuple[tuple[str, object], ...] = ()
    anonymous: bool = False


def python_ssl(settings: PythonSsl, *chains: Chain) -> Server:
    """Python's ssl on blocking sockets: it says its alerts."""
    presented = _ssl_context(settings, chains)

    def talk(connection: socket.socket) -> None:
        with presented.wrap_socket(connection, server_side=True) as channel:
            while data := channel.recv(_CHUNK):
                channel.sendall(data)

    return _threads(talk)


@asynccontextmanager
async def python_asyncio(settings: PythonSsl, *chains: Chain) -> AsyncIterator[int]:
    """The same below asyncio, which closes where an alert would be due."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while data := await reader.read(_CHUNK):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=_ssl_context(settings, chains))
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def pyopenssl(settings: PyOpenSsl, *chains: Chain) -> Server:
    """OpenSSL as pyOpenSSL brings it; the second chain has another type of key."""
    presented = SSL.Context(SSL.TLS_SERVER_METHOD)
    presented.set_min_proto_version(VERSIONS[settings.minimum])
    presented.set_max_proto_version(VERSIONS[settings.maximum])
    presented.set_cipher_list(f"{settings.ciphers}:@SECLEVEL=0".encode("ascii"))
    presented.set_tls13_ciphersuites(settings.suites.encode("ascii"))
    for chain in chains:
        presented.use_certificate(chain.leaf)
        presented.use_privatekey(chain.key)
    for certificate in chains[0].sent[1:]:
        presented.add_extra_chain_cert(certificate)
    _set_list(presented, "SSL_CTX_set1_curves_list", settings.groups)
    _set_list(presented, "SSL_CTX_set1_sigalgs_list", settings.sigalgs)
    if settings.server_preference:
        presented.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    if not settings.renegotiation:
        presented.set_options(SSL.OP_NO_RENEGOTIATION)
    if settings.staple:
        presented.set_ocsp_server_callback(lambda _connection, _data: settings.staple)
    return _port_of(_OpenSslServer(presented))


def tlslite(settings: Tlslite, chain: Chain) -> Server:
    """tlslite-ng, which still has what OpenSSL has dropped."""
    ours = HandshakeSettings()
    ours.minVersion, ours.maxVersion = settings.minimum, settings.maximum
    ours.versions = [version for version in ((3, 4), (3, 3), (3, 2), (3, 1)) if version <= settings.maximum]
    ours.cipherNames = list(settings.ciphers)
    ours.macNames = list(settings.macs or ("sha", "md5", "sha256", "sha384", "aead"))
    for name, values in (("keyExchangeNames", settings.exchanges), ("eccCurves", settings.curves)):
        if values:
            setattr(ours, name, list(values))
    for name, value in settings.extras:
        setattr(ours, name, value)
    certificates = X509CertChain()
    certificates.parsePemList(_chain_pem(chain))
    key = parsePEMKey(_key_pem(chain), private=True)

    def talk(connection: socket.socket) -> None:
        channel = TLSConnection(connection)
        # Whatever a client does wrong, this library has an exception of its own for it.
        with contextlib.suppress(Exception):
            channel.handshakeServer(certChain=certificates, privateKey=key, settings=ours, anon=settings.anonymous)
            while data := channel.recv(_CHUNK):
                channel.sendall(data)
            channel.close()

    return _threads(talk)


def scripted(config: HelloConfig, *chains: Chain) -> Server:
    """The lab's scripted server."""
    return _port_of(HelloServer(Hellos(config, chains), patience=_SECONDS))


class _OpenSslServer(Service):
    def __init__(self, presented: SSL.Context) -> None:
        super().__init__(PATIENCE)
        self._presented = presented

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = TlsStream(PlainStream(reader, writer), self._presented)
        await channel.handshake()
        await echo(channel)
        await channel.close()


@asynccontextmanager
async def _port_of(service: Service) -> AsyncIterator[int]:
    async with service:
        yield service.port


@asynccontextmanager
async def _threads(talk: Callable[[socket.socket], None]) -> AsyncIterator[int]:
    """A port whose connections are each served by a thread."""
    handles: set[socket.socket] = set()  # to end connections by: ssl takes the sockets themselves away
    work: set[asyncio.Task[None]] = set()

    def serve(connection: socket.socket, handle: socket.socket) -> None:
        with handle, connection, contextlib.suppress(OSError):  # ssl.SSLError is one
            connection.settimeout(_SECONDS)
            talk(connection)
        handles.discard(handle)

    async def accept(listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            handle = connection.dup()
            handles.add(handle)
            task = asyncio.create_task(asyncio.to_thread(serve, connection, handle))
            work.add(task)
            task.add_done_callback(work.discard)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        accepting = asyncio.create_task(accept(listener))
        try:
            yield listener.getsockname()[1]
        finally:
            accepting.cancel()
            for handle in tuple(handles):
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)
            await asyncio.gather(accepting, *work, return_exceptions=True)


def _set_list(presented: SSL.Context, setter: str, text: str) -> None:
    library = vars(SSL)["_lib"]  # no public function sets these lists
    if text and getattr(library, setter)(presented._context, text.encode("ascii")) != 1:
        raise ValueError(f"OpenSSL does not take {text}")


def _ssl_context(settings: PythonSsl, chains: tuple[Chain, ...]) -> ssl.SSLContext:
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    result.set_ciphers(settings.ciphers)
    result.minimum_version, result.maximum_version = settings.minimum, settings.maximum
    if settings.curve:
        result.set_ecdh_curve(settings.curve)
    if settings.server_preference:
        result.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        result.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    with tempfile.TemporaryDirectory() as folder:  # this module reads from files only
        path = Path(folder) / "chain.pem"
        for chain in chains:
            path.write_text(_key_pem(chain) + _chain_pem(chain), "ascii")
            result.load_cert_chain(path)
        if settings.dh_pem:
            path.write_text(settings.dh_pem, "ascii")
            result.load_dh_params(str(path))
    return result


def _chain_pem(chain: Chain) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode("ascii") for each in chain.sent)


def _key_pem(chain: Chain) -> str:
    return chain.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
