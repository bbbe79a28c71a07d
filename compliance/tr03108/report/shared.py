"""What several domains of a run have in common: hosts, findings that say the same of each, and what to do first.

Nothing is assumed of a host because of its name: domains share a finding where all of it is equal, evidence included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tr03108.model import Audit, Finding, Subject, TargetAudit, Verdict

from .texts import Texts
from .view import LATER, blocks, name_of, short

LEAST = 2  # domains that make something shared


@dataclass(frozen=True, slots=True)
class SharedHost:
    """A host that several domains use: the addresses and ports that were examined there, and these domains."""

    name: str
    addresses: tuple[str, ...]
    ports: tuple[int, ...]
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Hosts that the same domains use."""

    hosts: tuple[SharedHost, ...]
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommonStep:
    """One thing to do, in all domains where it is. `message` and `remedy` are general where the domains' own differ."""

    failed: bool
    code: str
    message: str
    remedy: str
    ids: tuple[str, ...]
    domains: tuple[str, ...]
    subjects: tuple[Subject, ...]

    @property
    def short_ids(self) -> tuple[str, ...]:
        return tuple(short(identity) for identity in self.ids)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts it is about, without the domains themselves."""
        return tuple(dict.fromkeys(subject.name for subject in self.subjects if subject.kind != "domain"))


class Shared:
    """The findings of a run, those that say the same of several domains as one."""

    def __init__(self, audit: Audit) -> None:
        several = len(audit.targets) >= LEAST
        same: dict[tuple[Any, ...], list[tuple[str, Finding]]] = {}
        for target in audit.targets if several else ():
            domain = re.compile(rf"(?<![A-Za-z0-9-]){re.escape(target.domain)}(?![A-Za-z0-9-]|\.[A-Za-z0-9])")
            for finding in target.findings:
                same.setdefault(_key(finding, target.domain, domain), []).append((target.domain, finding))
        self._first: dict[int, Finding] = {}  # by the identity of each finding that is shared
        self._domains: dict[int, tuple[str, ...]] = {}  # by the identity of the first of them
        for members in same.values():
            domains = tuple(dict.fromkeys(domain for domain, _ in members))
            if len(domains) >= LEAST:
                first = members[0][1]
                self._domains[id(first)] = domains
                self._first |= {id(finding): first for _, finding in members}
        self.findings = tuple({id(first): first for first in self._first.values()}.values())
        self.hosts = shared_hosts(audit)
        self.groups = _groups(self.hosts)
        self._group_of = {host.name: group for group in self.groups for host in group.hosts}
        self._usual = self._most_usual()

    def first(self, finding: Finding) -> Finding | None:
        """The finding that stands for this one and its likes; None where no other domain has it."""
        return self._first.get(id(finding))

    def domains(self, finding: Finding) -> tuple[str, ...]:
        """The domains that a finding of `findings` is about."""
        return self._domains[id(finding)]

    def at(self, names: Iterable[str]) -> tuple[Finding, ...]:
        """The shared findings about these hosts, of variants the most usual last (a table shows the last)."""
        wanted = frozenset(names)
        found = [f for f in self.findings if f.subject.kind != "domain" and f.subject.name in wanted]
        return tuple(sorted(found, key=self._is_usual))

    @property
    def of_domains(self) -> tuple[Finding, ...]:
        """The shared findings about the domains themselves."""
        return tuple(finding for finding in self.findings if finding.subject.kind == "domain")

    def group_of(self, finding: Finding) -> HostGroup | None:
        """The hosts with which a shared finding is told; None for one about the domains themselves."""
        return None if finding.subject.kind == "domain" else self._group_of[finding.subject.name]

    def elsewhere(self, target: TargetAudit) -> tuple[Subject, ...]:
        """The service addresses of which this domain's report has nothing to say but what the shared table says."""
        subjects: dict[Subject, bool] = {}
        for finding in target.findings:
            if finding.subject.port is not None and finding.subject.kind != "domain":
                first = self.first(finding)
                said = first is not None and self._is_usual(first)
                subjects[finding.subject] = subjects.get(finding.subject, True) and said
        return tuple(subject for subject, said in subjects.items() if said)

    def own(self, target: TargetAudit) -> TargetAudit:
        """The target without the service addresses that are told elsewhere."""
        gone = frozenset(self.elsewhere(target))
        return replace(target, findings=tuple(f for f in target.findings if f.subject not in gone))

    def _most_usual(self) -> Mapping[tuple[Any, ...], int]:
        """Of findings of one check about the same subject the one of most domains."""
        most: dict[tuple[Any, ...], Finding] = {}
        for finding in self.findings:
            known = most.get(place := _place(finding))
            if known is None or len(self.domains(finding)) > len(self.domains(known)):
                most[place] = finding
        return {place: id(finding) for place, finding in most.items()}

    def _is_usual(self, finding: Finding) -> bool:
        return self._usual[_place(finding)] == id(finding)


def shared_hosts(audit: Audit) -> tuple[SharedHost, ...]:
    """Every host with a service that several domains lead to, in the order in which they come up."""
    places: dict[str, dict[tuple[str | None, int | None], None]] = {}
    domains: dict[str, dict[str, None]] = {}
    for target in audit.targets:
        for subject in dict.fromkeys(finding.subject for finding in target.findings):
            if subject.kind != "domain":
                domains.setdefault(subject.name, {})[target.domain] = None
                places.setdefault(subject.name, {})[subject.address, subject.port] = None
    return tuple(
        SharedHost(
            name,
            tuple(dict.fromkeys(address for address, _ in places[name] if address is not None)),
            tuple(sorted({port for _, port in places[name] if port is not None})),
            tuple(users),
        )
        for name, users in domains.items()
        if len(users) >= LEAST
    )


def _groups(hosts: Iterable[SharedHost]) -> tuple[HostGroup, ...]:
    """The hosts that the same domains use together, those of many domains first."""
    same: dict[tuple[str, ...], list[SharedHost]] = {}
    for host in hosts:
        same.setdefault(host.domains, []).append(host)
    groups = [HostGroup(tuple(members), domains) for domains, members in same.items()]
    return tuple(sorted(groups, key=lambda group: -len(group.domains)))


def common_steps(audit: Audit, texts: Texts) -> tuple[CommonStep, ...]:
    """What to do over all domains, in the order of `first_steps`, then what concerns most domains."""
    steps: dict[tuple[bool, str, str], list[tuple[str, Finding]]] = {}
    for target in audit.targets:
        for finding in filter(blocks, target.findings):
            failed = finding.verdict is not Verdict.INCONCLUSIVE
            key = (failed, finding.code, texts.general(finding.code, finding.check).remedy)
            steps.setdefault(key, []).append((target.domain, finding))
    found = [_step(failed, code, members, texts) for (failed, code, _), members in steps.items()]
    return tuple(sorted(found, key=lambda step: (not step.failed, LATER.get(step.code, 0), -len(step.domains))))


def _step(failed: bool, code: str, members: list[tuple[str, Finding]], texts: Texts) -> CommonStep:
    findings = [finding for _, finding in members]
    general = texts.general(code, findings[0].check)
    domains = tuple(dict.fromkeys(domain for domain, _ in members))
    messages = {texts.message(finding) for finding in findings} if len(domains) > 1 else {texts.message(findings[0])}
    remedies = {texts.remedy(finding) for finding in findings} if len(domains) > 1 else {texts.remedy(findings[0])}
    return CommonStep(
        failed,
        code,
        messages.pop() if len(messages) == 1 else general.message,
        remedies.pop() if len(remedies) == 1 else general.remedy,
        tuple(dict.fromkeys(name_of(finding) for finding in findings)),
        domains,
        tuple(dict.fromkeys(finding.subject for finding in findings)),
    )


def _place(finding: Finding) -> tuple[Any, ...]:
    return finding.subject, finding.check, finding.case, finding.requirement


def _key(finding: Finding, domain: str, pattern: re.Pattern[str]) -> tuple[Any, ...]:
    """Equal for findings that say the same. Of a finding about the domain itself its name does not count."""
    subject: Subject = finding.subject
    evidence = repr(finding.evidence)
    if subject.kind == "domain" and subject.name == domain:
        subject, evidence = replace(subject, name=""), pattern.sub("\0", evidence)
    return (
        *(finding.case, finding.check, finding.requirement, finding.level, subject, finding.outcome),
        *(finding.verdict, finding.gated, finding.code, evidence, finding.sources, finding.waived),
    )
