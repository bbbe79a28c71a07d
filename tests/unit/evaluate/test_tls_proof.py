"""Who made a signature in a handshake: every scheme, by the key it belongs to and by no other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tr03108.evaluate.tls.proof import certificate_verify_signed, key_exchange_signed, signed_by
from tr03108.wire.tls.server_messages import KeyExchange

SSL30, TLS10, TLS11, TLS12, TLS13 = range(0x0300, 0x0305)
DATA = b"what is signed"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
# Algorithm and parameters of a public key (RFC 4055): of one length.
RSA_ENCRYPTION, RSASSA_PSS = bytes.fromhex("06092a864886f70d0101010500"), bytes.fromhex("06092a864886f70d01010a3000")
# RFC 8448 section 3: certificate, signature, and the transcript hash up to Certificate.
TRACE_CERTIFICATE = bytes.fromhex(
    "308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c300a06035504031303727361301e170d313630"
    "3733303031323335395a170d3236303733303031323335395a300e310c300a0603550403130372736130819f300d06092a864886f70d"
    "010101050003818d0030818902818100b4bb498f8279303d980836399b36c6988c0c68de55e1bdb826d3901a2461eafd2de49a91d015"
    "abbc9a95137ace6c1af19eaa6af98c7ced43120998e187a80ee0ccb0524b1b018c3e0b63264d449a6d38e22a5fda430846748030530e"
    "f0461c8ca9d9efbfae8ea6d1d03e2bd193eff0ab9a8002c47428a6d35a8d88d79f7f1e3f0203010001a31a301830090603551d130402"
    "3000300b0603551d0f0404030205a0300d06092a864886f70d01010b05000381810085aad2a0e5b9276b908c65f73a7267170618a54c"
    "5f8a7b337d2df7a594365417f2eae8f8a58c8f8172f9319cf36b7fd6c55b80f21a03015156726096fd335e5e67f2dbf102702e608cca"
    "e6bec1fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b1c3b84e0a8b2f759409ba3eac9d91d402dcc0cc8f8961229ac9187b42b4de1"
)
TRACE_SIGNATURE = bytes.fromhex(
    "5a747c5d88fa9bd2e55ab085a61015b7211f824cd484145ab3ff52f1fda8477b0b7abc90db78e2d33a5c141a078653fa6bef780c5ea2"
    "48eeaaa785c4f394cab6d30bbe8d4859ee511f602957b15411ac027671459e46445c9ea58c181e818e95b8c3fb0bf3278409d3be152a"
    "3da5043e063dda65cdf5aea20d53dfacd42f74f3"
)
TRACE_HASH = bytes.fromhex("764d6632b3c35c3f3205e3499ac3edbaabb88295fba751461d3678e2e5ea0687")
Sign = Callable[[Any, hashes.HashAlgorithm], bytes]


@cache
def key_of(kind: str) -> Any:
    """A private key; made once for all tests."""
    makers: dict[str, Callable[[], Any]] = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "other rsa": lambda: rsa.generate_private_key(65537, 2048),
        "pss": lambda: rsa.generate_private_key(65537, 2048),
        "dsa": lambda: dsa.generate_private_key(1024),
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "bp256": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
        "bp384": lambda: ec.generate_private_key(ec.BrainpoolP384R1()),
        "bp512": lambda: ec.generate_private_key(ec.BrainpoolP512R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ed448": ed448.Ed448PrivateKey.generate,
        "mldsa44": mldsa.MLDSA44PrivateKey.generate,
        "mldsa65": mldsa.MLDSA65PrivateKey.generate,
        "mldsa87": mldsa.MLDSA87PrivateKey.generate,
        "x25519": x25519.X25519PrivateKey.generate,
    }
    return makers[kind]()


@cache
def certificate_of(kind: str) -> bytes:
    """A certificate (DER) for the key, issued by another."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.example.org")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key_of(kind).public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    der = builder.sign(key_of("p256"), hashes.SHA256()).public_bytes(Encoding.DER)
    return as_pss(der) if kind == "pss" else der


def as_pss(der: bytes) -> bytes:
    """The certificate with a key that is for PSS only: `cryptography` makes none."""
    spki = key_of("pss").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert der.count(spki) == 1
    return der.replace(spki, spki.replace(RSA_ENCRYPTION, RSASSA_PSS))


def pkcs1(key: Any, algorithm: hashes.HashAlgorithm) -> bytes:
    signature: bytes = key.sign(DATA, padding.PKCS1v15(), algorithm)
    return signature


def pss(key: Any, algorithm: hashes.HashAlgorithm) -> bytes:
    signature: bytes = key.sign(DATA, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
    return signature


def dss(key: Any, algorithm: hashes.HashAlgorithm) -> bytes:
    signature: bytes = key.sign(DATA, algorithm)
    return signature


def ecdsa(key: Any, algorithm: hashes.HashAlgorithm) -> bytes:
    signature: bytes = key.sign(DATA, ec.ECDSA(algorithm))
    return signature


def pure(key: Any, algorithm: hashes.HashAlgorithm) -> bytes:
    signature: bytes = key.sign(DATA)
    return signature


SHA1, SHA224, SHA256, SHA384, SHA512 = hashes.SHA1(), hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
# Scheme, key, how it signs, hash.
SCHEMES: list[tuple[int, str, Sign, hashes.HashAlgorithm]] = [
    (0x0101, "rsa", pkcs1, hashes.MD5()),
    *((code, "rsa", pkcs1, digest) for code, digest in ((0x0201, SHA1), (0x0301, SHA224), (0x0401, SHA256))),
    *((code, "rsa", pkcs1, digest) for code, digest in ((0x0501, SHA384), (0x0601, SHA512))),
    *((code, "dsa", dss, digest) for code, digest in ((0x0202, SHA1), (0x0302, SHA224), (0x0402, SHA256))),
    *((code, "dsa", dss, digest) for code, digest in ((0x0502, SHA384), (0x0602, SHA512))),
    *((code, "p256", ecdsa, digest) for code, digest in ((0x0203, SHA1), (0x0303, SHA224), (0x0403, SHA256))),
    (0x0503, "p384", ecdsa, SHA384),
    (0x0603, "p521", ecdsa, SHA512),
    *((code, "rsa", pss, digest) for code, digest in ((0x0804, SHA256), (0x0805, SHA384), (0x0806, SHA512))),
    *((code, "pss", pss, digest) for code, digest in ((0x0809, SHA256), (0x080A, SHA384), (0x080B, SHA512))),
    (0x081A, "bp256", ecdsa, SHA256),
    (0x081B, "bp384", ecdsa, SHA384),
    (0x081C, "bp512", ecdsa, SHA512),
    (0x0807, "ed25519", pure, SHA256),
    (0x0808, "ed448", pure, SHA256),
    (0x0904, "mldsa44", pure, SHA256),
    (0x0905, "mldsa65", pure, SHA256),
    (0x0906, "mldsa87", pure, SHA256),
]
KINDS = [
    "rsa",
    "pss",
    "dsa",
    "p256",
    "p384",
    "p521",
    "bp256",
    "bp384",
    "bp512",
    "ed25519",
    "ed448",
    "mldsa44",
    "x25519",
]


@pytest.mark.parametrize(("scheme", "kind", "sign", "digest"), SCHEMES, ids=[f"{row[0]:04x}" for row in SCHEMES])
@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_every_scheme(scheme: int, kind: str, sign: Sign, digest: hashes.HashAlgorithm, version: int) -> None:
    certificate, signature = certificate_of(kind), sign(key_of(kind), digest)
    assert signed_by(certificate, version, scheme, DATA, signature) is True
    assert signed_by(certificate, version, scheme, DATA + b"!", signature) is False
    changed = signature[:-1] + bytes((signature[-1] ^ 1,))
    assert signed_by(certificate, version, scheme, DATA, changed) is False
    for wrong in (b"", b"\x00", signature[:-1], signature + b"\x00"):
        assert signed_by(certificate, version, scheme, DATA, wrong) is False


@pytest.mark.parametrize(("scheme", "kind", "sign", "digest"), SCHEMES, ids=[f"{row[0]:04x}" for row in SCHEMES])
def test_no_other_key_fits(scheme: int, kind: str, sign: Sign, digest: hashes.HashAlgorithm) -> None:
    signature = sign(key_of(kind), digest)
    for other in KINDS:
        if other != kind:
            assert signed_by(certificate_of(other), TLS13, scheme, DATA, signature) is False, other


def test_the_key_of_another_certificate() -> None:
    assert signed_by(certificate_of("other rsa"), TLS12, 0x0401, DATA, pkcs1(key_of("rsa"), SHA256)) is False


@pytest.mark.parametrize(
    ("kind", "scheme", "digest"), [("p384", 0x0403, SHA256), ("bp256", 0x0403, SHA256), ("p256", 0x0603, SHA512)]
)
def test_curves_are_bound_in_tls_1_3_only(kind: str, scheme: int, digest: hashes.HashAlgorithm) -> None:
    signature = ecdsa(key_of(kind), digest)
    assert signed_by(certificate_of(kind), TLS12, scheme, DATA, signature) is True
    assert signed_by(certificate_of(kind), TLS13, scheme, DATA, signature) is False


def test_pss_binds_the_kind_of_key_and_the_salt() -> None:
    assert signed_by(certificate_of("rsa"), TLS13, 0x0809, DATA, pss(key_of("rsa"), SHA256)) is False
    assert signed_by(certificate_of("pss"), TLS13, 0x0804, DATA, pss(key_of("pss"), SHA256)) is False
    assert signed_by(certificate_of("pss"), TLS12, 0x0401, DATA, pkcs1(key_of("pss"), SHA256)) is False
    short = key_of("rsa").sign(DATA, padding.PSS(padding.MGF1(SHA256), 20), SHA256)
    assert signed_by(certificate_of("rsa"), TLS13, 0x0804, DATA, short) is False


@pytest.mark.parametrize("version", [SSL30, TLS10, TLS11])
def test_rsa_before_tls_1_2(version: int) -> None:
    both = hashlib.md5(DATA).digest() + hashlib.sha1(DATA).digest()
    signature = raw_pkcs1(both)
    for scheme in (None, 0x0401):  # no scheme is named on the wire: one that is given does not count
        assert signed_by(certificate_of("rsa"), version, scheme, DATA, signature) is True
        assert signed_by(certificate_of("rsa"), version, scheme, DATA + b"!", signature) is False
    assert signed_by(certificate_of("other rsa"), version, None, DATA, signature) is False
    assert signed_by(certificate_of("pss"), version, None, DATA, signature) is False
    for wrong in (raw_pkcs1(both[:-1]), raw_pkcs1(both[16:]), pkcs1(key_of("rsa"), SHA1), signature[:-1], b""):
        assert signed_by(certificate_of("rsa"), version, None, DATA, wrong) is False


def raw_pkcs1(content: bytes) -> bytes:
    """RSA PKCS#1 v1.5 of type 1 around the content as it is, which `cryptography` does not make."""
    numbers = key_of("rsa").private_numbers()
    size = 256
    padded = b"\x00\x01" + b"\xff" * (size - 3 - len(content)) + b"\x00" + content
    signature: int = pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n)
    return signature.to_bytes(size, "big")


@pytest.mark.parametrize("version", [SSL30, TLS10, TLS11])
def test_dsa_and_ecdsa_before_tls_1_2_take_sha_1(version: int) -> None:
    assert signed_by(certificate_of("dsa"), version, None, DATA, dss(key_of("dsa"), SHA1)) is True
    assert signed_by(certificate_of("dsa"), version, None, DATA, dss(key_of("dsa"), SHA256)) is False
    assert signed_by(certificate_of("bp384"), version, None, DATA, ecdsa(key_of("bp384"), SHA1)) is True
    assert signed_by(certificate_of("bp384"), version, None, DATA, ecdsa(key_of("bp384"), SHA256)) is False
    assert signed_by(certificate_of("ed25519"), version, None, DATA, pure(key_of("ed25519"), SHA1)) is False


@pytest.mark.parametrize("scheme", [None, 0x0000, 0x0708, 0x0709, 0x0840, 0x0911, 0x0400, 0x0404, 0x0701, 0xFFFF])
def test_unknown_schemes_are_not_judged(scheme: int | None) -> None:
    for version in (TLS12, TLS13):
        assert signed_by(certificate_of("p256"), version, scheme, DATA, ecdsa(key_of("p256"), SHA256)) is None


@pytest.mark.parametrize("certificate", [b"", b"junk", b"\x30\x03\x02\x01\x00"])
def test_unreadable_certificates_are_not_judged(certificate: bytes) -> None:
    for version in (TLS11, TLS12, TLS13):
        assert signed_by(certificate, version, 0x0403, DATA, b"signature") is None


def test_an_rsa_key_too_short_for_its_scheme_proves_nothing() -> None:
    key = rsa.generate_private_key(65537, 1024)
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    der = builder.sign(key, SHA256).public_bytes(Encoding.DER)
    assert not signed_by(der, TLS13, 0x0806, DATA, bytes(128))


@given(
    st.sampled_from([row[0] for row in SCHEMES]),
    st.sampled_from(KINDS),
    st.integers(0x02FF, 0x0305),
    st.binary(max_size=300),
)
def test_junk_is_no_signature(scheme: int, kind: str, version: int, signature: bytes) -> None:
    assert not signed_by(certificate_of(kind), version, scheme, DATA, signature)


def test_what_a_key_exchange_signs() -> None:
    exchange = KeyExchange(23, public=b"point", parameters=b"\x03\x00\x17\x05point", signature=b"s")
    assert key_exchange_signed(b"c" * 32, b"s" * 32, exchange) == b"c" * 32 + b"s" * 32 + b"\x03\x00\x17\x05point"


def test_what_certificate_verify_signs() -> None:
    # The example at the end of RFC 8446 section 4.4.3, whose transcript hash is 32 octets of 01.
    expected = "20" * 64 + "544c5320312e332c207365727665722043657274696669636174655665726966" + "79" + "00" + "01" * 32
    assert certificate_verify_signed(b"\x01" * 32).hex() == expected


def test_the_signature_in_the_trace_of_rfc_8448() -> None:
    signed = certificate_verify_signed(TRACE_HASH)
    assert signed_by(TRACE_CERTIFICATE, TLS13, 0x0804, signed, TRACE_SIGNATURE) is True
    assert signed_by(TRACE_CERTIFICATE, TLS13, 0x0805, signed, TRACE_SIGNATURE) is False
    assert signed_by(TRACE_CERTIFICATE, TLS13, 0x0804, certificate_verify_signed(bytes(32)), TRACE_SIGNATURE) is False
