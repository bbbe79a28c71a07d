"""What BSI's dated editions say of a TLS version, cipher suite, group or signature scheme.

Norms are data (profiles/tls/*.toml); this module only looks them up. It rates, it does not judge: what an unlisted or a
forbidden suite means at a port is for the checks to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Literal

from tr03108.model import Level

Status = Literal["listed", "unlisted", "forbidden", "expired", "too-small"]

_FINITE_FIELD_CODES = range(0x0100, 0x0200)  # reserved for finite-field groups (RFC 7919 section 2)


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
    """

    status: Status
    name: str
    until_year: int | None = None
    until_plus: bool = False
    source: str | None = None
    reason: str | None = None


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
class TlsPolicy:
    """One edition, or several taken together."""

    editions: tuple[str, ...]
    versions: tuple[VersionRow, ...] = ()
    suites: tuple[ListedRow, ...] = ()
    groups: tuple[ListedRow, ...] = ()
    signatures: tuple[ListedRow, ...] = ()
    suite_rules: tuple[SuiteRule, ...] = ()
    other_groups: tuple[OtherRow, ...] = ()
    other_signatures: tuple[OtherRow, ...] = ()
    minimums: tuple[Minimum, ...] = ()
    key_lengths: tuple[KeyLength, ...] = ()
    certificate_keys: tuple[KeyLength, ...] = ()
    certificate_curves: tuple[CertificateCurve, ...] = ()
    certificate_validity: tuple[CertificateValidity, ...] = ()

    @staticmethod
    def together(policies: Iterable[TlsPolicy]) -> TlsPolicy:
        """Several editions as one policy: what any lists is listed, the stricter word and the earlier year win.

        TR-03116-4 section 2.1 builds on TR-02102-2 chapter 3 in this way: it adds minimums and a few deviations.
        """
        parts = tuple(policies)
        joined = {field.name: sum((getattr(part, field.name) for part in parts), ()) for field in fields(TlsPolicy)}
        return TlsPolicy(**joined)

    def version(self, name: str) -> Rating:
        """A protocol version: "listed", "forbidden", or "unlisted" where no edition knows it."""
        rows = [row for row in self.versions if row.name == name]
        row = next((row for row in rows if row.status == "forbidden"), rows[0] if rows else None)
        return Rating(row.status, name, source=row.source) if row else Rating("unlisted", name)

    def suite(self, code: int, version: str, year: int, name: str | None = None) -> Rating:
        """A cipher suite by its code in a TLS version.

        Suites that are not listed are classed by their IANA `name`; without one they are "unlisted".
        """
        listed = _listed(self.suites, code, version, None, year)
        if listed is not None:
            return listed
        known = name or _name(code, self.suites)
        if known is None:
            return Rating("unlisted", f"0x{code:04X}")
        for rule in self.suite_rules:
            if any(fnmatchcase(known, pattern) for pattern in rule.patterns):
                return Rating(rule.status, known, source=rule.source, reason=rule.reason)
        return Rating("unlisted", known)

    def group(
        self, code: int | None, version: str, year: int, bits: int | None = None, name: str | None = None
    ) -> Rating:
        """A key exchange group by its code in a TLS version; a finite-field group without a code (None or 0) by `bits`.

        `bits` is the size that was seen: a group below the key length of TR-02102-2 Table 13 is "too-small".
        """
        other = _other(self.other_groups, code, version, None)
        if other is not None and other.status != "unlisted":
            return other
        known = name or _name(code, self.groups) or (f"{bits}-bit DH" if not code else f"0x{code:04X}")
        if bits is not None:
            least = self._least_bits("DH" if not code or code in _FINITE_FIELD_CODES else "ECDH")
            if least is not None and bits < least.bits:
                return Rating("too-small", known, source=least.source, reason="BELOW_KEY_LENGTH")
        return _listed(self.groups, code, version, None, year) or other or Rating("unlisted", known)

    def signature(self, code: int, version: str, year: int, use: str = "handshake", name: str | None = None) -> Rating:
        """A signature scheme by its code (in TLS 1.2: hash and algorithm), for "handshake" or "certificate"."""
        other = _other(self.other_signatures, code, version, use)
        if other is not None and other.status != "unlisted":
            return other
        known = name or _name(code, self.signatures) or f"0x{code:04X}"
        return _listed(self.signatures, code, version, use, year) or other or Rating("unlisted", known)

    def minimums_in(self, year: int) -> tuple[Minimum, ...]:
        """The minimums whose period is not over."""
        return tuple(row for row in self.minimums if not row.until.over(year))

    def _least_bits(self, algorithm: str) -> KeyLength | None:
        rows = [row for row in self.key_lengths if row.algorithm == algorithm]
        return max(rows, key=lambda row: row.bits, default=None)


def _listed(rows: Iterable[ListedRow], code: int | None, version: str, use: str | None, year: int) -> Rating | None:
    found = [row for row in rows if row.code == code and row.version == version and row.use in (None, use)]
    if not found:
        return None
    row = min(found, key=lambda row: (row.until.year, row.until.plus))
    status: Status = "expired" if row.until.over(year) else "listed"
    return Rating(status, row.name, row.until.year, row.until.plus, row.source)


def _other(rows: Iterable[OtherRow], code: int | None, version: str, use: str | None) -> Rating | None:
    """The row for a thing that is not listed; the stricter one where editions differ."""
    found = [row for row in rows if row.code == code and row.version in (None, version) and row.use in (None, use)]
    row = min(found, key=lambda row: ("forbidden", "too-small", "unlisted").index(row.status), default=None)
    return Rating(row.status, row.name, source=row.source, reason=row.reason) if row else None


def _name(code: int | None, rows: Iterable[ListedRow]) -> str | None:
    """The name under which another version lists the code."""
    return next((row.name for row in rows if row.code == code), None)
