"""What BSI's dated editions say of a TLS version, cipher suite, group or signature scheme.

Norms are data (profiles/tls/*.toml); this module only looks them up, in two steps. A thing is rated: listed, expired,
forbidden ... Then `tolerance` says what its rating means at a kind of service. The checks judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase

from tr03108.model import Level, Outcome
from tr03108.norms.tls_rows import (
    CertificateCurve,
    CertificateValidity,
    Ending,
    KeyLength,
    ListedRow,
    Minimum,
    OtherRow,
    Rating,
    ServiceClass,
    Shortfall,
    Status,
    SuiteRule,
    Thing,
    Tolerance,
    ToleranceRow,
    VersionRow,
)

_FINITE_FIELD_CODES = range(0x0100, 0x0200)  # reserved for finite-field groups (RFC 7919 section 2)
_THINGS: dict[str, Thing] = {  # what a minimum of a kind asks for
    "version": "version",
    "suite": "suite",
    "group": "group",
    "signature": "signature",
    "certificate-signature": "signature",
}


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
    tolerances: tuple[ToleranceRow, ...] = ()

    @staticmethod
    def together(policies: Iterable[TlsPolicy]) -> TlsPolicy:
        """Several editions as one policy: what any lists is listed, the stricter word and the earlier year win.

        TR-03116-4 section 2.1 builds on TR-02102-2 chapter 3 in this way: it adds minimums and a few deviations.
        Tolerances are the exception: there a later edition overrules an earlier one, as TR-03108 section 4.3 does.
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
            if least is not None and not code:  # parameters of the server's own, measured by their size alone
                return Rating("unlisted", known, source=least.source, reason="OWN_DH_GROUP")
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

    def tolerance(
        self, what: Thing, status: Shortfall, service: ServiceClass, *, strict_groups: bool = False
    ) -> Tolerance:
        """What it means at a service that something falls short (`Rating.shortfall`).

        Without a row nothing is tolerated: UNMET. What the policy does not know counts as forbidden, for nothing proves
        its strength. `strict_groups`: groups, schemes and keys that no edition lists are UNMET.
        """
        sought: Shortfall = "forbidden" if status == "unknown" else status
        rows = [
            row for row in self.tolerances if what in row.things and row.status == sought and service in row.services
        ]
        if strict_groups and what in ("group", "signature", "key") and sought == "unlisted":
            row = next((row for row in reversed(rows) if row.strict), None)
            return _tolerance(row, Outcome.UNMET)
        row = next((row for row in reversed(rows) if not row.strict), None)
        return _tolerance(row, row.outcome if row is not None else Outcome.UNMET)

    def missing(self, minimum: Minimum, service: ServiceClass = "mta") -> Tolerance:
        """What it means that a minimum is missing: the policy's word where it is a MUST, else MARGINAL at most."""
        if minimum.level is Level.MUST:
            found = self.tolerance(_THINGS[minimum.kind], "required-missing", service)
            return Tolerance(found.outcome, source=minimum.source, reason=found.reason)
        outcome = Outcome.MARGINAL if minimum.level is Level.SHOULD else Outcome.MET
        return Tolerance(outcome, source=minimum.source, reason="required-missing")

    def ending(self, year_from: int, years: int) -> tuple[Ending, ...]:
        """What is listed in `year_from` and ends in one of `years` calendar years from then on, the earliest first.

        An entry with "+" may be extended and does not end on its own. Where editions differ the earlier year counts.
        """
        earliest: dict[tuple[object, ...], tuple[tuple[int, bool], Ending]] = {}
        for plus, entry in self._entries():
            same = (entry.what, entry.name if entry.code is None else entry.code, entry.version, entry.use, entry.bits)
            end = (entry.year, plus)
            if same not in earliest or end < earliest[same][0]:
                earliest[same] = (end, entry)
        span = range(year_from, year_from + years)
        found = (entry for (year, plus), entry in earliest.values() if year in span and not plus)
        return tuple(sorted(found, key=lambda entry: entry.year))

    def _entries(self) -> Iterator[tuple[bool, Ending]]:
        """All that is listed, with whether its end may be put off."""
        for what, rows in (("suite", self.suites), ("group", self.groups), ("signature", self.signatures)):
            for row in rows:
                end = Ending(
                    *(what, row.name, row.until.year, row.source, row.code, row.version, row.use), bits=row.bits
                )
                yield row.until.plus, end
        for what, lengths in (("key-length", self.key_lengths), ("certificate-key", self.certificate_keys)):
            for key in lengths:
                yield key.until.plus, Ending(what, key.algorithm, key.until.year, key.source, bits=key.bits)
        for curve in self.certificate_curves:
            yield curve.until.plus, Ending("curve", curve.name, curve.until.year, curve.source)

    def _least_bits(self, algorithm: str) -> KeyLength | None:
        rows = [row for row in self.key_lengths if row.algorithm == algorithm]
        return max(rows, key=lambda row: row.bits, default=None)


def _listed(rows: Iterable[ListedRow], code: int | None, version: str, use: str | None, year: int) -> Rating | None:
    found = [row for row in rows if row.code == code and row.version == version and row.use in (None, use)]
    if not found:
        return None
    row = min(found, key=lambda row: (row.until.year, row.until.plus))
    status: Status = "expired" if row.until.over(year) else "listed"
    return Rating(
        *(status, row.name, row.until.year, row.until.plus, row.source), encrypt_then_mac=row.encrypt_then_mac
    )


def _other(rows: Iterable[OtherRow], code: int | None, version: str, use: str | None) -> Rating | None:
    """The row for a thing that is not listed; the stricter one where editions differ."""
    found = [row for row in rows if row.code == code and row.version in (None, version) and row.use in (None, use)]
    row = min(found, key=lambda row: ("forbidden", "too-small", "unlisted").index(row.status), default=None)
    return Rating(row.status, row.name, source=row.source, reason=row.reason) if row else None


def _name(code: int | None, rows: Iterable[ListedRow]) -> str | None:
    """The name under which another version lists the code."""
    return next((row.name for row in rows if row.code == code), None)


def _tolerance(row: ToleranceRow | None, outcome: Outcome) -> Tolerance:
    if row is None:
        return Tolerance(outcome)
    return Tolerance(outcome, row.low_priority_only, row.source, row.contradiction, row.reason)
