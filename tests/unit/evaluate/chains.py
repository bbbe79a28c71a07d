"""Certificate chains as servers send them, sound and broken, made in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tr03108.evaluate.dane import TlsaRecord

HOST = "mx.example.test"
OTHER = "elsewhere.example.test"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Shape:
    """A chain as sent (leaf first), the leaf's key, and every certificate that has to do with it by its part."""

    chain: tuple[x509.Certificate, ...]
    key: ec.EllipticCurvePrivateKey
    parts: Mapping[str, x509.Certificate]

    @property
    def ders(self) -> tuple[bytes, ...]:
        return tuple(der(certificate) for certificate in self.chain)


class Maker:
    """Makes certificates around a point in time."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.root_key, self.ca_key, self.leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self.root = self.ca("Root", self.root_key)
        self.intermediate = self.ca("Issuing", self.ca_key, self.root)

    def ca(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Certificate | None = None,
        *,
        days: tuple[int, int] = (-100, 100),
        is_ca: bool = True,
        purpose: x509.ObjectIdentifier | None = None,
        path_length: int | None = None,
    ) -> x509.Certificate:
        """A CA certificate, self-signed without `issuer` (which is always the root)."""
        builder = self._builder(name, key, issuer, days)
        builder = builder.add_extension(x509.BasicConstraints(is_ca, path_length if is_ca else None), critical=True)
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.sign(key if issuer is None else self.root_key, hashes.SHA256())

    def leaf(
        self,
        issuer: x509.Certificate | None = None,
        *,
        names: tuple[str, ...] = (HOST,),
        days: tuple[int, int] = (-10, 10),
        purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
        signer: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        """A server's certificate, self-signed without `issuer`; `signer` is the issuing CA's key unless given."""
        builder = self._builder(HOST, self.leaf_key, issuer, days)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        if names:
            san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(san, critical=False)
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.sign(signer or (self.leaf_key if issuer is None else self.ca_key), hashes.SHA256())

    def _builder(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        issuer: x509.Certificate | None,
        days: tuple[int, int],
    ) -> x509.CertificateBuilder:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if issuer is None else issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + days[0] * DAY)
            .not_valid_after(self.now + days[1] * DAY)
        )

    def shape(self, name: str) -> Shape:
        """One of SHAPES."""
        chain = _MADE[name](self)
        parts = {"root": self.root, "intermediate": self.intermediate}
        parts |= {f"sent{position}": certificate for position, certificate in enumerate(chain)}
        return Shape(chain, self.leaf_key, parts)


Made = Callable[[Maker], tuple[x509.Certificate, ...]]


def _under(maker: Maker, ca: x509.Certificate) -> tuple[x509.Certificate, ...]:
    return (maker.leaf(ca), ca, maker.root)


def _twice(certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
    return (certificate, certificate)


def _issuing(maker: Maker, **how: object) -> x509.Certificate:
    return maker.ca("Issuing", maker.ca_key, maker.root, **how)  # type: ignore[arg-type]


_MADE: Mapping[str, Made] = {
    "leaf alone": lambda m: (m.leaf(m.intermediate),),
    "leaf and intermediate": lambda m: (m.leaf(m.intermediate), m.intermediate),
    "leaf, intermediate and root": lambda m: (m.leaf(m.intermediate), m.intermediate, m.root),
    "wrong order": lambda m: (m.leaf(m.intermediate), m.root, m.intermediate),
    "root without intermediate": lambda m: (m.leaf(m.intermediate), m.root),
    "leaf sent twice": lambda m: _twice(m.leaf(m.intermediate)),
    "self-signed": lambda m: (m.leaf(),),
    "self-signed sent twice": lambda m: _twice(m.leaf()),
    "unrelated CA": lambda m: (
        m.leaf(m.intermediate),
        m.intermediate,
        m.ca("Stranger", ec.generate_private_key(ec.SECP256R1())),
    ),
    "namesake CA": lambda m: (m.leaf(m.intermediate), m.ca("Issuing", ec.generate_private_key(ec.SECP256R1()))),
    "wrong signature": lambda m: (
        m.leaf(m.intermediate, signer=ec.generate_private_key(ec.SECP256R1())),
        m.intermediate,
        m.root,
    ),
    "expired leaf": lambda m: (m.leaf(m.intermediate, days=(-10, -1)), m.intermediate, m.root),
    "expired self-signed": lambda m: (m.leaf(days=(-10, -1)),),
    "leaf of tomorrow": lambda m: (m.leaf(m.intermediate, days=(1, 10)), m.intermediate, m.root),
    "expired intermediate": lambda m: _under(m, _issuing(m, days=(-10, -1))),
    "expired root": lambda m: (m.leaf(m.intermediate), m.intermediate, m.ca("Root", m.root_key, days=(-10, -1))),
    "two intermediates of one key, one expired": lambda m: (
        m.leaf(m.intermediate),
        _issuing(m, days=(-10, -1)),
        m.intermediate,
        m.root,
    ),
    "intermediate is no CA": lambda m: _under(m, _issuing(m, is_ca=False)),
    "intermediate for mail signatures": lambda m: _under(m, _issuing(m, purpose=ExtendedKeyUsageOID.EMAIL_PROTECTION)),
    "leaf for clients": lambda m: (
        m.leaf(m.intermediate, purpose=ExtendedKeyUsageOID.CLIENT_AUTH),
        m.intermediate,
        m.root,
    ),
    "leaf for any purpose": lambda m: (
        m.leaf(m.intermediate, purpose=ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE),
        m.intermediate,
        m.root,
    ),
    "intermediate for any purpose": lambda m: _under(
        m, _issuing(m, purpose=ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    ),
    "wrong name": lambda m: (m.leaf(m.intermediate, names=(OTHER,)), m.intermediate, m.root),
    "wildcard": lambda m: (m.leaf(m.intermediate, names=("*.example.test",)), m.intermediate, m.root),
    "wildcard of too few labels": lambda m: (m.leaf(m.intermediate, names=("*.test",)), m.intermediate, m.root),
    "part of a label as wildcard": lambda m: (m.leaf(m.intermediate, names=("m*.example.test",)), m.intermediate),
    "name only as common name": lambda m: (m.leaf(m.intermediate, names=()), m.intermediate, m.root),
}
SHAPES = tuple(_MADE)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def record(certificate: x509.Certificate, usage: int, selector: int, mtype: int) -> TlsaRecord:
    """The TLSA record that matches a certificate."""
    data = der(certificate) if selector == 0 else spki(certificate)
    return raw_record(
        usage, selector, mtype, {1: hashlib.sha256, 2: hashlib.sha512}[mtype](data).digest() if mtype else data
    )


def raw_record(usage: int, selector: int, mtype: int, data: bytes) -> TlsaRecord:
    return TlsaRecord(usage, selector, mtype, data)
