"""A private PKI for the lab: root, intermediate and leaf certificates, good and bad, made in memory.

The good chain satisfies RFC 5280 and the CA/Browser Forum profile that `cryptography.x509.verification` enforces, so a
fault is always exactly the one that its variant names.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from OpenSSL import crypto

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
AuthorityKey = PrivateKey | ed25519.Ed25519PrivateKey

ROOT_LIFETIME = timedelta(days=2000)
CA_LIFETIME = timedelta(days=730)
LEAF_LIFETIME = timedelta(days=90)
LONG_LIFETIME = timedelta(days=3650)
RESPONDER = "pki.lab-authority.example"  # where OCSP and CRLs of all lab authorities are
BACKDATED = timedelta(hours=1)  # certificates are valid a little before `now`, as real CAs issue them
OTHER_NAME = "somebody-else.example"


class Variant(StrEnum):
    """Which chain a server presents; every variant but the good ones carries one fault."""

    GOOD = "good"  # leaf and intermediate, SAN = host name
    WILDCARD = "wildcard"  # SAN = *.parent of the host name
    WITH_ROOT = "with-root"  # good, and the root is sent as well
    SELF_SIGNED = "self-signed"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_NAME = "wrong-name"
    NO_INTERMEDIATE = "no-intermediate"  # the leaf alone
    UNKNOWN_CA = "unknown-ca"  # complete and correct, under a root that nobody trusts
    CLIENT_ONLY = "client-only"  # extended key usage without serverAuth
    BAD_SIGNATURE = "bad-signature"  # the leaf's signature does not verify under the intermediate's key
    # the rules of TR-03116-4 section 6.1: paths that verify
    RSA_2048 = "rsa-2048"
    SHA1 = "sha1"  # the leaf's signature is made with SHA-1
    TEN_YEARS = "ten-years"
    NO_KEY_USAGE = "no-key-usage"
    KEY_USAGE_NOT_CRITICAL = "key-usage-not-critical"
    KEY_USAGE_WRONG = "key-usage-wrong"  # may sign certificates
    KEY_USAGE_WIDE = "key-usage-wide"  # may encrypt keys too
    NO_PURPOSE = "no-purpose"  # no extended key usage
    MANY_PURPOSES = "many-purposes"
    NO_ADDRESSES = "no-addresses"  # neither OCSP nor CRL
    # of its issuing CA
    NO_PATH_LENGTH = "no-path-length"
    LARGE_PATH_LENGTH = "large-path-length"
    CONSTRAINTS_NOT_CRITICAL = "constraints-not-critical"
    NO_CONSTRAINTS = "no-constraints"
    PKCS1 = "pkcs1"  # signs as RSASSA-PKCS1-v1_5
    ED25519 = "ed25519"
    SHORT_ISSUER = "short-issuer"  # RSA with 2048 bits, under a leaf with 3072
    OLD_ROOT = "old-root"  # a trusted root that is valid for twenty years
    # what its OCSP responder says (Status in responder.py); nobody publishes a CRL unless the name says so
    OCSP_REVOKED = "ocsp-revoked"
    OCSP_SILENT = "ocsp-silent"
    OCSP_GARBAGE = "ocsp-garbage"
    OCSP_WRONG_SIGNER = "ocsp-wrong-signer"
    OCSP_EXPIRED = "ocsp-expired"
    OCSP_UNKNOWN = "ocsp-unknown"
    OCSP_TRY_LATER = "ocsp-try-later"
    OCSP_STATUS_500 = "ocsp-status-500"
    OCSP_OVERSIZED = "ocsp-oversized"
    OCSP_DELEGATED = "ocsp-delegated"  # good, signed by a responder that the CA charged
    OCSP_HTTPS = "ocsp-https"  # an address that is not asked
    CRL_ONLY = "crl-only"
    CRL_AFTER_SILENCE = "crl-after-silence"  # the responder is silent, the CRL says good
    CRL_REVOKED = "crl-revoked"
    CRL_EXPIRED = "crl-expired"
    CRL_WRONG_SIGNER = "crl-wrong-signer"


@dataclass(frozen=True, slots=True)
class Chain:
    """What one server has: its key, the certificates it sends (leaf first), and those above that it does not send."""

    key: PrivateKey
    sent: tuple[x509.Certificate, ...]
    issuers: tuple[x509.Certificate, ...]  # intermediate, root; empty for a self-signed certificate
    second: Chain | None = None  # of another type of key, for clients that cannot use the first

    @property
    def leaf(self) -> x509.Certificate:
        return self.sent[0]


@dataclass(frozen=True, slots=True)
class Authority:
    """A root with one intermediate, which issues."""

    title: str
    root_key: AuthorityKey
    root: x509.Certificate
    intermediate_key: AuthorityKey
    intermediate: x509.Certificate


class Pki:
    """One trusted hierarchy and, made when first needed, one that nobody trusts. All times are relative to `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.revoked: set[int] = set()  # serial numbers, for CRLs
        self._special: dict[Variant, Authority] = {}

    @cached_property
    def trusted(self) -> Authority:
        return self._authority("Lab")

    @cached_property
    def untrusted(self) -> Authority:
        return self._authority("Unknown")

    @cached_property
    def old(self) -> Authority:
        return self._authority("Old", lifetime=2 * LONG_LIFETIME)

    @property
    def authorities(self) -> tuple[Authority, ...]:
        """All that issue, for who answers in their name."""
        return (self.trusted, self.untrusted, self.old, *self._special.values())

    @cached_property
    def _rsa_key(self) -> rsa.RSAPrivateKey:
        """One RSA key for all who ask: generation costs about 0.1 to 1 s."""
        return rsa.generate_private_key(public_exponent=65537, key_size=3072)

    @property
    def ca_pem(self) -> str:
        """The trusted roots as PEM, for `--ca-file`."""
        roots = (self.trusted.root, self.old.root)
        return "".join(root.public_bytes(serialization.Encoding.PEM).decode("ascii") for root in roots)

    def chain(
        self, host: str, variant: Variant = Variant.GOOD, key: str = "P-256", others: Sequence[str] = ()
    ) -> Chain:
        """The chain of `variant` for `host`, and for the names of `others`; `key` is "P-256" or "RSA" (3072 bits)."""
        leaf_key = self._leaf_key(variant, key)
        if variant is Variant.SELF_SIGNED:
            return Chain(leaf_key, (self._leaf(host, variant, leaf_key, None, others),), ())
        authority = self._issuer(variant)
        leaf = self._leaf(host, variant, leaf_key, authority, others)
        sent: tuple[x509.Certificate, ...] = (leaf, authority.intermediate)
        if variant is Variant.NO_INTERMEDIATE:
            sent = (leaf,)
        elif variant is Variant.WITH_ROOT:
            sent = (leaf, authority.intermediate, authority.root)
        return Chain(leaf_key, sent, (authority.intermediate, authority.root))

    def _leaf_key(self, variant: Variant, key: str) -> PrivateKey:
        if variant is Variant.RSA_2048:
            return self._short_rsa_key
        if key == "RSA" or variant is Variant.SHORT_ISSUER:
            return self._rsa_key
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def _short_rsa_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def _issuer(self, variant: Variant) -> Authority:
        """The authority that issues certificates of `variant`; one with a fault is below the trusted root as well."""
        if variant is Variant.UNKNOWN_CA:
            return self.untrusted
        if variant is Variant.OLD_ROOT:
            return self.old
        if variant not in _ISSUERS:
            return self.trusted
        if variant not in self._special:
            title = f"Lab {variant.value}"
            key = self._issuer_key(variant)
            intermediate = self._ca(
                _name(f"{title} CA"), key, self.trusted.root.subject, self.trusted.root_key, variant
            )
            self._special[variant] = Authority(title, self.trusted.root_key, self.trusted.root, key, intermediate)
        return self._special[variant]

    def _issuer_key(self, variant: Variant) -> AuthorityKey:
        match variant:
            case Variant.PKCS1:
                return self._rsa_key
            case Variant.SHORT_ISSUER:
                return self._short_rsa_key
            case Variant.ED25519:
                return ed25519.Ed25519PrivateKey.generate()
            case _:
                return ec.generate_private_key(ec.SECP256R1())

    def _authority(self, title: str, lifetime: timedelta = ROOT_LIFETIME) -> Authority:
        root_key = ec.generate_private_key(ec.SECP256R1())
        key = ec.generate_private_key(ec.SECP256R1())
        root_name = _name(f"{title} Root CA")
        root = (
            self._builder(root_name, root_key, root_name, root_key, self.now - BACKDATED, self.now + lifetime)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .sign(root_key, hashes.SHA256())
        )
        return Authority(title, root_key, root, key, self._ca(_name(f"{title} Issuing CA"), key, root_name, root_key))

    def _ca(
        self,
        subject: x509.Name,
        key: AuthorityKey,
        issuer: x509.Name,
        issuer_key: AuthorityKey,
        variant: Variant = Variant.GOOD,
    ) -> x509.Certificate:
        """An issuing CA below a root."""
        length = {Variant.NO_PATH_LENGTH: None, Variant.LARGE_PATH_LENGTH: 3}.get(variant, 0)
        builder = self._builder(subject, key, issuer, issuer_key, self.now - BACKDATED, self.now + CA_LIFETIME)
        builder = builder.add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        if variant is not Variant.NO_CONSTRAINTS:
            critical = variant is not Variant.CONSTRAINTS_NOT_CRITICAL
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=critical)
        return _with_addresses(builder, issuer, Variant.GOOD).sign(issuer_key, hash_for(issuer_key))

    def _leaf(
        self, host: str, variant: Variant, key: PrivateKey, authority: Authority | None, others: Sequence[str] = ()
    ) -> x509.Certificate:
        start, end = self.now - BACKDATED, self.now + LEAF_LIFETIME
        if variant is Variant.EXPIRED:
            start, end = self.now - LEAF_LIFETIME, self.now - timedelta(days=2)
        elif variant is Variant.NOT_YET_VALID:
            start = self.now + timedelta(days=2)
        elif variant is Variant.TEN_YEARS:
            start, end = self.now - LONG_LIFETIME + LEAF_LIFETIME, self.now + LEAF_LIFETIME
        name = {Variant.WRONG_NAME: OTHER_NAME, Variant.WILDCARD: f"*.{host.partition('.')[2]}"}.get(variant, host)
        subject = _name(host)
        issuer, issuer_key = subject, cast(AuthorityKey, key)
        if authority is not None:
            issuer, issuer_key = authority.intermediate.subject, authority.intermediate_key
        # The key identifier stays the intermediate's, so that only the signature itself is wrong.
        signing_key = ec.generate_private_key(ec.SECP256R1()) if variant is Variant.BAD_SIGNATURE else issuer_key
        builder = (
            self._builder(subject, key, issuer, issuer_key, start, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(each) for each in (name, *others)]), critical=False
            )
        )
        builder = _with_usage(builder, variant)
        if authority is not None:
            builder = _with_addresses(builder, issuer, variant)
        leaf = builder.sign(signing_key, hash_for(signing_key))
        if variant is Variant.CRL_REVOKED:
            self.revoked.add(leaf.serial_number)
        return _signed_with_sha1(leaf, signing_key) if variant is Variant.SHA1 else leaf

    def _builder(
        self,
        subject: x509.Name,
        key: AuthorityKey,
        issuer: x509.Name,
        issuer_key: AuthorityKey,
        start: datetime,
        end: datetime,
    ) -> x509.CertificateBuilder:
        authority_key_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(authority_key_identifier, critical=False)
        )


_ISSUERS = {
    Variant.NO_PATH_LENGTH,
    Variant.LARGE_PATH_LENGTH,
    Variant.CONSTRAINTS_NOT_CRITICAL,
    Variant.NO_CONSTRAINTS,
    Variant.PKCS1,
    Variant.ED25519,
    Variant.SHORT_ISSUER,
}
_CRLS = {Variant.CRL_ONLY, Variant.CRL_REVOKED, Variant.CRL_EXPIRED, Variant.CRL_WRONG_SIGNER}
_OCSP_ALONE = {variant for variant in Variant if variant.value.startswith("ocsp-")}


def slug(name: x509.Name) -> str:
    """An authority's name as a part of addresses."""
    return str(name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value).lower().replace(" ", "-")


def _with_addresses(builder: x509.CertificateBuilder, issuer: x509.Name, variant: Variant) -> x509.CertificateBuilder:
    """OCSP responder and CRL of the issuer: http://RESPONDER/ISSUER/STATUS, which says how it answers."""
    if variant is Variant.NO_ADDRESSES:
        return builder
    status = variant.value.partition("-")[2]
    ocsp = status if variant in _OCSP_ALONE else "silent" if variant is Variant.CRL_AFTER_SILENCE else "good"
    scheme = "https" if variant is Variant.OCSP_HTTPS else "http"
    crl = status if variant in _CRLS and variant is not Variant.CRL_ONLY else "good"
    base = f"{RESPONDER}/{slug(issuer)}"
    if variant not in _CRLS:
        uri = x509.UniformResourceIdentifier(f"{scheme}://{base}/{ocsp}")
        access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, uri)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    if variant not in _OCSP_ALONE:
        uri = x509.UniformResourceIdentifier(f"http://{base}/{crl}.crl")
        point = x509.DistributionPoint([uri], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder


def _with_usage(builder: x509.CertificateBuilder, variant: Variant) -> x509.CertificateBuilder:
    """Key usage and extended key usage of a leaf."""
    if variant is not Variant.NO_KEY_USAGE:
        usage = _key_usage(
            digital_signature=True,
            key_encipherment=variant is Variant.KEY_USAGE_WIDE,
            key_cert_sign=variant is Variant.KEY_USAGE_WRONG,
        )
        builder = builder.add_extension(usage, critical=variant is not Variant.KEY_USAGE_NOT_CRITICAL)
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH if variant is Variant.CLIENT_ONLY else ExtendedKeyUsageOID.SERVER_AUTH]
    if variant is Variant.MANY_PURPOSES:
        purposes.append(ExtendedKeyUsageOID.EMAIL_PROTECTION)
    if variant is not Variant.NO_PURPOSE:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder


def hash_for(key: AuthorityKey) -> hashes.SHA256 | None:
    """Ed25519 has its own hash."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _signed_with_sha1(certificate: x509.Certificate, key: AuthorityKey) -> x509.Certificate:
    """The same certificate under a signature with SHA-1, which `cryptography` does not make."""
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{type(key).__name__} does not sign with SHA-1 here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what replaces it, nothing signs with SHA-1
        other = crypto.X509.from_cryptography(certificate)
        other.sign(crypto.PKey.from_cryptography_key(key), "sha1")
    return other.to_cryptography()


def _name(common_name: str) -> x509.Name:
    # The common name holds at most 64 characters (RFC 5280 appendix A.1, ub-common-name); verifiers read the SAN.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _key_usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
