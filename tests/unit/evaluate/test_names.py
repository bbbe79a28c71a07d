"""Names of a certificate against the name of a service: the table of RFC 9525 section 6.3, and its edges."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tr03108.evaluate.names import dns_names, first_match, matches
from unit.evaluate.chains import Maker


@pytest.mark.parametrize(
    ("presented", "reference", "match"),
    [
        ("mx.example.org", "mx.example.org", True),
        ("MX.Example.ORG", "mx.example.org", True),
        ("mx.example.org", "MX.example.org.", True),  # the dot is ours to add, not the certificate's
        ("mx.example.org.", "mx.example.org", False),
        ("*.example.org", "mx.example.org", True),
        ("*.example.org", "a.mx.example.org", False),  # one label, not two
        ("*.example.org", "example.org", False),
        ("*.org", "example.org", False),  # too wide
        ("*", "org", False),
        ("m*.example.org", "mx.example.org", False),  # a part of a label
        ("*x.example.org", "mx.example.org", False),
        ("mx.*.org", "mx.example.org", False),  # not leftmost
        ("*.*.org", "mx.example.org", False),
        ("*.example.org", "*.example.org", False),  # a name, and not a pattern, was asked for
        ("mx.example.org\0.evil.test", "mx.example.org", False),
        ("mx.example.org ", "mx.example.org", False),
        ("", "mx.example.org", False),
        ("mx.example.or\u212a", "mx.example.ork", False),  # KELVIN SIGN is a k in lower case
        ("xn--mx-xka.example.org", "xn--mx-xka.example.org", True),
        ("*.example.org", "xn--mx-xka.example.org", True),
        ("192.0.2.1", "mx.example.org", False),
    ],
)
def test_table(presented: str, reference: str, match: bool) -> None:
    assert matches(presented, reference) is match


def test_only_dns_names_count_and_the_common_name_does_not() -> None:
    maker = Maker(datetime.now(UTC))
    named = maker.leaf(names=("a.example.test", "b.example.test"))
    assert dns_names(named) == ("a.example.test", "b.example.test")
    assert first_match(named, ("x.example.test", "b.example.test")) == "b.example.test"
    unnamed = maker.leaf(names=())
    assert first_match(unnamed, ("mx.example.test",)) is None
