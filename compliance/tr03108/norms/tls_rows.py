"""The rows of a TLS policy and what look-ups in it answer. `tls_policy` looks them up, `tls_policy_file` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tr03108.model import Level, Outcome

Status = Literal["listed", "unlisted", "forbidden", "expired", "too-small"]
Thing = Literal["version", "suite", "group", "signature", "key", "mac"]  # "mac": CBC without encrypt-then-MAC
# How something falls short. "unknown": unlisted, and no edition says how strong it is.
Shortfall = Literal["forbidden", "unlisted", "too-small", "expired", "required-missing", "unknown"]
# Connections as TR-03108 tells them apart: port 25; 465, 993, 995, 443; STARTTLS at 587, 143, 110.
ServiceClass = Literal["mta", "implicit", "upgrade"]


@dataclass(frozen=True, slots=True)
class Until:
    """To the end of `year`; with `plus` a later edition may extend it, so that it does not end on its own.

    TR-02102-2 section 3.1.1, TR-03116-4 section 1.2.1.
    """

    year: int
    plus: bool

    def over(self, year: int) -> bool:
        """Whether the period has ended before `year`."""
        return year > self.year and not self.plus


@dataclass(frozen=True, slots=True)
class Rating:
    """What the policy says of one thing.

    `until_year` and `until_plus` are set for "listed" and "expired". `source` is None where no edition mentions it in
    any way. `reason` is a code from the policy file that says why something is not listed ("RC4", "SHA1", ...).
    `encrypt_then_mac`: a listed suite that is recommended only together with that extension.
    """

    status: Status
    name: str
    until_year: int | None = None
    until_plus: bool = False
    source: str | None = None
    reason: str | None = None
    encrypt_then_mac: bool = False

    @property
    def shortfall(self) -> Shortfall | None:
        """How it falls short of the policy; None where it is listed."""
        if self.status == "listed":
            return None
        return "unknown" if self.status == "unlisted" and self.source is None else self.status


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A protocol version that is listed or forbidden."""

    name: str
    status: Status
    source: str


@dataclass(frozen=True, slots=True)
class ListedRow:
    """One row of a table of recommended suites, groups or signature schemes of one TLS version.

    `bits`: size of a group. `preferred`: wanted at the highest priority. `encrypt_then_mac`: recommended only together
    with that extension. `use` of a signature scheme: "handshake", "certificate" or None for both.
    """

    code: int
    name: str
    version: str
    until: Until
    source: str
    bits: int | None = None
    preferred: bool = False
    encrypt_then_mac: bool = False
    use: str | None = None


@dataclass(frozen=True, slots=True)
class SuiteRule:
    """How suites that are not listed are classed, by patterns of their IANA names."""

    status: Status
    reason: str
    source: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherRow:
    """A group or signature scheme that is not listed; for all versions and uses where these are None."""

    code: int
    name: str
    status: Status
    reason: str
    source: str
    version: str | None = None
    use: str | None = None


@dataclass(frozen=True, slots=True)
class Minimum:
    """Something that has to be supported.

    `kind`: "version", "suite", "group", "signature" or "certificate-signature". `selection` among the rows of the same
    source and certificate: "all", "any" (one suffices), "fitting" (the one for an own key) or "if-used". `certificate`:
    asked of servers with a key of that type. Any of `codes` satisfies the row; empty for versions.
    """

    kind: str
    role: str
    level: Level
    selection: str
    version: str
    certificate: str | None
    codes: tuple[int, ...]
    name: str
    until: Until
    source: str


@dataclass(frozen=True, slots=True)
class KeyLength:
    """The least size in bits of a key; `hash` is the least hash where certificates are signed."""

    algorithm: str
    bits: int
    hash: str | None
    until: Until
    source: str


@dataclass(frozen=True, slots=True)
class CertificateCurve:
    """A named curve that certificates may use."""

    name: str
    preferred: bool
    until: Until
    source: str


@dataclass(frozen=True, slots=True)
class CertificateValidity:
    """The longest validity, in years, of an "end-entity", "sub-ca" or "root" certificate."""

    applies_to: str
    years: int
    level: Level
    source: str


@dataclass(frozen=True, slots=True)
class ToleranceRow:
    """What it means at some services that some things fall short in one way; the fields as in `Tolerance`.

    `strict`: counts only under the parameter `strict_groups`.
    """

    things: tuple[Thing, ...]
    status: Shortfall
    services: tuple[ServiceClass, ...]
    outcome: Outcome
    reason: str
    source: str
    low_priority_only: bool = False
    contradiction: str | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What it means at a service that something falls short of the guidelines.

    `low_priority_only`: `outcome` holds only where the thing is never chosen over a listed one that the client offers
    as well; the code is then TOLERATED_LOW_PRIORITY. `reason` names the class, a heading of docs/decisions/0008.
    `note` names a contradiction of the sources that the report has to tell. `source` is None where no edition has a
    word on it, so that nothing is tolerated.
    """

    outcome: Outcome
    low_priority_only: bool = False
    source: str | None = None
    note: str | None = None
    reason: str | None = None

    def outcome_if(self, low_priority: bool) -> Outcome:
        """The outcome once it is known whether a listed thing is always chosen before this one."""
        return Outcome.UNMET if self.low_priority_only and not low_priority else self.outcome


@dataclass(frozen=True, slots=True)
class Ending:
    """A listed entry that ends. `what`: "suite", "group", "signature", "key-length", "certificate-key", "curve".

    `code` and `version` are None for keys and curves, `use` as in ListedRow, `bits` the least size that ends.
    """

    what: str
    name: str
    year: int
    source: str
    code: int | None = None
    version: str | None = None
    use: str | None = None
    bits: int | None = None
