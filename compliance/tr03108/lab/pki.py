"""A private PKI for the lab: root, intermediate and leaf certificates, good and bad, made in memory.

The good chain satisfies RFC 5280 and the CA/Browser Forum profile that `cryptography.x509.verification` enforces, so a
fault is always exactly the one that its variant names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

CA_LIFETIME = timedelta(days=730)
LEAF_LIFETIME = timedelta(days=90)
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

    root_key: PrivateKey
    root: x509.Certificate
    intermediate_key: PrivateKey
    intermediate: x509.Certificate


class Pki:
    """One trusted hierarchy and, made when first needed, one that nobody trusts. All times are relative to `now`."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    @cached_property
    def trusted(self) -> Authority:
        return self._authority("Lab")

    @cached_property
    def untrusted(self) -> Authority:
        return self._authority("Unknown")

    @cached_property
    def _rsa_key(self) -> rsa.RSAPrivateKey:
        """One RSA key for all who ask: generation costs about 0.1 to 1 s."""
        return rsa.generate_private_key(public_exponent=65537, key_size=3072)

    @property
    def ca_pem(self) -> str:
        """The trusted root as PEM, for `--ca-file`."""
        return self.trusted.root.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def chain(self, host: str, variant: Variant = Variant.GOOD, key: str = "P-256") -> Chain:
        """The chain of `variant` for `host`; `key` is "P-256" or "RSA" (3072 bits)."""
        leaf_key: PrivateKey = self._rsa_key if key == "RSA" else ec.generate_private_key(ec.SECP256R1())
        if variant is Variant.SELF_SIGNED:
            return Chain(leaf_key, (self._leaf(host, variant, leaf_key, None),), ())
        authority = self.untrusted if variant is Variant.UNKNOWN_CA else self.trusted
        leaf = self._leaf(host, variant, leaf_key, authority)
        sent: tuple[x509.Certificate, ...] = (leaf, authority.intermediate)
        if variant is Variant.NO_INTERMEDIATE:
            sent = (leaf,)
        elif variant is Variant.WITH_ROOT:
            sent = (leaf, authority.intermediate, authority.root)
        return Chain(leaf_key, sent, (authority.intermediate, authority.root))

    def _authority(self, title: str) -> Authority:
        root_key = ec.generate_private_key(ec.SECP256R1())
        key = ec.generate_private_key(ec.SECP256R1())
        root_name, name = _name(f"{title} Root CA"), _name(f"{title} Issuing CA")
        root = self._ca(root_name, root_key, root_name, root_key, path_length=None)
        return Authority(root_key, root, key, self._ca(name, key, root_name, root_key, path_length=0))

    def _ca(
        self, subject: x509.Name, key: PrivateKey, issuer: x509.Name, issuer_key: PrivateKey, path_length: int | None
    ) -> x509.Certificate:
        usage = _key_usage(key_cert_sign=True, crl_sign=True)
        return (
            self._builder(subject, key, issuer, issuer_key, self._now - BACKDATED, self._now + CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(usage, critical=True)
            .sign(issuer_key, hashes.SHA256())
        )

    def _leaf(self, host: str, variant: Variant, key: PrivateKey, authority: Authority | None) -> x509.Certificate:
        start, end = self._now - BACKDATED, self._now + LEAF_LIFETIME
        if variant is Variant.EXPIRED:
            start, end = self._now - LEAF_LIFETIME, self._now - timedelta(days=2)
        elif variant is Variant.NOT_YET_VALID:
            start = self._now + timedelta(days=2)
        name = {Variant.WRONG_NAME: OTHER_NAME, Variant.WILDCARD: f"*.{host.partition('.')[2]}"}.get(variant, host)
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if variant is Variant.CLIENT_ONLY else ExtendedKeyUsageOID.SERVER_AUTH
        subject = _name(host)
        issuer, issuer_key = subject, key
        if authority is not None:
            issuer, issuer_key = authority.intermediate.subject, authority.intermediate_key
        # The key identifier stays the intermediate's, so that only the signature itself is wrong.
        signing_key = ec.generate_private_key(ec.SECP256R1()) if variant is Variant.BAD_SIGNATURE else issuer_key
        return (
            self._builder(subject, key, issuer, issuer_key, start, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(signing_key, hashes.SHA256())
        )

    def _builder(
        self,
        subject: x509.Name,
        key: PrivateKey,
        issuer: x509.Name,
        issuer_key: PrivateKey,
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


def tlsa_data(certificate: x509.Certificate, usage: int, selector: int, matching: int) -> str:
    """TLSA record data in zone-file form (RFC 6698 section 2.2), such as "3 1 1 <hex>".

    A selector or matching type that RFC 6698 does not define takes the nearest defined form of the data.
    """
    if selector == 0:
        data = certificate.public_bytes(serialization.Encoding.DER)
    else:
        data = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    digests = {0: lambda: data, 2: lambda: hashlib.sha512(data).digest()}
    return f"{usage} {selector} {matching} {digests.get(matching, lambda: hashlib.sha256(data).digest())().hex()}"


def tlsa_record(chain: Chain, text: str) -> str:
    """TLSA record data for what a scenario writes: `USAGE SELECTOR MATCHING [OF] [FAULT]`.

    OF is leaf (default for usages 1 and 3), intermediate (default for 0 and 2), root, or second: the leaf of the other
    type of key. FAULT is `mismatch`
    (well-formed data of some other certificate) or `truncated` (half of the data).
    """
    fields = text.split()
    usage, selector, matching = (int(field) for field in fields[:3])
    words: Sequence[str] = fields[3:]
    certificates = {"leaf": chain.leaf}
    if chain.issuers:
        certificates["intermediate"], certificates["root"] = chain.issuers
    if chain.second is not None:
        certificates["second"] = chain.second.leaf
    unknown = set(words) - set(certificates) - {"mismatch", "truncated"}
    if unknown:
        raise ValueError(f"TLSA {text!r}: {sorted(unknown)} not known here")
    default = "intermediate" if usage in (0, 2) and chain.issuers else "leaf"
    of = next((word for word in words if word in certificates), default)
    data = tlsa_data(certificates[of], usage, selector, matching)
    head, _, octets = data.rpartition(" ")
    if "mismatch" in words:
        octets = f"{int(octets[:2], 16) ^ 0xFF:02x}{octets[2:]}"
    if "truncated" in words:
        octets = octets[: len(octets) // 4 * 2]
    return f"{head} {octets}"


def _name(common_name: str) -> x509.Name:
    # The common name holds at most 64 characters (RFC 5280 appendix A.1, ub-common-name); verifiers read the SAN.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
