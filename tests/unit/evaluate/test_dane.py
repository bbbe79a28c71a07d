"""TLSA records against chains as sent, for SMTP (RFC 7671, RFC 7672): all usages, selectors, types, chain shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.evaluate.dane import Match, TlsaRecord, match, unusable
from tr03108.evaluate.pkix import Path, verify
from unit.evaluate.chains import HOST, OTHER, SHAPES, Maker, Shape, der, raw_record, record, spki

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MAKER = Maker(NOW)
FORMS = tuple(product((0, 1), (0, 1, 2)))


def judge(shape: Shape, *records: TlsaRecord, names: tuple[str, ...] = (HOST,), known: tuple[bytes, ...] = ()) -> Match:
    return match(records, shape.ders, names, NOW, known)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("selector", "mtype"), FORMS)
def test_usage_3_is_about_the_leaf_and_nothing_else(name: str, selector: int, mtype: int) -> None:
    """Neither dates nor names nor issuers count (RFC 7672 section 3.1.1), and no other certificate does."""
    shape = MAKER.shape(name)
    hit = judge(shape, record(shape.chain[0], 3, selector, mtype))
    assert (hit.code, hit.records[0].depth) == ("OK", 0)
    for certificate in (MAKER.root, MAKER.intermediate, *shape.chain[1:]):
        if certificate != shape.chain[0]:
            assert judge(shape, record(certificate, 3, selector, mtype)).code == "TLSA_MISMATCH"


# What usage 2 says of the intermediate and of the root as anchors. Where the answer depends on whether the record holds
# the whole certificate (2 0 0), the third column says so.
USAGE_2 = {
    "leaf alone": ("TLSA_MISMATCH", "TLSA_MISMATCH", {"intermediate": "OK"}),
    "leaf and intermediate": ("OK", "TLSA_MISMATCH", {"root": "OK"}),
    "leaf, intermediate and root": ("OK", "OK", {}),
    "wrong order": ("OK", "OK", {}),
    "root without intermediate": ("TLSA_MISMATCH", "TLSA_MISMATCH", {"intermediate": "OK"}),
    "leaf sent twice": ("TLSA_MISMATCH", "TLSA_MISMATCH", {"intermediate": "OK"}),
    "self-signed": ("TLSA_MISMATCH", "TLSA_MISMATCH", {}),
    "self-signed sent twice": ("TLSA_MISMATCH", "TLSA_MISMATCH", {}),
    "unrelated CA": ("OK", "TLSA_MISMATCH", {"root": "OK"}),
    "namesake CA": ("TLSA_MISMATCH", "TLSA_MISMATCH", {"intermediate": "OK"}),
    "wrong signature": ("TLSA_MISMATCH", "TLSA_MISMATCH", {}),
    "expired leaf": ("TLSA_CHAIN_EXPIRED", "TLSA_CHAIN_EXPIRED", {}),
    "leaf of tomorrow": ("TLSA_CHAIN_EXPIRED", "TLSA_CHAIN_EXPIRED", {}),
    "wrong name": ("TLSA_NAME_MISMATCH", "TLSA_NAME_MISMATCH", {}),
    "wildcard": ("OK", "OK", {}),
    "wildcard of too few labels": ("TLSA_NAME_MISMATCH", "TLSA_NAME_MISMATCH", {}),
    "part of a label as wildcard": ("TLSA_NAME_MISMATCH", "TLSA_MISMATCH", {"root": "TLSA_NAME_MISMATCH"}),
    "name only as common name": ("TLSA_NAME_MISMATCH", "TLSA_NAME_MISMATCH", {}),
    "leaf for clients": ("TLSA_MISMATCH", "TLSA_MISMATCH", {}),
}


@pytest.mark.parametrize("name", USAGE_2)
@pytest.mark.parametrize(("selector", "mtype"), FORMS)
def test_usage_2_wants_path_dates_and_name(name: str, selector: int, mtype: int) -> None:
    shape = MAKER.shape(name)
    for part, code in zip(("intermediate", "root"), USAGE_2[name][:2], strict=True):
        if (selector, mtype) == (0, 0):
            code = USAGE_2[name][2].get(part, code)
        found = judge(shape, record(shape.parts[part], 2, selector, mtype))
        assert found.code == code, (part, found)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("selector", "mtype"), FORMS)
def test_the_leaf_is_never_a_trust_anchor(name: str, selector: int, mtype: int) -> None:
    """Also not when it is self-signed, sent twice, or whole in the record."""
    shape = MAKER.shape(name)
    found = judge(shape, record(shape.chain[0], 2, selector, mtype))
    assert found.code in ("TLSA_MISMATCH", "TLSA_CHAIN_EXPIRED")


@pytest.mark.parametrize(("selector", "mtype"), FORMS)
@pytest.mark.parametrize(
    ("name", "position"),
    [("unrelated CA", 2), ("namesake CA", 1), ("wrong order", 1), ("root without intermediate", 1)],
)
def test_a_certificate_that_is_sent_but_not_on_the_path(name: str, position: int, selector: int, mtype: int) -> None:
    shape = MAKER.shape(name)
    found = judge(shape, record(shape.chain[position], 2, selector, mtype))
    assert (found.code == "OK") is (name == "wrong order")


@pytest.mark.parametrize(
    ("name", "position", "code"),
    [
        ("expired intermediate", 1, "TLSA_CHAIN_EXPIRED"),
        ("expired intermediate", 2, "TLSA_CHAIN_EXPIRED"),
        ("expired root", 2, "TLSA_CHAIN_EXPIRED"),
        ("expired root", 1, "OK"),  # what is above the anchor is nobody's business
        ("intermediate is no CA", 1, "TLSA_MISMATCH"),
        ("intermediate is no CA", 2, "TLSA_MISMATCH"),
        ("intermediate for mail signatures", 1, "TLSA_MISMATCH"),
        ("intermediate for mail signatures", 2, "TLSA_MISMATCH"),
    ],
)
def test_flaws_above_the_leaf(name: str, position: int, code: str) -> None:
    shape = MAKER.shape(name)
    assert judge(shape, record(shape.chain[position], 2, 0, 1)).code == code


@pytest.mark.parametrize("mtype", [0, 1, 2])
def test_any_certificate_of_the_key_may_be_the_anchor(mtype: int) -> None:
    shape = MAKER.shape("two intermediates of one key, one expired")
    found = judge(shape, record(shape.chain[1], 2, 1, mtype))
    assert (found.code, found.records[0].depth) == ("OK", 2)
    assert judge(shape, record(shape.chain[1], 2, 0, mtype)).code == "TLSA_CHAIN_EXPIRED"


def test_the_names_that_a_dane_ta_certificate_may_carry() -> None:
    shape = MAKER.shape("wrong name")
    tlsa = record(MAKER.intermediate, 2, 1, 1)
    assert judge(shape, tlsa, names=(HOST, OTHER)).records[0].name == OTHER
    assert judge(shape, tlsa, names=()).code == "TLSA_NAME_MISMATCH"


def test_time_is_the_argument() -> None:
    shape = MAKER.shape("leaf and intermediate")
    tlsa = record(MAKER.intermediate, 2, 1, 1)
    codes = [match([tlsa], shape.ders, (HOST,), NOW + timedelta(days=days)).code for days in (9, 11, -11)]
    assert codes == ["OK", "TLSA_CHAIN_EXPIRED", "TLSA_CHAIN_EXPIRED"]


def test_an_issuer_that_is_known_but_not_sent_is_named() -> None:
    shape = MAKER.shape("leaf and intermediate")
    tlsa = record(MAKER.root, 2, 1, 1)
    assert judge(shape, tlsa).code == "TLSA_MISMATCH"
    found = judge(shape, tlsa, known=(der(MAKER.root),))
    assert (found.code, found.records[0].state) == ("TLSA_ISSUER_NOT_SENT", "issuer-not-in-chain")
    stranger = der(Maker(NOW).root)
    assert judge(shape, tlsa, known=(stranger,)).code == "TLSA_MISMATCH"
    assert judge(MAKER.shape("self-signed"), tlsa, known=(der(MAKER.root),)).code == "TLSA_MISMATCH"


@pytest.mark.parametrize(
    ("usage", "selector", "mtype", "data", "why"),
    [
        (0, 1, 1, b"\0" * 32, "usages 0 and 1"),
        (1, 0, 1, b"\0" * 32, "usages 0 and 1"),
        (4, 1, 1, b"\0" * 32, "usage 4"),
        (255, 1, 1, b"\0" * 32, "usage 255"),
        (3, 2, 1, b"\0" * 32, "selector 2"),
        (3, 255, 1, b"\0" * 32, "selector 255"),
        (3, 1, 3, b"\0" * 32, "matching type 3"),
        (3, 1, 255, b"\0" * 32, "matching type 255"),
        (3, 1, 1, b"\0" * 31, "31 bytes"),
        (3, 1, 1, b"\0" * 33, "33 bytes"),
        (3, 1, 1, b"\0" * 64, "64 bytes"),
        (3, 1, 2, b"\0" * 32, "32 bytes"),
        (3, 1, 1, b"", "0 bytes"),
        (3, 0, 0, b"", "not a certificate or key"),
        (3, 1, 0, b"", "not a certificate or key"),
        (2, 0, 0, b"\x30\x00", "not a certificate or key"),
        (3, 1, 0, b"\x30\x00", "not a certificate or key"),
        (3, 0, 0, spki(MAKER.root), "not a certificate or key"),
        (3, 1, 0, der(MAKER.root), "not a certificate or key"),
        (3, 1, 0, spki(MAKER.root) + b"\0", "not a certificate or key"),
        (3, 0, 0, der(MAKER.root) + b"\0", "not a certificate or key"),
    ],
    ids=lambda value: "data" if isinstance(value, bytes) else None,  # made anew, and not of one length, in each process
)
def test_what_no_sender_can_use(usage: int, selector: int, mtype: int, data: bytes, why: str) -> None:
    tlsa = raw_record(usage, selector, mtype, data)
    assert why in (unusable(tlsa) or "")
    found = judge(MAKER.shape("leaf and intermediate"), tlsa)
    assert (found.code, found.records[0].state) == ("TLSA_UNUSABLE", "unusable")


def test_pkix_usages_do_not_match_though_their_data_does() -> None:
    shape = MAKER.shape("leaf and intermediate")
    records = [record(shape.chain[0], 1, 1, 1), record(MAKER.intermediate, 0, 1, 1)]
    assert judge(shape, *records).code == "TLSA_UNUSABLE"
    assert judge(shape, *records, record(MAKER.root, 3, 1, 1)).code == "TLSA_MISMATCH"
    assert judge(shape, *records, record(shape.chain[0], 3, 1, 1)).code == "OK"


def test_pkix_usages_narrow_what_a_client_trusts_that_verifies_by_pkix() -> None:
    """Other services than SMTP may use them (RFC 7673): then path, dates and name count as well."""
    shape = MAKER.shape("leaf and intermediate")
    leaf, above = record(shape.chain[0], 1, 1, 1), record(MAKER.intermediate, 0, 1, 1)
    trusted, strange = (verify(shape.ders, roots, NOW) for roots in ([der(MAKER.root)], []))

    def judged(tlsa: TlsaRecord, path: Path = trusted, name: str = HOST) -> str:
        return match([tlsa], shape.ders, (name,), NOW, (), path).code

    assert [judged(tlsa) for tlsa in (leaf, above, record(MAKER.root, 0, 1, 1))] == ["OK"] * 3
    assert judged(record(shape.chain[0], 0, 1, 1)) == "TLSA_MISMATCH"  # not a CA
    assert judged(record(MAKER.intermediate, 1, 1, 1)) == "TLSA_MISMATCH"
    assert [judged(tlsa, strange) for tlsa in (leaf, above)] == ["TLSA_MISMATCH"] * 2
    assert [judged(tlsa, name=OTHER) for tlsa in (leaf, above)] == ["TLSA_NAME_MISMATCH"] * 2
    late = verify(shape.ders, [der(MAKER.root)], NOW + timedelta(days=20000))
    assert judged(leaf, late) == "TLSA_CHAIN_EXPIRED"


def test_digest_agility() -> None:
    """Only the strongest digest of a usage and selector counts (RFC 7671 section 9)."""
    shape = MAKER.shape("leaf and intermediate")
    leaf, other = shape.chain[0], MAKER.root
    weak = record(leaf, 3, 1, 1)
    assert judge(shape, record(other, 3, 1, 2), weak).code == "TLSA_MISMATCH"
    assert judge(shape, weak, record(leaf, 3, 1, 2)).code == "OK"
    assert judge(shape, weak, record(other, 3, 0, 2)).code == "OK"  # another selector
    assert judge(shape, weak, record(other, 2, 1, 2)).code == "OK"  # another usage
    assert judge(shape, weak, record(other, 3, 1, 0)).code == "OK"  # full data is no digest
    assert judge(shape, weak, raw_record(3, 1, 2, b"\0" * 63)).code == "OK"  # unusable, so not stronger


def test_duplicates_and_the_next_key_do_no_harm() -> None:
    shape = MAKER.shape("leaf and intermediate")
    good, future = record(shape.chain[0], 3, 1, 1), record(Maker(NOW).root, 3, 1, 1)
    found = judge(shape, future, good, good)
    assert (found.code, [r.state for r in found.records]) == ("OK", ["unmatched", "matched", "duplicate"])


def test_the_code_of_the_record_that_came_nearest() -> None:
    mismatch = record(Maker(NOW).root, 3, 1, 1)
    assert judge(MAKER.shape("expired leaf"), mismatch, record(MAKER.root, 2, 1, 1)).code == "TLSA_CHAIN_EXPIRED"
    assert judge(MAKER.shape("wrong name"), mismatch, record(MAKER.root, 2, 1, 1)).code == "TLSA_NAME_MISMATCH"


def test_without_a_chain_nothing_matches() -> None:
    leaf = MAKER.leaf(MAKER.intermediate)
    records = [record(leaf, 3, 1, 1), record(MAKER.intermediate, 2, 0, 0)]
    assert match(records, (), (HOST,), NOW).code == "TLSA_MISMATCH"


@given(
    fields=st.tuples(*(st.integers(0, 255) | st.integers(0, 3) for _ in range(3))),
    data=st.binary(max_size=80),
    chain=st.lists(st.binary(max_size=40), max_size=3),
)
def test_arbitrary_octets_never_match_nor_raise(fields: tuple[int, int, int], data: bytes, chain: list[bytes]) -> None:
    assert match([raw_record(*fields, data)], chain, (HOST,), NOW).code in ("TLSA_UNUSABLE", "TLSA_MISMATCH")


def test_what_became_of_each_record() -> None:
    shape = MAKER.shape("leaf, intermediate and root")
    leaf, ca, _ = shape.chain
    own, anchor = record(leaf, 3, 1, 1), record(ca, 2, 1, 1)
    following, foreign = raw_record(3, 1, 1, b"n" * 32), raw_record(2, 1, 1, b"f" * 32)
    short, pkix = raw_record(3, 1, 1, b"x"), raw_record(1, 1, 1, b"x" * 32)
    found = judge(shape, following, own, anchor, foreign, own, short, pkix)
    assert (found.code, found.matched) == ("OK", "3 1 1")
    told = [(r.state, r.depth, r.name) for r in found.records]
    assert told == [
        ("unmatched", None, None),
        ("matched", 0, None),
        ("matched", 1, HOST),
        ("issuer-not-in-chain", None, None),
        ("duplicate", None, None),
        ("unusable", None, None),
        ("unusable", None, None),
    ]
    assert all(r.why for r in found.records)
    assert set(found.records[1].evidence()) == {"record", "state", "depth", "name", "why"}


def test_a_duplicate_changes_no_verdict() -> None:
    shape = MAKER.shape("leaf and intermediate")
    for one in (record(shape.chain[0], 3, 1, 1), raw_record(3, 1, 1, b"n" * 32), raw_record(0, 1, 1, b"x" * 32)):
        assert judge(shape, one, one).code == judge(shape, one).code
