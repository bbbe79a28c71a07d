"""Each kind of negative or wildcard answer carries exactly the NSEC or NSEC3 records that prove it."""

from __future__ import annotations

from datetime import UTC, datetime

import dns.dnssec
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest
from dns.rdatatype import RdataType

from tr03108.lab.denial import NsecChain
from tr03108.lab.signing import KeyRing
from tr03108.lab.tree import Tree
from tr03108.lab.zone import Zone, ZoneSpec

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RECORDS = (
    "mx A 192.0.2.1",
    "deep.ent A 192.0.2.2",
    "*.wild TXT hi",
    "secure NS ns.elsewhere.",
    "island NS ns.elsewhere.",
)


def ask(tree: Tree, name: str, rdtype: str, *, dnssec: bool = True) -> dns.message.Message:
    wire = tree.answer(dns.message.make_query(name, rdtype, want_dnssec=dnssec, payload=4096).to_wire(), udp=False)
    assert wire is not None
    return dns.message.from_wire(wire)


def proof(response: dns.message.Message, kind: RdataType) -> dict[str, set[str]]:
    """Owner and types of each denial record; every one must be signed."""
    seen = {}
    for rrset in response.authority:
        if rrset.rdtype is kind:
            response.find_rrset(response.authority, rrset.name, rrset.rdclass, RdataType.RRSIG, kind)
            fields = rrset[0].to_text().split()[1 if kind is RdataType.NSEC else 5 :]
            seen[rrset.name.to_text(omit_final_dot=True)] = set(fields)
    return seen


def tree_of(denial: str) -> Tree:
    return Tree([ZoneSpec("z.test", RECORDS, denial=denial)], NOW)


NSEC_PROOFS = {
    ("mx.z.test", "TXT"): {"mx.z.test"},
    ("ent.z.test", "A"): {"z.test"},  # the record before it: the empty non-terminal has none of its own
    ("nothing.z.test", "A"): {"mx.z.test", "z.test"},
    ("one.wild.z.test", "TXT"): {"*.wild.z.test"},
    ("one.wild.z.test", "A"): {"*.wild.z.test"},
    ("island.z.test", "DS"): {"island.z.test"},
}


@pytest.mark.parametrize("question", NSEC_PROOFS, ids="-".join)
def test_nsec_proofs(question: tuple[str, str]) -> None:
    response = ask(tree_of("nsec"), *question)
    seen = proof(response, RdataType.NSEC)
    assert set(seen) == NSEC_PROOFS[question]
    assert response.rcode() == (dns.rcode.NXDOMAIN if question[0].startswith("nothing") else dns.rcode.NOERROR)


def test_nsec_chain_is_a_ring_in_canonical_order() -> None:
    chain = Zone(ZoneSpec("z.test", RECORDS), KeyRing(), NOW).chain
    assert isinstance(chain, NsecChain)
    name, ring = dns.name.from_text("z.test"), []
    while name not in ring:
        ring.append(name)
        record = chain.at(name)
        assert record is not None
        name = record[0].next
    assert [each.to_text() for each in ring] == [
        "z.test.", "deep.ent.z.test.", "island.z.test.", "mx.z.test.", "secure.z.test.", "*.wild.z.test.",
    ]  # fmt: skip
    assert ring == sorted(ring)


def hashed(name: str, salt: str = "", iterations: int = 0) -> str:
    return f"{dns.dnssec.nsec3_hash(name, salt, iterations, 'SHA1').lower()}.z.test"


# Names whose own record must be there, and names that must be covered by one.
NSEC3_PROOFS = {
    ("mx.z.test", "TXT"): ({"mx.z.test"}, set()),
    ("ent.z.test", "A"): ({"ent.z.test"}, set()),
    ("a.nothing.z.test", "A"): ({"z.test"}, {"nothing.z.test", "*.z.test"}),
    ("a.one.wild.z.test", "TXT"): (set(), {"one.wild.z.test"}),
    ("a.one.wild.z.test", "A"): ({"wild.z.test", "*.wild.z.test"}, {"one.wild.z.test"}),
}


@pytest.mark.parametrize("denial", ["nsec3", "nsec3-optout"])
@pytest.mark.parametrize("question", NSEC3_PROOFS, ids="-".join)
def test_nsec3_proofs(question: tuple[str, str], denial: str) -> None:
    response = ask(tree_of(denial), *question)
    matched, covered = NSEC3_PROOFS[question]
    owners = set(proof(response, RdataType.NSEC3))
    assert {hashed(name) for name in matched} <= owners
    spans = [
        (rrset.name.to_text().split(".")[0], rrset[0].to_text().split()[4])
        for rrset in response.authority
        if rrset.rdtype is RdataType.NSEC3
    ]
    for name in covered:
        assert hashed(name) not in owners
        assert any(_covers(span, hashed(name).split(".")[0]) for span in spans), name
    assert len(owners) <= len(matched) + len(covered)


def _covers(span: tuple[str, str], digest: str) -> bool:
    first, last = span
    return first < digest < last if first < last else digest > first or digest < last


def test_delegation_without_ds_has_its_own_record_unless_opted_out() -> None:
    own = proof(ask(tree_of("nsec3"), "island.z.test", "DS"), RdataType.NSEC3)
    assert own == {hashed("island.z.test"): {"NS"}}
    response = ask(tree_of("nsec3-optout"), "island.z.test", "DS")
    opted = proof(response, RdataType.NSEC3)
    assert hashed("island.z.test") not in opted
    assert hashed("z.test") in opted
    assert {rrset[0].flags for rrset in response.authority if rrset.rdtype is RdataType.NSEC3} == {1}


def test_salt_and_iterations() -> None:
    spec = ZoneSpec("z.test", RECORDS, denial="nsec3", nsec3_salt="aabb", nsec3_iterations=7)
    seen = proof(ask(Tree([spec], NOW), "mx.z.test", "TXT"), RdataType.NSEC3)
    assert seen == {hashed("mx.z.test", "aabb", 7): {"A", "RRSIG"}}


@pytest.mark.parametrize("denial", ["nsec", "nsec3", "nsec3-optout"])
def test_without_do_there_is_neither_proof_nor_signature(denial: str) -> None:
    response = ask(tree_of(denial), "nothing.z.test", "A", dnssec=False)
    assert [rrset.rdtype for rrset in response.authority] == [RdataType.SOA]


def test_referral_carries_ds_or_its_absence() -> None:
    ds = "secure DS 1 13 2 " + "00" * 32
    tree = Tree([ZoneSpec("z.test", (*RECORDS, ds), denial="nsec3")], NOW)
    for name, kind in (("host.secure.z.test", RdataType.DS), ("host.island.z.test", RdataType.NSEC3)):
        query = dns.message.make_query(name, "A", want_dnssec=True, flags=0)
        response = dns.message.from_wire(tree.answer(query.to_wire(), udp=True) or b"")
        assert not response.answer
        assert [r.rdtype for r in response.authority] == [RdataType.NS, kind, RdataType.RRSIG]
        assert ask(tree, name, "A").rcode() == dns.rcode.SERVFAIL  # as a resolver it cannot get further
