"""A client handshake that accepts whatever the server offers and keeps every byte of it. It verifies nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

from ..model import Handshake
from ..wire.tls.names import ALERTS, suite_name
from ..wire.tls.records import ClearFlight, clear_flight
from .net import Stream

# Strongest first, as a modern MTA would; then all that is left, so that an old server answers with what it has. None
# without encryption (eNULL) or certificate (aNULL), and none that needs a shared secret (PSK, SRP).
SUITES = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:ECDHE:DHE:kRSA+AESGCM:kRSA+AES:"
    "ALL:COMPLEMENTOFALL:!eNULL:!aNULL:!PSK:!SRP:@SECLEVEL=0"
)
KEPT = 65536  # octets kept of each direction of a handshake
MAXIMUM_FLIGHT = 262144  # octets a server may send before the handshake must be over; long chains have about 10 KiB
_LEGACY_SERVER_CONNECT = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: also servers without RFC 5746
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\Z")
_ALERT_REASON = re.compile(r"\balert ([a-z0-9 ]+)\Z")  # the words before it differ between OpenSSL versions
_READ = 65536
_NO_RENEGOTIATION = 100  # RFC 5246 section 7.2.2


@dataclass(frozen=True, slots=True)
class Offer:
    """What a hello offers: OpenSSL's list of suites, and the versions, the newest one only where it is not all.

    `curve` is the only group offered, where it is set.
    """

    suites: str = SUITES
    versions: str = "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"
    oldest: int = SSL.TLS1_VERSION
    newest: int | None = None
    curve: ec.EllipticCurve | None = None


EVERYTHING = Offer()


def _authenticated_by(kind: str) -> Offer:
    """TLS 1.2 only, where the suite decides which certificate is shown (RFC 5246 section 7.4.2)."""
    suites = f"ECDHE+{kind}+AESGCM:ECDHE+{kind}:DHE+{kind}:{kind}:!eNULL:!aNULL:!PSK:!SRP:@SECLEVEL=0"
    return Offer(suites, "TLSv1.2", SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION)


# The library's own list of groups lacks these, which TR-03116-4 prefers; it knows them by these names for TLS 1.2 only.
BRAINPOOL: tuple[Offer, ...] = tuple(
    Offer(versions="TLSv1.2", oldest=SSL.TLS1_2_VERSION, newest=SSL.TLS1_2_VERSION, curve=curve)
    for curve in (ec.BrainpoolP256R1(), ec.BrainpoolP384R1(), ec.BrainpoolP512R1())
)
ONE_KEY_TYPE: Mapping[str, Offer] = {"RSA": _authenticated_by("aRSA"), "ECDSA": _authenticated_by("aECDSA")}


class TlsClient:
    """TLS over a Stream: `handshake` once, then `receive` and `send` as on the stream itself."""

    def __init__(self, stream: Stream, host: str, offer: Offer = EVERYTHING) -> None:
        """`host` becomes the server name (SNI) where it can be one (RFC 6066 section 3)."""
        self._offer = offer
        self._stream = stream
        self._server_name = host if _HOST_NAME.match(host) else None
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(offer.oldest)
        if offer.newest is not None:
            context.set_max_proto_version(offer.newest)
        context.set_cipher_list(offer.suites.encode())
        if offer.curve is not None:
            context.set_tmp_ecdh(offer.curve)
        context.set_options(_LEGACY_SERVER_CONNECT)
        context.set_verify(SSL.VERIFY_NONE)
        self._tls = SSL.Connection(context, None)
        self._tls.set_connect_state()
        if self._server_name is not None:
            self._tls.set_tlsext_host_name(self._server_name.encode("ascii"))
        self._sent = bytearray()
        self._received = bytearray()
        self._flight = 0

    async def handshake(self, seconds: float, early: bytes = b"") -> Handshake:
        """Runs the handshake for at most `seconds`. `early` are octets that came before our hello was sent."""
        started = asyncio.get_running_loop().time()
        error: str | None = None
        try:
            async with asyncio.timeout(seconds):
                if early:
                    self._take(early)
                ended, error = await self._negotiate()
        except TimeoutError:
            ended = "silent"
        except ConnectionError as broken:
            ended, error = "reset", str(broken)
        return self._result(ended, error, asyncio.get_running_loop().time() - started)

    async def _negotiate(self) -> tuple[str, str | None]:
        while True:
            try:
                self._tls.do_handshake()
            except SSL.WantReadError:
                await self._flush(handshake=True)
            except SSL.ZeroReturnError:  # close_notify in the middle of the handshake
                return "closed", None
            except SSL.Error as error:
                text = _reason(error)
                with contextlib.suppress(ConnectionError):
                    await self._flush(handshake=True)  # our own alert, if there is one
                return ("alert" if _ALERT_REASON.search(text) else "garbage"), text
            else:
                await self._flush(handshake=True)
                return "completed", None
            data = await self._stream.receive()
            if not data:
                return "closed", None
            self._take(data)
            if self._flight > MAXIMUM_FLIGHT:
                return "garbage", f"more than {MAXIMUM_FLIGHT} octets without an end of the handshake"

    async def renegotiate(self, seconds: float) -> tuple[str, int | None, str]:
        """One attempt on a completed TLS 1.2 connection: how it ended (as in Renegotiation), the alert, a few words."""
        try:
            self._tls.renegotiate()
            self._flight = 0
            async with asyncio.timeout(seconds):
                ended, said = await self._negotiate()
        except TimeoutError:
            return "silent", None, f"no answer within {seconds:g} s"
        except ConnectionError as broken:
            return "reset", None, str(broken)
        except SSL.Error as error:
            return "alert", None, _reason(error)
        text = said or ""
        if "no renegotiation" in text:
            return "alert", _NO_RENEGOTIATION, text
        if ended == "completed":
            return "accepted", None, ""
        return ("alert" if ended == "garbage" else ended), _alert(ClearFlight(True), text), text

    def _take(self, data: bytes) -> None:
        self._flight += len(data)
        self._received += data[: KEPT - len(self._received)]
        self._tls.bio_write(data)

    def _result(self, ended: str, error: str | None, seconds: float) -> Handshake:
        received = bytes(self._received)
        hello = clear_flight(received)
        alert = _alert(hello, error) if ended != "completed" else None
        if ended in ("closed", "reset") and alert:  # close_notify (0) is no more than a close
            ended = "alert"
        return Handshake(
            server_name=self._server_name,
            offered={
                "versions": self._offer.versions,
                "suites": self._offer.suites,
                "groups": self._offer.curve.name if self._offer.curve is not None else "library default",
                "library": SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode("ascii", "replace"),
            },
            sent=bytes(self._sent),
            received=received,
            ended=ended,
            version=hello.version,
            suite=None if hello.suite is None else suite_name(hello.suite),
            group=hello.group_name,
            chain=self._chain(),
            alert=alert,
            error=error,
            seconds=round(seconds, 6),
        )

    def _chain(self) -> tuple[bytes, ...]:
        chain = self._tls.get_peer_cert_chain() or []
        return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in chain)

    async def receive(self) -> bytes:
        """Decrypted octets; b"" at the end. Raises ConnectionError where the connection or TLS breaks."""
        while True:
            try:
                return self._tls.recv(_READ)
            except SSL.WantReadError:
                await self._flush()
            except SSL.ZeroReturnError:
                return b""
            except SSL.Error as error:
                raise ConnectionResetError(f"TLS: {_reason(error)}") from error
            data = await self._stream.receive()
            if not data:
                return b""
            self._tls.bio_write(data)

    async def send(self, data: bytes) -> None:
        """Encrypts and sends. Raises ConnectionError."""
        try:
            self._tls.sendall(data)
        except SSL.Error as error:
            raise ConnectionResetError(f"TLS: {_reason(error)}") from error
        await self._flush()

    async def _flush(self, handshake: bool = False) -> None:
        while True:
            try:
                data = self._tls.bio_read(_READ)
            except SSL.WantReadError:
                return
            if handshake:
                self._sent += data[: KEPT - len(self._sent)]
            await self._stream.send(data)


def _alert(hello: ClearFlight, error: str | None) -> int | None:
    """The server's alert: read from the records, or, where it came encrypted, from OpenSSL's words for it."""
    if hello.alert is not None:
        return hello.alert
    match = _ALERT_REASON.search(error or "")
    name = match[1].replace(" ", "_") if match else ""
    return next((number for number, known in ALERTS.items() if known == name), None)


def _reason(error: SSL.Error) -> str:
    """OpenSSL's words for an error."""
    first = error.args[0] if error.args else None
    if isinstance(first, list):
        return "; ".join(str(entry[-1]) for entry in first) or type(error).__name__
    return str(error) or type(error).__name__
