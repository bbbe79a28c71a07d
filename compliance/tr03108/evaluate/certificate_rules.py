"""What TR-03116-4 section 6.1 asks of each certificate of a path, as facts: keys, signatures, dates, extensions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, SignatureAlgorithmOID

from .certificate_path import END_ENTITY, ROOT, ServedPath, served_path
from .names import dns_names
from .pkix import load
from .revocation_sources import crl_urls, ocsp_urls
from .spki import has_explicit_curve

_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
}
_HASHES = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
}
_PKCS1 = "RSASSA-PKCS1-v1_5"
_SIGNATURES = {
    SignatureAlgorithmOID.ED25519: "Ed25519",
    SignatureAlgorithmOID.ED448: "Ed448",
}
_NAMES_SHOWN = 20
_SHOWN = ("role", "subject", "sha256", "key", "signed_by", "years", "key_usage", "purposes", "path_length")
Value = TypeVar("Value", bound=x509.ExtensionType)
_YEAR = timedelta(days=365.2425)  # for people; limits are counted by the calendar


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One certificate of a path.

    `role`: "end-entity", "sub-ca" or "root". `signature` is the algorithm of the issuer's signature, `hash` its hash;
    of RSASSA-PSS `mask_hash` is that of MGF1 and `salt` its length in octets. `needed_path_length` is how many CA
    certificates follow below this one before the server's. `issuer_bits` is the size of the issuer's key, where it is
    of the same type. `self_signed`: issued by itself. None: the extension is not there.
    """

    role: str
    subject: str
    sha256: str
    key_type: str
    bits: int
    curve: str | None
    explicit_curve: bool
    signature: str
    hash: str | None
    hash_bits: int
    mask_hash: str | None
    salt: int | None
    not_before: datetime
    not_after: datetime
    self_signed: bool
    key_usage: tuple[str, ...] | None
    key_usage_critical: bool
    purposes: tuple[str, ...] | None
    is_ca: bool
    constraints_critical: bool | None
    path_length: int | None
    needed_path_length: int
    wildcards: tuple[str, ...]
    ocsp: tuple[str, ...]
    crls: tuple[str, ...]
    issuer_bits: int | None

    @property
    def key(self) -> str:
        """The key for people: "RSA 2048 bit", "ECDSA secp256r1"."""
        return f"{self.key_type} {self.curve or f'{self.bits} bit'}"

    @property
    def signed_by(self) -> str:
        """The signature for people: "ECDSA with SHA-256"."""
        return f"{self.signature} with {self.hash}" if self.hash is not None else self.signature

    @property
    def years(self) -> float:
        """The validity, both ends included (RFC 5280 section 4.1.2.5), in years of average length."""
        return round((self.not_after - self.not_before + timedelta(seconds=1)) / _YEAR, 2)

    def valid_longer_than(self, years: int) -> bool:
        """Whether the validity is longer than that many calendar years; its last second is part of it."""
        limit = _later(self.not_before, years)
        return limit is not None and self.not_after >= limit

    def evidence(self) -> Mapping[str, object]:
        """What the report shows of it, beside the certificate itself."""
        return {name: getattr(self, name) for name in _SHOWN}


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """A served chain: the facts of its path, leaf first; empty where the server's certificate cannot be read.

    `explicit_curve`: the server's certificate has a curve without a name, which is why it may not be readable.
    """

    served: ServedPath
    certificates: tuple[CertificateFacts, ...]
    explicit_curve: bool

    @property
    def complete(self) -> bool:
        """No issuer is missing: the last certificate is a root, or signed by itself."""
        last = self.certificates[-1] if self.certificates else None
        return last is not None and (last.role == ROOT or last.self_signed)

    @property
    def authorities(self) -> tuple[CertificateFacts, ...]:
        return self.certificates[1:]


@lru_cache(maxsize=256)
def chain_facts(chain: tuple[bytes, ...], roots: tuple[bytes, ...], time: datetime) -> ChainFacts:
    """The facts of a chain as served; `roots` are the auditor's, `time` the one to verify the path at."""
    path = served_path(chain, roots, time)
    explicit = bool(chain) and has_explicit_curve(chain[0])
    loaded = [load(der) for der in path.certificates]
    if not loaded or loaded[0] is None:
        return ChainFacts(path, (), explicit)
    found: list[CertificateFacts] = []
    for position, (der, certificate) in enumerate(zip(path.certificates, loaded, strict=True)):
        if certificate is None:
            break
        issuer = path.issuer(position)
        above = load(issuer) if issuer is not None else None
        found.append(_facts(der, certificate, path.role(position), max(position - 1, 0), above))
    return ChainFacts(path, tuple(found), explicit)


def _facts(
    der: bytes, certificate: x509.Certificate, role: str, needed: int, issuer: x509.Certificate | None
) -> CertificateFacts:
    key_type, bits, curve = _key(certificate)
    above = _key(issuer) if issuer is not None else None
    signature, digest, mask, salt = _signature(certificate)
    usage = _extension(certificate, x509.KeyUsage)
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    constraints = _extension(certificate, x509.BasicConstraints)
    return CertificateFacts(
        role=role,
        subject=_subject(certificate),
        sha256=hashlib.sha256(der).hexdigest(),
        key_type=key_type,
        bits=bits,
        curve=curve,
        explicit_curve=has_explicit_curve(der),
        signature=signature,
        hash=_hash_name(digest),
        hash_bits=digest.digest_size * 8 if digest is not None else 0,
        mask_hash=_hash_name(mask),
        salt=salt,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        self_signed=issuer == certificate,
        key_usage=tuple(n for a, n in _USAGES.items() if getattr(usage[0], a)) if usage is not None else None,
        key_usage_critical=usage is not None and usage[1],
        purposes=_purposes(purposes[0]) if purposes is not None else None,
        is_ca=constraints is not None and constraints[0].ca,
        constraints_critical=constraints[1] if constraints is not None else None,
        path_length=constraints[0].path_length if constraints is not None else None,
        needed_path_length=needed,
        wildcards=wildcards(certificate),
        ocsp=ocsp_urls(certificate),
        crls=crl_urls(certificate),
        issuer_bits=above[1] if above is not None and above[0] == key_type else None,
    )


def _extension(certificate: x509.Certificate, kind: type[Value]) -> tuple[Value, bool] | None:
    """An extension's value and whether it is critical."""
    try:
        found = certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
    return found.value, found.critical


def _key(certificate: x509.Certificate) -> tuple[str, int, str | None]:
    """Type, size in bits, and the curve's name."""
    key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey():
            return "RSA", key.key_size, None
        case ec.EllipticCurvePublicKey():
            return "ECDSA", key.curve.key_size, key.curve.name
        case dsa.DSAPublicKey():
            return "DSA", key.key_size, None
        case ed25519.Ed25519PublicKey():
            return "Ed25519", 256, None
        case ed448.Ed448PublicKey():
            return "Ed448", 456, None
        case _:
            return type(key).__name__.removesuffix("PublicKey"), 0, None


def _signature(
    certificate: x509.Certificate,
) -> tuple[str, hashes.HashAlgorithm | None, hashes.HashAlgorithm | None, int | None]:
    """Algorithm, hash, and for RSASSA-PSS the hash of MGF1 and the length of the salt."""
    oid = certificate.signature_algorithm_oid
    try:
        digest = certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError, TypeError):
        digest = None
    if oid == SignatureAlgorithmOID.RSASSA_PSS:
        return "RSASSA-PSS", digest, *_pss(certificate)
    name = oid._name.lower()  # "sha256WithRSAEncryption", "ecdsa-with-SHA256", "dsa-with-sha256"
    if digest is not None and "rsa" in name:
        return _PKCS1, digest, None, None
    if digest is not None and "dsa" in name:
        return "ECDSA" if "ecdsa" in name else "DSA", digest, None, None
    return _SIGNATURES.get(oid, oid.dotted_string), digest, None, None


def _pss(certificate: x509.Certificate) -> tuple[hashes.HashAlgorithm | None, int | None]:
    """The hash of MGF1 and the length of the salt."""
    try:
        parameters = certificate.signature_algorithm_parameters
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return None, None
    if not isinstance(parameters, padding.PSS):
        return None, None
    salt = parameters._salt_length  # nothing public tells these two
    return parameters.mgf._algorithm, salt if isinstance(salt, int) else None


def _hash_name(digest: hashes.HashAlgorithm | None) -> str | None:
    return None if digest is None else _HASHES.get(digest.name, digest.name.upper())


def _purposes(usages: x509.ExtendedKeyUsage) -> tuple[str, ...]:
    return tuple(_PURPOSES.get(usage, usage.dotted_string) for usage in list(usages)[:_NAMES_SHOWN])


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()[:300]


def wildcards(certificate: x509.Certificate) -> tuple[str, ...]:
    """Common names and DNS names with an asterisk."""
    common = [attribute.value for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    names = [name for name in common if isinstance(name, str)]
    found = dict.fromkeys(name for name in (*names, *dns_names(certificate)) if "*" in name)
    return tuple(found)[:_NAMES_SHOWN]


def _later(moment: datetime, years: int) -> datetime | None:
    """The same day some years later, 1 March for a 29 February that is not there; None after the year 9999."""
    if moment.year + years > MAXYEAR:
        return None
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, month=3, day=1)


def without_root(certificates: Sequence[CertificateFacts]) -> tuple[CertificateFacts, ...]:
    """The certificates whose signature somebody has to trust: all but the root."""
    return tuple(certificate for certificate in certificates if certificate.role != ROOT)


def names_an_authority(facts: ChainFacts, wanted: Sequence[str]) -> str | None:
    """The first name of `wanted` that an issuing certificate of the path bears.

    Compared with common name, organization, whole subject (RFC 4514) and subject key identifier in hex; without regard
    to case, colons and spaces around them.
    """
    asked = {_plain(name): name for name in wanted}
    for der, certificate in zip(facts.served.certificates, facts.certificates, strict=False):
        loaded = load(der)
        if certificate.role == END_ENTITY or loaded is None:
            continue
        for name in _authority_names(loaded):
            if _plain(name) in asked:
                return asked[_plain(name)]
    return None


def _authority_names(certificate: x509.Certificate) -> list[str]:
    names = [certificate.subject.rfc4514_string()]
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        names += [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)]
    identifier = _extension(certificate, x509.SubjectKeyIdentifier)
    if identifier is not None:
        names.append(identifier[0].digest.hex())
    return names


def _plain(name: str) -> str:
    bare = name.strip().casefold()
    digits = bare.replace(":", "").replace(" ", "")
    return digits if len(digits) >= 20 and all(c in "0123456789abcdef" for c in digits) else bare
