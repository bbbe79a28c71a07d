"""The catalogue: requirements and test cases as BSI numbers them, and the rows of our own checks.

Read from checks/catalogue.toml, which says what its fields mean, and from the files beside it that begin with its name,
one for each other test specification. The order of the files and of their rows is the catalogue order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tr03108.model import SERVICE_KINDS, Level
from tr03108.rooms import room
from tr03108.toml.table import TomlTable, did_you_mean, quoted, read_toml

LANGUAGES = ("en", "de")
TESTABLE = ("remote", "cooperative", "declared")
LEVELS = tuple(level.value for level in Level)

Row = TypeVar("Row", "Requirement", "Case", "CheckRow")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One numbered requirement, e.g. TR-03108-05-M. `section` is that of `document`.

    `services`: whose findings belong to it (names of SERVICE_KINDS), where a case or check serves several requirements.
    """

    id: str
    level: Level
    title: Mapping[str, str]  # by language
    section: str
    document: str
    sources: tuple[str, ...]
    summary: Mapping[str, str] = field(default_factory=dict)  # one sentence by language
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One test case of a test specification, e.g. TR-03108-D-02.

    `testable` says from where: "remote" (from outside), "cooperative" (the provider has to send something to zones of
    the tester) or "declared" (a statement and human judgement). `positive` follows TR-03108-P chapter 6: a case is
    negative unless its description calls it positive. `template`: repeated over parameters. `official` is False for the
    questions of the checklist, which BSI left without ids. `clauses` are the numbered parts of the requirements.
    `formerly`: the ids of the same case in an older edition of the test specification.
    """

    id: str
    module: str
    level: Level
    title: Mapping[str, str]
    requirements: tuple[str, ...]  # in catalogue order; none of a document whose requirements only profiles name
    testable: str
    positive: bool
    template: bool
    bsi_profiles: tuple[str, ...]
    sources: tuple[str, ...]
    document: str
    official: bool
    clauses: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check of our own that answers no test case. `why` says why it is here; `remark`: it follows advice only."""

    id: str
    requirements: tuple[str, ...]  # in catalogue order
    level: Level
    title: Mapping[str, str]
    sources: tuple[str, ...]
    remark: bool
    why: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All rows by id, in catalogue order."""

    requirements: Mapping[str, Requirement]
    cases: Mapping[str, Case]
    checks: Mapping[str, CheckRow]


def load_catalogue(file: Path | None = None) -> Catalogue:
    """The shipped catalogue, or another file of its form alone.

    Raises UsageError, one line with file and line, for an unknown key or requirement, an id used twice, a title without
    one of the languages, or a value of the wrong kind.
    """
    files = [file] if file is not None else sorted(room("checks").glob("catalogue*.toml"))
    roots = [read_toml(each) for each in files]
    for root in roots:
        root.only("requirement", "case", "check")
    requirements = _by_id((_requirement(row), row) for row in _rows(roots, "requirement"))
    order = {requirement: at for at, requirement in enumerate(requirements)}
    cases = _by_id((_case(row, order), row) for row in _rows(roots, "case"))
    checks = _by_id((_check(row, order), row) for row in _rows(roots, "check"))
    for row in _rows(roots, "check"):
        if row.text("id") in cases:
            raise row.error(f"{quoted(row.text('id'))} is the id of a case", "id")
    return Catalogue(requirements, cases, checks)


def _rows(roots: Iterable[TomlTable], kind: str) -> Iterator[TomlTable]:
    for root in roots:
        yield from root.tables(kind)


def _by_id(rows: Iterable[tuple[Row, TomlTable]]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row, table in rows:
        if row.id in found:
            raise table.error(f"the id {quoted(row.id)} is used twice", "id")
        found[row.id] = row
    return found


def _requirement(row: TomlTable) -> Requirement:
    row.only("id", "level", "title", "summary", "section", "document", "sources", "services")
    return Requirement(
        id=read_id(row),
        level=read_level(row),
        title=read_words(row, "title"),
        section=row.text("section"),
        document=row.text("document"),
        sources=row.texts("sources"),
        summary=read_words(row, "summary"),
        services=read_names(row, "services", (), SERVICE_KINDS),
    )


def _case(row: TomlTable, order: Mapping[str, int]) -> Case:
    row.only(
        *("id", "level", "title", "requirements", "clauses", "testable", "positive", "template", "bsi_profiles"),
        *("sources", "document", "official", "formerly"),
    )
    requirements = _requirements(row, row.texts("requirements", ()), order) if "requirements" in row else ()
    identity = read_id(row)
    return Case(
        id=identity,
        module=_module(row, identity),
        level=read_level(row),
        title=read_words(row, "title"),
        requirements=requirements,
        testable=row.text("testable", choices=TESTABLE),
        positive=row.flag("positive"),
        template=row.flag("template", False),
        bsi_profiles=row.texts("bsi_profiles"),
        sources=row.texts("sources"),
        document=row.text("document"),
        official=row.flag("official", True),
        clauses=row.texts("clauses", ()),
        formerly=row.texts("formerly", ()),
    )


def _check(row: TomlTable, order: Mapping[str, int]) -> CheckRow:
    row.only("id", "requirements", "level", "title", "sources", "remark", "why")
    return CheckRow(
        id=read_id(row),
        requirements=_requirements(row, row.texts("requirements"), order),
        level=read_level(row),
        title=read_words(row, "title"),
        sources=row.texts("sources"),
        remark=row.flag("remark", False),
        why=row.text("why"),
    )


def _requirements(row: TomlTable, names: tuple[str, ...], order: Mapping[str, int]) -> tuple[str, ...]:
    for requirement in names:
        _known(row, "requirements", requirement, order)
    if not names or sorted(names, key=order.__getitem__) != list(names):
        raise row.error('"requirements" must name at least one requirement, in catalogue order', "requirements")
    return names


def read_id(row: TomlTable) -> str:
    """An id that is safe in file names, anchors and shells."""
    identity = row.text("id")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", identity):
        raise row.error(f"the id {quoted(identity)} must be letters, digits, dots and hyphens, at most 64", "id")
    return identity


def read_level(row: TomlTable) -> Level:
    """The level of a row."""
    return Level(row.text("level", choices=LEVELS))


def read_words(row: TomlTable, key: str) -> dict[str, str]:
    """A text in every language."""
    table = row.table(key)
    table.only(*LANGUAGES)
    for language in LANGUAGES:
        if language not in table:
            raise row.error(f"{quoted(key)} has no {quoted(language)}", key if key in row else None)
    return {language: table.text(language) for language in LANGUAGES}


def read_names(row: TomlTable, key: str, default: tuple[str, ...], known: Collection[str]) -> tuple[str, ...]:
    """An array of names, each one of those known."""
    values = row.texts(key, default)
    for value in values:
        if value not in known:
            listed = ", ".join(quoted(name) for name in known)
            near = did_you_mean(value, known) or f"; known: {listed}"
            raise row.error(f"unknown name {quoted(value)} in {quoted(key)} of {row.name}{near}", key, value)
    return values


def _module(row: TomlTable, identity: str) -> str:
    """The letters before the number: "D" of TR-03108-D-02, "B1" of TLS_B1_GP_02."""
    match = re.fullmatch(r"TR-\d+-([A-Z]+)-\d+(?:-T)?|TLS_([A-Z]\d)_(?:GP|FR)_\d+(?:_T)?", identity)
    if match is None:
        raise row.error(f"the case id {quoted(identity)} is not of the form TR-03108-D-02 or TLS_B1_GP_02", "id")
    return match[1] or match[2]


def _known(row: TomlTable, key: str, requirement: str, order: Mapping[str, int]) -> None:
    if requirement not in order:
        near = did_you_mean(requirement, order)
        raise row.error(f"unknown requirement {quoted(requirement)}{near}", key, requirement)
