"""Judging one dossier, and the exit status of a run. A verdict is a function of dossier, profile and date only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from ..catalogue import Catalogue
from ..evaluate.host import Host
from ..evaluate.places import kinds_of
from ..evaluate.views import Views
from ..model import MAIL_SERVICE, Dossier, Finding, Outcome, Subject, TargetAudit, Waiver, rfc3339
from ..profile import Profile
from .calls import calls
from .check import Check
from .rollup import case_results, requirement_results, target_verdict
from .waivers import expired

EXIT_MET, EXIT_FAILED, EXIT_OPEN = 0, 1, 3
_HEAD_NOTES = ("VANTAGE_NO_IPV4", "VANTAGE_NO_IPV6", "VANTAGE_PORT_25")


def judge_target(
    dossier: Dossier,
    sha256: str,
    profile: Profile,
    catalogue: Catalogue,
    checks: Sequence[Check],
    as_of: datetime,
    gate: str,
    waivers: tuple[Waiver, ...] = (),
) -> TargetAudit:
    """Runs every check of the profile on a dossier and rolls the findings up. `sha256` is that of its file."""
    views = Views(dossier)
    findings = tuple(call.run() for call in calls(dossier, profile, catalogue, checks, as_of, gate, waivers, views))
    return roll_up(dossier, sha256, profile, catalogue, findings, as_of, waivers, views)


def roll_up(
    dossier: Dossier,
    sha256: str,
    profile: Profile,
    catalogue: Catalogue,
    findings: tuple[Finding, ...],
    as_of: datetime,
    waivers: tuple[Waiver, ...] = (),
    views: Views | None = None,
) -> TargetAudit:
    """The judgement of a target from its findings."""
    views = views or Views(dossier)
    requirements = requirement_results(findings, profile, catalogue)
    examined = _examined(views)
    verdict = target_verdict(
        requirements,
        examined=bool(examined) or profile.unused_domain,
        every_family=set(dossier.plan.families) == {4, 6},
    )
    return TargetAudit(
        domain=dossier.domain,
        verdict=verdict,
        dossier_sha256=sha256,
        requirements=requirements,
        cases=case_results(findings, profile),
        findings=findings,
        mail_hosts_examined=examined,
        expiring=tuple(_expiring(views, as_of)),
        expired_waivers=tuple(waiver for waiver in waivers if expired(waiver, as_of)),
        notes=_notes(views, findings),
        started=dossier.started,
        finished=dossier.finished,
        complete=dossier.complete,
        vantage=dossier.vantage,
        plan=dossier.plan,
        not_examined=_not_examined(views),
    )


def exit_status(targets: Sequence[TargetAudit], gate: str, *, unused_domain: bool = False) -> int:
    """0, 1 or 3 (contract, "Exit status") over all targets of a run."""
    if gate == "none":
        return EXIT_MET
    statuses = {_status(target, unused_domain) for target in targets}
    return EXIT_FAILED if EXIT_FAILED in statuses else EXIT_OPEN if EXIT_OPEN in statuses else EXIT_MET


def _status(target: TargetAudit, unused_domain: bool) -> int:
    outcomes = {finding.outcome for finding in target.findings if finding.gated}
    if outcomes & {Outcome.UNMET, Outcome.NOT_OFFERED}:
        return EXIT_FAILED
    if Outcome.UNSEEN in outcomes or (target.mail_hosts_examined == 0 and not unused_domain):
        return EXIT_OPEN
    return EXIT_MET


def _examined(views: Views) -> int:
    """How many mail hosts showed us something: a connection that was neither blind nor left out."""
    if views.resolver_trouble is not None:
        return 0
    return sum(any(not service.starttls.unseen for service in host.services) for host in views.domain.hosts)


def _not_examined(views: Views) -> tuple[str, ...]:
    """The service addresses of a family that is out of scope."""
    if views.resolver_trouble is not None:
        return ()
    hosts: list[tuple[Host, int]] = [(host, MAIL_SERVICE.port) for host in views.domain.hosts]
    if kinds_of(views.dossier.plan):
        hosts += [(host, host.place.port) for host in views.clients.hosts]
    return tuple(
        Subject("service", host.name, address, port).text for host, port in hosts for address in host.out_of_scope
    )


def _expiring(views: Views, as_of: datetime) -> Iterator[dict[str, Any]]:
    """The DNSSEC signatures that will have ended by the as-of date; their validity was judged when they were seen."""
    if views.resolver_trouble is not None:
        return
    seen = {signature for lookup in views.validator.lookups for signature in lookup.signatures}
    for signature in sorted(seen, key=lambda s: (s.expiration, s.owner, s.covered)):
        if signature.expiration < as_of:
            yield {
                "owner": signature.owner,
                "type": signature.covered,
                "signer": signature.signer,
                "key_tag": signature.key_tag,
                "expiration": rfc3339(signature.expiration),
            }


def _notes(views: Views, findings: Sequence[Finding]) -> tuple[str, ...]:
    """What the head of the report must say, as codes."""
    dossier = views.dossier
    codes = {finding.code for finding in findings}
    notes = [code for code in _HEAD_NOTES if code in codes]
    families = dossier.plan.families
    if families == (4,):
        notes.append("IPV4_ONLY")
    elif families == (6,):
        notes.append("IPV6_ONLY")
    if dossier.plan.connect:
        notes.append("REDIRECTED")
    if _elsewhere(views):
        notes.append("SERVICES_ELSEWHERE")
    if not dossier.complete:
        notes.append("PARTIAL")
    return tuple(notes)


def _elsewhere(views: Views) -> bool:
    """Whether services of mail clients were examined at hosts that do not bear the domain's name."""
    domain = views.dossier.domain
    if views.resolver_trouble is not None or not kinds_of(views.dossier.plan):
        return False
    return any(host.name != domain and not host.name.endswith(f".{domain}") for host in views.clients.hosts)
