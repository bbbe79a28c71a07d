"""What BSI's editions say of keys, signatures and validity of certificates, year by year."""

from __future__ import annotations

import pytest

from tr03108.model import Level
from tr03108.norms.certificate_policy import CertificatePolicy
from tr03108.norms.tls_policy import TlsPolicy
from tr03108.norms.tls_policy_file import policy_file, read_policy


@pytest.fixture(scope="module")
def policy() -> TlsPolicy:
    return TlsPolicy.together(read_policy(policy_file(name)) for name in ("tr-02102-2_2025-01", "tr-03116-4_2023"))


@pytest.mark.parametrize(
    ("kind", "bits", "curve", "issues", "status"),
    [
        ("RSA", 2048, None, False, "too-small"),
        ("RSA", 2999, None, False, "too-small"),
        ("RSA", 3000, None, False, "listed"),  # TR-02102-2: a server's own key
        ("RSA", 3000, None, True, "too-small"),  # TR-03116-4: one that signs certificates
        ("RSA", 3072, None, True, "listed"),
        ("RSA", 4096, None, True, "listed"),
        ("ECDSA", 256, "secp256r1", False, "listed"),
        ("ECDSA", 256, "brainpoolP256r1", True, "listed"),
        ("ECDSA", 521, "secp521r1", True, "listed"),
        ("ECDSA", 224, "secp224r1", False, "too-small"),
        ("ECDSA", 224, "brainpoolP224r1", True, "too-small"),
        ("ECDSA", 256, "secp256k1", False, "unlisted"),
        ("DSA", 2048, None, True, "too-small"),
        ("DSA", 3072, None, True, "listed"),
        ("Ed25519", 256, None, False, "unlisted"),
        ("Ed25519", 256, None, True, "unlisted"),
        ("MLDSA65", 0, None, False, "unlisted"),
    ],
)
def test_keys_in_2026(policy: TlsPolicy, kind: str, bits: int, curve: str | None, issues: bool, status: str) -> None:
    rating = CertificatePolicy(policy, 2026).key(kind, bits, curve, issues=issues)
    assert rating.status == status
    assert rating.source is not None


def test_what_was_allowed_in_2021(policy: TlsPolicy) -> None:
    assert CertificatePolicy(policy, 2021).key("RSA", 2048, None, issues=True).status == "listed"
    assert CertificatePolicy(policy, 2021).signature("ECDSA", 224, "SHA-224", None).status == "listed"
    assert CertificatePolicy(policy, 2022).key("RSA", 2048, None, issues=True).status == "too-small"


def test_dsa_ends_with_2029_for_servers(policy: TlsPolicy) -> None:
    assert CertificatePolicy(policy, 2029).key("DSA", 3072, None, issues=False).status == "listed"
    rating = CertificatePolicy(policy, 2030).key("DSA", 3072, None, issues=False)
    assert (rating.status, rating.until_year) == ("expired", 2029)


@pytest.mark.parametrize(
    ("algorithm", "bits", "name", "mask", "status"),
    [
        ("ECDSA", 256, "SHA-256", None, "listed"),
        ("ECDSA", 384, "SHA-384", None, "listed"),
        ("ECDSA", 224, "SHA-224", None, "too-small"),
        ("ECDSA", 160, "SHA-1", None, "too-small"),
        ("RSASSA-PSS", 256, "SHA-256", "SHA-256", "listed"),
        ("RSASSA-PSS", 256, "SHA-256", "SHA-1", "unlisted"),
        ("RSASSA-PSS", 160, "SHA-1", "SHA-1", "too-small"),
        ("RSASSA-PKCS1-v1_5", 256, "SHA-256", None, "expired"),
        ("RSASSA-PKCS1-v1_5", 512, "SHA-512", None, "expired"),
        ("RSASSA-PKCS1-v1_5", 160, "SHA-1", None, "too-small"),
        ("RSASSA-PKCS1-v1_5", 128, "MD5", None, "too-small"),
        ("DSA", 256, "SHA-256", None, "listed"),
        ("Ed25519", 0, None, None, "unlisted"),
        ("2.16.840.1.101.3.4.3.18", 0, None, None, "unlisted"),
    ],
)
def test_signatures_in_2026(
    policy: TlsPolicy, algorithm: str, bits: int, name: str | None, mask: str | None, status: str
) -> None:
    assert CertificatePolicy(policy, 2026).signature(algorithm, bits, name, mask).status == status


def test_pkcs1_ends_with_2025(policy: TlsPolicy) -> None:
    rated = [CertificatePolicy(policy, y).signature("RSASSA-PKCS1-v1_5", 256, "SHA-256", None) for y in (2025, 2026)]
    assert [rating.status for rating in rated] == ["listed", "expired"]
    assert rated[1].until_year == 2025


def test_validity(policy: TlsPolicy) -> None:
    found = {role: CertificatePolicy(policy, 2026).validity(role) for role in ("end-entity", "sub-ca", "root")}
    assert {role: (row.years, row.level) for role, row in found.items() if row is not None} == {
        "end-entity": (3, Level.MUST),
        "sub-ca": (5, Level.MUST),
        "root": (6, Level.SHOULD),
    }
