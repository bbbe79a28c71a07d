"""The summary for a terminal, and the order of what to do."""

from __future__ import annotations

import re
from dataclasses import replace

from tr03108.catalogue import Catalogue
from tr03108.model import Audit
from tr03108.report import Texts, terminal
from tr03108.report.service_tables import mail_hosts
from tr03108.report.view import first_steps, groups, notes
from unit.report.conftest import make_finding

EN = Texts.load("en")


def test_it_says_the_verdict_sentence_of_the_report(single: Audit, catalogue: Catalogue) -> None:
    text = terminal(single, catalogue, EN)
    assert EN.sentence(single.targets[0], "tr-03108-2.0") in " ".join(text.split())


def test_colours_only_on_request(single: Audit, catalogue: Catalogue) -> None:
    assert "\x1b" not in terminal(single, catalogue, EN)
    colored = terminal(single, catalogue, EN, color=True)
    assert "\x1b[1;31m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == terminal(single, catalogue, EN)


def test_verbose_shows_every_finding(single: Audit, catalogue: Catalogue) -> None:
    findings = single.targets[0].findings
    brief, full = terminal(single, catalogue, EN), terminal(single, catalogue, EN, verbose=True)
    assert "MANUAL_SENDING_SIDE" not in brief and "with `--verbose`" in brief
    assert full.count("MANUAL_SENDING_SIDE") == sum(finding.code == "MANUAL_SENDING_SIDE" for finding in findings)


def test_findings_that_differ_only_in_the_case_are_one_line(single: Audit, catalogue: Catalogue) -> None:
    assert len(re.findall(r"^  inconclusive .* NOT_COVERED$", terminal(single, catalogue, EN), re.MULTILINE)) == 1


def test_lines_are_of_readable_length(single: Audit, catalogue: Catalogue) -> None:
    assert max(map(len, terminal(single, catalogue, EN).splitlines())) <= 110


def test_steps_put_violations_first_causes_before_consequences_and_name_each_remedy_once(single: Audit) -> None:
    steps = first_steps(single.targets[0], EN)
    codes = [step.code for step in steps]
    assert [step.failed for step in steps] == sorted((step.failed for step in steps), reverse=True)
    assert codes.index("STARTTLS_MISSING") < codes.index("NO_TLS")
    assert codes[-1] == "NOT_COVERED" and len({(step.code, step.remedy) for step in steps}) == len(steps)
    blind = next(step for step in steps if step.code == "VANTAGE_NO_IPV6")
    assert tuple(subject.text for subject in blind.subjects) == (
        "mx1.example.org/[2001:db8::1]:25",
        "mx2.example.org/[2001:db8::2]:25",
    )
    assert "CERTIFICATE_SELF_SIGNED" not in codes, "waived"
    assert "MODE_TESTING" not in codes, "not gated"


def test_a_service_comes_before_what_leads_clients_there(single: Audit) -> None:
    led = make_finding("TARGET_CERTIFICATE", check="srv.imaps", case="TR-03108-E-22")
    cause = make_finding("CERTIFICATE_EXPIRED", check="certificate.pkix", case="TR-03108-E-05")
    steps = first_steps(replace(single.targets[0], findings=(led, cause)), EN)
    assert [step.code for step in steps] == ["CERTIFICATE_EXPIRED", "TARGET_CERTIFICATE"]


def test_groups_lose_no_finding(single: Audit, catalogue: Catalogue) -> None:
    target = single.targets[0]
    found = groups(target, catalogue, EN)
    assert sum(len(group.findings) for group in found) == len(target.findings)
    assert [group.id for group in found][: len(target.cases)] == [case.id for case in target.cases]
    assert [group.module for group in found][-4:] == ["REQUIREMENT", "REQUIREMENT", "OWN", "OWN"]


def test_mail_hosts_have_a_row_for_each_address(single: Audit) -> None:
    table = mail_hosts(single.targets[0], EN)
    assert table.columns == ("STARTTLS", "DANE (TLSA)", "Certificate", "TLS", "TLS required")
    assert [row.subject.address for row in table.rows] == ["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"]
    assert table.rows[0].negotiated == "TLSv1.3 · TLS_AES_256_GCM_SHA384 · secp256r1"
    assert table.rows[1].findings[2] is None


def test_what_the_plan_limits_is_noted(single: Audit) -> None:
    target = replace(single.targets[0], complete=False, plan=replace(single.targets[0].plan, families=(4,)))
    assert notes(target) == ("VANTAGE_NO_IPV6", "INCOMPLETE", "REDIRECTED", "IPV4_ONLY")
