"""Authorities that a profile names: a name counts where a verified path carries it, a fingerprint by itself."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tr03108.evaluate.declared_authority import declared_by, fingerprint
from unit.evaluate.chains import Maker, der, spki

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MAKER = Maker(NOW)
FORGER = Maker(NOW)  # the same names, other keys
ROOTS = (der(MAKER.root),)
CHAIN = MAKER.shape("leaf and intermediate").ders
FORGED = FORGER.shape("leaf, intermediate and root").ders


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", ["Issuing", "root", "CN=Root"])
def test_a_name_counts_in_a_verified_path_alone(name: str) -> None:
    assert declared_by(CHAIN, ROOTS, NOW, (name,)) == name
    assert declared_by(FORGED, ROOTS, NOW, (name,)) is None
    assert declared_by(CHAIN, (), NOW, (name,)) is None


def test_a_certificate_that_is_only_sent_along_proves_nothing() -> None:
    forged = (*FORGER.shape("self-signed").ders, der(MAKER.intermediate), der(MAKER.root))
    wanted = ("Issuing", "Root", sha256(der(MAKER.intermediate)), sha256(spki(MAKER.root)))
    assert declared_by(forged, ROOTS, NOW, wanted) is None


def test_who_is_no_authority_makes_none() -> None:
    """A server's certificate of a trusted authority signs a CA with a name that is on the list."""
    key = ec.generate_private_key(ec.SECP256R1())
    server = MAKER.ca("Server", MAKER.ca_key, MAKER.root, is_ca=False)
    leaf = MAKER.leaf(server)
    named = MAKER.ca("Example Trust", key)
    assert declared_by((der(leaf), der(server), der(named)), ROOTS, NOW, ("Example Trust", "Server")) is None
    assert declared_by((der(leaf), der(server)), ROOTS, NOW, (sha256(der(server)),)) is None


@pytest.mark.parametrize("certificate", [MAKER.intermediate, MAKER.root], ids=["issuing", "root"])
def test_a_fingerprint_of_certificate_or_key(certificate: object) -> None:
    for data in (der(certificate), spki(certificate)):  # type: ignore[arg-type]
        text = sha256(data)
        colons = ":".join(text[n : n + 2] for n in range(0, 64, 2)).upper()
        for wanted in (text, colons, f"sha256:{text}", f"SHA-256={colons}"):
            assert declared_by(CHAIN, ROOTS, NOW, ("Nobody", wanted)) == wanted
            assert declared_by(FORGED, ROOTS, NOW, (wanted,)) is None


def test_a_fingerprint_needs_no_trusted_root() -> None:
    assert declared_by(CHAIN, (), NOW, (sha256(der(MAKER.intermediate)),)) is not None
    assert declared_by(CHAIN, (), NOW, (sha256(der(MAKER.root)),)) is None  # it is not sent, and nobody has it


def test_the_server_is_not_its_own_authority() -> None:
    for shape in ("self-signed", "self-signed sent twice", "leaf and intermediate", "leaf sent twice"):
        chain = MAKER.shape(shape).ders
        assert declared_by(chain, ROOTS, NOW, (sha256(chain[0]), "mx.example.test")) is None


@pytest.mark.parametrize("days", [-3650, 15, 3650])
def test_dates_are_the_matter_of_another_check(days: int) -> None:
    time = NOW + timedelta(days=days)
    assert declared_by(CHAIN, ROOTS, time, ("Root",)) == "Root"
    assert declared_by(FORGED, ROOTS, time, ("Root",)) is None
    assert declared_by(CHAIN, (), time, (sha256(der(MAKER.intermediate)),)) is not None


def test_junk_proves_nothing() -> None:
    for chain in ((b"",), (b"junk", b"junk"), (CHAIN[0], b"junk")):
        assert declared_by(chain, ROOTS, NOW, ("Root", "00" * 32, sha256(b"junk"))) is None


@pytest.mark.parametrize("text", ["", "Example Trust", "ab" * 31, "ab" * 33, "sha256:", "zz" * 32, "sha1:" + "ab" * 32])
def test_what_is_no_fingerprint(text: str) -> None:
    assert fingerprint(text) is None
