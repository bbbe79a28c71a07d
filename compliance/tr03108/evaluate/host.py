"""A host and what DNS says of its addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from .lookup import Lookup, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """`a` and `aaaa` are None where the question was not asked; `families` are those in scope of the audit."""

    name: str
    a: Lookup | None
    aaaa: Lookup | None
    families: tuple[int, ...] = (4, 6)

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        return tuple(lookup for lookup in (self.a, self.aaaa) if lookup is not None)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses in scope, each once, whatever DNSSEC says of them: that is judged elsewhere."""
        return tuple(a for a in addresses_of(self.lookups) if ip_address(a).version in self.families)

    @property
    def without_address(self) -> bool:
        """It is known that the host has no address of either family (a denial, or a circle of aliases, not bogus)."""
        return len(self.lookups) == 2 and all(
            lookup.kind in ("nodata", "nxdomain", "loop") and lookup.status in (Status.SECURE, Status.INSECURE)
            for lookup in self.lookups
        )

    @property
    def out_of_scope(self) -> tuple[str, ...]:
        """The addresses of families that the plan left out."""
        return tuple(a for a in addresses_of(self.lookups) if ip_address(a).version not in self.families)

    @property
    def addresses_unseen(self) -> Lookup | None:
        """The lookup of a family in scope whose addresses could not be seen (open, or a denial nobody can believe)."""
        for family, lookup in ((4, self.a), (6, self.aaaa)):
            if lookup is None or family not in self.families or lookup.exists:
                continue
            if lookup.unseen or lookup.status is Status.BOGUS:
                return lookup
        return None


def addresses_of(lookups: Iterable[Lookup]) -> tuple[str, ...]:
    """The addresses in some answers, in canonical form, each once."""
    found = (r.address for lookup in lookups for r in lookup.records if isinstance(r, A | AAAA))
    return tuple(dict.fromkeys(str(ip_address(address)) for address in found))
