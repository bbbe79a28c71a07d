"""TXT records that a name may have once: what a lookup shows of them, before anybody reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dns.rdtypes.ANY.TXT import TXT

from .lookup import Lookup, Status

Find = Callable[[str, str], Lookup]  # a judged lookup by name and type


@dataclass(frozen=True, slots=True)
class TextRecords:
    """The records that count. `state`: "unseen", "bogus" (DNSSEC validation fails), "missing", "several" or "one".

    Insecure is as good as secure here: SPF and DMARC do not ask for DNSSEC.
    """

    lookup: Lookup
    state: str
    found: tuple[bytes, ...]


def text_records(name: str, find: Find, select: Callable[[Iterable[bytes]], tuple[bytes, ...]]) -> TextRecords:
    """The TXT records at `name` that `select` takes for its own."""
    lookup = find(name, "TXT")
    if lookup.unseen or lookup.kind is None:
        return TextRecords(lookup, "unseen", ())
    if lookup.status is Status.BOGUS:
        return TextRecords(lookup, "bogus", ())
    found = select(b"".join(record.strings) for record in lookup.records if isinstance(record, TXT))
    return TextRecords(lookup, ("missing", "one")[len(found)] if len(found) < 2 else "several", found)
