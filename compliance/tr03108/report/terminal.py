"""The audit in short for a terminal: the verdict, what to do first, and what was found.

Of several domains a line each, then what to do over all of them; the domains one by one only where that is wanted.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding, Subject, TargetAudit, Verdict, Waiver

from .ending import ending, pressing, year_of
from .escape import line
from .shared import CommonStep, common_steps, shared_hosts
from .texts import Texts, moment
from .view import Step, counts, first_steps, name_of, notes, nothing_to_do, rank, short
from .whereabouts import in_words

_WIDTH = 100
_STEPS_SHOWN = 10
_SUBJECTS_SHOWN = 4
_ENDING_SHOWN = 3
_LEFT_OUT_SHOWN = 8
_DOMAINS_SHOWN = 4
_HOSTS_SHOWN = 10
_QUIET = frozenset({"pass", "manual", "not-applicable", "info"})
_COLORS = {
    **{"fail": "31", "inconclusive": "35", "warn": "33", "manual": "36", "pass": "32"},
    **{"not-compliant": "1;31", "not-demonstrated": "1;35", "no-deviation": "1;36", "compliant": "1;32"},
    **{"title": "1", "faint": "2"},
}


def terminal(audit: Audit, catalogue: Catalogue, texts: Texts, color: bool = False, verbose: bool = False) -> str:
    """The summary; ANSI colours only if `color`, findings without need for action only if `verbose`."""
    return _Terminal(audit, texts, color, verbose).text()


class _Cells(NamedTuple):
    verdict: str
    name: str
    subject: str
    code: str


class _Terminal:
    def __init__(self, audit: Audit, texts: Texts, color: bool, verbose: bool) -> None:
        self.audit, self.texts, self.color, self.verbose = audit, texts, color, verbose

    def text(self) -> str:
        return "\n".join(line_.rstrip() for line_ in self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        audit, ui = self.audit, self.texts.ui
        editions = ", ".join(map(line, audit.profile.policy_editions)) or ui("none")
        yield self._paint("title", f"tr03108 {line(audit.tool_version)} · {line(audit.profile.title)}")
        yield from self._fields(
            (ui("profile"), f"{line(audit.profile.id)} ({self.texts.source(audit.profile.source)})"),
            (ui("policy_editions"), editions),
            (ui("examined"), f"{moment(audit.started)} · {ui('as_of')} {audit.as_of:%Y-%m-%d}"),
        )
        if not audit.targets:
            yield ui("no_targets")
        several = len(audit.targets) > 1
        if several:
            yield from self._overview()
        for target in audit.targets if self.verbose or not several else ():
            yield ""
            yield from self._target(target)

    def _overview(self) -> Iterator[str]:
        """A line for each domain, what to do over all of them, and the hosts that several use."""
        targets, texts, ui = self.audit.targets, self.texts, self.texts.ui
        yield ""
        yield self._paint("title", ui("overview_count", count=len(targets)))
        words = [texts.target(target.verdict.value) for target in targets]
        first, second = max(map(len, words)), max(len(line(target.domain)) for target in targets)
        for word, target in zip(words, targets, strict=True):
            head = self._paint(target.verdict.value, f"{word:<{first}}")
            note = "" if target.complete else f" ({ui('in_part')})"
            counted = self._counts(result.verdict.value for result in target.requirements)
            yield f"  {head}  {line(target.domain):<{second}}  {counted}{note}"
        for note in dict.fromkeys(note for target in targets for note in notes(target)):
            yield from _wrap(texts.note(note), "  ! ", "    ")
        yield from self._expired(waiver for target in targets for waiver in target.expired_waivers)
        yield from self._ending(finding for target in targets for finding in target.findings)
        yield from self._common(common_steps(self.audit, texts))
        yield from self._hosts()
        if not self.verbose:
            yield ""
            yield from (self._paint("faint", text) for text in _wrap(ui("terminal_alone"), "  "))

    def _common(self, steps: tuple[CommonStep, ...]) -> Iterator[str]:
        """What to do over all domains: what concerns several is said once."""
        ui = self.texts.ui
        yield ""
        yield "  " + self._paint("title", ui("common"))
        if not steps:
            failed = any(
                finding.verdict is Verdict.FAIL for target in self.audit.targets for finding in target.findings
            )
            yield from _wrap(ui("first_waived" if failed else "first_none"), "  ")
        for number, step in enumerate(steps[:_STEPS_SHOWN], 1):
            word = ui("first_failed") if step.failed else ui("first_open")
            ids = self.texts.names([line(identity) for identity in step.short_ids])
            several = len(step.domains) > 1
            where = ui("shared_in", count=len(step.domains)) if several else line(step.domains[0])
            yield f"  {number:>2}. " + self._paint(
                "fail" if step.failed else "inconclusive", f"{word} · {where} · {ids}"
            )
            yield from _wrap(step.message, "      ")
            yield from _wrap(step.remedy, "      → ", "        ")
            if several and len(step.domains) < len(self.audit.targets):
                names = self.texts.names([line(domain) for domain in step.domains], _DOMAINS_SHOWN)
                yield from _wrap(f"{ui('domains')}: {names}", "      ")
            if len(step.hosts) > 1:
                names = self.texts.names([line(host) for host in step.hosts], _SUBJECTS_SHOWN)
                yield from _wrap(f"{ui('first_see')}: {names}", "      ")
        if len(steps) > _STEPS_SHOWN:
            yield "      " + ui("first_more", count=len(steps) - _STEPS_SHOWN)

    def _hosts(self) -> Iterator[str]:
        hosts = shared_hosts(self.audit)
        if not hosts:
            return
        yield ""
        yield "  " + self._paint("title", self.texts.ui("shared_hosts"))
        shown = hosts[:_HOSTS_SHOWN]
        width = max(len(line(host.name)) for host in shown)
        for host in shown:
            count = self.texts.ui("domain_count", count=len(host.domains))
            addresses = self.texts.names([line(address) for address in host.addresses], _SUBJECTS_SHOWN)
            yield f"  {line(host.name):<{width}}  {count}  {addresses}"
        if len(hosts) > _HOSTS_SHOWN:
            yield "  " + self.texts.ui("first_more", count=len(hosts) - _HOSTS_SHOWN)

    def _target(self, target: TargetAudit) -> Iterator[str]:
        texts, ui = self.texts, self.texts.ui
        yield self._paint(target.verdict.value, f"{line(target.domain)}: {texts.target(target.verdict.value)}")
        yield from _wrap(texts.sentence(target, self.audit.profile.id), "  ")
        for note in notes(target):
            yield from _wrap(texts.note(note), "  ! ", "    ")
        if target.not_examined:
            left_out = texts.names([line(subject) for subject in target.not_examined], _LEFT_OUT_SHOWN)
            yield from _wrap(f"{ui('not_examined')}: {left_out}", "  ! ", "    ")
        yield from self._expired(target.expired_waivers)
        yield ""
        yield from self._fields(
            (ui("count_requirements"), self._counts(result.verdict.value for result in target.requirements)),
            (ui("cases"), self._counts(result.verdict.value for result in target.cases)),
            (ui("count_findings"), self._counts(finding.verdict.value for finding in target.findings)),
            (ui("resolver"), ", ".join(map(line, target.vantage.resolvers)) or ui("none")),
        )
        yield from self._ending(target.findings)
        yield from self._steps(first_steps(target, texts), nothing_to_do(target))
        yield from self._findings(target)

    def _expired(self, waivers: Iterable[Waiver]) -> Iterator[str]:
        for waiver in dict.fromkeys(waivers):
            text = f"{line(waiver.finding)}, {line(waiver.subject)} ({line(waiver.until)})"
            yield from _wrap(f"{self.texts.ui('waivers_expired')}: {text}", "  ! ", "    ")

    def _ending(self, findings: Iterable[Finding]) -> Iterator[str]:
        """One line on what the servers accept although it has ended, or ends with the year of judgement."""
        as_of = self.audit.as_of
        found = pressing(ending(findings, as_of), as_of)
        if found:
            names = self.texts.names(list(dict.fromkeys(line(each.name) for each in found)), _ENDING_SHOWN)
            yield ""
            yield from _wrap(self.texts.ui("ending_line", year=year_of(as_of), names=names), "  ! ", "    ")

    def _steps(self, steps: tuple[Step, ...], nothing: str) -> Iterator[str]:
        ui = self.texts.ui
        yield ""
        yield "  " + self._paint("title", ui("first"))
        if not steps:
            yield from _wrap(ui(nothing), "  ")
        for number, step in enumerate(steps[:_STEPS_SHOWN], 1):
            word = ui("first_failed") if step.failed else ui("first_open")
            ids = self.texts.names([short(line(identity)) for identity in step.ids])
            yield f"  {number:>2}. " + self._paint("fail" if step.failed else "inconclusive", f"{word} · {ids}")
            yield from _wrap(step.message, "      ")
            yield from _wrap(step.remedy, "      → ", "        ")
            if len(step.subjects) > 1:
                yield from _wrap(f"{ui('first_see')}: {self._where(step.subjects)}", "      ")
        if len(steps) > _STEPS_SHOWN:
            yield "      " + ui("first_more", count=len(steps) - _STEPS_SHOWN)

    def _findings(self, target: TargetAudit) -> Iterator[str]:
        ui = self.texts.ui
        shown = [finding for finding in target.findings if self.verbose or finding.verdict.value not in _QUIET]
        if shown:
            yield ""
            yield "  " + self._paint("title", ui("findings"))
            yield from self._table(sorted(shown, key=lambda finding: rank(finding.verdict.value)))
        if len(shown) < len(target.findings):
            yield "  " + self._paint("faint", ui("all_lines", count=len(target.findings) - len(shown)))

    def _table(self, findings: Iterable[Finding]) -> Iterator[str]:
        rows = [(finding.verdict.value, self._cells(finding)) for finding in findings]
        if not self.verbose:
            rows = _merged(rows)
        widths = [max(len(cells[column]) for _, cells in rows) for column in range(3)]
        for verdict, (word, name, subject, code) in rows:
            head = self._paint(verdict, f"{word:<{widths[0]}}")
            yield f"  {head}  {name:<{widths[1]}}  {subject:<{widths[2]}}  {code}"

    def _cells(self, finding: Finding) -> _Cells:
        marks = f" ({self.texts.ui('waived')})" if finding.waived is not None else ""
        return _Cells(
            self.texts.verdict(finding.verdict.value),
            short(line(name_of(finding))),
            line(finding.subject.text, 60),
            f"{line(finding.code)}{marks}",
        )

    def _where(self, subjects: Iterable[Subject]) -> str:
        """Service addresses in few words; those of many hosts are counted."""
        places = in_words(subjects, self.texts)
        shown = "; ".join(places[:_SUBJECTS_SHOWN])
        left = len(places) - _SUBJECTS_SHOWN
        return self.texts.ui("and_more", names=shown, count=left) if left > 0 else shown

    def _counts(self, verdicts: Iterable[str]) -> str:
        found = counts(verdicts)
        return " · ".join(self._paint(v, f"{count} {self.texts.verdict(v)}") for v, count in found) or "0"

    def _fields(self, *fields: tuple[str, str]) -> Iterator[str]:
        width = max(len(label) for label, _ in fields)
        for label, value in fields:
            yield f"  {label:<{width}}  {value}"

    def _paint(self, name: str, text: str) -> str:
        return f"\x1b[{_COLORS[name]}m{text}\x1b[0m" if self.color and name in _COLORS else text


def _merged(rows: Sequence[tuple[str, _Cells]]) -> list[tuple[str, _Cells]]:
    """Rows that differ only in the test case as one, `E-01-T +24`, then those that differ only in the subject."""
    words = {verdict: cells.verdict for verdict, cells in rows}
    names: dict[tuple[str, str, str], list[str]] = {}
    for verdict, cells in rows:
        names.setdefault((verdict, cells.subject, cells.code), []).append(cells.name)
    subjects: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    for (verdict, subject, code), own in names.items():
        subjects.setdefault((verdict, tuple(own), code), []).append(subject)
    return [
        (verdict, _Cells(words[verdict], _first_of(own), _first_of(where), code))
        for (verdict, own, code), where in subjects.items()
    ]


def _first_of(texts: Sequence[str]) -> str:
    """The first one, and how many there are besides."""
    return f"{texts[0]} +{len(texts) - 1}" if len(texts) > 1 else texts[0]


def _wrap(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
