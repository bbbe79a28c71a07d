"""What TLSA records say about the next certificate: schemes that help, and such that only look like it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tr03108.evaluate.dane import TlsaRecord
from tr03108.evaluate.rollover import rollover
from unit.evaluate.chains import HOST, Maker, der, raw_record, record

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MAKER = Maker(NOW)
SHAPE = MAKER.shape("leaf, intermediate and root")
LEAF, CA, ROOT = SHAPE.chain
SERVED = (((HOST,), SHAPE.ders),)
NEXT, NEXT_512 = raw_record(3, 1, 1, b"n" * 32), raw_record(3, 1, 2, b"n" * 64)
FOREIGN = raw_record(2, 1, 1, b"f" * 32)


@pytest.mark.parametrize(
    ("records", "code", "scheme", "renewal"),
    [
        ([record(LEAF, 3, 1, 1), NEXT], "OK", "SCHEME_TWO_KEYS", "RENEWAL_NEW_KEY"),
        ([record(LEAF, 3, 0, 1), NEXT], "OK", "SCHEME_TWO_KEYS", "RENEWAL_EVERY"),
        ([record(LEAF, 3, 1, 1), record(CA, 2, 1, 1)], "OK", "SCHEME_KEY_AND_ANCHOR", "RENEWAL_SAME_CA"),
        ([record(LEAF, 3, 1, 1), NEXT, FOREIGN], "OK", "SCHEME_TWO_KEYS", "RENEWAL_NEW_KEY"),
        ([record(CA, 2, 1, 1), NEXT], "OK", "SCHEME_KEY_AND_ANCHOR", "RENEWAL_SAME_CA"),
        ([record(CA, 2, 1, 1), FOREIGN], "OK", "SCHEME_TWO_ANCHORS", "RENEWAL_SAME_CA"),
        ([record(CA, 2, 1, 1), record(ROOT, 2, 1, 1)], "OK", "SCHEME_TWO_ANCHORS", "RENEWAL_SAME_CA"),
        ([record(LEAF, 3, 1, 1)], "ROLLOVER_SINGLE", "SCHEME_KEY", "RENEWAL_NEW_KEY"),
        ([record(LEAF, 3, 0, 0)], "ROLLOVER_SINGLE", "SCHEME_KEY", "RENEWAL_EVERY"),
        ([record(CA, 2, 0, 1)], "ROLLOVER_SINGLE", "SCHEME_ANCHOR", "RENEWAL_SAME_CA"),
        ([record(LEAF, 3, 1, 1), record(LEAF, 3, 1, 1)], "ROLLOVER_SINGLE", "SCHEME_KEY", "RENEWAL_NEW_KEY"),
        ([record(LEAF, 3, 1, 1), record(LEAF, 3, 1, 2)], "ROLLOVER_SAME_KEY", "SCHEME_KEY", "RENEWAL_NEW_KEY"),
        ([record(LEAF, 3, 1, 1), record(LEAF, 3, 0, 1)], "ROLLOVER_SAME_KEY", "SCHEME_KEY", "RENEWAL_NEW_KEY"),
        ([record(CA, 2, 1, 1), record(CA, 2, 0, 1)], "ROLLOVER_SAME_KEY", "SCHEME_ANCHOR", "RENEWAL_SAME_CA"),
        ([record(LEAF, 3, 1, 1), FOREIGN], "ROLLOVER_ANCHOR_FOREIGN", "SCHEME_KEY", "RENEWAL_NEW_KEY"),
        # An unusable record helps nobody, nor does a weaker digest beside a stronger one (RFC 7671 section 9).
        ([record(LEAF, 3, 1, 1), raw_record(1, 1, 1, b"x" * 32)], "ROLLOVER_SINGLE", "SCHEME_KEY", "RENEWAL_NEW_KEY"),
        ([record(LEAF, 3, 1, 2), NEXT], "ROLLOVER_SINGLE", "SCHEME_KEY", "RENEWAL_NEW_KEY"),
        ([record(LEAF, 3, 1, 2), NEXT_512], "OK", "SCHEME_TWO_KEYS", "RENEWAL_NEW_KEY"),
    ],
)
def test_schemes(records: list[TlsaRecord], code: str, scheme: str, renewal: str) -> None:
    for order in (records, records[::-1]):
        found = rollover(order, SERVED, NOW)
        assert found is not None
        assert (found.code, found.scheme, found.renewal) == (code, scheme, renewal)


def test_nothing_matches() -> None:
    assert rollover([NEXT, FOREIGN], SERVED, NOW) is None
    assert rollover([record(LEAF, 3, 1, 1)], (), NOW) is None


def test_the_record_of_a_second_certificate_is_no_next_key() -> None:
    """A server with two keys in use has two records and still none for what comes next."""
    other = Maker(NOW).shape("leaf and intermediate")
    records = [record(LEAF, 3, 1, 1), record(other.chain[0], 3, 0, 1)]
    found = rollover(records, (*SERVED, ((HOST,), other.ders)), NOW)
    assert found is not None
    assert (found.code, found.renewal) == ("ROLLOVER_SINGLE", "RENEWAL_EVERY")
    assert (len(found.current), found.waiting) == (2, ())


def test_an_anchor_that_is_out_of_date_vouches_for_nothing() -> None:
    expired = MAKER.shape("expired leaf")
    records = [record(expired.chain[0], 3, 1, 1), record(CA, 2, 1, 1)]
    found = rollover(records, (((HOST,), expired.ders),), NOW)
    assert found is not None
    assert found.code == "ROLLOVER_SINGLE"  # its CA did issue the certificate, so it is no foreign one
    assert der(CA) in expired.ders
