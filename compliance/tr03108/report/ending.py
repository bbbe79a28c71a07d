"""What the servers accept of which the recommendation ends soon, or has ended: from the evidence of the findings.

The policy gives a year for each entry: it is recommended to the end of that year. A "+" behind the year says that a
later edition may extend it (TR-02102-2 section 3.1.1), so such an entry does not end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tr03108.model import Finding, Subject

from .accepted import Entry, entries

# Calendar years after that of the as-of date. Ours: what ends by then can be changed with the next renewal of a server,
# and the tables of the guidelines do not look much farther ahead.
HORIZON = 5
_UNTIL = re.compile(r"([0-9]{4})(\+?)")


@dataclass(frozen=True, slots=True)
class Ending:
    """One thing that `subjects` accept, recommended to the end of `year` (None: it has ended, nobody says when)."""

    year: int | None
    ended: bool
    kind: str
    version: str
    name: str
    source: str
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """Things of one kind and version that end for the same reason at the same addresses."""

    names: tuple[str, ...]
    kind: str
    version: str
    source: str
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Year:
    """All that ends with one year."""

    year: int | None
    ended: bool
    rows: tuple[Together, ...]


def ending(findings: Iterable[Finding], as_of: datetime, horizon: int = HORIZON) -> tuple[Ending, ...]:
    """What has ended, then what ends in the year of `as_of` and the `horizon` years after it; earlier years first."""
    now = year_of(as_of)
    where: dict[tuple[int | None, bool, str, str, str, str], dict[Subject, None]] = {}
    for finding in findings:
        for entry in entries(finding):
            end = _end(entry, now)
            if end is not None and (end[1] or (end[0] is not None and end[0] <= now + horizon)):
                key = (*end, entry.kind, entry.version, entry.name, entry.source)
                where.setdefault(key, {})[finding.subject] = None
    order = sorted(where, key=lambda key: (not key[1], key[0] or 0))
    return tuple(Ending(*key, tuple(where[key])) for key in order)


def pressing(found: Iterable[Ending], as_of: datetime) -> tuple[Ending, ...]:
    """Those that cannot wait: they have ended, or end with the year of `as_of`."""
    return tuple(each for each in found if each.ended or each.year == year_of(as_of))


def by_year(found: Iterable[Ending]) -> tuple[Year, ...]:
    """Year by year, in their order."""
    years: dict[tuple[int | None, bool], dict[tuple[str, str, str, tuple[Subject, ...]], list[str]]] = {}
    for each in found:
        rows = years.setdefault((each.year, each.ended), {})
        rows.setdefault((each.kind, each.version, each.source, each.subjects), []).append(each.name)
    return tuple(
        Year(year, ended, tuple(Together(tuple(names), *row) for row, names in rows.items()))
        for (year, ended), rows in years.items()
    )


def year_of(as_of: datetime) -> int:
    """The calendar year that the policy was asked for."""
    return as_of.year


def _end(entry: Entry, now: int) -> tuple[int | None, bool] | None:
    """The last year of the recommendation, and whether it has ended; None where it does not end."""
    match = _UNTIL.fullmatch(entry.until)
    year = int(match[1]) if match else None
    if entry.status == "expired":
        return year, True
    if match is None or match[2] or year is None:
        return None
    return year, year < now
