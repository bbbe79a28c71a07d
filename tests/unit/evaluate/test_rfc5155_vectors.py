"""Known answers: the NSEC3 example zone of RFC 5155 (appendices A and B).

Every NSEC3 record of that zone has the opt-out flag, so its name errors and wildcard answers are insecure (RFC 5155
section 9.2); the same records without the flag, which nobody signed, are put to the proofs alone.
"""

from __future__ import annotations

from base64 import b32hexdecode
from datetime import UTC, datetime

import dns.name
import dns.rdata
import dns.rrset
import pytest
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NSEC3 import NSEC3

from tr03108.evaluate.denial import Nsec3, Nsec3Proofs
from tr03108.evaluate.lookup import Lookup, Status
from unit.evaluate.test_rfc4035_vectors import (
    DAMAGES,
    EXAMPLE,
    SECOND,
    VECTORS,
    Case,
    Damage,
    Needed,
    asked,
    chain,
    check_signatures,
    forged,
    look,
    made,
    message,
    proof,
    proofs,
    removed,
)

INCEPTION = datetime(2005, 10, 21, 0, 0, tzinfo=UTC)  # of every signature in the zone
EXPIRATION = datetime(2015, 4, 20, 23, 59, 59, tzinfo=UTC)
NOW = datetime(2010, 1, 1, 0, 0, tzinfo=UTC)

_LINES = (VECTORS / "rfc5155-a-hashes.txt").read_text(encoding="ascii").splitlines()
_TABLE = [line.split() for line in _LINES if not line.startswith(";")]
HASHES = {name: hashed for name, hashed, *_ in _TABLE}  # of a name: the first label of the NSEC3 record about it
NEXT = {hashed: following[0] for _, hashed, *following in _TABLE if following}


def nsec3(*names: str) -> tuple[Needed, ...]:
    """The NSEC3 RRsets about these names."""
    return tuple((f"{HASHES[name]}.example", "NSEC3") for name in names)


CASES = (
    Case("rfc5155-b1", "a.c.x.w.example", "A", "insecure", "nxdomain", nsec3("example", "x.w.example", "a.example")),
    Case("rfc5155-b2", "ns1.example", "MX", "secure", "nodata", nsec3("ns1.example")),
    Case("rfc5155-b2-1", "y.w.example", "A", "secure", "nodata", nsec3("y.w.example")),
    Case("rfc5155-b3", "c.example", "DS", "insecure", "nodata", nsec3("a.example", "example"), referral=True),
    Case("rfc5155-b4", "a.z.w.example", "MX", "insecure", "answer", (("a.z.w.example", "MX"), *nsec3("ns2.example"))),
    Case("rfc5155-b5", "a.z.w.example", "AAAA", "insecure", "nodata",
         nsec3("w.example", "ns2.example", "*.w.example")),
)  # fmt: skip
PROVING = [pytest.param(case, needed, id=f"{case.file}-{needed[0]}") for case in CASES for needed in case.needed]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
every_damage = pytest.mark.parametrize("damage", DAMAGES)


@every_case
def test_answer_is_judged_as_the_rfc_says(case: Case) -> None:
    lookup = look(case, case.message(), NOW)
    cause = "DNSSEC_INSECURE" if case.status == "insecure" else None
    assert (lookup.status.value, lookup.kind, lookup.cause) == (case.status, case.kind, cause)
    assert {owner for owner, _ in case.needed} <= {signature.owner for signature in lookup.signatures}


@every_damage
@pytest.mark.parametrize(("case", "needed"), PROVING)
def test_answer_with_one_rrset_damaged_is_not_proven(case: Case, needed: Needed, damage: Damage) -> None:
    found = case.message()
    damage(found, needed)
    lookup = look(case, found, NOW)
    assert lookup.cause is not None
    if case.file == "rfc5155-b5" and needed in nsec3("*.w.example"):
        # Without a word on the wildcard there is still room for an unsigned z.w.example: insecure as before.
        assert lookup.status is Status.INSECURE
        return
    if damage is forged:
        assert lookup.status is Status.BOGUS
        assert lookup.cause in ("DNSSEC_SIGNATURE_INVALID", "DNSSEC_DENIAL_INVALID")
    assert lookup.status in (Status.BOGUS, Status.INDETERMINATE)


@pytest.mark.parametrize(
    ("when", "cause"),
    [
        (INCEPTION - SECOND, "DNSSEC_NOT_YET_VALID"),
        (INCEPTION, None),
        (EXPIRATION, None),
        (EXPIRATION + SECOND, "DNSSEC_EXPIRED"),
    ],
)
@every_case
def test_answer_counts_from_inception_to_expiration(case: Case, when: datetime, cause: str | None) -> None:
    lookup = look(case, case.message(), NOW, when)
    if cause is None:
        assert lookup.status.value == case.status
    else:
        assert (lookup.status, lookup.cause) == (Status.BOGUS, cause)


def _below_c(damage: Damage | None, needed: Needed) -> Lookup:
    """The MX of B.3 as an unsigned answer from below the delegation; only the proof at the cut is the RFC's."""
    name = dns.name.from_text("mc.c.example")
    unsigned_answer = made(name, RdataType.MX, dns.rrset.from_text(name, 3600, "IN", "MX", "1 mx.c.example."))
    referral = asked(message("rfc5155-b3"), "c.example", "DS")
    if damage is not None:
        damage(referral, needed)
    return chain("rfc5155", NOW, (referral, NOW), (unsigned_answer, NOW)).lookup("mc.c.example", "MX")


def test_b3_data_below_the_opt_out_delegation_is_insecure() -> None:
    lookup = _below_c(None, ("", ""))
    assert (lookup.status.value, lookup.cause, lookup.place) == ("insecure", "DNSSEC_INSECURE", "c.example")


@every_damage
@pytest.mark.parametrize("needed", nsec3("a.example", "example"))
def test_b3_data_below_an_unproven_delegation_is_bogus(needed: Needed, damage: Damage) -> None:
    assert _below_c(damage, needed).status is Status.BOGUS


def test_b6_the_child_cannot_deny_its_own_ds_record() -> None:
    lookup = chain("rfc5155", NOW, (message("rfc5155-b6"), NOW)).lookup("example", "DS")
    assert (lookup.status, lookup.kind) == (Status.BOGUS, "nodata")


# What the NSEC3 records of an answer prove: as signed, and if they had no opt-out flag. Type None: that the name does
# not exist. A number of labels: that only a wildcard below such an ancestor matches.
DENIALS = (
    ("rfc5155-b1", "a.c.x.w.example", None, "opt-out", "proven"),
    ("rfc5155-b1", "c.x.w.example", None, "opt-out", "proven"),
    ("rfc5155-b1", "x.w.example", None, "none", "none"),  # exists
    ("rfc5155-b1", "x.w.example", "A", "proven", "proven"),
    ("rfc5155-b1", "x.w.example", "MX", "none", "none"),
    ("rfc5155-b1", "a.example", "A", "none", "none"),  # the parent's side of the cut
    ("rfc5155-b1", "mc.a.example", None, "none", "none"),  # below the delegation: another zone
    ("rfc5155-b2", "ns1.example", "MX", "proven", "proven"),
    ("rfc5155-b2", "ns1.example", "A", "none", "none"),
    ("rfc5155-b2", "ns1.example", None, "none", "none"),
    ("rfc5155-b2", "ns2.example", "MX", "none", "none"),
    ("rfc5155-b2-1", "y.w.example", "A", "proven", "proven"),
    ("rfc5155-b2-1", "y.w.example", None, "none", "none"),
    ("rfc5155-b2-1", "x.y.w.example", "A", "none", "none"),
    ("rfc5155-b3", "c.example", "DS", "opt-out", "none"),
    ("rfc5155-b3", "a.example", "DS", "none", "none"),
    ("rfc5155-b3", "c.example", None, "none", "none"),  # no word on *.example
    ("rfc5155-b4", "a.z.w.example", 2, "opt-out", "proven"),
    ("rfc5155-b4", "a.z.w.example", 1, "none", "none"),
    ("rfc5155-b4", "a.z.w.example", 3, "none", "none"),
    ("rfc5155-b5", "a.z.w.example", "AAAA", "opt-out", "proven"),
    ("rfc5155-b5", "a.z.w.example", "MX", "none", "none"),
    ("rfc5155-b5", "a.z.w.example", None, "none", "none"),  # the wildcard exists
    ("rfc5155-b5", "*.w.example", "AAAA", "proven", "proven"),
    ("rfc5155-b6", "example", "DS", "none", "none"),  # the child's side of the cut
    ("rfc5155-b6", "example", "TXT", "proven", "proven"),
    ("rfc5155-b6", "example", "MX", "none", "none"),
)


def _without_flag(proofs: object) -> Nsec3Proofs:
    assert isinstance(proofs, Nsec3Proofs)
    changed = []
    for record in proofs.records:
        rdata = record.rdata.replace(flags=0)
        assert record.opt_out and isinstance(rdata, NSEC3)
        changed.append(Nsec3(record.hashed, rdata))
    return Nsec3Proofs(changed, EXAMPLE)


@pytest.mark.parametrize(("file", "name", "what", "signed", "plain"), DENIALS)
def test_nsec3_records_prove_this_and_no_more(
    file: str, name: str, what: str | int | None, signed: str, plain: str
) -> None:
    found = proofs("rfc5155", message(file), NOW)
    assert not found.failures
    (one,) = found.proofs
    assert proof(one, name, what).value == signed
    assert proof(_without_flag(one), name, what).value == plain


@pytest.mark.parametrize(
    ("case", "needed"),
    [
        pytest.param(case, needed, id=f"{case.file}-{needed[0]}")
        for case in CASES
        if case.kind != "answer" and not case.referral
        for needed in case.needed
    ],
)
def test_without_opt_out_every_record_of_a_denial_is_needed(case: Case, needed: Needed) -> None:
    what = None if case.kind == "nxdomain" else case.rdtype
    whole = proofs("rfc5155", case.message(), NOW)
    assert proof(_without_flag(whole.proofs[0]), case.name, what).value == "proven"
    less = case.message()
    removed(less, needed)
    left = proofs("rfc5155", less, NOW).proofs
    assert [proof(_without_flag(p), case.name, what).value for p in left] == ["none"] * (len(case.needed) > 1)


def _record(hashed: str, following: str) -> Nsec3:
    rdata = dns.rdata.from_text("IN", "NSEC3", f"1 1 12 aabbccdd {following} TXT")
    assert isinstance(rdata, NSEC3)
    return Nsec3(b32hexdecode(hashed.upper()), rdata)


@pytest.mark.parametrize("name", HASHES)
def test_hash_of_appendix_a_is_the_hash_of_its_name(name: str) -> None:
    one = Nsec3Proofs([_record(HASHES[name], HASHES["example"])], EXAMPLE)
    matched = [other for other in HASHES if one.types_at(dns.name.from_text(other)) is not None]
    assert matched == [name]
    assert one.types_at(dns.name.from_text(name.upper())) == frozenset({int(RdataType.TXT)})


@pytest.mark.parametrize("name", HASHES)
def test_hashes_of_appendix_a_form_one_ring(name: str) -> None:
    """A name that is there is matched and covered by no record, another is covered by exactly one."""
    ring = [_record(hashed, following) for hashed, following in NEXT.items()]
    hashed = b32hexdecode(HASHES[name].upper())
    assert sum(record.covers(hashed) for record in ring) == (0 if HASHES[name] in NEXT else 1)
    assert {record.rdata.next for record in ring} == {record.hashed for record in ring}


# The RRSIGs printed in each vector.
SIGNATURES = {
    "rfc5155-a-dnskey": 1,
    "rfc5155-a-rrsets": 8,
    "rfc5155-b1": 4,
    "rfc5155-b2": 2,
    "rfc5155-b2-1": 2,
    "rfc5155-b3": 2,
    "rfc5155-b4": 3,
    "rfc5155-b5": 4,
    "rfc5155-b6": 2,
}


@pytest.mark.parametrize(("file", "count"), SIGNATURES.items())
def test_every_printed_signature_verifies(file: str, count: int) -> None:
    check_signatures("rfc5155", file, count, NOW)
