"""Reads profiles/tls/*.toml. A newer edition of a BSI guideline is a new file there and no code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar, get_args

from tr03108.catalogue import read_level
from tr03108.model import Outcome
from tr03108.norms.tls_policy import TlsPolicy
from tr03108.norms.tls_rows import (
    CertificateCurve,
    CertificateValidity,
    KeyLength,
    ListedRow,
    Minimum,
    OtherRow,
    ServiceClass,
    Shortfall,
    SuiteRule,
    Thing,
    ToleranceRow,
    Until,
    VersionRow,
)
from tr03108.rooms import room
from tr03108.toml.table import TomlTable, quoted, read_toml

VERSIONS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
USES = ("handshake", "certificate")
KINDS = ("version", "suite", "group", "signature", "certificate-signature")
SELECTIONS = ("all", "any", "fitting", "if-used")
ROLES = ("server", "client", "both")
THINGS: dict[str, Thing] = {thing: thing for thing in get_args(Thing)}
SERVICES: dict[str, ServiceClass] = {service: service for service in get_args(ServiceClass)}
SHORTFALLS: dict[str, Shortfall] = {status: status for status in get_args(Shortfall) if status != "unknown"}

Row = TypeVar("Row")
Word = TypeVar("Word", Thing, ServiceClass)


def policy_names() -> list[str]:
    """The shipped editions, as `tls_policy` of a profile names them."""
    return sorted(file.stem for file in (room("profiles") / "tls").glob("*.toml"))


def policy_file(name: str) -> Path:
    """Where the shipped edition `name` is."""
    return room("profiles") / "tls" / f"{name}.toml"


def read_policy(file: Path) -> TlsPolicy:
    """One edition. Raises UsageError, one line with file and line, where the file does not have this form."""
    root = read_toml(file)
    root.only(
        *("edition", "title", "date", "versions", "suites", "groups", "signatures", "key_lengths", "suite_rules"),
        *("other_groups", "other_signatures", "minimums", "certificate_keys", "certificate_curves"),
        *("certificate_validity", "tolerances"),
    )
    root.text("title")
    root.date("date")
    return TlsPolicy(
        editions=(root.text("edition"),),
        versions=tuple(_versions(root)),
        suites=_rows(root, "suites", _listed_row, ("version",), ("encrypt_then_mac",)),
        groups=_rows(root, "groups", _listed_row, ("version",), ("bits", "preferred")),
        signatures=_rows(root, "signatures", _listed_row, ("version", "use"), ()),
        suite_rules=tuple(_suite_rules(root)),
        other_groups=_rows(root, "other_groups", _other_row, ("status", "reason", "version"), ()),
        other_signatures=_rows(root, "other_signatures", _other_row, ("status", "reason", "version", "use"), ()),
        minimums=_rows(
            root, "minimums", _minimum, ("role", "version", "kind", "level", "selection", "certificate"), ("codes",)
        ),
        key_lengths=_rows(root, "key_lengths", _key_length, (), ("algorithm", "bits")),
        certificate_keys=_rows(root, "certificate_keys", _key_length, (), ("algorithm", "bits", "hash")),
        certificate_curves=_rows(root, "certificate_curves", _curve, (), ("preferred",)),
        certificate_validity=_rows(root, "certificate_validity", _validity, (), ("applies_to", "years", "level")),
        tolerances=tuple(_tolerances(root)),
    )


def _rows(
    root: TomlTable,
    key: str,
    read: Callable[[TomlTable, TomlTable], Row],
    head: tuple[str, ...],
    columns: tuple[str, ...],
) -> tuple[Row, ...]:
    """All entries of all tables under `key`; `head` are keys of the table, `columns` those of an entry."""
    found: list[Row] = []
    for table in root.tables(key):
        table.only("source", "entries", *head)
        for entry in table.tables("entries"):
            entry.only("code", "name", "until", *columns)
            found.append(read(table, entry))
    return tuple(found)


def _versions(root: TomlTable) -> Iterator[VersionRow]:
    for table in root.tables("versions"):
        table.only("source", "status", "names")
        status = table.text("status", choices=("listed", "forbidden"))
        for name in table.texts("names"):
            if name not in VERSIONS:
                raise table.error(f"unknown version {name}, must be one of {', '.join(VERSIONS)}", "names", name)
            yield VersionRow(name, "listed" if status == "listed" else "forbidden", table.text("source"))


def _listed_row(table: TomlTable, entry: TomlTable) -> ListedRow:
    return ListedRow(
        code=_code(entry),
        name=entry.text("name"),
        version=table.text("version", choices=VERSIONS),
        until=_until(entry),
        source=table.text("source"),
        bits=entry.integer("bits", minimum=1, maximum=65536) if "bits" in entry else None,
        preferred=entry.flag("preferred", False),
        encrypt_then_mac=entry.flag("encrypt_then_mac", False),
        use=table.text("use", choices=USES) if "use" in table else None,
    )


def _suite_rules(root: TomlTable) -> Iterator[SuiteRule]:
    for table in root.tables("suite_rules"):
        table.only("status", "reason", "source", "patterns")
        status = table.text("status", choices=("unlisted", "forbidden"))
        yield SuiteRule(
            status="forbidden" if status == "forbidden" else "unlisted",
            reason=table.text("reason"),
            source=table.text("source"),
            patterns=table.texts("patterns"),
        )


def _other_row(table: TomlTable, entry: TomlTable) -> OtherRow:
    status = table.text("status", choices=("unlisted", "forbidden", "too-small"))
    return OtherRow(
        code=_code(entry),
        name=entry.text("name"),
        status="forbidden" if status == "forbidden" else "too-small" if status == "too-small" else "unlisted",
        reason=table.text("reason"),
        source=table.text("source"),
        version=table.text("version", choices=VERSIONS) if "version" in table else None,
        use=table.text("use", choices=USES) if "use" in table else None,
    )


def _minimum(table: TomlTable, entry: TomlTable) -> Minimum:
    kind = table.text("kind", choices=KINDS)
    name = entry.text("name", choices=VERSIONS if kind == "version" else None)
    return Minimum(
        kind=kind,
        role=table.text("role", choices=ROLES),
        level=read_level(table),
        selection=table.text("selection", choices=SELECTIONS),
        version=name if kind == "version" else table.text("version", choices=VERSIONS),
        certificate=table.text("certificate", choices=("RSA", "ECDSA")) if "certificate" in table else None,
        codes=() if kind == "version" else entry.integers("codes", minimum=0, maximum=0xFFFF),
        name=name,
        until=_until(entry),
        source=table.text("source"),
    )


def _key_length(table: TomlTable, entry: TomlTable) -> KeyLength:
    return KeyLength(
        algorithm=entry.text("algorithm"),
        bits=entry.integer("bits", minimum=1, maximum=65536),
        hash=entry.text("hash") if "hash" in entry else None,
        until=_until(entry),
        source=table.text("source"),
    )


def _curve(table: TomlTable, entry: TomlTable) -> CertificateCurve:
    return CertificateCurve(entry.text("name"), entry.flag("preferred", False), _until(entry), table.text("source"))


def _validity(table: TomlTable, entry: TomlTable) -> CertificateValidity:
    return CertificateValidity(
        applies_to=entry.text("applies_to", choices=("end-entity", "sub-ca", "root")),
        years=entry.integer("years", minimum=1, maximum=100),
        level=read_level(entry),
        source=table.text("source"),
    )


def _tolerances(root: TomlTable) -> Iterator[ToleranceRow]:
    seen: set[tuple[Thing, Shortfall, ServiceClass, bool]] = set()
    for table in root.tables("tolerances"):
        table.only(
            *("for", "status", "services", "outcome", "reason", "source", "low_priority_only", "contradiction"),
            "strict_groups",
        )
        row = ToleranceRow(
            things=_known(table, "for", THINGS),
            status=SHORTFALLS[table.text("status", choices=SHORTFALLS)],
            services=_known(table, "services", SERVICES),
            outcome=Outcome(table.text("outcome", choices=("MET", "MARGINAL", "UNMET"))),
            reason=table.text("reason"),
            source=table.text("source"),
            low_priority_only=table.flag("low_priority_only", False),
            contradiction=table.text("contradiction") if "contradiction" in table else None,
            strict=table.flag("strict_groups", False),
        )
        for thing in row.things:
            for service in row.services:
                if (thing, row.status, service, row.strict) in seen:
                    raise table.error(f"{row.status} {thing} at {service} stands twice in [tolerances]", "for", thing)
                seen.add((thing, row.status, service, row.strict))
        yield row


def _known(table: TomlTable, key: str, known: Mapping[str, Word]) -> tuple[Word, ...]:
    """Words of a closed list."""
    texts = table.texts(key)
    for text in texts:
        if text not in known:
            listed = ", ".join(quoted(word) for word in known)
            raise table.error(f"{quoted(key)} has {quoted(text)}, must be of {listed}", key, text)
    return tuple(known[text] for text in texts)


def _code(entry: TomlTable) -> int:
    return entry.integer("code", minimum=0, maximum=0xFFFF)


def _until(entry: TomlTable) -> Until:
    """A year as BSI prints it: "2026", or "2031+"."""
    match = re.fullmatch(r"(20\d\d)(\+?)", entry.text("until"))
    if match is None:
        raise entry.error('"until" must be a year such as "2026" or "2031+"', "until")
    return Until(int(match.group(1)), bool(match.group(2)))
