"""What one revocation answer proves of one certificate: OCSP (RFC 6960) or a CRL (RFC 5280 section 6.3).

Judged at the time at which the answer was seen. What is not signed by the issuer, or by whom it charged with it, or is
out of date, proves nothing; a revocation that was signed once still holds when the answer is out of date.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from .certificate_path import issued
from .pkix import load
from .spki import key_bits

SKEW = timedelta(minutes=5)  # clocks of responders differ
UNLIMITED_FOR = timedelta(days=7)  # an answer that does not say when the next one comes counts for so long
_DELEGATES = 10  # certificates of an OCSP answer that are looked at
_SINGLE_ANSWERS = 200  # of one OCSP answer
_UNREADABLE = (
    ValueError,
    TypeError,
    NotImplementedError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_KNOWN_CRL_EXTENSIONS = (x509.IssuingDistributionPoint, x509.CRLNumber, x509.AuthorityKeyIdentifier)
_PSS_HASHES = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())


@dataclass(frozen=True, slots=True)
class Answer:
    """`state`: "good", "revoked" or "unseen", then `code` says why. `since` and `reason` are of a revocation."""

    state: str
    code: str
    detail: str = ""
    since: datetime | None = None
    reason: str | None = None


def unseen(code: str, detail: str = "") -> Answer:
    return Answer("unseen", code, detail[:300])


GOOD = Answer("good", "OK")


def judge_ocsp(data: bytes, certificate: bytes, issuer: bytes, at: datetime) -> Answer:
    """An OCSP response about `certificate` (DER), seen at `at`."""
    mine, above = load(certificate), load(issuer)
    if mine is None or above is None:
        return unseen("OCSP_UNREADABLE", "certificate or issuer cannot be read")
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return unseen("OCSP_STATUS", response.response_status.name.lower())
        if not _signed(response, above, at):
            return unseen("OCSP_SIGNATURE", "signed neither by the issuer nor by a responder that it charged")
        single = _about(response, mine, issuer)
        if single is None:
            return unseen("OCSP_OTHER_CERTIFICATE")
        return _status(single, at)
    except _UNREADABLE as error:
        return unseen("OCSP_UNREADABLE", f"{type(error).__name__}: {error}")


def judge_crl(data: bytes, certificate: bytes, issuer: bytes, at: datetime) -> Answer:
    """A CRL that `certificate` (DER) points to, seen at `at`."""
    mine, above = load(certificate), load(issuer)
    if mine is None or above is None:
        return unseen("CRL_UNREADABLE", "certificate or issuer cannot be read")
    try:
        crl = x509.load_der_x509_crl(data)
        key = above.public_key()
        if crl.issuer != mine.issuer or not _may_sign_crls(above):
            return unseen("CRL_SIGNATURE", "another issuer")
        if not isinstance(key, _SIGNING_KEYS) or not crl.is_signature_valid(key):
            return unseen("CRL_SIGNATURE", "not signed by the issuer")
        trouble = _scope_trouble(crl, mine)
        if trouble is not None:
            return unseen("CRL_SCOPE", trouble)
        entry = crl.get_revoked_certificate_by_serial_number(mine.serial_number)
        end = crl.next_update_utc
        late = _out_of_date(crl.last_update_utc, end, at)
        if entry is None:
            return unseen("CRL_OUT_OF_DATE", late) if late else GOOD
        reason = _reason(entry)
        if late and (reason == "certificateHold" or crl.last_update_utc > at + SKEW):
            return unseen("CRL_OUT_OF_DATE", late)
        return Answer("revoked", "CERTIFICATE_REVOKED", "CRL", entry.revocation_date_utc, reason)
    except _UNREADABLE as error:
        return unseen("CRL_UNREADABLE", f"{type(error).__name__}: {error}")


_SIGNING_KEYS = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)


# OCSP


def _signed(response: ocsp.OCSPResponse, issuer: x509.Certificate, at: datetime) -> bool:
    """By the issuer's key, or by one whose certificate the issuer made for signing OCSP answers (section 4.2.2.2)."""
    if _verifies(response, issuer):
        return True
    for delegate in response.certificates[:_DELEGATES]:
        if delegate.issuer != issuer.subject or not _charged(delegate):
            continue
        if not delegate.not_valid_before_utc <= at <= delegate.not_valid_after_utc:
            continue
        if issued(delegate, issuer) and _verifies(response, delegate):
            return True
    return False


def _charged(certificate: x509.Certificate) -> bool:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in purposes


def _verifies(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    """The signature over the answer is one by this certificate's key."""
    key = signer.public_key()
    signature, data = response.signature, response.tbs_response_bytes
    try:
        if isinstance(key, rsa.RSAPublicKey):
            return _verifies_rsa(key, response)
        if isinstance(key, ec.EllipticCurvePublicKey):
            digest = response.signature_hash_algorithm
            if digest is None:
                return False
            key.verify(signature, data, ec.ECDSA(digest))
            return True
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, data)
            return True
    except InvalidSignature:
        return False
    return False


def _verifies_rsa(key: rsa.RSAPublicKey, response: ocsp.OCSPResponse) -> bool:
    """PKCS#1 v1.5 with the hash that the answer names; PSS, whose parameters nothing public tells, by trying."""
    signature, data = response.signature, response.tbs_response_bytes
    if response.signature_algorithm_oid != SignatureAlgorithmOID.RSASSA_PSS:
        digest = response.signature_hash_algorithm
        if digest is None:
            return False
        key.verify(signature, data, padding.PKCS1v15(), digest)
        return True
    for digest in _PSS_HASHES:
        try:
            key.verify(signature, data, padding.PSS(padding.MGF1(digest), padding.PSS.AUTO), digest)
        except InvalidSignature:
            continue
        return True
    return False


def _about(response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: bytes) -> ocsp.OCSPSingleResponse | None:
    """The single answer whose CertID names this certificate and its issuer's name and key."""
    key = key_bits(issuer)
    for position, single in enumerate(response.responses):
        if position >= _SINGLE_ANSWERS:
            return None
        digest = _HASHES.get(single.hash_algorithm.name)
        if digest is None or key is None or single.serial_number != certificate.serial_number:
            continue
        names = digest(certificate.issuer.public_bytes()).digest()
        if single.issuer_name_hash == names and single.issuer_key_hash == digest(key).digest():
            return single
    return None


def _status(single: ocsp.OCSPSingleResponse, at: datetime) -> Answer:
    late = _out_of_date(single.this_update_utc, single.next_update_utc, at)
    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        reason = single.revocation_reason.value if single.revocation_reason is not None else None
        if late and (reason == "certificateHold" or single.this_update_utc > at + SKEW):
            return unseen("OCSP_OUT_OF_DATE", late)
        return Answer("revoked", "CERTIFICATE_REVOKED", "OCSP", single.revocation_time_utc, reason)
    if late:
        return unseen("OCSP_OUT_OF_DATE", late)
    if single.certificate_status is ocsp.OCSPCertStatus.GOOD:
        return GOOD
    return unseen("OCSP_UNKNOWN")


def _out_of_date(start: datetime, end: datetime | None, at: datetime) -> str:
    """Why an answer does not hold at `at`; empty where it does."""
    if start > at + SKEW:
        return f"of {start:%Y-%m-%d %H:%M} UTC, in the future"
    last = end if end is not None else start + UNLIMITED_FOR
    return "" if at <= last + SKEW else f"valid until {last:%Y-%m-%d %H:%M} UTC"


# CRL


def _may_sign_crls(issuer: x509.Certificate) -> bool:
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.crl_sign


def _scope_trouble(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> str | None:
    """Why the CRL need not name this certificate even where it is revoked (RFC 5280 sections 5.2.5 and 6.3.3)."""
    for extension in crl.extensions:
        if extension.critical and not isinstance(extension.value, _KNOWN_CRL_EXTENSIONS):
            return f"critical extension {extension.oid.dotted_string}"
        if isinstance(extension.value, x509.DeltaCRLIndicator):
            return "a delta CRL"
    try:
        scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return None
    if scope.indirect_crl or scope.only_some_reasons is not None or scope.only_contains_attribute_certs:
        return "an indirect CRL, or one for some reasons or attribute certificates only"
    authority = _is_ca(certificate)
    if (scope.only_contains_user_certs and authority) or (scope.only_contains_ca_certs and not authority):
        return "for other certificates only"
    if scope.relative_name is not None:
        return "a name relative to the issuer"
    if scope.full_name is not None and not set(scope.full_name) & _point_names(certificate):
        return "of another distribution point"
    return None


def _point_names(certificate: x509.Certificate) -> set[x509.GeneralName]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return set()
    return {name for point in points for name in point.full_name or ()}


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _reason(entry: x509.RevokedCertificate) -> str | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except (x509.ExtensionNotFound, ValueError):
        return None
