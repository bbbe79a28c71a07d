"""One DNS message as received, read for validation: RRsets with their signatures, bounded against hostile answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import dns.exception
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.RRSIG import RRSIG

from ..model import DnsMessage, Failure, Observation, Reason
from ..wire.dns_message import Malformed, Message, RRset, read_message
from .lookup import parse_name, present

MAXIMUM_RRSETS = 200  # in one message; a sound answer has a few dozen
MAXIMUM_RECORDS = 500  # in one RRset

_REASON_CODES = {
    Reason.TIMEOUT: "DNS_TIMEOUT",
    Reason.UNREACHABLE: "DNS_TIMEOUT",
    Reason.ABORTED: "DNS_MALFORMED",
    Reason.BUDGET: "BUDGET_EXHAUSTED",
    Reason.VANTAGE: "DNS_TIMEOUT",
    Reason.NOT_PROBED: "NOT_PROBED",
}
_RCODES = {int(dns.rcode.SERVFAIL): "DNS_SERVFAIL", int(dns.rcode.REFUSED): "DNS_REFUSED"}


class TooMuch(Exception):
    """An answer beyond the limits above."""


@dataclass(frozen=True, slots=True)
class Signed:
    """An RRset and the RRSIGs that came with it."""

    rrset: RRset
    signatures: tuple[RRSIG, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A usable answer: NOERROR or NXDOMAIN. `time` is when it was received."""

    time: datetime
    nxdomain: bool
    answer: tuple[Signed, ...]
    authority: tuple[Signed, ...]

    def find(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Signed | None:
        """The RRset of this name and type in the answer section."""
        return next((s for s in self.answer if s.rrset.name == name and s.rrset.rdtype == rdtype), None)

    def denials(self) -> tuple[Signed, ...]:
        """The NSEC and NSEC3 RRsets of the authority section."""
        kinds = (dns.rdatatype.NSEC, dns.rdatatype.NSEC3)
        return tuple(s for s in self.authority if s.rrset.rdtype in kinds)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The question stayed open: a reason code and what happened."""

    code: str
    detail: str
    failure: Failure | None = None


def read(observation: Observation[DnsMessage], parse: Callable[[bytes], Message] = read_message) -> Answer | NoAnswer:
    """The answer in an observation; SERVFAIL and the like are never an answer."""
    if observation.failure is not None or observation.value is None:
        failure = observation.failure or Failure(Reason.ABORTED, "nothing observed")
        return NoAnswer(_REASON_CODES.get(failure.reason, "DNS_TIMEOUT"), failure.detail, failure)
    value = observation.value
    try:
        message = parse(value.wire)
        rcode = message.rcode
        if not message.complete:
            return NoAnswer("DNS_MALFORMED", "not a complete answer (QR missing or TC set)")
        if message.opcode != dns.opcode.QUERY:
            return NoAnswer("DNS_MALFORMED", "the answer to something else than a query")
        if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            code = _RCODES.get(rcode, "DNS_MALFORMED")
            said = dns.rcode.to_text(dns.rcode.Rcode.make(rcode))
            return NoAnswer(code, f"{value.name} {value.rdtype}: {said} from {value.server}")
        if not _asks(message, value):
            return NoAnswer("DNS_MALFORMED", "the answer repeats another question")
        return Answer(
            observation.time, rcode == dns.rcode.NXDOMAIN, _signed(message.answer), _signed(message.authority)
        )
    except TooMuch as limit:
        return NoAnswer("DNSSEC_LIMIT", f"{value.name} {value.rdtype}: {limit}")
    except (Malformed, dns.exception.DNSException, ValueError) as error:
        return NoAnswer("DNS_MALFORMED", f"{value.name} {value.rdtype}: {type(error).__name__}: {error}"[:300])


def _asks(message: Message, value: DnsMessage) -> bool:
    if not message.questions:
        return False
    (asked,) = message.questions
    if (asked.rdtype, asked.rdclass) != (dns.rdatatype.from_text(value.rdtype), dns.rdataclass.IN):
        return False
    return present(asked.name) == value.name or asked.name == parse_name(value.name)


def _signed(section: Sequence[RRset]) -> tuple[Signed, ...]:
    """The RRsets of class IN with their signatures; another class is another tree (RFC 4035 section 5.3.1)."""
    if len(section) > MAXIMUM_RRSETS or any(len(rrset) > MAXIMUM_RECORDS for rrset in section):
        raise TooMuch("more records than an answer may have here")
    section = [rrset for rrset in section if rrset.rdclass == dns.rdataclass.IN]
    signatures: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], list[RRSIG]] = {}
    for rrset in section:
        if rrset.rdtype == dns.rdatatype.RRSIG:
            for rdata in rrset:
                assert isinstance(rdata, RRSIG)
                signatures.setdefault((rrset.name, rdata.type_covered), []).append(rdata)
    return tuple(
        Signed(rrset, tuple(signatures.get((rrset.name, rrset.rdtype), ())))
        for rrset in section
        if rrset.rdtype != dns.rdatatype.RRSIG
    )
