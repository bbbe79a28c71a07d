"""What `explain` says of clauses and extra checks: what they ask, and what covers them or who else could answer."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from tr03108.catalogue import Catalogue
from tr03108.clauses import Clause, Clauses, ExtraCheck, load_clauses
from tr03108.report import Texts

_WIDTH = 100
_INDENT = 2  # of a list within an explanation


class ClauseExplainer:
    """Explains clauses and extra checks in one language."""

    def __init__(self, lang: str, texts: Texts, catalogue: Catalogue, check_ids: Iterable[str]) -> None:
        """`check_ids` are the checks that are there, those of test cases included."""
        self._lang = lang
        self._texts = texts
        self._catalogue = catalogue
        self._clauses: Clauses = load_clauses(catalogue)
        self._check_ids = frozenset(check_ids)

    @property
    def ids(self) -> list[str]:
        """All that can be explained here."""
        return [*self._clauses.clauses, *self._clauses.extras]

    def lines(self, identity: str) -> Iterator[str]:
        """The explanation of one of `ids`."""
        clause = self._clauses.clauses.get(identity)
        lines = self._clause(clause) if clause is not None else self._extra(self._clauses.extras[identity])
        for line in lines:
            yield from _wrapped(line)

    def of_requirement(self, requirement: str) -> Iterator[str]:
        """One line for each clause of a requirement, and what covers it."""
        for clause in self._clauses.of_requirement(requirement):
            covering = self._covering(clause) or self._clauses.answers[clause.answer][self._lang]
            yield from _wrapped(self._titled(clause), _WIDTH - _INDENT)
            yield from _wrapped(f"    {covering}", _WIDTH - _INDENT)

    def _clause(self, clause: Clause) -> Iterator[str]:
        yield f"{clause.id} ({self._clauses.keywords[clause.keyword][self._lang]})"
        yield clause.text[self._lang]
        if clause.requirement is None:
            yield self._texts.source(f"TR-03108 v2.0 section {clause.section}")
        else:
            titled = self._catalogue.requirements[clause.requirement].title[self._lang]
            yield from self._list("requirement", [f"{clause.requirement}  {titled}"])
        yield ""
        yield self._clauses.answers[clause.answer][self._lang]
        yield from self._named("cases", clause.cases)
        yield from self._named("check", clause.checks)
        extras = self._clauses.sharpened_by(clause.id)
        yield from self._list("extra_checks", [f"{extra.id}  {extra.title[self._lang]}" for extra in extras])

    def _extra(self, extra: ExtraCheck) -> Iterator[str]:
        yield f"{extra.id} ({self._texts.level(extra.level)})"
        yield extra.title[self._lang]
        yield ""
        yield self._clauses.answers[extra.answer][self._lang]
        yield from self._named("cases", extra.cases)
        yield from self._named("check", extra.checks)
        clauses = [self._clauses.clauses[name] for name in extra.clauses]
        yield from self._list("clauses", [self._titled(clause) for clause in clauses])

    def _titled(self, clause: Clause) -> str:
        keyword = self._clauses.keywords[clause.keyword][self._lang]
        return f"{clause.id} ({keyword})  {clause.text[self._lang]}"

    def _covering(self, clause: Clause) -> str:
        extras = (extra.id for extra in self._clauses.sharpened_by(clause.id))
        return ", ".join((*clause.cases, *self._there(clause.checks), *extras))

    def _there(self, checks: Iterable[str]) -> list[str]:
        return [check for check in checks if check in self._check_ids]

    def _named(self, label: str, names: Iterable[str]) -> Iterator[str]:
        """Cases or checks with their titles."""
        rows: dict[str, Mapping[str, str]] = {row.id: row.title for row in self._catalogue.cases.values()}
        rows |= {row.id: row.title for row in self._catalogue.checks.values()}
        found = list(names) if label == "cases" else self._there(names)
        yield from self._list(label, [f"{name}  {rows[name][self._lang]}" if name in rows else name for name in found])

    def _list(self, label: str, items: list[str]) -> Iterator[str]:
        if items:
            yield ""
            yield f"{self._texts.ui(label)}:"
            yield from (f"  {item}" for item in items)


def _wrapped(line: str, width: int = _WIDTH) -> list[str]:
    """A line in as many as it takes, the later ones further in; an empty one stays."""
    indent = " " * (len(line) - len(line.lstrip()))
    further = indent + "    " if indent or "  " in line.strip() else indent
    return textwrap.wrap(line.strip(), width, initial_indent=indent, subsequent_indent=further) or [""]
