"""The lab's certificates: the good chain satisfies strict PKIX verification, each variant fails it for its reason."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from tr03108.lab.pki import Chain, Pki, Variant
from tr03108.lab.tlsa import tlsa_record

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOST = "mx1.flawless.example"


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(NOW)


def verify(pki: Pki, chain: Chain, host: str = HOST, at: datetime = NOW) -> None:
    verifier = PolicyBuilder().store(Store([pki.trusted.root])).time(at).build_server_verifier(x509.DNSName(host))
    verifier.verify(chain.leaf, list(chain.sent[1:]))


@pytest.mark.parametrize("variant", [Variant.GOOD, Variant.WILDCARD, Variant.WITH_ROOT])
@pytest.mark.parametrize("key", ["P-256", "RSA"])
def test_good_chains_verify(pki: Pki, variant: Variant, key: str) -> None:
    verify(pki, pki.chain(HOST, variant, key))


@pytest.mark.parametrize(
    "variant",
    [
        *(Variant.SELF_SIGNED, Variant.EXPIRED, Variant.NOT_YET_VALID, Variant.WRONG_NAME, Variant.NO_INTERMEDIATE),
        *(Variant.UNKNOWN_CA, Variant.CLIENT_ONLY, Variant.BAD_SIGNATURE, Variant.NO_CONSTRAINTS),
    ],
)
def test_faulty_chains_do_not_verify(pki: Pki, variant: Variant) -> None:
    with pytest.raises(VerificationError):
        verify(pki, pki.chain(HOST, variant))


@pytest.mark.parametrize(
    ("variant", "host", "at"),
    [
        (Variant.NOT_YET_VALID, HOST, NOW + timedelta(days=10)),
        (Variant.WRONG_NAME, "somebody-else.example", NOW),
    ],
)
def test_fault_is_the_only_one(pki: Pki, variant: Variant, host: str, at: datetime) -> None:
    verify(pki, pki.chain(HOST, variant), host, at)


def test_expired_leaf_has_ended(pki: Pki) -> None:
    leaf = pki.chain(HOST, Variant.EXPIRED).leaf
    assert leaf.not_valid_before_utc < leaf.not_valid_after_utc < NOW


def test_chains_hold_what_their_variant_says(pki: Pki) -> None:
    assert len(pki.chain(HOST).sent) == 2
    assert pki.chain(HOST, Variant.NO_INTERMEDIATE).sent[1:] == ()
    assert pki.chain(HOST, Variant.WITH_ROOT).sent[2] == pki.trusted.root
    assert pki.chain(HOST, Variant.UNKNOWN_CA).sent[1] == pki.untrusted.intermediate
    assert pki.chain(HOST, Variant.SELF_SIGNED).leaf.issuer == pki.chain(HOST).leaf.subject


def test_rsa_key_is_made_once(pki: Pki) -> None:
    assert pki.chain("a.example", key="RSA").key is pki.chain("b.example", key="RSA").key


def test_tlsa_records(pki: Pki) -> None:
    chain = pki.chain(HOST)

    def spki(certificate: x509.Certificate) -> bytes:
        return certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    intermediate, root = chain.issuers
    assert tlsa_record(chain, "3 1 1") == f"3 1 1 {hashlib.sha256(spki(chain.leaf)).hexdigest()}"
    assert tlsa_record(chain, "2 1 1") == f"2 1 1 {hashlib.sha256(spki(intermediate)).hexdigest()}"
    assert tlsa_record(chain, "2 1 2 root") == f"2 1 2 {hashlib.sha512(spki(root)).hexdigest()}"
    assert tlsa_record(chain, "3 0 0") == f"3 0 0 {chain.leaf.public_bytes(serialization.Encoding.DER).hex()}"
    good, mismatch = tlsa_record(chain, "3 1 1"), tlsa_record(chain, "3 1 1 mismatch")
    assert len(good) == len(mismatch)
    assert good != mismatch
    assert len(tlsa_record(chain, "3 1 1 truncated").split()[3]) == 32
    with pytest.raises(ValueError, match="leef"):
        tlsa_record(chain, "3 1 1 leef")
