"""What the servers accept in TLS, list by list, as the evidence of the findings tells it.

Addresses with the same lists and verdicts are one. A finding whose evidence has another shape is left as it is: its
evidence is then shown like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tr03108.model import Finding, Subject

# The checks whose evidence has a list, in the order of the report, and what each list is of
KINDS: Mapping[str, str] = {
    "tls.versions": "version",
    "tls.suites": "suite",
    "tls.groups": "group",
    "tls.signatures": "signature",
}
_STATUSES = ("forbidden", "too-small", "unlisted", "expired", "listed")  # gravest first
_FINITE_FIELD = re.compile(r"[0-9]+-bit DH")
_LONG = 8  # entries; longer lists are folded


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is accepted. `until`: "2031+", "2026" or empty; `outcome`: what that means at this service."""

    kind: str
    version: str
    name: str
    status: str
    until: str
    source: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Block:
    """The entries of one kind and TLS version. `order`: "server" or "client" where it was seen who decides."""

    kind: str
    version: str  # empty for the list of versions
    order: str
    entries: tuple[Entry, ...]

    @property
    def long(self) -> bool:
        return len(self.entries) > _LONG

    @property
    def tally(self) -> tuple[tuple[str, str, int], ...]:
        """How often each status occurs with each outcome, gravest first."""
        found = [(entry.status, entry.outcome) for entry in self.entries]
        order = sorted(dict.fromkeys(found), key=lambda each: _STATUSES.index(each[0]) if each[0] in _STATUSES else -1)
        return tuple((status, outcome, found.count((status, outcome))) for status, outcome in order)


@dataclass(frozen=True, slots=True)
class Part:
    """What one check told. `unknown`: how many things may be accepted besides; `left_out`: how many are not listed."""

    kind: str
    name: str
    verdict: str
    blocks: tuple[Block, ...]
    unknown: int
    left_out: int


@dataclass(frozen=True, slots=True)
class ServiceLists:
    """All lists of one service address, and every address that has the same."""

    subjects: tuple[Subject, ...]
    parts: tuple[Part, ...]


def entries(finding: Finding) -> tuple[Entry, ...]:
    """The list in the evidence of a finding; empty where there is none, or one of another shape."""
    kind = KINDS.get(finding.check)
    rows = finding.evidence.get("accepted")
    if kind is None or not isinstance(rows, Sequence) or isinstance(rows, str):
        return ()
    found = [_entry(kind, row) for row in rows]
    return tuple(entry for entry in found if entry is not None) if None not in found else ()


def service_lists(findings: Iterable[Finding]) -> tuple[ServiceLists, ...]:
    """The lists of every service address that has any, equal ones once."""
    told: dict[Subject, dict[str, Finding]] = {}
    for finding in findings:
        if finding.check in KINDS:
            told.setdefault(finding.subject, {})[finding.check] = finding
    same: dict[tuple[Part, ...], list[Subject]] = {}
    for subject, by_check in told.items():
        parts = tuple(_part(by_check[check]) for check in KINDS if check in by_check)
        if any(part.blocks for part in parts):
            same.setdefault(parts, []).append(subject)
    return tuple(ServiceLists(tuple(subjects), parts) for parts, subjects in same.items())


def _part(finding: Finding) -> Part:
    evidence = finding.evidence
    return Part(
        KINDS[finding.check],
        finding.case or finding.check,
        finding.verdict.value,
        tuple(_blocks(entries(finding), evidence.get("order"))),
        _count(evidence.get("unknown")),
        _count(evidence.get("left_out")),
    )


def _blocks(found: Iterable[Entry], order: Any) -> Iterator[Block]:
    by_head: dict[tuple[str, str], list[Entry]] = {}
    for entry in found:
        head = (entry.kind, "" if entry.kind == "version" else entry.version)
        by_head.setdefault(head, []).append(entry)
    for (kind, version), members in by_head.items():
        who = order.get(version) if kind == "suite" and isinstance(order, Mapping) else None
        yield Block(kind, version, who if who in ("server", "client") else "", tuple(members))


def _entry(kind: str, row: Any) -> Entry | None:
    if not isinstance(row, Mapping) or not isinstance(row.get("name"), str) or not isinstance(row.get("status"), str):
        return None
    version, name, status, until, source, outcome = (
        value if isinstance(value := row.get(key), str) else ""
        for key in ("version", "name", "status", "until", "source", "outcome")
    )
    if kind == "group" and _FINITE_FIELD.fullmatch(name):
        kind = "dh"
    return Entry(kind, version, name, status, until, source, outcome)


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0
