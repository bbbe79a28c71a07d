"""SARIF 2.1.0: violations, warnings and open questions for code-scanning dashboards."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding, TargetAudit, rfc3339

from .escape import json_text, line
from .texts import Texts
from .view import name_of, title_of

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"fail": "error", "warn": "warning", "inconclusive": "note"}


def sarif(audit: Audit, catalogue: Catalogue, texts: Texts) -> str:
    """The text of a SARIF log with one run. A rule is a check and a reason code."""
    rules: dict[str, dict[str, Any]] = {}
    results = []
    for target in audit.targets:
        for finding in target.findings:
            if finding.verdict.value in _LEVELS:
                rule = _rule_id(finding)
                rules.setdefault(rule, _rule(finding, catalogue, texts))
                results.append(_result(target, finding, texts, rule, list(rules).index(rule)))
    run = {
        "tool": {
            "driver": {
                "name": "tr03108",
                "version": audit.tool_version,
                "language": texts.lang,
                "rules": list(rules.values()),
            }
        },
        "invocations": [
            {
                "executionSuccessful": audit.complete,
                "startTimeUtc": rfc3339(audit.started),
                "endTimeUtc": rfc3339(audit.finished),
                "exitCode": audit.exit_status,
            }
        ],
        "properties": {
            "profile": audit.profile.id,
            "asOf": rfc3339(audit.as_of),
            "verdicts": {line(target.domain): target.verdict.value for target in audit.targets},
        },
        "results": results,
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule_id(finding: Finding) -> str:
    return f"{finding.check}/{finding.code}"


def _rule(finding: Finding, catalogue: Catalogue, texts: Texts) -> dict[str, Any]:
    words = texts.general(finding.code, finding.check)
    title = title_of(name_of(finding), catalogue, texts) or name_of(finding)
    return {
        "id": _rule_id(finding),
        "name": finding.code,
        "shortDescription": {"text": f"{name_of(finding)}: {title}"},
        "fullDescription": {"text": words.message},
        "help": {"text": words.remedy or words.message},
        "defaultConfiguration": {"level": _LEVELS[finding.verdict.value]},
        "properties": {
            "tags": [finding.requirement, finding.level.value],
            "sources": [texts.source(source) for source in finding.sources],
        },
    }


def _result(target: TargetAudit, finding: Finding, texts: Texts, rule: str, index: int) -> dict[str, Any]:
    subject = line(finding.subject.text)
    same = f"{target.domain}\n{finding.check}\n{finding.code}\n{finding.subject.text}"
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.verdict.value],
        "message": {"text": f"{texts.message(finding)} {texts.remedy(finding)}".strip()},
        "locations": [
            {
                # Dashboards want a file: the one that holds the evidence.
                "physicalLocation": {"artifactLocation": {"uri": f"{quote(target.domain, safe='')}/dossier.json"}},
                "logicalLocations": [{"fullyQualifiedName": f"{line(target.domain)}/{subject}", "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"finding/v1": hashlib.sha256(same.encode("utf-8", "surrogatepass")).hexdigest()},
        "properties": {
            "case": finding.case,
            "requirement": finding.requirement,
            "outcome": finding.outcome.value,
            "verdict": finding.verdict.value,
            "gated": finding.gated,
        },
    }
    if finding.waived is not None:
        result["suppressions"] = [{"kind": "external", "justification": line(finding.waived.reason)}]
    return result
