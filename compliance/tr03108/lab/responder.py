"""The OCSP responder and CRL server of the lab's authorities: the address that is asked says how it answers.

POST /ISSUER/STATUS is OCSP (RFC 6960), GET /ISSUER/STATUS.crl a CRL (RFC 5280 section 5); ISSUER is `slug` of its name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import h11
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tr03108.lab.pki import AuthorityKey, Pki, hash_for, slug
from tr03108.lab.service import PATIENCE, Service, until_client_leaves
from tr03108.lab.tls import PlainStream

MAX_REQUEST = 65536
OVERSIZED = 256 * 1024  # octets, more than any OCSP answer
LIFETIME = timedelta(days=7)
LATE = timedelta(days=3)  # how long what is out of date has been so


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs."""

    certificate: x509.Certificate
    key: AuthorityKey


class Responder(Service):
    """Answers for all authorities of `pki`, those made after the start as well."""

    def __init__(self, pki: Pki, patience: float = PATIENCE) -> None:
        super().__init__(patience)
        self._pki = pki
        self.requests: list[str] = []  # "POST /path host"
        self._stranger_key = ec.generate_private_key(ec.SECP256R1())

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = PlainStream(reader, writer)
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_REQUEST)
        request, body = await _request(http, channel)
        if request is None:
            return
        method, path = request.method.decode("ascii"), request.target.decode("ascii", "replace")
        host = dict(request.headers).get(b"host", b"").decode("ascii", "replace")
        self.requests.append(f"{method} {path} {host}")
        name, _, status = path.strip("/").partition("/")
        if status == "silent":
            await until_client_leaves(reader)
            return
        code, answer = self._answer(self.issuers().get(name), method, status, body)
        headers = [("Content-Length", str(len(answer))), ("Connection", "close")]
        await channel.write(http.send(h11.Response(status_code=code, headers=headers)) or b"")
        await channel.write(http.send(h11.Data(data=answer)) or b"")

    def issuers(self) -> Mapping[str, Issuer]:
        """By `slug` of their names."""
        found: dict[str, Issuer] = {}
        for authority in self._pki.authorities:
            found[slug(authority.root.subject)] = Issuer(authority.root, authority.root_key)
            found[slug(authority.intermediate.subject)] = Issuer(authority.intermediate, authority.intermediate_key)
        return found

    def _answer(self, issuer: Issuer | None, method: str, status: str, body: bytes) -> tuple[int, bytes]:
        if issuer is None:
            return 404, b"no such authority\n"
        if status == "status-500":
            return 500, b"internal error\n"
        if method == "GET":
            return 200, self.crl(issuer, status.removesuffix(".crl"))
        if status == "garbage":
            return 200, b"\x30\x03\x0a\x01"
        if status == "oversized":
            return 200, self.ocsp(issuer, "good", body) + bytes(OVERSIZED)
        if status == "try-later":
            late = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
            return 200, late.public_bytes(serialization.Encoding.DER)
        return 200, self.ocsp(issuer, status, body)

    def ocsp(self, issuer: Issuer, status: str, body: bytes) -> bytes:
        """A signed OCSP response to the request in `body`."""
        asked = ocsp.load_der_ocsp_request(body)
        start = self._pki.now - timedelta(hours=1)
        if status == "expired":
            start -= LIFETIME + LATE
        known = {"revoked": ocsp.OCSPCertStatus.REVOKED, "unknown": ocsp.OCSPCertStatus.UNKNOWN}
        revoked = status == "revoked"
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            asked.issuer_name_hash,
            asked.issuer_key_hash,
            asked.serial_number,
            asked.hash_algorithm,
            known.get(status, ocsp.OCSPCertStatus.GOOD),
            start,
            start + LIFETIME,
            self._pki.now - timedelta(days=2) if revoked else None,
            x509.ReasonFlags.key_compromise if revoked else None,
        )
        key, certificate = issuer.key, issuer.certificate
        if status in ("wrong-signer", "delegated"):
            key, certificate = self._stranger_key, self._delegate(issuer)
        if status == "delegated":  # without the certificate nobody can know whose signature it is
            builder = builder.certificates([certificate])
        signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate).sign(key, hash_for(key))
        return signed.public_bytes(serialization.Encoding.DER)

    def _delegate(self, issuer: Issuer) -> x509.Certificate:
        """The certificate of a responder that the issuer charged with its answers."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lab OCSP Responder")])
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer.certificate.subject)
            .public_key(self._stranger_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._pki.now - timedelta(hours=1))
            .not_valid_after(self._pki.now + LIFETIME)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
            .sign(issuer.key, hash_for(issuer.key))
        )

    def crl(self, issuer: Issuer, status: str) -> bytes:
        """A CRL with every certificate that is to be revoked that way, whoever issued it."""
        start = self._pki.now - timedelta(hours=1)
        if status == "expired":
            start -= LIFETIME + LATE
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(start)
            .next_update(start + LIFETIME)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for serial in sorted(self._pki.revoked):
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(self._pki.now - timedelta(days=2))
                .add_extension(x509.CRLReason(x509.ReasonFlags.superseded), critical=False)
            )
            builder = builder.add_revoked_certificate(entry.build())
        key = self._stranger_key if status == "wrong-signer" else issuer.key
        return builder.sign(key, hash_for(key)).public_bytes(serialization.Encoding.DER)


async def _request(http: h11.Connection, channel: PlainStream) -> tuple[h11.Request | None, bytes]:
    """The request and its body; None where the client leaves or talks nonsense."""
    request: h11.Request | None = None
    body = b""
    while len(body) <= MAX_REQUEST:
        try:
            event = http.next_event()
        except h11.RemoteProtocolError:
            return None, b""
        match event:
            case h11.NEED_DATA:
                http.receive_data(await channel.read())
            case h11.Request():
                request = event
            case h11.Data():
                body += bytes(event.data)
            case h11.EndOfMessage():
                return request, body
            case _:
                return None, b""
    return None, b""
