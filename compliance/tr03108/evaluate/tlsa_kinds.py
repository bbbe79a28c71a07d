"""Whether a host has TLSA records of both kinds, and whether those of its CA fit what each of its addresses serves.

Usage 3 is for the server's certificate, usage 2 for the CA (RFC 7671 sections 5.1 and 5.2, RFC 7672 section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from .dane import RecordMatch
from .mail_domain import MailHost

_IDLE = ("unusable", "duplicate")
_ANCHOR = "2 "  # how the text of a record with usage 2 begins


@dataclass(frozen=True, slots=True)
class AnchorTrouble:
    """A record of usage 2 that does not fit: `record` its parameters, `address` where it does not, `why` in English."""

    record: str
    address: str
    why: str


@dataclass(frozen=True, slots=True)
class TlsaKinds:
    """`usages` of the usable records, `trouble` the first record for a CA that does not fit."""

    usages: frozenset[int]
    trouble: AnchorTrouble | None


def tlsa_kinds(host: MailHost, time: datetime, roots: tuple[bytes, ...] = ()) -> TlsaKinds:
    """Over every chain that the host serves. `time` judges paths to a CA, `roots` only explain.

    A record for a CA does not fit where no chain leads to that CA; and where a chain leads to none of those recorded.
    """
    served = list(_served(host, time, roots))
    usable = [record for _, records in served[:1] for record in records if record.state not in _IDLE]
    usages = frozenset(int(record.record[0]) for record in usable)
    return TlsaKinds(usages, next(_troubles(served), None))


def _served(host: MailHost, time: datetime, roots: tuple[bytes, ...]) -> Iterator[tuple[str, tuple[RecordMatch, ...]]]:
    """Address and records of each chain."""
    for service in host.services:
        if service.chain:
            yield service.address, service.matched(time, roots).records
        second = service.second_matched(time, roots)
        if second is not None:
            yield service.address, second.records


def _troubles(served: list[tuple[str, tuple[RecordMatch, ...]]]) -> Iterator[AnchorTrouble]:
    anchored = [(address, _anchors(records)) for address, records in served]
    for address, anchors in anchored:
        if anchors and not any(anchor.state == "matched" for anchor in anchors):
            yield _trouble(anchors[0], address)
    for number, anchor in enumerate(anchored[0][1] if anchored else ()):
        if not any(anchors[number].state == "matched" for _, anchors in anchored):
            yield _trouble(anchor, anchored[0][0])


def _anchors(records: tuple[RecordMatch, ...]) -> tuple[RecordMatch, ...]:
    """The usable records of usage 2: the same ones, in the same order, for every chain."""
    return tuple(each for each in records if each.state not in _IDLE and each.record.startswith(_ANCHOR))


def _trouble(anchor: RecordMatch, address: str) -> AnchorTrouble:
    return AnchorTrouble(anchor.parameters, address, anchor.why or anchor.state)
