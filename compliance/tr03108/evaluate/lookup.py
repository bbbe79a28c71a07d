"""What validation says of one DNS question: the types that evaluate/ and the checks share (RFC 4033 section 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import dns.dnssectypes
import dns.exception
import dns.name
import dns.rdata

from ..model import Failure

_PLAIN = re.compile(rb"[A-Za-z0-9_*.-]+")


class Status(StrEnum):
    """The security status of data (RFC 4035 section 4.3)."""

    SECURE = "secure"
    INSECURE = "insecure"  # proven: some delegation on the way has no DS, or nobody can check its algorithms
    BOGUS = "bogus"
    INDETERMINATE = "indeterminate"  # we could not see


class NotAsked(Exception):
    """The validator needs the answer to a question that was not asked yet."""

    def __init__(self, name: str, rdtype: str) -> None:
        super().__init__(f"{name}/{rdtype}")
        self.name = name
        self.rdtype = rdtype


@dataclass(frozen=True, slots=True)
class Signature:
    """One RRSIG on which a verdict rests. Times in UTC."""

    owner: str
    covered: str
    signer: str
    key_tag: int
    algorithm: int
    inception: datetime
    expiration: datetime


@dataclass(frozen=True, slots=True)
class Alias:
    """One CNAME or DNAME hop and its own status."""

    name: str
    target: str
    status: Status


@dataclass(frozen=True, slots=True)
class ZoneLink:
    """One zone of the chain of trust: how its keys were reached. `algorithms` of the keys that DS records name."""

    zone: str
    status: Status
    key_tags: tuple[int, ...]
    algorithms: tuple[int, ...]
    digests: tuple[int, ...]

    @property
    def text(self) -> str:
        """`example.org secure (key tags 4711, algorithms 13)`."""
        if not self.key_tags:
            return f"{self.zone} {self.status.value}"
        tags, algorithms = (", ".join(map(str, numbers)) for numbers in (self.key_tags, self.algorithms))
        return f"{self.zone} {self.status.value} (key tags {tags}, algorithms {algorithms})"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The judged answer to one question, aliases followed.

    `kind` is "answer", "nodata", "nxdomain", "loop" (aliases in a circle), or None when no answer could be had.
    `owner` is the last name of the
    alias chain. `records` are shown whatever the status: only SECURE makes them true. `cause` is a reason code,
    `place` the name or zone where it arose, `detail` says it in English for the evidence. `ttl` is the signed,
    original TTL where there is a signature (a cached TTL counts down), else the TTL as received.
    """

    name: str
    rdtype: str
    status: Status
    kind: str | None
    owner: str
    aliases: tuple[Alias, ...]
    records: tuple[dns.rdata.Rdata, ...]
    ttl: int | None
    cause: str | None
    place: str | None
    detail: str | None
    zones: tuple[ZoneLink, ...]
    signatures: tuple[Signature, ...]
    failure: Failure | None

    @property
    def secure(self) -> bool:
        return self.status is Status.SECURE

    @property
    def unseen(self) -> bool:
        return self.status is Status.INDETERMINATE

    @property
    def exists(self) -> bool:
        """Records were received; says nothing about their security."""
        return self.kind == "answer"

    @property
    def unsupported(self) -> str | None:
        """The algorithms that nobody here can check, where a zone counts as insecure because of them."""
        found = {number for link in self.zones if link.status is Status.INSECURE for number in link.algorithms}
        return ", ".join(map(algorithm_text, sorted(found))) or None

    @property
    def own_signatures(self) -> tuple[Signature, ...]:
        """The signatures made by the zones that hold the data and its aliases, without those of zones above them."""
        zones = [parse_name(link.zone) for link in self.zones]
        above = {present(z) for z in zones if any(other != z and other.is_subdomain(z) for other in zones)}
        return tuple(signature for signature in self.signatures if signature.signer not in above)

    def evidence(self) -> Mapping[str, object]:
        """What the report shows of it (JSON-able)."""
        shown: dict[str, object] = {
            "question": f"{self.name} {self.rdtype}",
            "status": self.status.value,
            "answer": self.kind,
            "records": [rdata.to_text()[:1000] for rdata in self.records[:50]],
            "ttl": self.ttl,
            "chain": [link.text for link in self.zones],
            "signatures": [
                f"{s.owner} {s.covered} by {s.signer} tag {s.key_tag} algorithm {s.algorithm}, "
                f"{s.inception:%Y-%m-%dT%H:%M:%SZ} to {s.expiration:%Y-%m-%dT%H:%M:%SZ}"
                for s in self.signatures
            ],
        }
        if self.aliases:
            shown["aliases"] = [f"{hop.name} -> {hop.target} ({hop.status.value})" for hop in self.aliases]
        for key, value in (("cause", self.cause), ("place", self.place), ("detail", self.detail)):
            if value is not None:
                shown[key] = value
        return shown


def algorithm_text(number: int) -> str:
    """A DNSSEC algorithm by name and number: `RSASHA1 (5)`, `algorithm 200`."""
    names = {int(algorithm): algorithm.name for algorithm in dns.dnssectypes.Algorithm}
    return f"{names[number]} ({number})" if number in names else f"algorithm {number}"


def present(name: dns.name.Name) -> str:
    """A name in the form we use everywhere: lower case, no trailing dot, the root as "."."""
    if len(name) == 1:
        return "."
    plain = b".".join(name.labels[:-1])
    if _PLAIN.fullmatch(plain) and plain.count(b".") == len(name) - 2:  # nothing to escape: much cheaper
        return plain.lower().decode("ascii")
    return name.canonicalize().to_text(omit_final_dot=True)


def parse_name(text: str) -> dns.name.Name:
    """The reverse of `present`."""
    return dns.name.root if text == "." else dns.name.from_text(text)


def fits(name: str) -> bool:
    """Whether DNS can hold a name (RFC 1035 section 2.3.4); where not, it can have no record."""
    try:
        parse_name(name)
    except dns.exception.DNSException:
        return False
    return True


def utc(seconds: int) -> datetime:
    """Seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
