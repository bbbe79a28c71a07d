"""`audit.html`: one file for readers. No external resource, no JavaScript; everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding, Level, Subject, TargetAudit, TargetVerdict, Verdict
from tr03108.rooms import room

from . import accepted, ending, service_tables, view
from .escape import block, line, plain
from .texts import Texts, moment
from .whereabouts import in_words

# What the outcome of one entry of a list looks like: as the verdict of a finding that says no more than that
_LOOKS = {"MET": "pass", "MARGINAL": "warn", "UNMET": "fail"}
_GLYPHS = {
    **{
        "pass": "✓",
        "fail": "✕",
        "warn": "!",
        "inconclusive": "?",
        "manual": "✎",
        "not-applicable": "\u2013",
        "info": "i",
    },
    **{"compliant": "✓", "no-deviation": "≈", "not-demonstrated": "?", "not-compliant": "✕"},
}


def html(audit: Audit, catalogue: Catalogue, texts: Texts) -> str:
    """The text of `audit.html`."""
    environment = Environment(
        loader=FileSystemLoader(room("reports") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "plain": plain, "line": line}
    return environment.get_template("audit.html.j2").render(
        audit=audit,
        pages=[Page(target, audit, catalogue, texts) for target in audit.targets],
        texts=texts,
        ui=texts.ui,
        glyphs=_GLYPHS,
        looks=_LOOKS,
        target_verdicts=[verdict.value for verdict in reversed(TargetVerdict)],
        finding_verdicts=[verdict.value for verdict in Verdict],
        levels=list(Level),
        duration=(audit.finished - audit.started).total_seconds(),
    )


def _finalize(value: Any) -> Any:
    """The last gate before escaping: no text leaves with hidden characters or without end."""
    return block(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


class Page:
    """What the report says of one domain."""

    def __init__(self, target: TargetAudit, audit: Audit, catalogue: Catalogue, texts: Texts) -> None:
        self._texts = texts
        self._catalogue = catalogue
        self._former_ids = audit.profile.former_ids
        self._prefix = f"{target.domain}:" if len(audit.targets) > 1 else ""
        self.target = target
        self.notes = view.notes(target)
        self.nothing_to_do = view.nothing_to_do(target)
        self.sentence = texts.sentence(target, audit.profile.id)
        self.steps = view.first_steps(target, texts)
        self.groups = view.groups(target, catalogue, texts)
        self.modules = tuple(view.modules(self.groups))
        self.hosts = service_tables.mail_hosts(target, texts)
        self.clients = service_tables.client_services(target, texts)
        self.led = service_tables.led(target, texts)
        self.led_columns = service_tables.led_columns(texts)
        self.requirement_counts = view.counts(result.verdict.value for result in target.requirements)
        self.finding_counts = view.counts(finding.verdict.value for finding in target.findings)
        self.lists = accepted.service_lists(target.findings)
        self.ending = ending.by_year(ending.ending(target.findings, audit.as_of))
        self.horizon = ending.year_of(audit.as_of) + ending.HORIZON
        tls = ("accepted", "ending") if self.lists else ()
        led = ("led",) if self.led else ()
        self.contents = ("first", "hosts", *led, *tls, "requirements", "cases", "findings")
        self._list_of = {subject: n for n, lists in enumerate(self.lists, 1) for subject in lists.subjects}
        self.waived = tuple(finding for finding in target.findings if finding.waived is not None)
        self.duration = (target.finished - target.started).total_seconds()

    def anchor(self, name: str) -> str:
        """The anchor of a case or section: the id itself where the report has one domain."""
        return f"{self._prefix}{name}"

    def title(self, identity: str) -> str:
        """The title of a requirement, case or check; the id where there is none."""
        return view.title_of(identity, self._catalogue, self._texts)

    def formerly(self, identity: str) -> str:
        """The ids of a case in the edition before, where the profile wants them named."""
        row = self._catalogue.cases.get(identity)
        return ", ".join(row.formerly) if row is not None and self._former_ids else ""

    def served_by(self, result: Any) -> tuple[str, ...]:
        """What a requirement's verdict is made of: its cases, and checks and manual findings without case."""
        own = (f for f in self.target.findings if f.case is None and f.requirement == result.id)
        return tuple(dict.fromkeys([*result.cases, *(view.name_of(finding) for finding in own)]))

    def reason(self, group: view.Group) -> str:
        """Why a case has no verdict of its own, in words."""
        if group.result is None or not group.result.reason:
            return ""
        return self._texts.phrase(group.result.reason)

    def where(self, subjects: Iterable[Subject]) -> tuple[str, ...]:
        """Service addresses in few words, one text for each host and set of ports."""
        return in_words(subjects, self._texts)

    def subjects(self, findings: Iterable[Finding]) -> tuple[Subject, ...]:
        """What the findings are about, each once."""
        return tuple(dict.fromkeys(finding.subject for finding in findings))

    def clusters(self, group: view.Group) -> tuple[view.Cluster, ...]:
        """The findings of a group, those that say the same together."""
        return view.clusters(group.findings)

    def list_of(self, finding: Finding) -> str:
        """The anchor of the list that a finding's evidence has; empty where it has none."""
        if not accepted.entries(finding) or finding.subject not in self._list_of:
            return ""
        return self.anchor(f"accepted-{self._list_of[finding.subject]}")

    def evidence(self, finding: Finding) -> Any:
        """The evidence of a finding, without a list that the report shows elsewhere."""
        shown = dict(finding.evidence)
        if self.list_of(finding):
            del shown["accepted"]
        return plain(shown)

    def same(self, findings: Sequence[Finding]) -> bool:
        """Whether one sentence serves them all."""
        return len({self._texts.message(finding) for finding in findings}) == 1

    short = staticmethod(view.short)
    name_of = staticmethod(view.name_of)
    blocks = staticmethod(view.blocks)
