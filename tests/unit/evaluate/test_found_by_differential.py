"""What the comparison with Unbound and delv brought to light, each without a socket (tests/interop)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_lowercase
from typing import Any

import pytest

from tr03108.evaluate.lookup import Lookup, Status
from tr03108.lab.faults import Fault, FaultKind
from tr03108.lab.zone import ZoneSpec

MakeOffline = Callable[[Sequence[ZoneSpec]], Any]
Ask = Callable[[Sequence[ZoneSpec]], Callable[[str, str], Lookup]]


@pytest.fixture
def ask(offline: MakeOffline) -> Ask:
    """A validator's lookup in a tree of zones."""

    def lookup_in(zones: Sequence[ZoneSpec]) -> Callable[[str, str], Lookup]:
        lookup: Callable[[str, str], Lookup] = offline(zones).validator().lookup
        return lookup

    return lookup_in


@pytest.mark.parametrize("denial", ["nsec", "nsec3", "nsec3-optout"])
@pytest.mark.parametrize(
    ("kind", "cause"),
    [(FaultKind.UNSIGNED, "DNSSEC_SIGNATURE_MISSING"), (FaultKind.EXPIRED, "DNSSEC_EXPIRED")],
)
def test_a_denial_with_a_spoilt_soa_is_bogus(ask: Ask, denial: str, kind: FaultKind, cause: str) -> None:
    """RFC 4035 section 3.2.3: authentic is an answer of which all record sets are."""
    zone = ZoneSpec("example.test", ("mx A 192.0.2.1",), denial=denial, faults=(Fault(kind, "@", "SOA"),))
    lookup = ask((zone,))
    for name, kind_of_answer in (("mx.example.test", "nodata"), ("missing.example.test", "nxdomain")):
        seen = lookup(name, "TLSA")
        assert (seen.status, seen.kind, seen.cause) == (Status.BOGUS, kind_of_answer, cause)
    assert lookup("mx.example.test", "A").secure


def test_a_cname_made_from_a_dname_needs_no_signature(ask: Ask) -> None:
    """RFC 6672 section 5.3.1."""
    zone = ZoneSpec("example.test", ("tree DNAME other.example.test.", "mx.other CNAME example.test."))
    seen = ask((zone,))("mx.tree.example.test", "CNAME")
    assert (seen.status, seen.kind, seen.owner) == (Status.SECURE, "answer", "mx.other.example.test")


def test_an_unsigned_delegation_beside_a_wildcard_alias_is_insecure(ask: Ask) -> None:
    """RFC 5155 section 8.6; of these names, some are covered by the wildcard's own NSEC3 record."""
    names = [f"{label}.example.test" for label in ascii_lowercase]
    parent = ZoneSpec("example.test", ("* CNAME mx.test.",), denial="nsec3-optout")
    lookup = ask((parent, *(ZoneSpec(name, ("@ A 192.0.2.1",), denial="none") for name in names)))
    assert {lookup(name, "A").status for name in names} == {Status.INSECURE}
    assert {lookup(name, "DS").status for name in names} == {Status.INSECURE}


def test_the_cause_is_that_of_the_worst_hop(ask: Ask) -> None:
    zones = (
        ZoneSpec("plain.test", ("alias CNAME mx.broken.test.",), denial="none"),
        ZoneSpec("broken.test", ("mx A 192.0.2.1",), faults=(Fault(FaultKind.EXPIRED, "mx", "A"),)),
    )
    seen = ask(zones)("alias.plain.test", "A")
    assert (seen.status, seen.cause, seen.place) == (Status.BOGUS, "DNSSEC_EXPIRED", "mx.broken.test")
