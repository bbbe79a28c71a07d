"""Roots: read from PEM, and only those kept that the observed chains can lead to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tr03108.model import UsageError
from tr03108.probe import RootStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(subject: str, issuer: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (subject, issuer)]
    builder = x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1]).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def der(one: x509.Certificate) -> bytes:
    return one.public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def roots() -> list[x509.Certificate]:
    return [certificate(name, name) for name in ("Root A", "Root A", "Root B")]


@pytest.fixture
def store(roots: list[x509.Certificate], tmp_path: Path) -> RootStore:
    file = tmp_path / "ca.pem"
    file.write_bytes(b"".join(root.public_bytes(Encoding.PEM) for root in roots))
    return RootStore.load(file)


def test_all_roots_of_an_issuers_name_are_kept(store: RootStore, roots: list[x509.Certificate]) -> None:
    chain = (der(certificate("mx", "Root A")),)
    assert store.relevant([chain]) == tuple(sorted(der(root) for root in roots[:2]))


def test_the_issuer_of_an_intermediate_counts(store: RootStore, roots: list[x509.Certificate]) -> None:
    chain = (der(certificate("mx", "Sub B")), der(certificate("Sub B", "Root B")))
    assert store.relevant([(), chain, chain]) == (der(roots[2]),)


def test_a_root_in_the_chain_counts(store: RootStore, roots: list[x509.Certificate]) -> None:
    assert der(roots[2]) in store.relevant([(der(roots[2]),)])


def test_strangers_and_junk_lead_nowhere(store: RootStore) -> None:
    assert store.relevant([(der(certificate("mx", "mx")), b"junk", b"")]) == ()


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_unreadable_files(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"ca\.pem"):
        RootStore.load(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        RootStore.load(tmp_path / "none.pem")


def test_some_store_is_found_without_a_file() -> None:
    assert RootStore.load(None).by_subject
