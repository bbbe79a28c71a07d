"""A stub that asks a recursive resolver with DO, CD and RD set (RFC 4035 section 3.2) and keeps the answer's bytes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

import dns.exception
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from ..model import DnsMessage, Failure, Reason
from ..wire.dns_message import Malformed, Message, Question, read_message, read_questions
from ..wire.dns_query import Query, make_query
from .net import Network, NotSeen
from .redirects import Endpoint

EDNS_PAYLOAD = 1232  # octets: fits every path without fragments (DNS flag day 2020)
TRIES = 3  # of one question; datagrams get lost
_PAUSE = 0.05  # seconds before the next try after an immediate error
_SECOND_THOUGHTS = (dns.rcode.SERVFAIL, dns.rcode.REFUSED)  # asked once more: another server, or another moment
_UNREADABLE = (dns.exception.DNSException, ValueError, IndexError, OverflowError)


class Resolver:
    """Asks the run's recursive resolvers in turn."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._servers = network.resolvers

    async def ask(self, name: str, rdtype: str) -> DnsMessage | Failure:
        """The complete answer to one question; an rcode such as SERVFAIL is an answer.

        A Failure has the reason of the last try: TIMEOUT, UNREACHABLE, or ABORTED for answers that cannot be read.
        """
        try:
            query = query_for(name, rdtype)
        except _UNREADABLE as error:
            return Failure(Reason.ABORTED, f"{name} {rdtype} cannot be asked: {error}"[:300])
        failure = Failure(Reason.TIMEOUT, "no resolver")
        doubtful: DnsMessage | None = None
        tries = max(TRIES, len(self._servers))
        for turn in range(tries):
            server = self._servers[turn % len(self._servers)]
            try:
                answer, transport = await self._exchange(server, query)
            except NotSeen as unseen:
                failure = Failure(unseen.reason, unseen.detail)
                if unseen.reason is not Reason.TIMEOUT and turn + 1 < tries:
                    await asyncio.sleep(_PAUSE)
                continue
            message = DnsMessage(name, rdtype, answer, server.text, transport)
            if self._network.read_message(answer).rcode not in _SECOND_THOUGHTS or doubtful is not None:
                return message
            doubtful = message
            await asyncio.sleep(_PAUSE)
        return doubtful or failure

    async def _exchange(self, server: Endpoint, query: Query) -> tuple[bytes, str]:
        """Over UDP, and over TCP where that answer is truncated or cannot be read."""
        step = self._network.plan.timeout / TRIES
        answer = await self._network.query_udp(server, query.wire, lambda data: answers(data, query), step)
        if _complete(answer, query, self._network.read_message):
            return answer, "udp"
        answer = await self._network.query_tcp(server, query.wire, step)
        if not _complete(answer, query, self._network.read_message):
            raise NotSeen(Reason.ABORTED, f"malformed answer from {server.text}, over TCP too")
        return answer, "tcp"


def query_for(name: str, rdtype: str, *, recursion: bool = True) -> Query:
    """The query for one question, with an identifier nobody can guess. Raises DNSException or ValueError."""
    owner = dns.name.root if name == "." else dns.name.from_text(f"{name}.")
    question = Question(owner, dns.rdatatype.from_text(rdtype), dns.rdataclass.IN)
    return make_query(secrets.randbelow(1 << 16), question, EDNS_PAYLOAD, recursion=recursion)


def answers(data: bytes, query: Query) -> bool:
    """Whether a datagram can be the answer to this query at all: its id, and the bit that says it is an answer."""
    if len(data) < 12 or data[:2] != query.wire[:2] or not data[2] & 0x80:
        return False
    try:
        asked = read_questions(data)
    except Malformed:
        return True  # malformed rather than foreign: TCP will tell
    return asked in ((query.question,), ())


def _complete(data: bytes, query: Query, read: Callable[[bytes], Message] = read_message) -> bool:
    """Whether the answer can be read to its end, is not truncated, and answers this query."""
    try:
        message = read(data)
    except Malformed:
        return False
    if data[:2] != query.wire[:2] or not message.complete:
        return False
    # A server that cannot read a query may send the error without repeating the question (RFC 1035 section 4.1.1).
    return message.questions == (query.question,) or (not message.questions and message.rcode != dns.rcode.NOERROR)


def has_signatures(message: DnsMessage) -> bool:
    """Whether the answer section brings any RRSIG: what a resolver must do to carry DNSSEC."""
    try:
        answer = read_message(message.wire).answer
    except Malformed:
        return False
    return any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in answer)


def addresses_in(message: Message) -> tuple[str, ...]:
    """Every address in the answer section, behind aliases too; unverified."""
    found = [record for rrset in message.answer for record in rrset if isinstance(record, A | AAAA)]
    return tuple(dict.fromkeys(str(record.address) for record in found))
