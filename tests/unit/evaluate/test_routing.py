"""From an MX answer to mail hosts, and from a host to the names below which senders look for TLSA."""

from __future__ import annotations

import dns.rdata
import pytest

from tr03108.evaluate.lookup import Alias, Lookup, Status
from tr03108.evaluate.routing import insecure_cause, mail_routing, tlsa_names
from tr03108.evaluate.tlsa import tlsa_of

DIGEST = "ab" * 32
HOST, TARGET = "mx.example.test", "real.example.net"


def lookup(
    rdtype: str,
    *records: str,
    status: str = "secure",
    kind: str | None = "answer",
    aliases: tuple[tuple[str, str], ...] = (),
) -> Lookup:
    """`aliases`: target and status of each hop."""
    hops = tuple(Alias(HOST, target, Status(how)) for target, how in aliases)
    data = tuple(dns.rdata.from_text("IN", rdtype, text) for text in records)
    owner = hops[-1].target if hops else HOST
    return Lookup(HOST, rdtype, Status(status), kind, owner, hops, data, 60, None, None, None, (), (), None)


@pytest.mark.parametrize(
    ("mx", "kind", "hosts"),
    [
        (lookup("MX", "10 b.test.", "5 a.test.", "10 A.test."), "mx", ("a.test", "b.test")),
        (lookup("MX", "10 b.test.", status="bogus"), "mx", ("b.test",)),
        (lookup("MX", "10 b.test.", status="insecure"), "mx", ("b.test",)),
        (lookup("MX", "0 ."), "null", ()),
        (lookup("MX", "0 .", "10 a.test."), "mx", ("a.test",)),
        (lookup("MX", kind="nodata"), "implicit", (HOST,)),
        (lookup("MX", kind="nodata", status="insecure"), "implicit", (HOST,)),
        (lookup("MX", kind="nodata", status="bogus"), "unseen", ()),
        (lookup("MX", kind="nxdomain"), "not-found", ()),
        (lookup("MX", kind="nxdomain", status="bogus"), "unseen", ()),
        (lookup("MX", kind=None, status="indeterminate"), "unseen", ()),
        (lookup("MX", "10 b.test.", status="indeterminate"), "unseen", ()),
        (lookup("MX", kind="loop"), "unseen", ()),
    ],
)
def test_routing(mx: Lookup, kind: str, hosts: tuple[str, ...]) -> None:
    found = mail_routing(mx, HOST)
    assert (found.kind, found.hosts) == (kind, hosts)


@pytest.mark.parametrize(
    ("a", "names"),
    [
        (lookup("A", "192.0.2.1"), (HOST,)),
        (lookup("A", "192.0.2.1", aliases=((TARGET, "secure"),)), (TARGET, HOST)),
        (lookup("A", "192.0.2.1", aliases=((TARGET, "insecure"),), status="insecure"), (HOST,)),
        # The alias is secure, where it leads to is not: senders stay with the name in the MX record.
        (lookup("A", "192.0.2.1", aliases=((TARGET, "secure"),), status="insecure"), (HOST,)),
        (lookup("A", "192.0.2.1", aliases=((TARGET, "secure"),), status="bogus"), (HOST,)),
        (lookup("A", kind="nodata", aliases=((TARGET, "secure"),)), (HOST,)),
    ],
)
def test_tlsa_base_domains(a: Lookup, names: tuple[str, ...]) -> None:
    nothing = lookup("AAAA", kind="nodata")
    assert tlsa_names(HOST, a, nothing) == names
    assert tlsa_names(HOST, nothing, a) == names


GOOD = lookup("TLSA", f"3 1 1 {DIGEST}")
NONE = lookup("TLSA", kind="nodata")
INSECURE = lookup("TLSA", f"3 1 1 {DIGEST}", status="insecure")
PKIX = lookup("TLSA", f"1 1 1 {DIGEST}")
BOGUS = lookup("TLSA", f"3 1 1 {DIGEST}", status="bogus")
DENIED_BOGUS = lookup("TLSA", kind="nodata", status="bogus")
OPEN = lookup("TLSA", kind=None, status="indeterminate")


@pytest.mark.parametrize(
    ("lookups", "code", "unseen", "base"),
    [
        ((GOOD,), "OK", False, "n0"),
        ((NONE,), "TLSA_MISSING", False, "n0"),
        ((lookup("TLSA", kind="nxdomain", status="insecure"),), "TLSA_MISSING", False, "n0"),
        ((lookup("TLSA", kind="loop"),), "TLSA_MISSING", False, "n0"),
        ((INSECURE,), "TLSA_INSECURE", False, "n0"),
        ((PKIX,), "TLSA_UNUSABLE", False, "n0"),
        ((BOGUS,), "TLSA_BOGUS", False, "n0"),
        ((DENIED_BOGUS,), "TLSA_BOGUS", False, "n0"),
        ((OPEN,), "TLSA_UNSEEN", True, "n0"),
        ((None,), "NOT_PROBED", True, "n0"),
        ((), "NOT_PROBED", True, None),
        # The first that decides, decides: nobody goes on as if there were none.
        ((NONE, GOOD), "OK", False, "n1"),
        ((GOOD, BOGUS), "OK", False, "n0"),
        ((BOGUS, GOOD), "TLSA_BOGUS", False, "n0"),
        ((DENIED_BOGUS, GOOD), "TLSA_BOGUS", False, "n0"),
        ((OPEN, GOOD), "TLSA_UNSEEN", True, "n0"),
        ((PKIX, GOOD), "TLSA_UNUSABLE", False, "n0"),
        ((NONE, OPEN), "TLSA_UNSEEN", True, "n1"),
        ((NONE, None), "NOT_PROBED", True, "n1"),
        # What is not secure counts as not there (RFC 7672 section 2.2.2), but is remembered.
        ((INSECURE, GOOD), "OK", False, "n1"),
        ((INSECURE, NONE), "TLSA_INSECURE", False, "n0"),
        ((NONE, INSECURE), "TLSA_INSECURE", False, "n1"),
    ],
)
def test_which_tlsa_records_senders_use(
    lookups: tuple[Lookup | None, ...], code: str, unseen: bool, base: str | None
) -> None:
    found = tlsa_of({f"n{number}": answer for number, answer in enumerate(lookups)})
    assert (found.code, found.unseen, found.base) == (code, unseen, base)
    assert (code == "OK") is (found.lookup is not None and found.lookup.secure and found.code == "OK")


SECURE, INSECURE = lookup("A", "192.0.2.1"), lookup("A", "192.0.2.1", status="insecure")
NO_AAAA = lookup("AAAA", kind="nodata", status="insecure")


@pytest.mark.parametrize(
    ("a", "aaaa", "cause"),
    [
        (SECURE, lookup("AAAA", kind="nodata"), None),
        (INSECURE, NO_AAAA, "DNSSEC_INSECURE"),
        (INSECURE, lookup("AAAA", "2001:db8::1", status="insecure"), "DNSSEC_INSECURE"),
        (INSECURE, lookup("AAAA", "2001:db8::1"), None),
        (INSECURE, lookup("AAAA", kind=None, status="indeterminate"), "DNSSEC_INSECURE"),
        (lookup("A", "192.0.2.1", status="bogus"), NO_AAAA, None),
        (lookup("A", kind=None, status="indeterminate"), NO_AAAA, None),
        (INSECURE, None, "DNSSEC_INSECURE"),
        (None, None, None),
        # Senders look at an alias itself: where it is secure, they ask below its own name.
        (lookup("A", "192.0.2.1", aliases=((TARGET, "secure"),), status="insecure"), NO_AAAA, None),
        (lookup("A", "192.0.2.1", aliases=((TARGET, "insecure"),), status="insecure"), NO_AAAA, "DNSSEC_INSECURE"),
    ],
)
def test_hosts_whose_tlsa_records_nobody_asks_for(a: Lookup | None, aaaa: Lookup | None, cause: str | None) -> None:
    assert insecure_cause(a, aaaa) == cause
