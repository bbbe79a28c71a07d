"""Certificate paths: what each chain of the lab's PKI, and each shape of a chain, means for a TLS server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from tr03108.evaluate.pkix import load, verify
from tr03108.evaluate.spki import is_public_key_info, public_key_info
from tr03108.lab.pki import Pki, Variant
from unit.evaluate.chains import Maker, der

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(NOW)


@pytest.fixture(scope="module")
def maker() -> Maker:
    return Maker(NOW)


@pytest.mark.parametrize(
    ("variant", "code"),
    [
        ("good", "OK"),
        ("wildcard", "OK"),
        ("with-root", "OK"),
        ("wrong-name", "OK"),  # names are checked apart
        ("self-signed", "CERTIFICATE_SELF_SIGNED"),
        ("expired", "CERTIFICATE_EXPIRED"),
        ("not-yet-valid", "CERTIFICATE_NOT_YET_VALID"),
        ("no-intermediate", "CERTIFICATE_CHAIN_INCOMPLETE"),
        ("unknown-ca", "CERTIFICATE_UNTRUSTED"),
        ("client-only", "CERTIFICATE_INVALID"),
        ("bad-signature", "CERTIFICATE_INVALID"),
    ],
)
def test_the_lab_chains(pki: Pki, variant: str, code: str) -> None:
    chain = [c.public_bytes(Encoding.DER) for c in pki.chain("mx.example.org", Variant(variant)).sent]
    path = verify(chain, [pki.trusted.root.public_bytes(Encoding.DER)], NOW)
    assert path.code == code, path.detail
    assert len(path.subjects) == (3 if code == "OK" else 0)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("leaf, intermediate and root", "OK"),
        ("wrong order", "OK"),
        ("unrelated CA", "OK"),
        ("two intermediates of one key, one expired", "OK"),
        ("leaf alone", "CERTIFICATE_CHAIN_INCOMPLETE"),
        ("leaf sent twice", "CERTIFICATE_CHAIN_INCOMPLETE"),
        ("root without intermediate", "CERTIFICATE_CHAIN_INCOMPLETE"),
        ("self-signed sent twice", "CERTIFICATE_SELF_SIGNED"),
        ("expired leaf", "CERTIFICATE_EXPIRED"),
        ("expired intermediate", "CERTIFICATE_EXPIRED"),
        ("leaf of tomorrow", "CERTIFICATE_NOT_YET_VALID"),
        ("wrong signature", "CERTIFICATE_INVALID"),
        ("intermediate is no CA", "CERTIFICATE_INVALID"),
        ("intermediate for mail signatures", "CERTIFICATE_INVALID"),
        ("intermediate for any purpose", "CERTIFICATE_INVALID"),
        ("leaf for any purpose", "CERTIFICATE_INVALID"),
        ("leaf for clients", "CERTIFICATE_INVALID"),
    ],
)
def test_shapes(maker: Maker, name: str, code: str) -> None:
    path = verify(maker.shape(name).ders, [der(maker.root)], NOW)
    assert path.code == code, path.detail


def test_the_date_decides(maker: Maker) -> None:
    chain = maker.shape("leaf and intermediate").ders
    found = [verify(chain, [der(maker.root)], NOW + timedelta(days=days)).code for days in (-11, -9, 9, 11)]
    assert found == ["CERTIFICATE_NOT_YET_VALID", "OK", "OK", "CERTIFICATE_EXPIRED"]


def test_an_intermediate_is_no_root(maker: Maker) -> None:
    """Trust ends at a root unless a partial path is asked for."""
    chain = maker.shape("leaf and intermediate").ders
    assert verify(chain, [der(maker.intermediate)], NOW).code == "CERTIFICATE_UNTRUSTED"
    assert verify(chain, [der(maker.intermediate)], NOW, partial=True).code == "OK"
    assert verify(chain, [], NOW).code == "CERTIFICATE_UNTRUSTED"


def test_malformed_certificates(maker: Maker) -> None:
    chain = maker.shape("leaf and intermediate").ders
    root = [der(maker.root)]
    assert verify([], root, NOW).code == "CERTIFICATE_INVALID"
    assert verify([b"\x30\x03abc"], root, NOW).code == "CERTIFICATE_INVALID"
    assert verify([chain[0] + b"\0", chain[1]], root, NOW).code == "CERTIFICATE_INVALID"
    assert verify([chain[0], b"garbage", chain[1]], root, NOW).code == "OK"
    assert verify(chain, [b"garbage", *root], NOW).code == "OK"


def test_a_version_nobody_knows_is_unreadable(maker: Maker) -> None:
    good = der(maker.root)
    at = good.index(b"\xa0\x03\x02\x01\x02")
    assert load(good) is not None
    assert load(good[: at + 4] + b"\x07" + good[at + 5 :]) is None


def test_public_key_info_is_the_very_octets(maker: Maker) -> None:
    for certificate in (maker.root, maker.leaf(maker.intermediate)):
        found = public_key_info(der(certificate))
        assert found is not None
        assert is_public_key_info(found)
        assert x509.load_der_x509_certificate(der(certificate)).tbs_certificate_bytes.count(found) == 1
        assert not is_public_key_info(found + b"\0")
        assert not is_public_key_info(found[:-1])


def test_a_key_is_not_written_anew(maker: Maker) -> None:
    """A key that no library here knows, and one whose algorithm a library would rename, keep their octets."""
    good = der(maker.root)
    ec_key = bytes.fromhex("06072a8648ce3d0201")  # id-ecPublicKey
    assert good.count(ec_key) == 1
    odd = good.replace(ec_key, bytes.fromhex("06072a8648ce3d0277"))
    assert load(odd) is None
    assert public_key_info(odd) == (public_key_info(good) or b"").replace(ec_key, bytes.fromhex("06072a8648ce3d0277"))


@given(data=st.data())
def test_damaged_certificates_never_raise(data: st.DataObject) -> None:
    chain = _CHAIN
    place = data.draw(st.integers(0, len(chain[0]) - 1))
    octet = data.draw(st.integers(0, 255))
    damaged = chain[0][:place] + bytes([octet]) + chain[0][place + 1 :]
    load(damaged)
    public_key_info(damaged)
    path = verify([damaged, chain[1]], [_ROOT], NOW)
    assert path.code != "OK" or damaged == chain[0]


_MAKER = Maker(NOW)
_CHAIN = _MAKER.shape("leaf and intermediate").ders
_ROOT = der(_MAKER.root)
