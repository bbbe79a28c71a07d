"""`audit.json`, schema tr03108.audit/1: the audit for other programs. Keys are added, never renamed or removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, CaseResult, Finding, RequirementResult, Subject, TargetAudit, Vantage, Waiver, rfc3339

from .ending import Ending, ending
from .escape import json_text, line, plain
from .result_types import result_type
from .shared import SharedHost, shared_hosts
from .texts import Texts
from .view import blocks, notes, title_of

SCHEMA = "tr03108.audit/1"


def audit_json(audit: Audit, catalogue: Catalogue, texts: Texts) -> str:
    """The text of `audit.json`."""
    return json_text(
        {
            "schema": SCHEMA,
            "tool": {"name": "tr03108", "version": audit.tool_version},
            "started": rfc3339(audit.started),
            "finished": rfc3339(audit.finished),
            "as_of": rfc3339(audit.as_of),
            "complete": audit.complete,
            "language": texts.lang,
            "gate": audit.gate,
            "exit_status": audit.exit_status,
            "profile": {
                "id": audit.profile.id,
                "title": audit.profile.title,
                "source": audit.profile.source,
                "policy_editions": list(audit.profile.policy_editions),
            },
            "options": plain(audit.options),
            "vantage": _vantage(target.vantage for target in audit.targets),
            "hosts": [_host(host) for host in shared_hosts(audit)],
            "targets": [_target(target, audit, catalogue, texts) for target in audit.targets],
        }
    )


def _target(target: TargetAudit, audit: Audit, catalogue: Catalogue, texts: Texts) -> dict[str, Any]:
    return {
        "domain": target.domain,
        "verdict": target.verdict.value,
        "sentence": texts.sentence(target, audit.profile.id),
        "dossier_sha256": target.dossier_sha256,
        "started": rfc3339(target.started),
        "finished": rfc3339(target.finished),
        "complete": target.complete,
        "mail_hosts_examined": target.mail_hosts_examined,
        "not_examined": [line(subject) for subject in target.not_examined],
        "notes": [line(note) for note in notes(target)],
        "vantage": _vantage((target.vantage,)),
        "plan": {field.name: plain(getattr(target.plan, field.name)) for field in fields(target.plan)},
        "requirements": [_requirement(result, catalogue, texts) for result in target.requirements],
        "cases": [_case(result, catalogue, texts) for result in target.cases],
        "findings": [_finding(finding, texts) for finding in target.findings],
        "expiring_signatures": [plain(signature) for signature in target.expiring],
        "expired_waivers": [_waiver(waiver) for waiver in target.expired_waivers],
        "ending": [_ending(each) for each in ending(target.findings, audit.as_of)],
    }


def _host(host: SharedHost) -> dict[str, Any]:
    """A host that several domains use."""
    return {
        "name": line(host.name),
        "addresses": [line(address) for address in host.addresses],
        "ports": list(host.ports),
        "domains": [line(domain) for domain in host.domains],
    }


def _requirement(result: RequirementResult, catalogue: Catalogue, texts: Texts) -> dict[str, Any]:
    return {
        "id": result.id,
        "title": title_of(result.id, catalogue, texts),
        "level": result.level.value,
        "verdict": result.verdict.value,
        "partial": result.partial,
        "cases": list(result.cases),
    }


def _case(result: CaseResult, catalogue: Catalogue, texts: Texts) -> dict[str, Any]:
    return {
        "id": result.id,
        "title": title_of(result.id, catalogue, texts),
        "verdict": result.verdict.value,
        "findings": result.findings,
        "reason": result.reason,
        "formerly": list(catalogue.cases[result.id].formerly) if result.id in catalogue.cases else [],
    }


def _finding(finding: Finding, texts: Texts) -> dict[str, Any]:
    return {
        "case": finding.case,
        "check": finding.check,
        "requirement": finding.requirement,
        "level": finding.level.value,
        "subject": _subject(finding.subject),
        "outcome": finding.outcome.value,
        "verdict": finding.verdict.value,
        "gated": finding.gated,
        "blocks": blocks(finding),
        "code": finding.code,
        "result_type": result_type(finding),
        "message": texts.message(finding),
        "evidence": plain(finding.evidence),
        "remedy": texts.remedy(finding),
        "sources": list(finding.sources),
        "waived": _waiver(finding.waived) if finding.waived else None,
    }


def _subject(subject: Subject) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "name": line(subject.name),
        "address": subject.address and line(subject.address),
        "port": subject.port,
        "service": subject.service,
    }


def _ending(each: Ending) -> dict[str, Any]:
    return {
        "year": each.year,
        "ended": each.ended,
        "kind": each.kind,
        "version": line(each.version),
        "name": line(each.name),
        "source": line(each.source),
        "subjects": [_subject(subject) for subject in each.subjects],
    }


def _waiver(waiver: Waiver) -> dict[str, str]:
    return {field.name: line(getattr(waiver, field.name)) for field in fields(waiver)}


def _vantage(vantages: Iterable[Vantage]) -> dict[str, Any]:
    """From where the run looked: a family works when it worked for one domain."""
    seen = list(vantages)
    return {
        "resolvers": list(dict.fromkeys(line(resolver) for vantage in seen for resolver in vantage.resolvers)),
        "ipv4": works(vantage.ipv4 for vantage in seen),
        "ipv6": works(vantage.ipv6 for vantage in seen),
    }


def works(answers: Iterable[bool | None]) -> bool | None:
    """True where one domain's probe found a route, False where none did, None where nobody tried."""
    seen = [answer for answer in answers if answer is not None]
    return any(seen) if seen else None
