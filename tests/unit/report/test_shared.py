"""What several domains have in common: grouped only where all of it is equal, and told once."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding, Outcome, Subject, TargetAudit, TargetVerdict, Waiver
from tr03108.report import Texts, audit_json, html, terminal
from tr03108.report.shared import Shared, common_steps, shared_hosts
from unit.report.conftest import make_audit, make_finding, make_target
from unit.report.test_html import Document

EN = Texts.load("en")
MX = Subject("service", "mx.provider.example", "192.0.2.1", 25, "smtp")
SPARE = Subject("service", "spare.provider.example", "2001:db8::2", 25, "smtp")


def domain(name: str) -> Subject:
    return Subject("domain", name)


def targets(catalogue: Catalogue, findings: dict[str, tuple[Finding, ...]]) -> tuple[TargetAudit, ...]:
    return tuple(make_target(name, TargetVerdict.NOT_COMPLIANT, own, catalogue) for name, own in findings.items())


def customers(catalogue: Catalogue, *names: str, more: dict[str, tuple[Finding, ...]] | None = None) -> Audit:
    """Domains with the same mail host, whose TLSA record does not match, and with a record of their own each."""
    own = {
        name: (
            make_finding("TLSA_MISMATCH", subject=MX, evidence={"records": ["3 1 1 00"]}),
            make_finding("OK", Outcome.MET, check="starttls.offered", case="TR-03108-E-12", subject=MX),
            make_finding(
                "TLSRPT_MISSING",
                check="tlsrpt.record",
                case="TR-03108-G-01",
                subject=domain(name),
                evidence={"name": f"_smtp._tls.{name}"},
            ),
            *(more or {}).get(name, ()),
        )
        for name in names
    }
    return make_audit(*targets(catalogue, own))


def test_equal_findings_are_one(catalogue: Catalogue) -> None:
    audit = customers(catalogue, "a.example", "b.example", "c.example")
    shared = Shared(audit)
    assert [finding.code for finding in shared.findings] == ["TLSA_MISMATCH", "OK", "TLSRPT_MISSING"]
    assert {shared.domains(finding) for finding in shared.findings} == {("a.example", "b.example", "c.example")}
    for target in audit.targets:
        assert [shared.first(finding) for finding in target.findings] == list(shared.findings)


@pytest.mark.parametrize(
    "change",
    [
        {"evidence": {"records": ["3 1 1 01"]}},
        {"code": "NO_TLS"},
        {"gated": False},
        {"waived": Waiver("TR-03108-D-02", "*", "because", "2027-01-01")},
        {"subject": replace(MX, address="192.0.2.9")},
    ],
)
def test_whatever_differs_is_not_shared(catalogue: Catalogue, change: dict[str, object]) -> None:
    audit = customers(catalogue, "a.example", "b.example")
    first, second = audit.targets
    changed = replace(second.findings[0], **change)  # type: ignore[arg-type]
    second = replace(second, findings=(changed, *second.findings[1:]))
    shared = Shared(replace(audit, targets=(first, second)))
    assert shared.first(changed) is None and shared.first(first.findings[0]) is None
    assert [finding.code for finding in shared.findings] == ["OK", "TLSRPT_MISSING"]


@pytest.mark.parametrize("other", ["xa.example", "a.example.net", "sub-a.example"])
def test_only_the_whole_name_of_the_domain_does_not_count(catalogue: Catalogue, other: str) -> None:
    def told(name: str, said: str) -> TargetAudit:
        finding = make_finding("TLSRPT_MISSING", subject=domain(name), evidence={"name": said})
        return make_target(name, TargetVerdict.NOT_COMPLIANT, (finding,), catalogue)

    assert Shared(make_audit(told("a.example", "x.a.example"), told("b.example", "x.b.example"))).findings
    assert not Shared(make_audit(told("a.example", other), told("b.example", other.replace("a.ex", "b.ex")))).findings


def test_one_domain_shares_nothing(catalogue: Catalogue) -> None:
    audit = customers(catalogue, "a.example")
    assert Shared(audit).findings == () and shared_hosts(audit) == ()


def test_hosts_with_all_that_use_them(catalogue: Catalogue) -> None:
    spare = (
        make_finding("OK", Outcome.MET, subject=SPARE),
        make_finding("OK", Outcome.MET, subject=replace(SPARE, port=465)),
    )
    lone = (make_finding("OK", Outcome.MET, subject=replace(MX, name="mx.c.example")),)
    more = {"a.example": spare, "b.example": spare, "c.example": lone}
    audit = customers(catalogue, "a.example", "b.example", "c.example", more=more)
    mx, other = shared_hosts(audit)
    assert (mx.name, mx.addresses, mx.ports) == ("mx.provider.example", ("192.0.2.1",), (25,))
    assert mx.domains == ("a.example", "b.example", "c.example")
    assert (other.name, other.ports, other.domains) == (SPARE.name, (25, 465), ("a.example", "b.example"))
    assert [len(group.domains) for group in Shared(audit).groups] == [3, 2]


def test_where_a_host_was_seen_otherwise_the_domain_says_so_itself(catalogue: Catalogue) -> None:
    """Of four domains one was cut off by its deadline: its row is its own, the usual one is told once."""
    names = ("a.example", "b.example", "c.example", "d.example")
    audit = customers(catalogue, *names)
    *others, last = audit.targets
    blind = replace(last.findings[0], code="STARTTLS_UNSEEN", outcome=Outcome.UNSEEN, evidence={})
    last = replace(last, findings=(blind, *last.findings[1:]))
    shared = Shared(replace(audit, targets=(*others, last)))
    assert shared.elsewhere(last) == () and shared.own(last).findings == last.findings
    assert shared.elsewhere(others[0]) == (MX,)
    assert shared.at([MX.name])[-1].code in ("TLSA_MISMATCH", "OK")


def test_of_two_variants_the_table_has_the_more_usual_one(catalogue: Catalogue) -> None:
    names = tuple(f"{letter}.example" for letter in "abcde")
    audit = customers(catalogue, *names)
    few = [
        replace(t, findings=(replace(t.findings[0], code="NO_TLS", evidence={}), *t.findings[1:]))
        for t in audit.targets[:2]
    ]
    shared = Shared(replace(audit, targets=(*few, *audit.targets[2:])))
    (last,) = [f for f in shared.at([MX.name]) if f.check == "inbound-dane.tlsa-matches"][-1:]
    assert last.code == "TLSA_MISMATCH" and shared.elsewhere(few[0]) == ()


def test_steps_over_all_domains(catalogue: Catalogue) -> None:
    audit = customers(catalogue, "a.example", "b.example", "c.example")
    host, record = common_steps(audit, EN)
    assert host.code == "TLSA_MISMATCH" and host.domains == ("a.example", "b.example", "c.example")
    assert host.message == EN.message(audit.targets[0].findings[0]), "the same of all"
    assert record.message == EN.general("TLSRPT_MISSING", "tlsrpt.record").message, "of each another"
    alone = common_steps(make_audit(audit.targets[0]), EN)
    assert [step.message for step in alone] == [EN.message(audit.targets[0].findings[n]) for n in (0, 2)]


def test_the_report_tells_them_once_and_every_link_leads_somewhere(catalogue: Catalogue) -> None:
    names = [f"d{number}.example" for number in range(20)]
    for lang in ("en", "de"):
        texts = Texts.load(lang)
        text = html(customers(catalogue, *names), catalogue, texts)
        document = Document(text)
        assert document.open == [] and max(document.ids.values()) == 1
        assert {link[1:].replace("%3A", ":") for link in document.links if link[0] == "#"} <= document.ids.keys()
        assert text.count('<article class="finding') == 3
        for name in names:
            assert document.ids[f"{name}:domain"] == document.ids[f"{name}:TR-03108-D-02"] == 1
        shown = " ".join(" ".join(document.text).split())
        assert texts.ui("shared_hosts") in shown and texts.ui("shared_in", count=20) in shown


def test_few_domains_are_open_many_are_folded(catalogue: Catalogue) -> None:
    few = html(customers(catalogue, "a.example", "b.example"), catalogue, EN)
    many = html(customers(catalogue, *(f"d{n}.example" for n in range(9))), catalogue, EN)
    assert len(re.findall(r'<details class="domain"[^>]* open>', few)) == 2
    assert len(re.findall(r'<details class="domain"[^>]* open>', many)) == 0


def test_the_overview_has_every_requirement_of_every_domain(catalogue: Catalogue) -> None:
    audit = customers(catalogue, "a.example", "b.example")
    overview = html(audit, catalogue, EN).partition('<table class="overview">')[2].partition("</table>")[0]
    assert overview.count('<span class="dot ') == 2 * len(audit.targets[0].requirements)
    assert overview.count('<span class="unseen">') == overview.count('<span class="dot '), "a word beside each sign"


def test_a_hostile_name_stays_harmless(catalogue: Catalogue) -> None:
    evil = Subject("service", "<script>\u202e\x1b[31m.example", "192.0.2.1", 25, "smtp")
    finding = make_finding("TLSA_MISMATCH", subject=evil)
    audit = make_audit(*targets(catalogue, {"a.example": (finding,), "b.example": (finding,)}))
    for text in (html(audit, catalogue, EN), audit_json(audit, catalogue, EN), terminal(audit, catalogue, EN)):
        assert "\u202e" not in text and "\x1b" not in text
    assert "<script" not in html(audit, catalogue, EN)


def test_json_lists_the_hosts(catalogue: Catalogue) -> None:
    told = json.loads(audit_json(customers(catalogue, "a.example", "b.example"), catalogue, EN))
    assert told["hosts"] == [
        {"name": MX.name, "addresses": ["192.0.2.1"], "ports": [25], "domains": ["a.example", "b.example"]}
    ]
    assert json.loads(audit_json(customers(catalogue, "a.example"), catalogue, EN))["hosts"] == []


def test_the_terminal_has_a_line_for_each_domain_and_says_what_they_share_once(catalogue: Catalogue) -> None:
    names = [f"d{number}.example" for number in range(30)]
    audit = customers(catalogue, *names)
    text = terminal(audit, catalogue, EN)
    for name in names:
        assert len(re.findall(rf"^  Not compliant +{re.escape(name)} ", text, re.MULTILINE)) == 1
    assert len(re.findall(r"· in 30 domains ·", text)) == 2
    assert len(re.findall(r"^  mx\.provider\.example +30 domains  192\.0\.2\.1$", text, re.MULTILINE)) == 1
    assert len(text.splitlines()) < 30 + 40
    verbose = terminal(audit, catalogue, EN, verbose=True)
    assert all(f"\n{name}: Not compliant" in verbose for name in names)
