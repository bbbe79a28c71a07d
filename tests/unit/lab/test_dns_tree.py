"""The tree as a resolver: parents, aliases, flags, and what it refuses to be built of."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

import dns.flags
import dns.message
import dns.rcode
import pytest
from dns.rdatatype import RdataType

from tr03108.lab.faults import Fault, FaultKind
from tr03108.lab.signing import KeyRing
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TREE = Tree(
    [
        ZoneSpec(
            "a.test",
            ("www A 192.0.2.1", "out CNAME www.b.example.", "one CNAME two", "two CNAME one", "t DNAME b.example."),
        ),
        ZoneSpec("b.example", ("www A 192.0.2.2", "big TXT " + " ".join(["x" * 250] * 8)), algorithm="ED25519"),
        ZoneSpec("plain.test", ("www A 192.0.2.3",), denial="none"),
    ],
    NOW,
)


def ask(name: str, rdtype: str, *, tree: Tree = TREE, udp: bool = True, **options: object) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype, **{"want_dnssec": True, "payload": 1232, **options})  # type: ignore[arg-type]
    answer = tree.answer(query.to_wire(), udp)
    assert answer is not None
    response = dns.message.from_wire(answer)
    assert query.is_response(response)
    return response


def types(response: dns.message.Message) -> list[str]:
    return [rrset.rdtype.name for rrset in response.answer]


def test_root_and_top_level_domains_are_added_and_chained() -> None:
    assert types(ask(".", "DNSKEY")) == ["DNSKEY", "RRSIG"]
    for name in ("test", "example", "a.test", "b.example"):
        response = ask(name, "DS")
        assert types(response) == ["DS", "RRSIG"]
        assert str(response.answer[1][0].signer) == (name.partition(".")[2] + "." if "." in name else ".")
    assert TREE.trust_anchor.startswith(". 3600 IN DS ")


def test_unsigned_zone_has_no_ds_but_a_proof() -> None:
    response = ask("plain.test", "DS")
    assert not response.answer
    assert RdataType.NSEC3 in {rrset.rdtype for rrset in response.authority}
    assert types(ask("www.plain.test", "A")) == ["A"]


def test_unknown_names_are_denied() -> None:
    for name in ("nowhere", "nowhere.test", "nowhere.a.test"):
        assert ask(name, "A").rcode() == dns.rcode.NXDOMAIN


def test_aliases_are_followed_across_zones() -> None:
    assert types(ask("out.a.test", "A")) == ["CNAME", "RRSIG", "A", "RRSIG"]
    assert types(ask("out.a.test", "CNAME")) == ["CNAME", "RRSIG"]
    assert types(ask("www.t.a.test", "A")) == ["DNAME", "RRSIG", "CNAME", "A", "RRSIG"]


def test_alias_loop_ends() -> None:
    response = ask("one.a.test", "A")
    assert types(response) == ["CNAME", "RRSIG", "CNAME", "RRSIG"]
    assert response.rcode() == dns.rcode.NOERROR


def test_flags() -> None:
    response = ask("www.a.test", "A", flags=dns.flags.RD | dns.flags.CD | dns.flags.AD)
    assert response.flags == dns.flags.QR | dns.flags.RD | dns.flags.RA | dns.flags.CD
    assert response.ednsflags & dns.flags.DO
    assert ask("www.a.test", "A", flags=0).flags == dns.flags.QR | dns.flags.AA | dns.flags.RA


def test_without_do_no_signatures_but_keys_when_asked() -> None:
    assert types(ask("www.a.test", "A", want_dnssec=False)) == ["A"]
    assert types(ask("a.test", "DNSKEY", want_dnssec=False)) == ["DNSKEY"]


def test_resolver_that_strips_dnssec() -> None:
    tree = Tree([ZoneSpec("a.test", ("www A 192.0.2.1",))], NOW, strip_dnssec=True)
    response = ask("www.a.test", "A", tree=tree)
    assert types(response) == ["A"]
    assert not response.ednsflags & dns.flags.DO
    assert {rrset.rdtype.name for rrset in ask("no.a.test", "A", tree=tree).authority} == {"SOA"}


@pytest.mark.parametrize(("payload", "truncated"), [(1232, True), (4096, False)])
def test_truncation_by_the_clients_payload_size(payload: int, truncated: bool) -> None:
    response = ask("big.b.example", "TXT", payload=payload)
    assert bool(response.flags & dns.flags.TC) is truncated
    assert bool(response.answer) is not truncated


def test_truncation_without_edns() -> None:
    query = dns.message.make_query("big.b.example", "TXT")
    answer = TREE.answer(query.to_wire(), udp=True) or b""
    assert len(answer) <= 512
    assert dns.message.from_wire(answer).flags & dns.flags.TC


def test_questions_that_are_not_for_us() -> None:
    assert ask("a.test", "A", rdclass="CH").rcode() == dns.rcode.REFUSED
    assert ask("a.test", "AXFR").rcode() == dns.rcode.REFUSED
    assert ask("a.test", "A", use_edns=1).rcode() == dns.rcode.BADVERS
    notify = dns.message.make_query("a.test", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    assert (TREE.answer(notify.to_wire(), udp=True) or b"")[3] & 0x0F == dns.rcode.NOTIMP


def test_junk_is_a_format_error_or_silence() -> None:
    query = dns.message.make_query("www.a.test", "A", want_dnssec=True).to_wire()
    assert TREE.answer(b"", udp=True) is None
    assert TREE.answer(query[:11], udp=True) is None
    assert TREE.answer(query[:2] + b"\x80" + query[3:], udp=True) is None, "a response is not answered"
    for junk in (query[:12], query[:20], query + b"\x00", query[:4] + b"\x00\x02" + query[6:]):
        answer = TREE.answer(junk, udp=True) or b""
        assert answer[:2] == query[:2]
        assert answer[3] & 0x0F == dns.rcode.FORMERR


def test_no_mutation_of_a_query_raises() -> None:
    source = random.Random(3108)
    query = dns.message.make_query("www.a.test", "A", want_dnssec=True, payload=1232).to_wire()
    for _ in range(3000):
        mutated = bytearray(query)
        for _ in range(source.randint(1, 4)):
            mutated[source.randrange(2, len(mutated))] = source.randrange(256)
        answer = TREE.answer(bytes(mutated), udp=True)
        assert answer is None or answer[:2] == query[:2]


def test_validity_is_relative_to_the_trees_time() -> None:
    def ends(spec: ZoneSpec) -> float:
        return float(ask("www.a.test", "A", tree=Tree([spec], NOW)).answer[1][0].expiration)

    assert ends(ZoneSpec("a.test", ("www A 192.0.2.1",))) == (NOW + timedelta(days=14)).timestamp()
    soon = ZoneSpec("a.test", ("www A 192.0.2.1",), ends=timedelta(days=2))
    assert ends(soon) == (NOW + timedelta(days=2)).timestamp()


def test_explicit_parents_are_kept() -> None:
    zones = [ZoneSpec(".", denial="nsec3"), ZoneSpec("test", denial="nsec"), ZoneSpec("a.b.test")]
    tree = Tree(zones, NOW)
    assert RdataType.NSEC3 in {rrset.rdtype for rrset in ask("nowhere", "A", tree=tree).authority}
    assert RdataType.NSEC in {rrset.rdtype for rrset in ask("b.test", "A", tree=tree).authority}
    assert types(ask("a.b.test", "DS", tree=tree)) == ["DS", "RRSIG"]


def test_wrong_trust_anchor() -> None:
    keys = KeyRing()
    sound = Tree([], NOW, keys=keys)
    wrong = Tree([ZoneSpec(".", faults=(Fault(FaultKind.DS_MISMATCH),))], NOW, keys=keys)
    assert sound.trust_anchor == Tree([], NOW, keys=keys).trust_anchor
    assert sound.trust_anchor != wrong.trust_anchor


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        ([ZoneSpec("a.test"), ZoneSpec("A.test.")], "twice"),
        ([ZoneSpec("a.test", ("www.b.test. A 192.0.2.1",))], "no record of this zone"),
        ([ZoneSpec("a.test", ("www A not-an-address",))], "not-an-address"),
        ([ZoneSpec("a.test", ("www A 192.0.2.1", "www CNAME a.test."))], "CNAME and other data"),
    ],
)
def test_mistakes_in_zones_are_errors(specs: list[ZoneSpec], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Tree(specs, NOW)


def test_mistakes_in_specs_are_errors() -> None:
    with pytest.raises(ValueError, match="MD5"):
        ZoneSpec("a.test", algorithm="MD5")
    with pytest.raises(ValueError, match="nsec4"):
        ZoneSpec("a.test", denial="nsec4")


def test_many_zones_are_signed_lazily() -> None:
    begun = time.perf_counter()
    tree = Tree(
        [ZoneSpec(f"z{n}.test", ("@ MX 10 mx", "mx A 192.0.2.1"), algorithm="RSASHA256") for n in range(60)], NOW
    )
    assert time.perf_counter() - begun < 1.0
    assert types(ask("mx.z7.test", "A", tree=tree)) == ["A", "RRSIG"]
