"""Where our lists of what a TLS server accepts differ from those of sslyze and testssl.sh, and are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from peers import Found

DECISION = "docs/decisions/0010-tls-differences-to-peers.md"
SSLYZE, TESTSSL = "sslyze", "testssl.sh"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that only one of two tools found: a line of `Found.items`, found by us or by the peer."""

    peer: str
    item: str
    by_us: bool
    ours: Found
    theirs: Found

    @property
    def group(self) -> str:
        """The group's name; empty where the item is none."""
        return self.item.removeprefix("group ") if self.item.startswith("group ") else ""

    def __str__(self) -> str:
        return f"{self.item}: found by {'us' if self.by_us else self.peer} alone"


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference that is right as it is: `title` is its heading in DECISION."""

    title: str
    holds: Callable[[Difference], bool]


def differences(peer: str, ours: Found, theirs: Found) -> Iterator[Difference]:
    """All that only one of the two found."""
    mine, other = ours.items(), theirs.items()
    for item in sorted(mine ^ other):
        yield Difference(peer, item, item in mine, ours, theirs)


def explanation(difference: Difference) -> Explained | None:
    """The first that holds."""
    return next((each for each in EXPLAINED if each.holds(difference)), None)


def _cannot_offer(seen: Difference) -> bool:
    suites = {f"TLSv1.2 TLS_DH_anon_WITH_CAMELLIA_{bits}_CBC_SHA256" for bits in (128, 256)}
    return seen.peer == SSLYZE and seen.by_us and seen.item in suites


def _finite_field(seen: Difference) -> bool:
    return seen.by_us and seen.group.startswith("ffdhe")


def _brainpool(seen: Difference) -> bool:
    return seen.peer == SSLYZE and seen.by_us and seen.group.startswith("brainpool") and "TLSv1.3" in seen.ours.suites


def _beside_an_ecdsa_key(seen: Difference) -> bool:
    ecdsa = any("_ECDHE_ECDSA_" in suite for suite in seen.ours.suites.get("TLSv1.2", ()))
    newest = "TLSv1.3" not in seen.ours.suites and ecdsa
    return (
        seen.peer == SSLYZE
        and seen.by_us
        and newest
        and bool(seen.group)
        and not _finite_field(seen)
        and seen.theirs.groups == {"secp256r1"}  # the curve of the key
    )


EXPLAINED = (
    Explained("Anonymous suites with Camellia and SHA-256", _cannot_offer),
    Explained("Finite-field groups", _finite_field),
    Explained("Brainpool beside TLS 1.3", _brainpool),
    Explained("Groups beside an ECDSA key", _beside_an_ecdsa_key),
)
