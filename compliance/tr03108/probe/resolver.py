"""A stub that asks a recursive resolver with DO, CD and RD set (RFC 4035 section 3.2) and keeps the answer's bytes."""

from __future__ import annotations

import asyncio

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from ..model import DnsMessage, Failure, Reason
from ..wire.dns_message import Malformed, Question, read_message
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
            query = dns.message.make_query(name if name == "." else f"{name}.", rdtype, want_dnssec=True)
            query.use_edns(0, dns.flags.DO, EDNS_PAYLOAD)
            query.flags |= dns.flags.CD
            wire = query.to_wire()
        except _UNREADABLE as error:
            return Failure(Reason.ABORTED, f"{name} {rdtype} cannot be asked: {error}"[:300])
        failure = Failure(Reason.TIMEOUT, "no resolver")
        doubtful: DnsMessage | None = None
        tries = max(TRIES, len(self._servers))
        for turn in range(tries):
            server = self._servers[turn % len(self._servers)]
            try:
                answer, transport = await self._exchange(server, query, wire)
            except NotSeen as unseen:
                failure = Failure(unseen.reason, unseen.detail)
                if unseen.reason is not Reason.TIMEOUT and turn + 1 < tries:
                    await asyncio.sleep(_PAUSE)
                continue
            message = DnsMessage(name, rdtype, answer, server.text, transport)
            if _rcode(answer) not in _SECOND_THOUGHTS or doubtful is not None:
                return message
            doubtful = message
            await asyncio.sleep(_PAUSE)
        return doubtful or failure

    async def _exchange(self, server: Endpoint, query: dns.message.Message, wire: bytes) -> tuple[bytes, str]:
        """Over UDP, and over TCP where that answer is truncated or cannot be read."""
        step = self._network.plan.timeout / TRIES
        answer = await self._network.query_udp(server, wire, lambda data: answers(data, query), step)
        if _complete(answer, query):
            return answer, "udp"
        answer = await self._network.query_tcp(server, wire, step)
        if not _complete(answer, query):
            raise NotSeen(Reason.ABORTED, f"malformed answer from {server.text}, over TCP too")
        return answer, "tcp"


def answers(data: bytes, query: dns.message.Message) -> bool:
    """Whether a datagram can be the answer to this query at all: its id, and the bit that says it is an answer."""
    if len(data) < 12 or int.from_bytes(data[:2], "big") != query.id or not data[2] & 0x80:
        return False
    try:
        question = dns.message.from_wire(data, question_only=True, ignore_trailing=True).question
    except _UNREADABLE:
        return True  # malformed rather than foreign: TCP will tell
    return question == query.question or not question


def _complete(data: bytes, query: dns.message.Message) -> bool:
    """Whether the answer can be read to its end, is not truncated, and answers this query."""
    try:
        message = read_message(data)
    except Malformed:
        return False
    if message.id != query.id or not message.complete:
        return False
    asked = tuple(Question(q.name, q.rdtype, q.rdclass) for q in query.question)
    # A server that cannot read a query may send the error without repeating the question (RFC 1035 section 4.1.1).
    return message.questions == asked or (not message.questions and message.rcode != dns.rcode.NOERROR)


def _rcode(data: bytes) -> int:
    return read_message(data).rcode


def has_signatures(message: DnsMessage) -> bool:
    """Whether the answer section brings any RRSIG: what a resolver must do to carry DNSSEC."""
    try:
        answer = read_message(message.wire).answer
    except Malformed:
        return False
    return any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in answer)
