"""Which authoritative servers there are, and what each is to be asked: read from answers that came by the resolver.

The zones of the domain and of its mail hosts are found by their SOA (RFC 2308 section 3: a denial brings the SOA of its
zone), their servers by NS, A and AAAA. As in the validator, `NotAsked` names the question that is missing; so the same
code tells a prober what to ask next and finds the servers again in a saved dossier.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.NS import NS
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from .answer import NoAnswer
from .chain import Zone
from .dnssec import Validator
from .keys import KeySet
from .lookup import NotAsked, Status, parse_name, present
from .routing import tlsa_names

MAXIMUM_ZONES = 8  # zones of one audit; a domain and its mail hosts lie in one to three
MAXIMUM_SERVERS = 13  # NS records of one zone; as many as the root has
MAXIMUM_ADDRESSES = 4  # of one server
MAXIMUM_QUESTIONS = 40  # to one server about one zone: a dozen mail hosts
_LONGEST_NAME = 253

Question = tuple[str, str]  # name, type


@dataclass(frozen=True, slots=True)
class Server:
    """One address of one name server."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class ZoneServers:
    """One zone: what is known of it, its servers, and the questions whose answers matter there (SOA comes first).

    `homeless` are name servers that have no address at all; `unknown` those whose addresses could not be had, with the
    reason; `beyond` counts what our limits left out. `trouble`: its servers are not known.
    """

    zone: Zone
    questions: tuple[Question, ...]
    servers: tuple[Server, ...] = ()
    homeless: tuple[str, ...] = ()
    unknown: tuple[tuple[str, NoAnswer], ...] = ()
    beyond: int = 0
    trouble: NoAnswer | None = None

    @property
    def name(self) -> str:
        return present(self.zone.name)


def survey(validator: Validator, domain: str, hosts: Sequence[str], families: Iterable[int]) -> tuple[ZoneServers, ...]:
    """The zones of a domain and its mail hosts with all their servers. Raises NotAsked."""
    apexes: dict[str, dict[Question, None]] = {}
    lost: dict[str, ZoneServers] = {}
    for base, question in _questions(validator, domain, hosts):
        apex = apex_of(validator, base)
        if apex is None:
            nowhere = Zone(parse_name(base), Status.INDETERMINATE)
            answer = validator.answer(base, "SOA")
            trouble = answer if isinstance(answer, NoAnswer) else NoAnswer("DNS_MALFORMED", f"no SOA for {base}")
            lost[base] = ZoneServers(nowhere, (), trouble=trouble)
        else:
            apexes.setdefault(apex, {(apex, "SOA"): None, (apex, "DNSKEY"): None})[question] = None
    scope = tuple(families)
    for apex in list(apexes)[MAXIMUM_ZONES:]:
        lost[apex] = ZoneServers(Zone(parse_name(apex), Status.INDETERMINATE), (), beyond=1)
    found = tuple(
        _servers(validator, apex, tuple(asked), scope) for apex, asked in list(apexes.items())[:MAXIMUM_ZONES]
    )
    return (*found, *lost.values())


def apex_of(validator: Validator, name: str) -> str | None:
    """The apex of the zone in which `name` lies; None where nobody says."""
    answer = validator.answer(name, "SOA")
    if isinstance(answer, NoAnswer):
        return None
    wanted = parse_name(name)
    if answer.find(wanted, dns.rdatatype.SOA) is not None:
        return name
    if answer.find(wanted, dns.rdatatype.CNAME) is not None:  # an alias is no apex, and the SOA is that of its target
        return apex_of(validator, present(wanted.parent())) if wanted != dns.name.root else None
    owners = (s.rrset.name for s in answer.authority if s.rrset.rdtype == dns.rdatatype.SOA)
    return next((present(owner) for owner in owners if wanted.is_subdomain(owner)), None)


def _questions(validator: Validator, domain: str, hosts: Sequence[str]) -> Iterable[tuple[str, Question]]:
    """Every question that matters for inbound mail, each with a name in the zone that holds its answer."""
    yield domain, (domain, "MX")
    for host in hosts:
        a, aaaa = validator.lookup(host, "A"), validator.lookup(host, "AAAA")
        for name in dict.fromkeys((host, a.owner, aaaa.owner)):
            yield name, (name, "A")
            yield name, (name, "AAAA")
        for base in tlsa_names(host, a, aaaa):
            if len(name := f"_25._tcp.{base}") <= _LONGEST_NAME:
                yield base, (name, "TLSA")


def _servers(
    validator: Validator, apex: str, questions: tuple[Question, ...], families: tuple[int, ...]
) -> ZoneServers:
    zone = validator.zone(apex)
    if parse_name(apex) != zone.name:  # what is known ends above: an insecure or unseen parent
        zone = Zone(parse_name(apex), zone.status, KeySet(), zone.chain, zone.signatures, zone.trouble)
    answer = validator.answer(apex, "NS")
    if isinstance(answer, NoAnswer):
        return ZoneServers(zone, questions, trouble=answer)
    found = answer.find(zone.name, dns.rdatatype.NS)
    if found is None:
        return ZoneServers(zone, questions, trouble=NoAnswer("DNS_MALFORMED", f"no NS records at {apex}"))
    names = sorted({present(dns.name.Name(r.target.labels)) for r in found.rrset if isinstance(r, NS)})
    servers: list[Server] = []
    homeless: list[str] = []
    unknown: list[tuple[str, NoAnswer]] = []
    beyond = max(0, len(names) - MAXIMUM_SERVERS) + max(0, len(questions) - MAXIMUM_QUESTIONS)
    questions = questions[:MAXIMUM_QUESTIONS]
    for name in names[:MAXIMUM_SERVERS]:
        addresses, trouble = _addresses(validator, name)
        mine = [address for address in addresses if ip_address(address).version in families]
        servers += [Server(name, address) for address in mine[:MAXIMUM_ADDRESSES]]
        beyond += max(0, len(mine) - MAXIMUM_ADDRESSES)
        if trouble is not None:
            unknown.append((name, trouble))
        elif not addresses:
            homeless.append(name)
    return ZoneServers(zone, questions, tuple(servers), tuple(homeless), tuple(unknown), beyond)


def _addresses(validator: Validator, name: str) -> tuple[tuple[str, ...], NoAnswer | None]:
    """All addresses of a name server, and why some may be missing. An alias is not followed (RFC 2181 10.3)."""
    found: list[str] = []
    trouble: NoAnswer | None = None
    missing: NotAsked | None = None
    for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
        try:
            answer = validator.answer(name, dns.rdatatype.to_text(rdtype))
        except NotAsked as question:
            missing = question
            continue
        if isinstance(answer, NoAnswer):
            trouble = trouble or answer
            continue
        signed = answer.find(parse_name(name), rdtype)
        found += [str(ip_address(r.address)) for r in signed.rrset if isinstance(r, A | AAAA)] if signed else []
    if missing is not None:
        raise missing
    return tuple(dict.fromkeys(found)), trouble
