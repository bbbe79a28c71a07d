"""Authoritative servers judged from observations alone: no sockets, the lab's tree answers in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from tr03108.evaluate import servers
from tr03108.evaluate.dnssec import Validator
from tr03108.evaluate.keys import Key
from tr03108.evaluate.servers import ORDER, AllServers, judge_all
from tr03108.evaluate.survey import MAXIMUM_ADDRESSES, MAXIMUM_SERVERS, ZoneServers, survey
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec
from tr03108.model import DnsMessage, Failure, Observation, Reason

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ZONE = "example.test"
SERVERS = ("@ NS ns1", "@ NS ns2", "ns1 A 192.0.2.1", "ns2 A 192.0.2.2", "ns2 AAAA 2001:db8::2")
MAIL = ("@ MX 10 mx1", "mx1 A 192.0.2.9", f"_25._tcp.mx1 TLSA 3 1 1 {'00' * 32}")
Edit = Callable[[dns.message.Message], None]


def ask(tree: Tree, name: str, rdtype: str, *, recursive: bool) -> bytes:
    query = dns.message.make_query(name, rdtype, want_dnssec=True)
    query.flags = dns.flags.Flag(dns.flags.CD | (dns.flags.RD if recursive else 0))
    wire = tree.answer(query.to_wire(), udp=False)
    assert wire is not None
    return wire


class Zonal:
    """A zone with its servers, and what each of them said; all of it sound until edited."""

    def __init__(self, *more: str, denial: str = "nsec", records: tuple[str, ...] = SERVERS) -> None:
        self.tree = Tree((ZoneSpec(ZONE, (*MAIL, *records, *more), denial=denial),), NOW)
        validator = Validator(self._get, tuple(self.tree.trust_anchor.strip().splitlines()))
        self.zones = survey(validator, ZONE, [f"mx1.{ZONE}"], (4, 6))
        self.seen: dict[str, Observation[Any]] = {}
        for zone in self.zones:
            for server in zone.servers:
                for name, rdtype in zone.questions:
                    self._put(f"dns-at/{server.address}/{name}/{rdtype}", name, rdtype, "udp")
                self._put(f"dns-at-tcp/{server.address}/{zone.name}/SOA", zone.name, "SOA", "tcp")

    def _get(self, name: str, rdtype: str) -> Observation[DnsMessage]:
        message = DnsMessage(name, rdtype, ask(self.tree, name, rdtype, recursive=True), "lab", "udp")
        return Observation(f"dns/{name}/{rdtype}", NOW, message, None)

    def _put(self, key: str, name: str, rdtype: str, transport: str) -> None:
        wire = ask(self.tree, name, rdtype, recursive=False)
        self.seen[key] = Observation(key, NOW, DnsMessage(name, rdtype, wire, "server", transport), None)

    def edit(self, prefix: str, change: Edit) -> None:
        for key, observation in self.seen.items():
            if key.startswith(prefix):
                message = dns.message.from_wire(observation.value.wire)
                change(message)
                value = replace(observation.value, wire=message.to_wire(max_size=65535))
                self.seen[key] = replace(observation, value=value)

    def fail(self, prefix: str, reason: Reason) -> None:
        for key in self.seen:
            if key.startswith(prefix):
                self.seen[key] = Observation(key, NOW, None, Failure(reason, "edited"))

    def refuse(self, prefix: str) -> None:
        for key, observation in self.seen.items():
            if key.startswith(prefix):
                self.seen[key] = replace(observation, value=replace(observation.value, wire=b"", transport="refused"))

    def judged(self) -> AllServers:
        return judge_all(self.zones, self.seen)


def test_who_is_asked_what() -> None:
    (zone,) = Zonal().zones
    assert zone.name == ZONE
    assert [(s.name, s.address) for s in zone.servers] == [
        (f"ns1.{ZONE}", "192.0.2.1"),
        (f"ns2.{ZONE}", "192.0.2.2"),
        (f"ns2.{ZONE}", "2001:db8::2"),
    ]
    assert zone.questions[0] == (ZONE, "SOA")
    asked = {
        (ZONE, "DNSKEY"),
        (ZONE, "MX"),
        (f"mx1.{ZONE}", "A"),
        (f"mx1.{ZONE}", "AAAA"),
        (f"_25._tcp.mx1.{ZONE}", "TLSA"),
    }
    assert asked == set(zone.questions[1:])


@pytest.mark.parametrize("denial", ["nsec", "nsec3", "none"])
def test_all_is_well(denial: str) -> None:
    said = Zonal(denial=denial).judged()
    assert (said.code, said.unmet, said.unseen) == ("OK", False, False), said
    assert len(said.servers) == 3


def unsigned(message: dns.message.Message) -> None:
    for section in (message.answer, message.authority):
        section[:] = [r for r in section if r.rdtype != dns.rdatatype.RRSIG]


def without_denial(message: dns.message.Message) -> None:
    message.authority = [r for r in message.authority if r.rdtype == dns.rdatatype.SOA]


def corrupt(message: dns.message.Message) -> None:
    for section in (message.answer, message.authority):
        for rrset in section:
            if rrset.rdtype == dns.rdatatype.RRSIG:
                good = rrset[0]
                rrset.clear()
                rrset.add(good.replace(signature=bytes(len(good.signature))))


def not_authoritative(message: dns.message.Message) -> None:
    message.flags &= ~dns.flags.AA


def refused(message: dns.message.Message) -> None:
    message.set_rcode(dns.rcode.REFUSED)


def formerr(message: dns.message.Message) -> None:
    message.set_rcode(dns.rcode.FORMERR)


def no_opt(message: dns.message.Message) -> None:
    message.use_edns(False)


def no_do(message: dns.message.Message) -> None:
    message.ednsflags = 0


@pytest.mark.parametrize(
    ("prefix", "edit", "code"),
    [
        ("dns-at/192.0.2.2/", unsigned, "SERVER_UNSIGNED"),
        ("dns-at/192.0.2.2/example.test/MX", unsigned, "SERVER_UNSIGNED"),
        ("dns-at/192.0.2.2/mx1.example.test/AAAA", without_denial, "SERVER_UNSIGNED"),
        ("dns-at/192.0.2.2/", corrupt, "SERVER_BOGUS"),
        ("dns-at/192.0.2.2/mx1.example.test/AAAA", corrupt, "SERVER_BOGUS"),
        ("dns-at/192.0.2.2/example.test/DNSKEY", corrupt, "SERVER_BOGUS"),
        ("dns-at/192.0.2.2/", not_authoritative, "SERVER_LAME"),
        ("dns-at/192.0.2.2/example.test/MX", refused, "SERVER_LAME"),
        ("dns-at/192.0.2.2/", formerr, "SERVER_EDNS"),
        ("dns-at/192.0.2.2/", no_opt, "SERVER_EDNS"),
        ("dns-at/192.0.2.2/", no_do, "SERVER_EDNS"),
        ("dns-at-tcp/192.0.2.2/", not_authoritative, "SERVER_LAME"),
    ],
)
def test_one_server_is_at_fault(prefix: str, edit: Edit, code: str) -> None:
    zonal = Zonal()
    zonal.edit(prefix, edit)
    said = zonal.judged()
    assert (said.code, said.unmet) == (code, True), said
    assert said.place == f"ns2.{ZONE} 192.0.2.2 ({ZONE})"
    assert sum(": OK" in line for line in said.servers) == 2


def test_a_denial_of_something_else() -> None:
    zonal = Zonal()
    key = f"dns-at/192.0.2.1/mx1.{ZONE}/AAAA"
    denial = dns.message.from_wire(ask(zonal.tree, f"ns1.{ZONE}", "AAAA", recursive=False)).authority

    def swap(message: dns.message.Message) -> None:
        message.authority = list(denial)

    zonal.edit(key, swap)
    assert zonal.judged().code == "SERVER_BOGUS"


def test_an_unsigned_zone_needs_no_signatures_but_the_same_records() -> None:
    zonal = Zonal(denial="none")
    zonal.edit(f"dns-at/192.0.2.2/{ZONE}/MX", lambda message: message.answer.clear())
    said = zonal.judged()
    assert (said.code, said.place) == ("SERVERS_DIFFER", f"ns2.{ZONE} 192.0.2.2 ({ZONE})")


def test_a_serial_alone_is_marginal() -> None:
    zonal = Zonal(denial="none")

    def newer(message: dns.message.Message) -> None:
        soa = message.answer[0][0]
        message.answer[0].clear()
        message.answer[0].add(soa.replace(serial=soa.serial + 1))

    zonal.edit(f"dns-at/192.0.2.2/{ZONE}/SOA", newer)
    said = zonal.judged()
    assert (said.code, said.unmet, said.unseen) == ("SERIALS_DIFFER", False, False)


@pytest.mark.parametrize(
    ("address", "reason", "code"),
    [
        ("192.0.2.2", Reason.TIMEOUT, "SERVER_SILENT"),
        ("192.0.2.2", Reason.UNREACHABLE, "SERVER_SILENT"),
        ("192.0.2.2", Reason.NOT_GLOBAL, "ADDRESS_NOT_GLOBAL"),
        ("192.0.2.2", Reason.BUDGET, "BUDGET_EXHAUSTED"),
        ("2001:db8::2", Reason.VANTAGE, "VANTAGE_NO_IPV6"),
    ],
)
def test_what_was_not_seen_is_our_blindness(address: str, reason: Reason, code: str) -> None:
    zonal = Zonal()
    zonal.fail(f"dns-at/{address}/", reason)
    said = zonal.judged()
    assert (said.code, said.unmet, said.unseen) == (code, False, True)


def test_refused_ports_are_facts() -> None:
    zonal = Zonal()
    zonal.refuse("dns-at-tcp/192.0.2.2/")
    assert zonal.judged().code == "SERVER_TCP_REFUSED"
    zonal.refuse("dns-at/192.0.2.1/")
    assert zonal.judged().code == "SERVER_LAME"


def test_nothing_observed_is_not_probed() -> None:
    zonal = Zonal()
    zonal.seen.clear()
    assert zonal.judged().code == "NOT_PROBED"
    assert judge_all((), {}).code == "NOT_PROBED"


def test_a_name_server_without_address_is_lame() -> None:
    said = Zonal("@ NS ns3").judged()
    assert (said.code, said.place) == ("SERVER_LAME", f"ns3.{ZONE} ({ZONE})")


def test_caps() -> None:
    many = [f"@ NS n{n:02}" for n in range(20)]
    many += [f"n{n:02} A 198.51.100.{n * 8 + k + 1}" for n in range(20) for k in range(6)]
    zonal = Zonal(records=tuple(many))
    (zone,) = zonal.zones
    assert len(zone.servers) == MAXIMUM_SERVERS * MAXIMUM_ADDRESSES
    assert zonal.judged().code == "BUDGET_EXHAUSTED"


def test_facts_come_before_blindness_and_blindness_before_what_will_do() -> None:
    assert ORDER.index("SERVER_TCP_REFUSED") < ORDER.index("SERVER_SILENT") < ORDER.index("SERIALS_DIFFER")


def test_work_for_all_servers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many wrong signatures in every answer of every server: the count of verifications stops, not the clock."""
    done = 0
    verify = Key.verify

    def counted(*args: Any, **kwargs: Any) -> None:
        nonlocal done
        done += 1
        verify(*args, **kwargs)

    def many(message: dns.message.Message) -> None:
        for rrset in message.answer:
            if rrset.rdtype == dns.rdatatype.RRSIG:
                good = rrset[0]
                rrset.clear()
                for number in range(15):
                    rrset.add(good.replace(signature=bytes((number,)) * len(good.signature)))

    zonal = Zonal()
    zonal.edit("dns-at/", many)
    monkeypatch.setattr(servers, "MAXIMUM_WORK", 50)
    monkeypatch.setattr(Key, "verify", counted)
    said = zonal.judged()
    assert done == 50
    assert any("DNSSEC_LIMIT" in line for line in said.servers)


def test_two_zones() -> None:
    """A mail host in another zone: its zone is asked for the host, the domain's for the MX records."""
    tree = Tree((ZoneSpec(ZONE, ("@ MX 10 mx.other.test.",)), ZoneSpec("other.test", ("mx A 192.0.2.9",))), NOW)

    def get(name: str, rdtype: str) -> Observation[DnsMessage]:
        message = DnsMessage(name, rdtype, ask(tree, name, rdtype, recursive=True), "lab", "udp")
        return Observation("", NOW, message, None)

    zones: tuple[ZoneServers, ...] = survey(
        Validator(get, tuple(tree.trust_anchor.strip().splitlines())), ZONE, ["mx.other.test"], (4,)
    )
    assert [(zone.name, len(zone.questions), len(zone.servers)) for zone in zones] == [
        (ZONE, 3, 1),
        ("other.test", 5, 1),
    ]
