"""The validator against the lab's tree: every kind of answer and denial, and the cause and place of every fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from tr03108.evaluate.dnssec import Validator
from tr03108.evaluate.lookup import NotAsked, Status
from tr03108.lab.faults import Fault, FaultKind
from tr03108.lab.zone import ZoneSpec

RECORDS = (
    "@ MX 10 mx1",
    "mx1 A 192.0.2.1",
    f"_25._tcp.mx1 TLSA 3 1 1 {'00' * 32}",
    '*.wild TXT "x"',
    "alias CNAME mx1",
    "far CNAME c.other.test.",
    'deep.empty TXT "below an empty non-terminal"',
    "tree DNAME wild",
    "circle CNAME circus",
    "circus CNAME circle",
)
OTHERS = (
    ZoneSpec("other.test", ("c A 192.0.2.7",), algorithm="ED25519"),
    ZoneSpec("plain.test", ("mx A 192.0.2.9",), denial="none"),
    ZoneSpec("below.plain.test", ("mx A 192.0.2.10",)),
)
DENIALS = ("nsec", "nsec3", "nsec3-optout")
BEHIND_OPT_OUT = (  # an unsigned delegation might be there instead of the wildcard
    ("any.wild.example.test", "TXT"),
    ("any.wild.example.test", "A"),
    ("x.tree.example.test", "TXT"),
)
ALGORITHMS = ("ECDSAP256SHA256", "ED25519", "RSASHA256")

MakeOffline = Callable[[Sequence[ZoneSpec]], Any]


def _validator(offline: MakeOffline, **spec: Any) -> Validator:
    zone = ZoneSpec("example.test", RECORDS, **spec)
    validator: Validator = offline((zone, *OTHERS)).validator()
    return validator


@pytest.mark.parametrize("denial", DENIALS)
@pytest.mark.parametrize(
    ("name", "rdtype", "kind"),
    [
        ("example.test", "MX", "answer"),
        ("_25._tcp.mx1.example.test", "TLSA", "answer"),
        ("mx1.example.test", "AAAA", "nodata"),
        ("any.wild.example.test", "TXT", "answer"),
        ("any.wild.example.test", "A", "nodata"),
        ("empty.example.test", "TXT", "nodata"),
        ("alias.example.test", "A", "answer"),
        ("far.example.test", "A", "answer"),
        ("x.tree.example.test", "TXT", "answer"),
        ("example.test", "DS", "answer"),
        ("mx1.example.test", "DS", "nodata"),
        ("missing.test", "MX", "nxdomain"),
    ],
)
def test_what_is_there_and_what_is_not_is_secure(
    offline: MakeOffline, denial: str, name: str, rdtype: str, kind: str
) -> None:
    lookup = _validator(offline, denial=denial).lookup(name, rdtype)
    if denial == "nsec3-optout" and (name, rdtype) in BEHIND_OPT_OUT:  # RFC 5155 section 9.2
        assert (lookup.status, lookup.kind, lookup.cause) == (Status.INSECURE, kind, "DNSSEC_INSECURE")
        return
    assert (lookup.status, lookup.kind, lookup.cause) == (Status.SECURE, kind, None)
    assert lookup.signatures


@pytest.mark.parametrize(("denial", "status"), [("nsec", "secure"), ("nsec3", "secure"), ("nsec3-optout", "insecure")])
def test_a_missing_name_in_an_opt_out_span_is_no_more_than_insecure(
    offline: MakeOffline, denial: str, status: str
) -> None:
    """RFC 5155 section 9.2."""
    lookup = _validator(offline, denial=denial).lookup("missing.example.test", "A")
    assert (lookup.status.value, lookup.kind) == (status, "nxdomain")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_algorithms(offline: MakeOffline, algorithm: str) -> None:
    lookup = _validator(offline, algorithm=algorithm).lookup("mx1.example.test", "A")
    assert lookup.secure
    assert [link.zone for link in lookup.zones] == [".", "test", "example.test"]


@pytest.mark.parametrize(
    ("name", "rdtype", "kind"),
    [("plain.test", "MX", "nodata"), ("mx.plain.test", "A", "answer"), ("mx.below.plain.test", "A", "answer")],
)
def test_an_unsigned_delegation_is_insecure_by_proof(offline: MakeOffline, name: str, rdtype: str, kind: str) -> None:
    lookup = _validator(offline).lookup(name, rdtype)
    assert (lookup.status, lookup.kind, lookup.cause) == (Status.INSECURE, kind, "DNSSEC_INSECURE")
    assert lookup.place == "plain.test"


def test_an_alias_into_an_unsigned_zone_is_insecure_as_a_whole(offline: MakeOffline) -> None:
    zone = ZoneSpec("example.test", ("mx CNAME mx.plain.test.",))
    lookup = offline((zone, *OTHERS)).validator().lookup("mx.example.test", "A")
    assert lookup.status is Status.INSECURE
    assert [(hop.target, hop.status) for hop in lookup.aliases] == [("mx.plain.test", Status.SECURE)]
    assert lookup.owner == "mx.plain.test"


def test_aliases_in_a_circle_end(offline: MakeOffline) -> None:
    lookup = _validator(offline).lookup("circle.example.test", "A")
    assert (lookup.kind, lookup.cause) == ("loop", "ALIAS_LOOP")
    assert lookup.records == ()


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
@pytest.mark.parametrize(
    ("kind", "name", "rdtype", "question", "status", "cause", "place"),
    [
        ("expired", "@", "MX", "example.test/MX", "bogus", "DNSSEC_EXPIRED", "example.test"),
        ("future", "@", "MX", "example.test/MX", "bogus", "DNSSEC_NOT_YET_VALID", "example.test"),
        ("corrupt", "mx1", "A", "mx1.example.test/A", "bogus", "DNSSEC_SIGNATURE_INVALID", "mx1.example.test"),
        ("unsigned", "mx1", "A", "mx1.example.test/A", "bogus", "DNSSEC_SIGNATURE_MISSING", "mx1.example.test"),
        ("wrong-tag", "mx1", "A", "mx1.example.test/A", "bogus", "DNSSEC_KEY_MISSING", "mx1.example.test"),
        ("wrong-key", "mx1", "A", "mx1.example.test/A", "bogus", "DNSSEC_KEY_MISSING", "mx1.example.test"),
        ("wrong-signer", "mx1", "A", "mx1.example.test/A", "bogus", "DNSSEC_SIGNER_WRONG", "mx1.example.test"),
        ("expired", "@", "DNSKEY", "example.test/MX", "bogus", "DNSSEC_EXPIRED", "example.test"),
        ("corrupt", "@", "DNSKEY", "example.test/MX", "bogus", "DNSSEC_SIGNATURE_INVALID", "example.test"),
        ("expired", "@", "DS", "example.test/MX", "bogus", "DNSSEC_EXPIRED", "example.test"),
        ("ds-mismatch", "*", "*", "example.test/MX", "bogus", "DNSSEC_DS_MISMATCH", "example.test"),
        ("no-denial", "mx1", "AAAA", "mx1.example.test/AAAA", "bogus", "DNSSEC_DENIAL_MISSING", "mx1.example.test"),
        ("corrupt-denial", "@", "AAAA", "example.test/AAAA", "bogus", "DNSSEC_DENIAL_INVALID", "example.test"),
        ("empty", "@", "MX", "example.test/MX", "bogus", "DNSSEC_DENIAL_MISSING", "example.test"),
        ("nxdomain", "@", "MX", "example.test/MX", "bogus", "DNSSEC_DENIAL_MISSING", "example.test"),
        ("servfail", "@", "MX", "example.test/MX", "indeterminate", "DNS_SERVFAIL", "example.test"),
        ("refused", "@", "MX", "example.test/MX", "indeterminate", "DNS_REFUSED", "example.test"),
        ("timeout", "@", "MX", "example.test/MX", "indeterminate", "DNS_TIMEOUT", "example.test"),
        ("garbage", "@", "MX", "example.test/MX", "indeterminate", "DNS_MALFORMED", "example.test"),
        ("servfail", "@", "DNSKEY", "example.test/MX", "indeterminate", "DNS_SERVFAIL", "example.test"),
        ("timeout", "@", "DS", "example.test/MX", "indeterminate", "DNS_TIMEOUT", "example.test"),
        ("algorithm-unknown", "*", "*", "example.test/MX", "insecure", "DNSSEC_ALGORITHM_UNSUPPORTED", "example.test"),
    ],
)  # fmt: skip
def test_every_fault_has_its_cause_and_place(
    offline: MakeOffline,
    denial: str,
    kind: str,
    name: str,
    rdtype: str,
    question: str,
    status: str,
    cause: str,
    place: str,
) -> None:
    validator = _validator(offline, denial=denial, faults=(Fault(FaultKind(kind), name, rdtype),))
    lookup = validator.lookup(*question.split("/"))
    assert (lookup.status.value, lookup.cause, lookup.place) == (status, cause, place)


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
@pytest.mark.parametrize("kind", ["no-denial", "corrupt-denial"])
def test_a_wildcard_answer_without_its_proof_is_bogus(offline: MakeOffline, denial: str, kind: str) -> None:
    """RFC 4035 section 5.3.4: the signature alone does not show that no closer name exists."""
    fault = Fault(FaultKind(kind), "any.wild", "TXT")
    lookup = _validator(offline, denial=denial, faults=(fault,)).lookup("any.wild.example.test", "TXT")
    assert lookup.status is Status.BOGUS
    assert lookup.cause in ("DNSSEC_DENIAL_MISSING", "DNSSEC_DENIAL_INVALID")


def test_the_time_of_the_observation_judges_its_signatures(offline: MakeOffline) -> None:
    source = offline((ZoneSpec("example.test", RECORDS),))
    source.now += timedelta(days=15)
    lookup = source.validator().lookup("example.test", "MX")
    assert lookup.status is Status.INDETERMINATE  # the root's own keys have expired: nobody's fault at the target


def test_too_many_nsec3_iterations_make_a_denial_insecure(offline: MakeOffline) -> None:
    """RFC 9276 section 3.2."""
    lookup = _validator(offline, denial="nsec3", nsec3_iterations=151).lookup("mx1.example.test", "AAAA")
    assert (lookup.status, lookup.cause) == (Status.INSECURE, "NSEC3_ITERATIONS")


def test_a_question_not_asked_is_named(offline: MakeOffline) -> None:
    source = offline((ZoneSpec("example.test", RECORDS),))
    seen: dict[tuple[str, str], Any] = {}
    anchors = tuple(source.tree.trust_anchor.strip().splitlines())
    validator = Validator(lambda name, rdtype: seen.get((name, rdtype)), anchors)
    order = []
    while True:
        try:
            lookup = validator.lookup("example.test", "MX")
            break
        except NotAsked as question:
            order.append(f"{question.name}/{question.rdtype}")
            seen[question.name, question.rdtype] = source(question.name, question.rdtype)
    assert lookup.secure
    assert order == ["./DNSKEY", "example.test/MX", "example.test/DS", "test/DS", "test/DNSKEY", "example.test/DNSKEY"]


def test_original_ttl_comes_from_the_signature(offline: MakeOffline) -> None:
    zone = ZoneSpec("example.test", (f"_25._tcp.mx1 600 TLSA 3 1 1 {'00' * 32}",))
    assert offline((zone,)).validator().lookup("_25._tcp.mx1.example.test", "TLSA").ttl == 600
