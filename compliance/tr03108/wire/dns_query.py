"""A DNS question as bytes, with EDNS, DO, CD and mostly RD (RFC 1035 section 4.1, RFC 6891, RFC 4035 section 3.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import dns.flags
import dns.rdatatype

from .dns_message import Question

_HEADER, _QUESTION, _OPT = struct.Struct("!HHHHHH"), struct.Struct("!HH"), struct.Struct("!xHHIH")


@dataclass(frozen=True, slots=True)
class Query:
    """A question and the octets that ask it, the identifier first."""

    question: Question
    wire: bytes


def make_query(ident: int, question: Question, payload: int, *, recursion: bool = True) -> Query:
    """The query; `payload` is the size in octets of the largest datagram we take."""
    header = _HEADER.pack(ident, dns.flags.CD | (dns.flags.RD if recursion else 0), 1, 0, 0, 1)
    asked = question.name.to_digestable() + _QUESTION.pack(question.rdtype, question.rdclass)
    return Query(question, header + asked + _OPT.pack(dns.rdatatype.OPT, payload, dns.flags.DO, 0))
