"""Each fault does to its record set, question or delegation what its name says, and nothing to the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.zonefile
import pytest
from dns.rdatatype import RdataType

from tr03108.lab.faults import Fault, FaultKind
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ORIGIN = dns.name.from_text("z.test")
RECORDS = ("@ MX 10 mx", "mx A 192.0.2.1", "mx AAAA 2001:db8::1", "alias CNAME mx")


def tree_with(*faults: Fault) -> Tree:
    return Tree([ZoneSpec("z.test", RECORDS, faults=faults)], NOW)


def wire(tree: Tree, name: str, rdtype: str, *, udp: bool = False) -> bytes | None:
    return tree.answer(dns.message.make_query(name, rdtype, want_dnssec=True, payload=4096).to_wire(), udp)


def ask(tree: Tree, name: str, rdtype: str, *, udp: bool = False) -> dns.message.Message:
    answer = wire(tree, name, rdtype, udp=udp)
    assert answer is not None
    return dns.message.from_wire(answer)


def signed(response: dns.message.Message) -> tuple[dns.rrset.RRset, dns.rrset.RRset]:
    rrset, rrsig = response.answer
    assert rrsig.rdtype is RdataType.RRSIG
    return rrset, rrsig


def valid(tree: Tree, name: str, rdtype: str) -> bool:
    """Whether dnspython validates the answer with the keys that the zone publishes, at the tree's time."""
    keys, _ = signed(ask(tree, "z.test", "DNSKEY"))
    try:
        dns.dnssec.validate(*signed(ask(tree, name, rdtype)), {ORIGIN: keys}, now=NOW.timestamp())
    except dns.exception.ValidationFailure:
        return False
    return True


@pytest.mark.parametrize("algorithm", ["ECDSAP256SHA256", "RSASHA256", "ED25519"])
def test_sound_zone_validates(algorithm: str) -> None:
    tree = Tree([ZoneSpec("z.test", RECORDS, algorithm=algorithm)], NOW)
    assert valid(tree, "mx.z.test", "A")
    assert valid(tree, "z.test", "DNSKEY")


BROKEN_SIGNATURES = ["expired", "future", "corrupt", "wrong-tag", "wrong-key", "wrong-signer", "algorithm-unknown"]


@pytest.mark.parametrize("kind", BROKEN_SIGNATURES)
def test_signature_fault_breaks_one_record_set(kind: str) -> None:
    tree = tree_with(Fault(FaultKind(kind), "mx", "A"))
    assert not valid(tree, "mx.z.test", "A")
    assert valid(tree, "mx.z.test", "AAAA")
    assert valid(tree, "z.test", "MX")


@pytest.mark.parametrize("kind", BROKEN_SIGNATURES)
def test_signature_fault_of_the_whole_zone(kind: str) -> None:
    tree = tree_with(Fault(FaultKind(kind)))
    assert not any(valid(tree, *question) for question in (("mx.z.test", "A"), ("z.test", "MX"), ("z.test", "DNSKEY")))


def test_what_the_signature_faults_look_like() -> None:
    def rrsig(kind: FaultKind) -> tuple[Tree, dns.rdtypes.ANY.RRSIG.RRSIG]:
        tree = tree_with(Fault(kind, "mx", "A"))
        return tree, signed(ask(tree, "mx.z.test", "A"))[1][0]

    late = (NOW - timedelta(days=3)).timestamp()
    assert rrsig(FaultKind.EXPIRED)[1].inception < rrsig(FaultKind.EXPIRED)[1].expiration < late
    early = (NOW + timedelta(days=3)).timestamp()
    assert early < rrsig(FaultKind.FUTURE)[1].inception < rrsig(FaultKind.FUTURE)[1].expiration
    assert not ORIGIN.is_subdomain(rrsig(FaultKind.WRONG_SIGNER)[1].signer)
    assert rrsig(FaultKind.ALGORITHM_UNKNOWN)[1].algorithm == 200
    for kind in (FaultKind.WRONG_TAG, FaultKind.WRONG_KEY):
        tree, seen = rrsig(kind)
        keys, _ = signed(ask(tree, "z.test", "DNSKEY"))
        assert seen.key_tag not in {dns.dnssec.key_id(key) for key in keys}


def test_unsigned() -> None:
    tree = tree_with(Fault(FaultKind.UNSIGNED, "mx", "A"))
    assert [rrset.rdtype for rrset in ask(tree, "mx.z.test", "A").answer] == [RdataType.A]
    assert valid(tree, "mx.z.test", "AAAA")


def ds_fits(tree: Tree) -> bool:
    ds, _ = signed(ask(tree, "z.test", "DS"))
    keys, _ = signed(ask(tree, "z.test", "DNSKEY"))
    return any(dns.dnssec.make_ds(ORIGIN, key, "SHA256") == ds[0] for key in keys)


def test_ds_mismatch() -> None:
    assert ds_fits(tree_with())
    assert not ds_fits(tree_with(Fault(FaultKind.DS_MISMATCH)))


def test_unknown_algorithm_of_the_zone_is_consistent_up_to_its_ds() -> None:
    tree = tree_with(Fault(FaultKind.ALGORITHM_UNKNOWN))
    ds, _ = signed(ask(tree, "z.test", "DS"))
    keys, _ = signed(ask(tree, "z.test", "DNSKEY"))
    assert {ds[0].algorithm, *(key.algorithm for key in keys)} == {200}
    assert ds_fits(tree)


def test_fault_on_ds_is_put_on_the_parent() -> None:
    tree = tree_with(Fault(FaultKind.UNSIGNED, "@", "DS"))
    assert [rrset.rdtype for rrset in ask(tree, "z.test", "DS").answer] == [RdataType.DS]


@pytest.mark.parametrize("denial", ["nsec", "nsec3"])
def test_denial_faults(denial: str) -> None:
    faults = (Fault(FaultKind.NO_DENIAL, "mx", "TXT"), Fault(FaultKind.CORRUPT_DENIAL, "mx", "TLSA"))
    tree = Tree([ZoneSpec("z.test", RECORDS, denial=denial, faults=faults)], NOW)
    kind = RdataType.make(denial)
    keys, _ = signed(ask(tree, "z.test", "DNSKEY"))

    def proofs(rdtype: str) -> list[bool]:
        response = ask(tree, "mx.z.test", rdtype)
        sets = [rrset for rrset in response.authority if rrset.rdtype is kind]
        results = []
        for rrset in sets:
            rrsig = response.find_rrset(response.authority, rrset.name, rrset.rdclass, RdataType.RRSIG, kind)
            try:
                dns.dnssec.validate(rrset, rrsig, {ORIGIN: keys}, now=NOW.timestamp())
                results.append(True)
            except dns.exception.ValidationFailure:
                results.append(False)
        return results

    assert (proofs("TXT"), proofs("TLSA"), proofs("MX")) == ([], [False], [True])


def test_answer_faults() -> None:
    def faulty(kind: str, question: str = "mx.z.test") -> dns.message.Message:
        return ask(tree_with(Fault(FaultKind(kind), "mx", "A")), question, "A")

    assert faulty("servfail").rcode() == dns.rcode.SERVFAIL
    assert faulty("servfail", "alias.z.test").rcode() == dns.rcode.SERVFAIL
    assert faulty("refused").rcode() == dns.rcode.REFUSED
    assert faulty("nxdomain").rcode() == dns.rcode.NXDOMAIN
    empty = faulty("empty")
    assert (empty.rcode(), empty.answer, empty.authority) == (dns.rcode.NOERROR, [], [])


def test_timeout_is_silence_for_that_question_only() -> None:
    tree = tree_with(Fault(FaultKind.TIMEOUT, "mx", "A"))
    assert wire(tree, "mx.z.test", "A") is None
    assert wire(tree, "mx.z.test", "AAAA") is not None


def test_garbage_keeps_id_and_question_and_does_not_parse() -> None:
    tree = tree_with(Fault(FaultKind.GARBAGE, "mx", "A"))
    query = dns.message.make_query("mx.z.test", "A", want_dnssec=True).to_wire()
    answer = tree.answer(query, udp=True)
    assert answer is not None
    assert answer[:2] == query[:2]
    with pytest.raises(dns.exception.FormError):
        dns.message.from_wire(answer)


def test_truncate_always() -> None:
    tree = tree_with(Fault(FaultKind.TRUNCATE_ALWAYS, "mx", "A"))
    short = ask(tree, "mx.z.test", "A", udp=True)
    assert short.flags & dns.flags.TC
    assert not short.answer
    assert len(ask(tree, "mx.z.test", "A", udp=False).answer) == 2


@pytest.mark.parametrize("name", ["mx", "mx.z.test", "mx.z.test."])
def test_names_of_faults_may_be_relative_or_absolute(name: str) -> None:
    assert ask(tree_with(Fault(FaultKind.SERVFAIL, name, "A")), "mx.z.test", "A").rcode() == dns.rcode.SERVFAIL


def test_mistakes_in_faults_are_errors() -> None:
    with pytest.raises(ValueError, match="no-such-kind"):
        Fault("no-such-kind")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="NOTYPE"):
        Fault(FaultKind.EXPIRED, "mx", "NOTYPE")
    with pytest.raises(ValueError, match="there is no A at"):
        tree_with(Fault(FaultKind.EXPIRED, "mistyped", "A"))
