"""Certificate paths (RFC 5280 section 6), checked by OpenSSL at a given time; names are checked apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

_NOT_YET_VALID, _EXPIRED = 9, 10  # X509_V_ERR_* of OpenSSL
_SELF_SIGNED_LEAF, _SELF_SIGNED_IN_CHAIN = 18, 19
_NO_ISSUER = (2, 20, 21)


@dataclass(frozen=True, slots=True)
class Path:
    """The verdict on a path: `code` "OK" or a reason code, `detail` in English, `subjects` from leaf to anchor."""

    code: str
    detail: str
    subjects: tuple[str, ...] = ()


def load(der: bytes) -> x509.Certificate | None:
    """A certificate from DER bytes; None where it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.extensions  # noqa: B018 (parses them; malformed ones raise here and not in the middle of a check)
        certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None
    return certificate


def verify(chain: Sequence[bytes], anchors: Sequence[bytes], time: datetime, *, partial: bool = False) -> Path:
    """Whether the chain as sent leads to one of `anchors` at `time`, for a TLS server.

    `partial` lets an anchor that is no root end the path (DANE-TA, RFC 7671 section 5.2).
    """
    certificates = [load(der) for der in chain]
    leaf = certificates[0] if certificates else None
    if leaf is None:
        return Path("CERTIFICATE_INVALID", "the server's certificate cannot be read")
    store = crypto.X509Store()
    for der in anchors:
        anchor = load(der)
        if anchor is not None:
            store.add_cert(crypto.X509.from_cryptography(anchor))
    if partial:
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    # pyOpenSSL takes a naive time as UTC.
    store.set_time(time.astimezone(UTC).replace(tzinfo=None))
    others = [crypto.X509.from_cryptography(c) for c in certificates[1:] if c is not None]
    context = crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf), others)
    try:
        verified = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        return _failure(error, leaf, certificates[1:])
    if not _for_servers(leaf):
        return Path("CERTIFICATE_INVALID", "extended key usage does not allow TLS servers")
    return Path("OK", "", tuple(c.to_cryptography().subject.rfc4514_string() for c in verified))


def _failure(
    error: crypto.X509StoreContextError, leaf: x509.Certificate, rest: Sequence[x509.Certificate | None]
) -> Path:
    number = int(error.errors[0]) if error.errors else 0
    subject = error.certificate.to_cryptography().subject.rfc4514_string()[:200]
    detail = f"{error}: {subject}"[:400]
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


def _for_servers(leaf: x509.Certificate) -> bool:
    """No extended key usage, or one that names TLS servers (RFC 5280 section 4.2.1.12)."""
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in usages or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages
