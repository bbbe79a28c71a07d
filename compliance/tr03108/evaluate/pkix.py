"""Certificate paths (RFC 5280 section 6), checked by OpenSSL at a given time; names are checked apart."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

_NOT_YET_VALID, _EXPIRED = 9, 10  # X509_V_ERR_* of OpenSSL
_SELF_SIGNED_LEAF, _SELF_SIGNED_IN_CHAIN = 18, 19
_NO_ISSUER = (2, 20, 21)
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Path:
    """The verdict on a path: `code` "OK" or a reason code, `detail` in English, `certificates` (DER), leaf first."""

    code: str
    detail: str
    certificates: tuple[bytes, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects of the certificates, for people."""
        found = (load(der) for der in self.certificates)
        return tuple(certificate.subject.rfc4514_string() for certificate in found if certificate is not None)


def load(der: bytes) -> x509.Certificate | None:
    """A certificate from DER bytes; None where it cannot be read."""
    try:
        with warnings.catch_warnings():
            # Of certificates that break a rule but can be read; where warnings are errors, they would end the audit.
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            # Parsed here and kept by the certificate: what is malformed raises here, not in the middle of a check.
            certificate.extensions, certificate.subject, certificate.issuer  # noqa: B018
            certificate.public_key()
    except _UNREADABLE:
        return None
    return certificate


def verify(chain: Sequence[bytes], anchors: Sequence[bytes], time: datetime, *, partial: bool = False) -> Path:
    """Whether the chain as sent leads to one of `anchors` at `time`, for a TLS server.

    `partial` lets an anchor that is no root end the path (DANE-TA, RFC 7671 section 5.2).
    """
    certificates = [load(der) for der in chain]
    leaf = certificates[0] if certificates else None
    first = _for_openssl(leaf)
    if leaf is None or first is None:
        return Path("CERTIFICATE_INVALID", "the server's certificate cannot be read")
    store = crypto.X509Store()
    for der in anchors:
        anchor = _for_openssl(load(der))
        if anchor is not None:
            store.add_cert(anchor)
    if partial:
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    # pyOpenSSL takes a naive time as UTC.
    store.set_time(time.astimezone(UTC).replace(tzinfo=None))
    others = [other for other in map(_for_openssl, certificates[1:]) if other is not None]
    context = crypto.X509StoreContext(store, first, others)
    try:
        verified = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        return _failure(error, leaf, certificates[1:])
    path = [certificate for certificate in map(_loaded, verified) if certificate is not None]
    trouble = _purpose_trouble(path)
    if trouble is not None:
        return Path("CERTIFICATE_INVALID", trouble)
    return Path("OK", "", tuple(c.public_bytes(Encoding.DER) for c in path))


def _failure(
    error: crypto.X509StoreContextError, leaf: x509.Certificate, rest: Sequence[x509.Certificate | None]
) -> Path:
    number = int(error.errors[0]) if error.errors else 0
    place = _loaded(error.certificate)
    detail = f"{error}: {place.subject.rfc4514_string()[:200] if place is not None else ''}"[:400]
    if number == _EXPIRED:
        return Path("CERTIFICATE_EXPIRED", detail)
    if number == _NOT_YET_VALID:
        return Path("CERTIFICATE_NOT_YET_VALID", detail)
    if number == _SELF_SIGNED_LEAF:
        return Path("CERTIFICATE_SELF_SIGNED", detail)
    if number in _NO_ISSUER:
        sent = any(c is not None and c.subject == leaf.issuer for c in rest)
        return Path("CERTIFICATE_UNTRUSTED" if sent else "CERTIFICATE_CHAIN_INCOMPLETE", detail)
    return Path("CERTIFICATE_UNTRUSTED" if number == _SELF_SIGNED_IN_CHAIN else "CERTIFICATE_INVALID", detail)


def _for_openssl(certificate: x509.Certificate | None) -> crypto.X509 | None:
    """The same certificate for OpenSSL; None where only one of the two libraries can read it."""
    if certificate is None:
        return None
    try:
        return crypto.X509.from_cryptography(certificate)
    except crypto.Error:
        return None


def _loaded(certificate: crypto.X509) -> x509.Certificate | None:
    return load(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate))


def _purpose_trouble(path: Sequence[x509.Certificate]) -> str | None:
    """Why a verified path is not one for TLS servers; what OpenSSL's purpose "sslserver" asks, which is not set here.

    An extended key usage binds the whole path: a CA for mail signatures alone vouches for no server.
    """
    for certificate in path:
        if not _for_servers(certificate):
            return f"extended key usage does not allow TLS servers: {certificate.subject.rfc4514_string()[:200]}"
    try:
        usage = path[0].extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    if not (usage.digital_signature or usage.key_encipherment or usage.key_agreement):
        return "key usage of the server's certificate does not allow TLS (RFC 5280 section 4.2.1.3)"
    return None


def _for_servers(certificate: x509.Certificate) -> bool:
    """No extended key usage, or one that names TLS servers (RFC 5280 section 4.2.1.12).

    Clients may ask for just that purpose, and OpenSSL does: anyExtendedKeyUsage alone is not enough.
    """
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usages
