"""Every authoritative server of a zone, judged by what it said itself: does it answer, with signatures that hold, over
TCP too, and the same as the others? Pure: observations in, one `Said` for each server out.

Sources: RFC 1034 section 4.3.1 and RFC 8499 section 7 (lame), RFC 4035 section 3.1 (signatures in answers), RFC 6891
section 7 and RFC 3225 section 3 (EDNS and DO), RFC 7766 section 5 (TCP), RFC 1035 section 3.3.13 (serial).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rdtypes.ANY.SOA import SOA

from ..model import DnsMessage, Failure, Observation, Reason
from ..wire.dns_message import Malformed, Message, read_message
from . import denial, signatures
from .answer import Answer, NoAnswer, Signed, read
from .chain import Zone
from .lookup import Status, parse_name, present
from .proofs import proofs_of
from .survey import Question, Server, ZoneServers

# Worst first: facts against a server, then what we could not see, then what will do for now.
UNMET = (
    "SERVER_BOGUS",
    "SERVER_UNSIGNED",
    "SERVER_LAME",
    "SERVERS_DIFFER",
    "SERVER_EDNS",
    "SERVER_TCP_REFUSED",
)
UNSEEN = (
    "ADDRESS_NOT_GLOBAL",
    "VANTAGE_NO_IPV6",
    "VANTAGE_NO_IPV4",
    "BUDGET_EXHAUSTED",
    "NOT_PROBED",
    "DNSSEC_LIMIT",
    "SERVER_SILENT",
)
MARGINAL = ("SERIALS_DIFFER",)
MAXIMUM_WORK = 2500  # verifications for all servers of one zone; 52 addresses with 40 sound answers each need 2,080
ORDER = (*UNMET, *UNSEEN, *MARGINAL, "OK")
_EDNS_RCODES = (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS)
_BLIND = {Reason.NOT_GLOBAL: "ADDRESS_NOT_GLOBAL", Reason.BUDGET: "BUDGET_EXHAUSTED", Reason.NOT_PROBED: "NOT_PROBED"}
_PROVEN = (denial.Proof.PROVEN, denial.Proof.OPT_OUT, denial.Proof.COSTLY)

Content = frozenset[tuple[str, int, bytes]]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing seen, or not seen, at one server."""

    code: str
    detail: str


@dataclass(slots=True)
class Said:
    """What one server of one zone said. `contents` are the records of each answer, to be compared with the others'."""

    zone: str
    server: Server
    troubles: list[Trouble] = field(default_factory=list)
    serial: int | None = None
    contents: dict[Question, Content] = field(default_factory=dict)

    @property
    def text(self) -> str:
        serial = "" if self.serial is None else f", serial {self.serial}"
        said = "; ".join(f"{t.code}: {t.detail}" for t in self.troubles) or "OK"
        return f"{self.zone}: {self.server.name} {self.server.address}{serial}: {said}"


def judge(zone: ZoneServers, observations: Mapping[str, Observation[Any]]) -> tuple[Said, ...]:
    """What each server of a zone said, differences between them included."""
    work = signatures.Work(limit=MAXIMUM_WORK)
    said = tuple(_judge_server(zone, server, observations, work) for server in zone.servers)
    _compare(zone, said)
    for one in said:
        one.troubles.sort(key=lambda t: ORDER.index(t.code))
    return said


def _judge_server(
    zone: ZoneServers, server: Server, observations: Mapping[str, Observation[Any]], work: signatures.Work
) -> Said:
    said = Said(zone.name, server)
    for name, rdtype in zone.questions:
        observation = observations.get(f"dns-at/{server.address}/{name}/{rdtype}")
        if observation is None:
            said.troubles.append(Trouble("NOT_PROBED", f"{name} {rdtype} was not asked"))
            return said
        trouble = _unanswered(observation, server)
        if trouble is not None:
            said.troubles.append(trouble)
            return said  # whoever is silent or lame once was not asked further
        _judge_answer(said, zone.zone, (name, rdtype), observation, work)
    over_tcp = observations.get(f"dns-at-tcp/{server.address}/{zone.name}/SOA")
    if over_tcp is None:
        said.troubles.append(Trouble("NOT_PROBED", "not asked over TCP"))
    elif over_tcp.value is not None and over_tcp.value.transport == "refused":
        said.troubles.append(Trouble("SERVER_TCP_REFUSED", "refuses connections on TCP port 53"))
    else:
        trouble = _unanswered(over_tcp, server)
        if trouble is not None:
            said.troubles.append(Trouble(trouble.code, f"over TCP: {trouble.detail}"))
    return said


def stops(observation: Observation[DnsMessage]) -> bool:
    """No answer to a first question: what else would be asked there brings nothing new."""
    return _unanswered(observation, Server("", "0.0.0.0")) is not None  # noqa: S104 (no socket: a stand-in)


def _unanswered(observation: Observation[DnsMessage], server: Server) -> Trouble | None:
    """Why an observation holds no authoritative answer; None where it does."""
    value = observation.value
    if value is None:
        return _silence(observation.failure, server)
    if value.transport == "refused":
        return Trouble("SERVER_LAME", "nobody listens on port 53")
    question = f"{value.name} {value.rdtype}"
    try:
        message = read_message(value.wire)
    except Malformed as error:
        return Trouble("SERVER_LAME", f"{question}: unreadable answer ({str(error)[:100]})")
    rcode = dns.rcode.to_text(dns.rcode.Rcode.make(message.rcode))
    if message.rcode in _EDNS_RCODES:
        return Trouble("SERVER_EDNS", f"{question}: {rcode} to a question with EDNS")
    if message.rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Trouble("SERVER_LAME", f"{question}: {rcode}")
    if not message.flags & dns.flags.AA:
        return Trouble("SERVER_LAME", f"{question}: the answer is not authoritative (AA is missing)")
    return None


def _silence(failure: Failure | None, server: Server) -> Trouble:
    reason = failure.reason if failure is not None else Reason.TIMEOUT
    detail = failure.detail if failure is not None else "nothing observed"
    if reason is Reason.VANTAGE:
        return Trouble(f"VANTAGE_NO_IPV{6 if ':' in server.address else 4}", detail)
    return Trouble(_BLIND.get(reason, "SERVER_SILENT"), detail)


def _judge_answer(
    said: Said, zone: Zone, question: Question, observation: Observation[DnsMessage], work: signatures.Work
) -> None:
    """EDNS, signatures and content of one authoritative answer."""
    assert observation.value is not None
    message = read_message(observation.value.wire)
    trouble = _edns_trouble(message, question)
    if trouble is not None:
        _note(said, trouble)
    answer = read(observation)
    if isinstance(answer, NoAnswer):
        code = "DNSSEC_LIMIT" if answer.code == "DNSSEC_LIMIT" else "SERVER_LAME"
        _note(said, Trouble(code, answer.detail))
        return
    mine = [signed for signed in answer.answer if signed.rrset.name.is_subdomain(zone.name)]
    if zone.status is Status.SECURE:
        trouble = _signature_trouble(mine, answer, zone, question, work)
        if trouble is not None:
            _note(said, trouble)
    for signed in mine:
        if signed.rrset.rdtype == dns.rdatatype.SOA and isinstance(signed.rrset[0], SOA):
            said.serial = signed.rrset[0].serial
    said.contents[question] = _content(mine, answer)


def _note(said: Said, trouble: Trouble) -> None:
    """Each kind of trouble once: the first question that shows it says enough."""
    if trouble.code not in {known.code for known in said.troubles}:
        said.troubles.append(trouble)


def _edns_trouble(message: Message, question: Question) -> Trouble | None:
    if message.edns_flags is None:
        return Trouble("SERVER_EDNS", f"{' '.join(question)}: no OPT record in the answer")
    if not message.edns_flags & dns.flags.DO:
        return Trouble("SERVER_EDNS", f"{' '.join(question)}: the answer drops the DO bit")
    return None


def _signature_trouble(
    mine: Sequence[Signed], answer: Answer, zone: Zone, question: Question, work: signatures.Work
) -> Trouble | None:
    """What is wrong with the signatures of an answer, judged with the keys that were validated for the zone."""
    for signed in _signed_data(mine):
        where = f"{present(signed.rrset.name)} {dns.rdatatype.to_text(signed.rrset.rdtype)}"
        if not signed.signatures:
            return Trouble("SERVER_UNSIGNED", f"no RRSIG over {where}")
        result = signatures.verify(signed, zone.name, zone.keys, answer.time, work)
        if isinstance(result, signatures.Unverified):
            return _by_limit(result)
        if result.rrsig.labels != signatures.signed_labels(signed.rrset.name):
            found = proofs_of(answer, zone.name, zone.keys, work)
            if not any(p.expanded(signed.rrset.name, result.rrsig.labels) in _PROVEN for p in found.proofs):
                return _by_limit(found.trouble(f"no proof that only a wildcard matches {where}"))
    if mine:
        return None
    if not any(signed.signatures for signed in answer.denials()):
        return Trouble("SERVER_UNSIGNED", f"{' '.join(question)}: the denial brings no signed NSEC or NSEC3 record")
    return _denial_trouble(answer, zone, question, work)


def _denial_trouble(answer: Answer, zone: Zone, question: Question, work: signatures.Work) -> Trouble | None:
    name = parse_name(question[0])
    found = proofs_of(answer, zone.name, zone.keys, work)
    rdtype = None if answer.nxdomain else dns.rdatatype.from_text(question[1])
    if any(denial.deny(proofs, name, rdtype) in _PROVEN for proofs in found.proofs):
        return None
    return _by_limit(found.trouble(f"no proof that {' '.join(question)} is not there"))


def _by_limit(failure: signatures.Unverified) -> Trouble:
    return Trouble("DNSSEC_LIMIT" if failure.code == "DNSSEC_LIMIT" else "SERVER_BOGUS", failure.detail)


def _signed_data(mine: Sequence[Signed]) -> Iterable[Signed]:
    """What must be signed: all but a CNAME that a DNAME made (RFC 6672 section 5.3.1)."""
    dnames = [s.rrset.name for s in mine if s.rrset.rdtype == dns.rdatatype.DNAME]
    for signed in mine:
        name = signed.rrset.name
        made = signed.rrset.rdtype == dns.rdatatype.CNAME and any(name != d and name.is_subdomain(d) for d in dnames)
        if not made:
            yield signed


def _content(mine: Sequence[Signed], answer: Answer) -> Content:
    """What an answer says, without signatures, TTLs and the serial, which may change at any time."""
    records: set[tuple[str, int, bytes]] = set()
    for signed in mine:
        for rdata in signed.rrset:
            same = rdata.replace(serial=0) if isinstance(rdata, SOA) else rdata
            records.add((present(signed.rrset.name), int(signed.rrset.rdtype), same.to_digestable()))
    return frozenset(records) or frozenset({("", int(answer.nxdomain), b"")})


def _compare(zone: ZoneServers, said: Sequence[Said]) -> None:
    """Marks who differs from most (or, in a tie, from the first)."""
    for question in zone.questions:
        contents = {id(one): one.contents[question] for one in said if question in one.contents}
        if len(set(contents.values())) > 1:
            usual = Counter(contents.values()).most_common(1)[0][0]
            for one in said:
                if contents.get(id(one), usual) != usual:
                    detail = f"{' '.join(question)}: other records than most servers of {zone.name}"
                    _note(one, Trouble("SERVERS_DIFFER", detail))
    serials = {one.serial for one in said if one.serial is not None}
    if len(serials) > 1:
        newest = max(serials)  # serial arithmetic is of no matter here: any difference is one
        for one in said:
            if one.serial is not None and one.serial != newest:
                _note(one, Trouble("SERIALS_DIFFER", f"serial {one.serial}, elsewhere {newest}"))


@dataclass(frozen=True, slots=True)
class AllServers:
    """The judgement over all zones: the worst trouble first, and every server by name."""

    code: str
    place: str
    detail: str
    servers: tuple[str, ...]

    @property
    def unmet(self) -> bool:
        return self.code in UNMET

    @property
    def unseen(self) -> bool:
        return not self.unmet and self.code not in (*MARGINAL, "OK")


def judge_all(zones: Sequence[ZoneServers], observations: Mapping[str, Observation[Any]]) -> AllServers:
    """Every server of every zone; without any zone or server it is our blindness."""
    found: list[tuple[str, Trouble]] = []
    lines: list[str] = []
    for zone in zones:
        if zone.trouble is not None:
            found.append((zone.name, Trouble(zone.trouble.code, zone.trouble.detail)))
        if (untold := _untold(zone.zone)) is not None:
            found.append((zone.name, untold))
        for name in zone.homeless:
            found.append((f"{name} ({zone.name})", Trouble("SERVER_LAME", "the name server has no address")))
        for name, unanswered in zone.unknown:
            found.append((f"{name} ({zone.name})", Trouble(unanswered.code, unanswered.detail)))
        if zone.beyond:
            found.append(
                (zone.name, Trouble("BUDGET_EXHAUSTED", f"{zone.beyond} more servers or questions were left out"))
            )
        for one in judge(zone, observations):
            lines.append(one.text)
            place = f"{one.server.name} {one.server.address} ({one.zone})"
            found.extend((place, trouble) for trouble in one.troubles)
    if not lines and not found:
        found.append(("", Trouble("NOT_PROBED", "no authoritative server was asked")))
    lines += [f"{place}: {t.code}: {t.detail}" for place, t in found if not any(t.detail in line for line in lines)]
    place, trouble = min(found, key=lambda item: _rank(item[1].code), default=("", Trouble("OK", "")))
    return AllServers(trouble.code, place, trouble.detail, tuple(lines))


def _untold(zone: Zone) -> Trouble | None:
    """Why signatures could not be judged although there may be some: no trusted keys, or algorithms nobody knows."""
    trouble = zone.trouble
    if zone.status is Status.SECURE or trouble is None or trouble.code == "DNSSEC_INSECURE":
        return None
    return Trouble(trouble.code, f"no trusted keys: {trouble.detail}")


def _rank(code: str) -> int:
    """Codes that are not ours (why the resolver could not say) are blindness, as grave as a limit."""
    return ORDER.index(code) if code in ORDER else ORDER.index("DNSSEC_LIMIT")
