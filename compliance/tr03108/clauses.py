"""The clauses of TR-03108 and the extra checks X-01 to X-28: what covers each, or who else could answer.

Read from checks/clauses.toml, which says what its fields mean. Which test cases cover a clause is said by the cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tr03108.catalogue import Catalogue, read_id, read_level, read_words
from tr03108.model import Level
from tr03108.rooms import room
from tr03108.toml.table import TomlTable, did_you_mean, quoted, read_toml

OUTSIDE = "outside"  # the answer that an audit gives


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause, e.g. 05-M.r2. `requirement` is None for an exception of section 4.3, which has a `section`.

    `answer` says who can tell: a key of `Clauses.answers`.
    """

    id: str
    requirement: str | None
    section: str
    keyword: str
    text: Mapping[str, str]  # by language
    answer: str
    cases: tuple[str, ...]  # in catalogue order
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExtraCheck:
    """One extra check, e.g. X-04, for clauses without a test case or beside one."""

    id: str
    level: Level
    clauses: tuple[str, ...]
    title: Mapping[str, str]
    answer: str
    cases: tuple[str, ...]
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clauses:
    """All rows by id. `answers` and `keywords` are words by language, `beyond` says why a check is there."""

    clauses: Mapping[str, Clause]
    extras: Mapping[str, ExtraCheck]
    answers: Mapping[str, Mapping[str, str]]
    keywords: Mapping[str, Mapping[str, str]]
    beyond: Mapping[str, Mapping[str, str]]

    def of_requirement(self, requirement: str) -> tuple[Clause, ...]:
        """The clauses of a requirement, in the order of the document."""
        return tuple(clause for clause in self.clauses.values() if clause.requirement == requirement)

    def sharpened_by(self, clause: str) -> tuple[ExtraCheck, ...]:
        """The extra checks for a clause."""
        return tuple(extra for extra in self.extras.values() if clause in extra.clauses)


def load_clauses(catalogue: Catalogue, file: Path | None = None) -> Clauses:
    """The shipped file, or another of its form.

    Raises UsageError, one line with file and line, where a row is not as it should be. Whether the checks that it names
    exist is for a test: a row may come before its check.
    """
    root = read_toml(file or room("checks") / "clauses.toml")
    root.only("answer", "keyword", "clause", "extra", "beyond")
    answers, keywords = _words(root.table("answer")), _words(root.table("keyword"))
    beyond = {
        check: words
        for row in root.tables("beyond")
        for words in [read_words(row, "why")]
        for check in row.texts("checks")
    }
    clauses: dict[str, Clause] = {}
    for row in root.tables("clause"):
        clause = _clause(row, catalogue, (tuple(answers), tuple(keywords)), set(beyond))
        _once(row, clause.id, clauses)
        clauses[clause.id] = clause
    extras: dict[str, ExtraCheck] = {}
    for row in root.tables("extra"):
        extra = _extra(row, clauses, tuple(answers))
        _once(row, extra.id, extras)
        extras[extra.id] = extra
    return Clauses(clauses, extras, answers, keywords, beyond)


def _words(table: TomlTable) -> dict[str, dict[str, str]]:
    return {name: read_words(table, name) for name in table}


def _clause(
    row: TomlTable, catalogue: Catalogue, known: tuple[tuple[str, ...], tuple[str, ...]], beyond: set[str]
) -> Clause:
    answers, keywords = known
    row.only("id", "requirement", "section", "keyword", "text", "answer", "checks")
    identity = read_id(row)
    requirement = row.text("requirement") if "requirement" in row else None
    if requirement is not None:
        _known(row, "requirement", requirement, catalogue.requirements)
    return Clause(
        id=identity,
        requirement=requirement,
        section=row.text("section") if requirement is None else catalogue.requirements[requirement].section,
        keyword=row.text("keyword", choices=keywords),
        text=read_words(row, "text"),
        answer=row.text("answer", choices=answers),
        cases=tuple(case.id for case in catalogue.cases.values() if identity in case.clauses),
        checks=tuple(_checks(row.texts("checks", ()), requirement, catalogue, beyond)),
    )


def _checks(names: Iterable[str], requirement: str | None, catalogue: Catalogue, beyond: set[str]) -> Iterable[str]:
    """The checks named; a pattern stands for those of the requirement that the guideline asks for."""
    for name in names:
        if "*" not in name:
            yield name
            continue
        for check in catalogue.checks.values():
            if fnmatchcase(check.id, name) and requirement in check.requirements and check.id not in beyond:
                yield check.id


def _extra(row: TomlTable, clauses: Mapping[str, Clause], answers: tuple[str, ...]) -> ExtraCheck:
    row.only("id", "level", "clauses", "title", "answer", "cases", "checks")
    for clause in row.texts("clauses"):
        _known(row, "clauses", clause, clauses)
    return ExtraCheck(
        id=read_id(row),
        level=read_level(row),
        clauses=row.texts("clauses"),
        title=read_words(row, "title"),
        answer=row.text("answer", choices=answers),
        cases=row.texts("cases", ()),
        checks=row.texts("checks", ()),
    )


def _known(row: TomlTable, key: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        raise row.error(f"nothing is known as {quoted(name)}{did_you_mean(name, known)}", key, name)


def _once(row: TomlTable, identity: str, known: Mapping[str, object]) -> None:
    if identity in known:
        raise row.error(f"the id {quoted(identity)} is used twice", "id")
