"""A host's addresses: what is known, what is not, and what is out of scope."""

from __future__ import annotations

import pytest

from tr03108.evaluate.host import Host
from tr03108.evaluate.lookup import Lookup
from unit.evaluate.web_pages import V4, V6, lookup, unseen

NAME = "mail.example"
NONE4, NONE6 = lookup(NAME, "A"), lookup(NAME, "AAAA")
SOME4, SOME6 = lookup(NAME, "A", V4, V4), lookup(NAME, "AAAA", "2001:DB8:0::1")
HIDDEN4, HIDDEN6 = unseen(NAME, "A"), unseen(NAME, "AAAA")
BOGUS4 = lookup(NAME, "A", status="bogus")


def host(a: Lookup | None, aaaa: Lookup | None, *families: int) -> Host:
    return Host(name=NAME, a=a, aaaa=aaaa, families=families or (4, 6))


def test_addresses_once_each_in_canonical_form() -> None:
    assert host(SOME4, SOME6).addresses == (V4, V6)
    assert host(lookup(NAME, "A", V4, status="bogus"), None).addresses == (V4,)


def test_families_out_of_scope() -> None:
    four = host(SOME4, SOME6, 4)
    assert (four.addresses, four.out_of_scope) == ((V4,), (V6,))


@pytest.mark.parametrize(
    ("a", "aaaa", "without"),
    [
        (NONE4, NONE6, True),
        (lookup(NAME, "A", kind="nxdomain"), lookup(NAME, "AAAA", kind="loop", status="insecure"), True),
        (NONE4, SOME6, False),
        (BOGUS4, NONE6, False),
        (HIDDEN4, NONE6, False),
        (NONE4, None, False),
        (None, None, False),
    ],
)
def test_without_address_is_proven(a: Lookup | None, aaaa: Lookup | None, without: bool) -> None:
    assert host(a, aaaa).without_address is without
    assert host(a, aaaa, 4).without_address is without, "of either family, whatever is in scope"


@pytest.mark.parametrize(
    ("a", "aaaa", "families", "hidden"),
    [
        (SOME4, HIDDEN6, (4, 6), HIDDEN6),
        (HIDDEN4, SOME6, (4, 6), HIDDEN4),
        (BOGUS4, SOME6, (4, 6), BOGUS4),
        (SOME4, HIDDEN6, (4,), None),
        (lookup(NAME, "A", V4, status="bogus"), NONE6, (4, 6), None),
        (NONE4, NONE6, (4, 6), None),
    ],
)
def test_addresses_unseen(a: Lookup, aaaa: Lookup, families: tuple[int, ...], hidden: Lookup | None) -> None:
    assert host(a, aaaa, *families).addresses_unseen is hidden
