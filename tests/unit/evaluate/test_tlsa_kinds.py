"""TLSA records of both kinds, and whether those of the CA fit at each address and for each certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tr03108.evaluate.dane import TlsaRecord, match
from tr03108.evaluate.tlsa_kinds import TlsaKinds, tlsa_kinds
from unit.evaluate.chains import HOST, Maker, raw_record, record

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MAKER, OTHER = Maker(NOW), Maker(NOW)
SHAPE = MAKER.shape("leaf, intermediate and root")
LEAF, CA, ROOT = SHAPE.chain
WHOLE, ALONE = SHAPE.ders, SHAPE.ders[:1]
ELSEWHERE = OTHER.shape("leaf and intermediate")
KEY, ANCHOR, FOREIGN = record(LEAF, 3, 1, 1), record(CA, 2, 1, 1), raw_record(2, 1, 1, b"f" * 32)
OTHER_KEY, OTHER_ANCHOR = record(ELSEWHERE.chain[0], 3, 1, 1), record(ELSEWHERE.chain[1], 2, 1, 1)
Chain = tuple[bytes, ...]


def kinds(records: list[TlsaRecord], *served: tuple[str, Chain, Chain]) -> TlsaKinds:
    """`served`: address, first and second chain."""

    def service(address: str, first: Chain, second: Chain) -> Any:
        return SimpleNamespace(
            address=address,
            chain=first,
            matched=lambda time, roots: match(records, first, (HOST,), time, roots),
            second_matched=lambda time, roots: match(records, second, (HOST,), time, roots) if second else None,
        )

    host = SimpleNamespace(services=[service(*each) for each in served])
    return tlsa_kinds(host, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("records", "usages", "trouble"),
    [
        ([KEY, ANCHOR], {2, 3}, None),
        ([ANCHOR, KEY, record(ROOT, 2, 0, 1)], {2, 3}, None),
        ([KEY], {3}, None),
        ([KEY, raw_record(3, 1, 1, b"n" * 32)], {3}, None),
        ([ANCHOR], {2}, None),
        ([KEY, FOREIGN], {2, 3}, "2 1 1"),
        ([KEY, ANCHOR, record(OTHER.root, 2, 0, 1)], {2, 3}, "2 0 1"),  # the next CA, perhaps: told all the same
        # What senders do not use is of no kind: usage 1, and a weaker digest beside a stronger one.
        ([KEY, raw_record(1, 1, 1, b"x" * 32)], {3}, None),
        ([KEY, raw_record(2, 1, 1, b"short")], {3}, None),
        ([KEY, record(CA, 2, 1, 2), FOREIGN], {2, 3}, None),
    ],
)
def test_one_address(records: list[TlsaRecord], usages: set[int], trouble: str | None) -> None:
    found = kinds(records, ("192.0.2.1", WHOLE, ()))
    assert found.usages == usages
    assert (found.trouble and found.trouble.record) == trouble


def test_an_address_that_does_not_send_its_ca_is_told_although_the_key_matches() -> None:
    found = kinds([KEY, ANCHOR], ("192.0.2.1", WHOLE, ()), ("192.0.2.2", ALONE, ()))
    assert found.trouble is not None
    assert (found.trouble.record, found.trouble.address) == ("2 1 1", "192.0.2.2")
    assert "chain as sent" in found.trouble.why


def test_certificates_of_two_authorities_have_a_record_each() -> None:
    records = [KEY, OTHER_KEY, ANCHOR, OTHER_ANCHOR]
    for served in (
        [("192.0.2.1", WHOLE, ELSEWHERE.ders)],
        [("192.0.2.1", WHOLE, ()), ("192.0.2.2", ELSEWHERE.ders, ())],
    ):
        assert kinds(records, *served) == TlsaKinds(frozenset({2, 3}), None)
    found = kinds(records[:3], ("192.0.2.1", WHOLE, ELSEWHERE.ders))
    assert found.trouble is not None and found.trouble.address == "192.0.2.1"


def test_a_ca_that_is_sent_but_does_not_vouch_is_told() -> None:
    expired = MAKER.shape("expired leaf")
    found = kinds([record(expired.chain[0], 3, 1, 1), ANCHOR], ("192.0.2.1", expired.ders, ()))
    assert found.trouble is not None and "expired" in found.trouble.why


def test_nothing_served() -> None:
    assert kinds([KEY, ANCHOR], ("192.0.2.1", (), ())) == TlsaKinds(frozenset(), None)
