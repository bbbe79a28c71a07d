"""The commands profiles, checks and explain: what the product knows, without any target."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tr03108.catalogue import Case, Catalogue, CheckRow, Requirement, load_catalogue
from tr03108.cli.explain_clauses import ClauseExplainer
from tr03108.front.settings import DEFAULT_PROFILE, language
from tr03108.judge import Check, load_checks
from tr03108.lab.scenarios import load_scenarios
from tr03108.model import UsageError
from tr03108.profile import Profile, ProfileRequirement, load_profile, profile_names
from tr03108.report import Texts
from tr03108.toml.table import did_you_mean

_WIDTH = 100
_JUDGING = ("tr03108_checks_", "tr03108.judge.tls_")  # modules of checks, and of what they share
_PREFIX = "TR-03108-"  # what people leave out


def profiles(given: Mapping[str, Any]) -> int:
    """Prints name and title of each shipped profile; the default one is marked."""
    lang, catalogue = language(given), load_catalogue()
    mark = f" ({Texts.load(lang).ui('profile_default')})"
    check_ids = [check.id for check in load_checks()]
    for name in profile_names():
        default = mark if name == DEFAULT_PROFILE else ""
        profile = load_profile(name, catalogue, check_ids)
        _print([f"{name:<20} {profile.titles.get(lang, profile.title)}{default}"])
    return 0


def checks(given: Mapping[str, Any]) -> int:
    """Prints each check: its id, the test case it covers or the requirement it is shown under, its title."""
    lang, catalogue = language(given), load_catalogue()
    for check in load_checks():
        row = _row_of(check, catalogue)
        covers = check.case or (", ".join(row.requirements) if isinstance(row, CheckRow) else "-")
        _print([f"{check.id:<28} {covers:<16} {row.title[lang] if row is not None else ''}"])
    return 0


def explain(given: Mapping[str, Any]) -> int:
    """Prints what an id is about. Raises UsageError for an unknown one."""
    _print(Explainer(language(given)).lines(given["id"]))
    return 0


class Explainer:
    """Explains ids in one language."""

    def __init__(self, lang: str) -> None:
        self._lang = lang
        self._texts = Texts.load(lang)
        self._catalogue = load_catalogue()
        self._checks = load_checks()
        self._clauses = ClauseExplainer(lang, self._texts, self._catalogue, (check.id for check in self._checks))
        self._shown = [expected for scenario in load_scenarios() for expected in scenario.must]

    def lines(self, wanted: str) -> Iterator[str]:
        """The explanation of a requirement, clause, test case, check, extra check or reason code.

        Upper or lower case, also `D-02`.
        """
        catalogue = self._catalogue
        checks = {check.id: check for check in self._checks}
        ids = [
            *catalogue.requirements,
            *catalogue.cases,
            *catalogue.checks,
            *checks,
            *self._texts.codes(),
            *self._clauses.ids,
        ]
        folded = {f"{_PREFIX}{clause}".casefold(): clause for clause in self._clauses.ids}
        folded |= {identity.casefold(): identity for identity in ids}
        wanted = wanted.removeprefix("requirement.").removeprefix("case.")  # as in check ids of audit.json
        identity = folded.get(wanted.casefold()) or folded.get(f"{_PREFIX}{wanted}".casefold())
        if identity is None:
            return self._otherwise(wanted, ids)
        if identity in self._clauses.ids:
            return self._clauses.lines(identity)
        if identity in catalogue.requirements:
            return self._requirement(catalogue.requirements[identity])
        if identity in catalogue.cases:
            return self._case(catalogue.cases[identity])
        if identity in catalogue.checks or identity in checks:
            return self._check(identity, checks.get(identity))
        return self._code(identity)

    def _otherwise(self, wanted: str, ids: list[str]) -> Iterator[str]:
        """What bore this id in an older test specification, or a requirement that a shipped profile defines."""
        former = [(each, row) for row in self._catalogue.cases.values() for each in row.formerly]
        today = [(each, row) for each, row in former if each.casefold() == wanted.casefold()]
        if today:
            return self._today(today)
        own = {
            row.id.casefold(): (profile, row)
            for profile in (load_profile(name, self._catalogue) for name in profile_names())
            for row in profile.requirements
            if row.id not in self._catalogue.requirements
        }
        if wanted.casefold() in own:
            return self._own_requirement(*own[wanted.casefold()])
        known = [*ids, *(each for each, _ in former), *(row.id for _, row in own.values())]
        raise UsageError(f"nothing is known as {wanted[:80]!r}{did_you_mean(wanted[:80], known)}")

    def _own_requirement(self, profile: Profile, row: ProfileRequirement) -> Iterator[str]:
        """A requirement that a shipped profile defines."""
        yield from self._head(row.id, row.level, row.title[self._lang])
        yield f"{self._texts.ui('profile')}: {profile.id}"
        cases = (self._titled(self._catalogue.cases[each]) for each in row.cases)
        yield from self._list(self._texts.ui("cases"), cases)
        checks = (self._titled(self._catalogue.checks[each]) for each in row.checks if each in self._catalogue.checks)
        yield from self._list(self._texts.module("OWN"), checks)
        if row.manual:
            yield ""
            yield from self._words("MANUAL_REQUIREMENT", f"requirement.{row.id}")
        yield from self._sources((row.source,))

    def _today(self, today: Sequence[tuple[str, Case]]) -> Iterator[str]:
        yield self._texts.ui("now_called", former=today[0][0], now=", ".join(row.id for _, row in today))
        for _, row in today:
            yield ""
            yield from self._case(row)

    def _requirement(self, row: Requirement) -> Iterator[str]:
        yield from self._head(row.id, row.level, row.title[self._lang])
        yield from _paragraph(row.summary.get(self._lang, ""))
        yield f"{row.document}, {self._texts.source(f'section {row.section}')}"
        yield from self._list(self._texts.ui("clauses"), self._clauses.of_requirement(row.id))
        cases = [case for case in self._catalogue.cases.values() if row.id in case.requirements]
        yield from self._list(self._texts.ui("cases"), (self._titled(case) for case in cases))
        own = [check for check in self._catalogue.checks.values() if row.id in check.requirements]
        yield from self._list(self._texts.module("OWN"), (self._titled(check) for check in own))
        yield from self._sources(row.sources)

    def _case(self, row: Case) -> Iterator[str]:
        yield from self._head(row.id, row.level, row.title[self._lang])
        formerly = self._texts.ui("formerly", ids=", ".join(row.formerly))
        yield f"{row.document} ({formerly})" if row.formerly else row.document
        serves = (self._titled(self._catalogue.requirements[name]) for name in row.requirements)
        yield from self._list(self._texts.ui("requirements"), serves)
        covering = [check for check in self._checks if check.case == row.id]
        yield from self._list(self._texts.ui("check"), (check.id for check in covering))
        if not covering:
            yield from self._words("NOT_COVERED" if row.testable == "remote" else _asked(row), f"case.{row.id}")
        for check in covering:
            yield from self._reasons(check)
        yield from self._sources(row.sources)

    def _check(self, identity: str, check: Check | None) -> Iterator[str]:
        row = self._catalogue.checks.get(identity) or (_row_of(check, self._catalogue) if check else None)
        if row is not None:
            yield from self._head(identity, row.level, row.title[self._lang])
        if isinstance(row, CheckRow):
            yield from _paragraph(row.why)
            yield from self._list(
                self._texts.ui("requirement"),
                [self._titled(self._catalogue.requirements[each]) for each in row.requirements],
            )
        elif isinstance(row, Case):
            yield from self._list(self._texts.ui("case"), [self._titled(row)])
        if check is not None:
            yield from self._reasons(check)
        if row is not None:
            yield from self._sources(row.sources)

    def _code(self, code: str) -> Iterator[str]:
        yield code
        yield from self._words(code, None)
        for check in self._checks:
            if self._texts.general(code, check.id) != self._texts.general(code):
                yield ""
                yield f"{check.id}:"
                yield from self._words(code, check.id)
        users = [check for check in self._checks if code in self._codes(check)]
        yield from self._list(self._texts.ui("check"), (f"{check.id}  {check.case or ''}".rstrip() for check in users))

    def _reasons(self, check: Check) -> Iterator[str]:
        for code in self._codes(check):
            if code == "OK":
                continue
            yield ""
            yield f"{code} ({check.id})"
            yield from self._words(code, check.id)

    def _codes(self, check: Check) -> list[str]:
        """The reason codes of a check: those in the functions it is made of, and those of scenarios of the lab."""
        short = (check.case or "").removeprefix(_PREFIX)
        shown = [
            expected.code
            for expected in self._shown
            if expected.check == check.id
            or (not expected.check and expected.case and expected.case.removeprefix(_PREFIX) == short)
        ]
        found = dict.fromkeys([*shown, *_texts_of(check.function)])
        return sorted(text for text in found if self._texts.knows(text))

    def _words(self, code: str, check: str | None) -> Iterator[str]:
        words = self._texts.general(code, check)
        yield from _paragraph(words.message, "  ")
        if words.remedy not in ("", "-"):
            yield from _paragraph(f"{self._texts.ui('remedy')}: {words.remedy}", "  ")

    def _head(self, identity: str, level: Any, title: str) -> Iterator[str]:
        yield f"{identity} ({self._texts.level(level)})"
        yield from _paragraph(title)

    def _titled(self, row: Requirement | Case | CheckRow) -> str:
        return f"{row.id}  {row.title[self._lang]}"

    def _list(self, label: str, items: Iterable[str]) -> Iterator[str]:
        found = list(items)
        if found:
            yield ""
            yield f"{label}:"
            yield from (f"  {item}" for item in found)

    def _sources(self, sources: Iterable[str]) -> Iterator[str]:
        yield from self._list(self._texts.ui("sources"), (self._texts.source(source) for source in sources))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line.rstrip()}\n")


def _paragraph(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _row_of(check: Check, catalogue: Catalogue) -> Case | CheckRow | None:
    return catalogue.cases.get(check.case) if check.case is not None else catalogue.checks.get(check.id)


def _asked(case: Case) -> str:
    return "MANUAL_SENDING_SIDE" if case.testable == "cooperative" else "MANUAL_DECLARATION"


def _texts_of(function: Callable[..., object]) -> Iterator[str]:
    """The texts in a function, and in the functions and tables of our own judging that it names."""
    waiting, seen = [function], set[object]()
    while waiting:
        one = waiting.pop()
        if one in seen or not isinstance(one, FunctionType):
            continue
        seen.add(one)
        yield from _constants(one.__code__)
        names = set(_names(one.__code__))
        for named in _named(one.__globals__, names):
            if isinstance(named, Mapping):
                yield from (text for text in named.values() if isinstance(text, str))
            elif isinstance(named, FunctionType) and named.__module__.startswith(_JUDGING):
                waiting.append(named)


def _named(known: Mapping[str, object], names: set[str]) -> Iterator[object]:
    """What names mean in a module, those of functions behind a module's name included."""
    for name in sorted(names & known.keys()):
        if isinstance(module := known[name], ModuleType):
            yield from (vars(module)[each] for each in sorted(names & vars(module).keys()))
        else:
            yield known[name]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _constants(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _constants(constant)
