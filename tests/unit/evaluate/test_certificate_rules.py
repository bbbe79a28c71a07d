"""Facts of served chains: parts, keys, signatures, validity, extensions, names of authorities."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tr03108.evaluate.certificate_path import linked
from tr03108.evaluate.certificate_rules import ChainFacts, chain_facts, names_an_authority, without_root
from tr03108.evaluate.spki import has_explicit_curve, key_bits
from tr03108.lab.pki import Chain, Pki, Variant

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOST = "mx1.flawless.example"
P256 = bytes.fromhex("06082a8648ce3d030107")


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(NOW)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def sent(chain: Chain) -> tuple[bytes, ...]:
    return tuple(der(certificate) for certificate in chain.sent)


def facts(pki: Pki, variant: Variant = Variant.GOOD, key: str = "P-256") -> ChainFacts:
    return chain_facts(sent(pki.chain(HOST, variant, key)), (der(pki.trusted.root), der(pki.old.root)), NOW)


def test_the_parts_of_a_good_chain(pki: Pki) -> None:
    found = facts(pki)
    assert [certificate.role for certificate in found.certificates] == ["end-entity", "sub-ca", "root"]
    assert [certificate.role for certificate in without_root(found.certificates)] == ["end-entity", "sub-ca"]
    assert [c.needed_path_length for c in found.authorities] == [c.path_length for c in found.authorities] == [0, 1]
    assert found.complete
    assert [certificate.self_signed for certificate in found.certificates] == [False, False, True]


@pytest.mark.parametrize(
    ("variant", "roles", "complete"),
    [
        (Variant.SELF_SIGNED, ["end-entity"], True),
        (Variant.NO_INTERMEDIATE, ["end-entity"], False),
        (Variant.UNKNOWN_CA, ["end-entity", "sub-ca"], False),
        (Variant.WITH_ROOT, ["end-entity", "sub-ca", "root"], True),
        (Variant.EXPIRED, ["end-entity", "sub-ca", "root"], True),
        (Variant.NO_CONSTRAINTS, ["end-entity", "sub-ca", "root"], True),
        (Variant.BAD_SIGNATURE, ["end-entity"], False),
        (Variant.SHA1, ["end-entity", "sub-ca", "root"], True),
    ],
)
def test_the_parts_of_other_chains(pki: Pki, variant: Variant, roles: list[str], complete: bool) -> None:
    found = facts(pki, variant)
    assert [certificate.role for certificate in found.certificates] == roles
    assert found.complete is complete


def test_a_strangers_certificate_in_the_chain_is_no_issuer(pki: Pki) -> None:
    leaf, intermediate = sent(pki.chain(HOST))
    path = linked((leaf, der(pki.untrusted.intermediate), der(pki.untrusted.root), intermediate), ())
    assert path.certificates == (leaf, intermediate)
    assert not path.anchored


def test_a_weak_signature_still_links(pki: Pki) -> None:
    chain = sent(pki.chain(HOST, Variant.SHA1))
    path = linked(chain, (der(pki.trusted.root),))
    assert len(path.certificates) == 3 and path.anchored
    assert facts(pki, Variant.SHA1).certificates[0].signed_by == "ECDSA with SHA-1"


@pytest.mark.parametrize(
    ("variant", "position", "signed_by", "key"),
    [
        (Variant.GOOD, 0, "ECDSA with SHA-256", "ECDSA secp256r1"),
        (Variant.PKCS1, 0, "RSASSA-PKCS1-v1_5 with SHA-256", "ECDSA secp256r1"),
        (Variant.ED25519, 0, "Ed25519", "ECDSA secp256r1"),
        (Variant.ED25519, 1, "ECDSA with SHA-256", "Ed25519 256 bit"),
        (Variant.RSA_2048, 0, "ECDSA with SHA-256", "RSA 2048 bit"),
    ],
)
def test_keys_and_signatures(pki: Pki, variant: Variant, position: int, signed_by: str, key: str) -> None:
    certificate = facts(pki, variant).certificates[position]
    assert (certificate.signed_by, certificate.key) == (signed_by, key)


def test_keys_of_issuers_count_where_their_type_is_the_same(pki: Pki) -> None:
    short = facts(pki, Variant.SHORT_ISSUER).certificates
    assert (short[0].bits, short[0].issuer_bits, short[1].issuer_bits) == (3072, 2048, None)
    assert facts(pki, Variant.GOOD).certificates[0].issuer_bits == 256


def made(start: datetime, end: datetime, hash_salt: padding.PSS | None = None, name: str = HOST) -> tuple[bytes, ...]:
    """A self-signed certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048) if hash_salt else _KEY
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(end)
    return (der(builder.sign(key, hashes.SHA256(), rsa_padding=hash_salt)),)


_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("start", "end", "longer"),
    [
        (datetime(2023, 3, 1), datetime(2026, 2, 28, 23, 59, 59), False),
        (datetime(2023, 3, 1), datetime(2026, 3, 1), True),  # both ends included: three years and a second
        (datetime(2024, 2, 29), datetime(2027, 2, 28, 23, 59, 59), False),
        (datetime(2024, 2, 29), datetime(2027, 3, 1), True),
        (datetime(2023, 1, 1), datetime(2025, 12, 30), False),
    ],
)
def test_three_years_by_the_calendar(start: datetime, end: datetime, longer: bool) -> None:
    (certificate,) = chain_facts(made(start, end), (), NOW).certificates
    assert certificate.valid_longer_than(3) is longer


def test_an_endless_validity_does_no_harm() -> None:
    (certificate,) = chain_facts(made(datetime(1950, 1, 1), datetime(9999, 12, 31, 23, 59, 59)), (), NOW).certificates
    assert certificate.valid_longer_than(6)
    assert certificate.years > 8000


def test_parameters_of_pss() -> None:
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    (certificate,) = chain_facts(made(NOW, NOW + timedelta(days=1), scheme), (), NOW).certificates
    assert (certificate.signature, certificate.hash, certificate.mask_hash) == ("RSASSA-PSS", "SHA-256", "SHA-256")
    assert certificate.salt == 32


def test_a_wildcard_in_the_common_name_counts() -> None:
    (certificate,) = chain_facts(made(NOW, NOW + timedelta(days=1), name="*.example.org"), (), NOW).certificates
    assert certificate.wildcards == ("*.example.org",)


def test_extensions(pki: Pki) -> None:
    leaf, issuer, root = facts(pki).certificates
    assert (leaf.key_usage, leaf.key_usage_critical, leaf.purposes) == (("digitalSignature",), True, ("serverAuth",))
    assert (issuer.key_usage, issuer.constraints_critical, issuer.is_ca) == (("keyCertSign", "cRLSign"), True, True)
    assert leaf.ocsp and leaf.crls and issuer.ocsp and issuer.crls and not root.ocsp
    assert facts(pki, Variant.NO_KEY_USAGE).certificates[0].key_usage is None
    assert facts(pki, Variant.NO_PURPOSE).certificates[0].purposes is None
    assert facts(pki, Variant.NO_CONSTRAINTS).certificates[1].constraints_critical is None
    assert facts(pki, Variant.NO_ADDRESSES).certificates[0].ocsp == ()


def test_explicit_curves(pki: Pki) -> None:
    (leaf, *rest) = sent(pki.chain(HOST))
    assert not has_explicit_curve(leaf)
    explicit = leaf.replace(P256, bytes.fromhex("30080201010201010500"))
    assert has_explicit_curve(explicit)
    found = chain_facts((explicit, *rest), (), NOW)
    assert found.explicit_curve and found.certificates == ()
    assert not has_explicit_curve(b"") and not has_explicit_curve(b"\x30\x03\x02\x01\x00")


def test_the_octets_of_a_key(pki: Pki) -> None:
    certificate = pki.chain(HOST).leaf
    expected = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    bits = key_bits(der(certificate))
    assert bits is not None
    digest = hashes.Hash(hashes.SHA1())
    digest.update(bits)
    assert digest.finalize() == expected


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("Lab Issuing CA", True),
        ("  lab ROOT ca ", True),
        ("CN=Lab Root CA", True),
        ("Issuing", False),
        (HOST, False),  # the server is not its own authority
        ("", False),
    ],
)
def test_names_of_authorities(pki: Pki, named: str, found: bool) -> None:
    assert (names_an_authority(facts(pki), (named,)) is not None) is found


def test_an_authority_by_its_key_identifier(pki: Pki) -> None:
    identifier = x509.SubjectKeyIdentifier.from_public_key(pki.trusted.root_key.public_key()).digest
    for text in (identifier.hex(), identifier.hex(":").upper()):
        assert names_an_authority(facts(pki), (text,)) == text


def test_what_cannot_be_read_has_no_facts() -> None:
    for chain in ((), (b"",), (b"junk", b"junk")):
        found = chain_facts(chain, (), NOW)
        assert found.certificates == () and not found.complete
