"""`audit.html`: one file for readers. No external resource, no JavaScript; everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding, Level, Subject, TargetAudit, TargetVerdict, Verdict
from tr03108.rooms import room

from . import accepted, ending, service_tables, view
from .escape import block, line, plain
from .shared import HostGroup, Shared, common_steps
from .texts import Texts, moment
from .whereabouts import in_words

UNFOLDED = 3  # domains whose pages are open from the start
MOST_STEPS = 30  # that are shown for the whole run; each domain has all of its own
MOST_NAMES = 8  # domains that are named in a row, before the others fold away
HOSTS, ALIKE = "shared-", "alike:"  # beginnings of anchors: no domain has a name with a colon
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
    shared = Shared(audit)
    several = len(audit.targets) > 1
    return environment.get_template("audit.html.j2").render(
        audit=audit,
        pages=[Page(target, audit, catalogue, texts, shared) for target in audit.targets],
        common=common_steps(audit, texts) if several else (),
        groups=tuple(shared_pages(audit, catalogue, texts, shared)),
        alike=alike_page(audit, catalogue, texts, shared),
        verdict_counts=[(v.value, sum(t.verdict is v for t in audit.targets)) for v in TargetVerdict],
        overview_verdicts={result.verdict.value for target in audit.targets for result in target.requirements},
        unfolded=len(audit.targets) <= UNFOLDED,
        most_names=MOST_NAMES,
        most_steps=MOST_STEPS,
        texts=texts,
        ui=texts.ui,
        glyphs=_GLYPHS,
        looks=_LOOKS,
        target_verdicts=[verdict.value for verdict in reversed(TargetVerdict)],
        finding_verdicts=[verdict.value for verdict in Verdict],
        levels=list(Level),
        duration=(audit.finished - audit.started).total_seconds(),
    )


@dataclass(frozen=True, slots=True)
class HostsPage:
    """Hosts that the same domains use, and what was found there."""

    group: HostGroup
    page: Page

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(host.name for host in self.group.hosts)

    def counts(self, name: str) -> tuple[tuple[str, int], ...]:
        """How often which verdict was found at one of the hosts."""
        return view.counts(f.verdict.value for f in self.page.target.findings if f.subject.name == name)


def shared_pages(audit: Audit, catalogue: Catalogue, texts: Texts, shared: Shared) -> Iterator[HostsPage]:
    """The hosts that several domains use."""
    for number, group in enumerate(shared.groups, 1):
        whole = _whole(audit, shared.at(host.name for host in group.hosts))
        told = [finding for target in audit.targets if target.domain in group.domains for finding in target.findings]
        yield HostsPage(group, Page(whole, audit, catalogue, texts, shared, f"{HOSTS}{number}:", told))


def alike_page(audit: Audit, catalogue: Catalogue, texts: Texts, shared: Shared) -> Page | None:
    """What is the same in several domains themselves; None where nothing is."""
    found = shared.of_domains
    return Page(_whole(audit, found), audit, catalogue, texts, shared, ALIKE) if found else None


def anchor_of(first: Finding, shared: Shared) -> str:
    """The anchor of the group that tells a shared finding."""
    hosts = shared.group_of(first)
    prefix = ALIKE if hosts is None else f"{HOSTS}{shared.groups.index(hosts) + 1}:"
    return f"{prefix}{view.name_of(first)}"


def _whole(audit: Audit, findings: tuple[Finding, ...]) -> TargetAudit:
    """Findings in the place of a domain's, in the order of the profile's cases."""
    places = {case.id: place for place, case in enumerate(audit.targets[0].cases)}
    ordered = tuple(sorted(findings, key=lambda finding: places.get(view.name_of(finding), len(places))))
    return replace(audit.targets[0], findings=ordered, cases=(), requirements=(), expired_waivers=(), expiring=())


def _finalize(value: Any) -> Any:
    """The last gate before escaping: no text leaves with hidden characters or without end."""
    return block(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


class Page:
    """What the report says of one domain, or of what several have in common."""

    def __init__(
        self,
        target: TargetAudit,
        audit: Audit,
        catalogue: Catalogue,
        texts: Texts,
        shared: Shared,
        prefix: str | None = None,
        told: Sequence[Finding] = (),
    ) -> None:
        """`prefix` of anchors, where it is not the domain that is told about, but what several have in common; `told`:
        all findings of these."""
        self._texts = texts
        self._catalogue = catalogue
        self._former_ids = audit.profile.former_ids
        self._shared = shared
        self._common = prefix is not None
        self._prefix = prefix or (f"{target.domain}:" if len(audit.targets) > 1 else "")
        own = target if self._common else shared.own(target)
        self.elsewhere = () if self._common else self.where(shared.elsewhere(target))
        self.target = target
        self.notes = view.notes(target)
        self.nothing_to_do = view.nothing_to_do(target)
        self.sentence = texts.sentence(target, audit.profile.id)
        self.steps = view.first_steps(target, texts)
        self.groups = view.groups(target, catalogue, texts)
        self.modules = tuple(view.modules(self.groups))
        self.hosts = service_tables.mail_hosts(own, texts)
        self.clients = service_tables.client_services(own, texts, told)
        self.led = service_tables.led(target, texts)
        self.led_columns = service_tables.led_columns(texts)
        here = [group for group in self.groups if not self.all_once(group)]
        self.told_modules = tuple(view.modules(here))
        self.elsewhere_only = len(self.groups) - len(here)
        self.requirement_counts = view.counts(result.verdict.value for result in target.requirements)
        self.finding_counts = view.counts(finding.verdict.value for finding in target.findings)
        self.lists = accepted.service_lists(own.findings)
        self.ending = ending.by_year(ending.ending(own.findings, audit.as_of))
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
        """The findings of a group that are told here, those that say the same together."""
        return view.clusters(self.told(group))

    def told(self, group: view.Group) -> tuple[Finding, ...]:
        """The findings of a group that are not told once for several domains."""
        if self._common:
            return group.findings
        return tuple(finding for finding in group.findings if self._shared.first(finding) is None)

    def told_once(self, group: view.Group) -> tuple[tuple[str, tuple[tuple[str, int], ...]], ...]:
        """Where the others are told, by anchor, and how often which verdict."""
        places: dict[str, list[str]] = {}
        for finding in group.findings if not self._common else ():
            first = self._shared.first(finding)
            if first is not None:
                places.setdefault(anchor_of(first, self._shared), []).append(finding.verdict.value)
        return tuple((place, view.counts(verdicts)) for place, verdicts in places.items())

    def all_once(self, group: view.Group) -> str:
        """The anchor of a group that is told elsewhere in whole; empty where something is told here."""
        places = self.told_once(group)
        return places[0][0] if places and not self.told(group) else ""

    def domains(self, finding: Finding) -> tuple[str, ...]:
        """The domains that a finding told once is about."""
        return self._shared.domains(finding) if self._common else ()

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
