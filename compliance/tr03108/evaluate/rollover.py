"""How ready the TLSA records of a host are for its next certificate (RFC 7671 section 8, RFC 7672 section 5).

Counting records says little: what counts is which of them match what is served, and whether another one does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .dane import RecordMatch, TlsaRecord, match, matches, unusable
from .mail_domain import MailHost

RENEWALS = ("RENEWAL_SAME_CA", "RENEWAL_NEW_KEY", "RENEWAL_EVERY")  # what a renewal breaks, the mildest first


@dataclass(frozen=True, slots=True)
class Rollover:
    """`code` "OK" or a reason code, `scheme` how the records are arranged, `renewal` one of RENEWALS.

    `current` are the records that match what is served, `waiting` the usable ones that match nothing yet.
    """

    code: str
    scheme: str
    renewal: str
    current: tuple[str, ...]
    waiting: tuple[str, ...]


def rollover_of(host: MailHost, time: datetime) -> Rollover | None:
    """Over all chains that the host serves; None where no record matches any of them."""
    served = [(s.references, chain) for s in host.services for chain in (s.chain, s.second.chain) if chain]
    return rollover(host.tlsa.records, served, time)


def rollover(
    records: Sequence[TlsaRecord], served: Sequence[tuple[tuple[str, ...], Sequence[bytes]]], time: datetime
) -> Rollover | None:
    """`served` are the chains, each with the names that a DANE-TA certificate may carry there."""
    results = [match(records, chain, references, time).records for references, chain in served]
    current = [n for n in range(len(records)) if any(result[n].state == "matched" for result in results)]
    if not current:
        return None
    idle = ("unusable", "duplicate", "refused")  # a refused anchor is in the chain, but does not vouch for it now
    waiting = [n for n in range(len(records)) if n not in current and results[0][n].state not in idle]
    code, scheme = _scheme(records, current, waiting, [chain[0] for _, chain in served], results)
    renewals = [_renewal(records, result) for result in results]
    return Rollover(
        code,
        scheme,
        max((renewal for renewal in renewals if renewal is not None), key=RENEWALS.index),
        tuple(_parameters(records[n]) for n in current),
        tuple(_parameters(records[n]) for n in waiting),
    )


def _scheme(
    records: Sequence[TlsaRecord],
    current: Sequence[int],
    waiting: Sequence[int],
    leaves: Sequence[bytes],
    results: Sequence[tuple[RecordMatch, ...]],
) -> tuple[str, str]:
    used = {records[n].usage for n in current}
    next_used = {records[n].usage for n in waiting}
    if used == {2, 3}:
        return "OK", "SCHEME_KEY_AND_ANCHOR"
    if 3 in next_used:
        return "OK", "SCHEME_TWO_KEYS" if used == {3} else "SCHEME_KEY_AND_ANCHOR"
    if used == {2}:
        anchors = {result[n].depth for n in current for result in results if result[n].state == "matched"}
        if next_used or len(anchors) > 1:
            return "OK", "SCHEME_TWO_ANCHORS"
        return ("ROLLOVER_SAME_KEY" if len(current) > 1 else "ROLLOVER_SINGLE"), "SCHEME_ANCHOR"
    if next_used:
        return "ROLLOVER_ANCHOR_FOREIGN", "SCHEME_KEY"
    # Records that a stronger digest puts out of use are records of that key all the same.
    usable = [record for record in dict.fromkeys(records) if record.usage == 3 and unusable(record) is None]
    several = any(sum(matches(record, leaf) for record in usable) > 1 for leaf in leaves)
    return ("ROLLOVER_SAME_KEY" if several else "ROLLOVER_SINGLE"), "SCHEME_KEY"


def _renewal(records: Sequence[TlsaRecord], result: Sequence[RecordMatch]) -> str | None:
    """What the next certificate breaks at the server that showed this chain; None where nothing matched it."""
    matched = [record for record, found in zip(records, result, strict=True) if found.state == "matched"]
    if not matched:
        return None
    if any(record.usage == 2 for record in matched):
        return "RENEWAL_SAME_CA"
    return "RENEWAL_NEW_KEY" if any(record.selector == 1 for record in matched) else "RENEWAL_EVERY"


def _parameters(record: TlsaRecord) -> str:
    return f"{record.usage} {record.selector} {record.mtype} {record.cert.hex()[:16]}"
