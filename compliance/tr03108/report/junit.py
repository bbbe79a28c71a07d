"""`junit.xml`: the audit for CI systems. One suite for each domain, one test case for each finding.

| verdict | gated | not gated |
| --- | --- | --- |
| pass | passed | passed |
| fail | failure | skipped, as pytest writes an expected failure |
| warn | failure where UNMET or NOT_OFFERED, else passed | passed, with the message as output |
| inconclusive | error | skipped |
| manual, not-applicable, info | skipped | skipped |
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding, TargetAudit, Verdict, rfc3339

from .escape import json_text, line, plain
from .texts import Texts
from .view import blocks, name_of, title_of

_EVIDENCE_LIMIT = 4000  # characters of evidence below a failure


@dataclass(slots=True)
class _Tally:
    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0

    def on(self, element: ET.Element) -> None:
        for name in ("tests", "failures", "errors", "skipped"):
            element.set(name, str(getattr(self, name)))


def junit(audit: Audit, catalogue: Catalogue, texts: Texts) -> str:
    """The text of `junit.xml`."""
    root = ET.Element("testsuites", name="tr03108")
    for target in audit.targets:
        suite = ET.SubElement(root, "testsuite", name=line(target.domain), hostname=line(target.domain))
        suite.set("timestamp", f"{target.started:%Y-%m-%dT%H:%M:%S}")
        suite.set("time", f"{(target.finished - target.started).total_seconds():.3f}")
        _properties(suite, audit, target, texts)
        tally = _Tally()
        for finding in target.findings:
            _test_case(suite, target, finding, catalogue, texts, tally)
        tally.on(suite)
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _properties(suite: ET.Element, audit: Audit, target: TargetAudit, texts: Texts) -> None:
    values = {
        "profile": audit.profile.id,
        "as_of": rfc3339(audit.as_of),
        "verdict": target.verdict.value,
        "sentence": texts.sentence(target, audit.profile.id),
        "complete": "true" if target.complete else "false",
        "dossier_sha256": target.dossier_sha256,
        "tool_version": audit.tool_version,
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in values.items():
        ET.SubElement(properties, "property", name=name, value=line(value))


def _test_case(
    suite: ET.Element, target: TargetAudit, finding: Finding, catalogue: Catalogue, texts: Texts, tally: _Tally
) -> None:
    tally.tests += 1
    module = finding.file.removesuffix(".py").removesuffix(".toml").replace("/", ".")
    case = ET.SubElement(suite, "testcase")
    case.set("classname", f"{line(target.domain)}.{line(module)}")
    case.set("name", f"{name_of(finding)}[{line(finding.subject.text)}]")
    case.set("time", "0")
    message = f"{finding.code}: {texts.message(finding)}"
    if finding.waived is not None:
        waived = texts.ui("waiver_text", until=finding.waived.until, reason=finding.waived.reason)
        message = f"{message} ({waived})"
    if blocks(finding):
        kind = "error" if finding.verdict is Verdict.INCONCLUSIVE else "failure"
        tally.errors += kind == "error"
        tally.failures += kind == "failure"
        ET.SubElement(case, kind, type=finding.code, message=message).text = _body(finding, catalogue, texts)
    elif finding.verdict is Verdict.WARN:
        ET.SubElement(case, "system-out").text = f"{message}\n{texts.remedy(finding)}"
    elif finding.verdict is not Verdict.PASS:
        tally.skipped += 1
        kind = "pytest.xfail" if finding.verdict is Verdict.FAIL else "pytest.skip"
        ET.SubElement(case, "skipped", type=kind, message=f"{texts.verdict(finding.verdict.value)}: {message}")


def _body(finding: Finding, catalogue: Catalogue, texts: Texts) -> str:
    evidence = json_text(plain(finding.evidence))
    parts = (
        (title_of(name_of(finding), catalogue, texts), ""),
        (texts.remedy(finding), texts.ui("remedy")),
        ("; ".join(texts.source(source) for source in finding.sources), texts.ui("sources")),
        (evidence if len(evidence) <= _EVIDENCE_LIMIT else f"{evidence[:_EVIDENCE_LIMIT]}…", texts.ui("evidence")),
    )
    return "\n".join(f"{label}: {text}" if label else text for text, label in parts if text)
