"""TXT records that announce a policy (RFC 8460 section 3, RFC 8461 section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from dns.rdtypes.ANY.TXT import TXT

from .lookup import Lookup

_SHOWN = 50  # URIs that evidence holds


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """The TXT record that announces a policy: how many count, what the one says, what is wrong with it.

    `uris` are all that it names, however many; the others are the first of many.
    """

    count: int
    texts: tuple[str, ...]
    uris: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes of the report URIs, lower case."""
        return tuple(uri.partition(":")[0].lower() for uri in self.uris)

    def evidence(self) -> dict[str, object]:
        return {"records": list(self.texts), "uris": list(self.uris[:_SHOWN]), "errors": list(self.errors)}


def texts(lookup: Lookup) -> tuple[bytes, ...]:
    """The TXT records of a lookup, each with its strings joined."""
    return tuple(b"".join(record.strings) for record in lookup.records if isinstance(record, TXT))
