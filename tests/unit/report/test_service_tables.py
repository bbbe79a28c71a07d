"""The tables of services: mail hosts apart from what mail clients talk to, and how clients are led there."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tr03108.catalogue import Catalogue
from tr03108.model import CLIENT_KINDS, Audit, Finding, Outcome, Subject, TargetAudit
from tr03108.report import Texts, html, terminal
from tr03108.report.service_tables import client_services, led, led_columns, mail_hosts
from tr03108.report.view import clusters
from unit.report.conftest import make_finding
from unit.report.service_samples import DOMAIN, MAIL, kind_of, led_findings, offered, service_findings
from unit.report.test_hostile import HOSTILE
from unit.report.test_html import Document

EN = Texts.load("en")


@pytest.fixture(params=["en", "de"])
def texts(request: pytest.FixtureRequest) -> Texts:
    return Texts.load(request.param)


def target_of(audit: Audit, *findings: Finding) -> TargetAudit:
    return replace(audit.targets[0], findings=findings)


def page_of(audit: Audit, catalogue: Catalogue, texts: Texts, *findings: Finding) -> str:
    return html(replace(audit, targets=(target_of(audit, *findings),)), catalogue, texts)


def test_mail_hosts_are_those_of_port_25_alone(single: Audit) -> None:
    table = mail_hosts(target_of(single, *service_findings()), EN)
    assert [row.subject.text for row in table.rows] == [f"mx1.{DOMAIN}/192.0.2.1:25"]
    assert table.columns == ("STARTTLS",)


def test_every_kind_is_a_row_group_with_its_addresses_tls_from_the_start_first(single: Audit) -> None:
    kinds = client_services(target_of(single, *service_findings()), EN).kinds
    assert [(kind.label, kind.implicit, kind.port, len(kind.rows)) for kind in kinds] == [
        ("Submission", True, 465, 2),
        ("Submission", False, 587, 0),
        ("IMAP", True, 993, 2),
        ("IMAP", False, 143, 2),
        ("POP3", True, 995, 0),
        ("POP3", False, 110, 0),
        ("ManageSieve", False, 4190, 0),
        ("Webmail", True, 443, 1),
    ]
    assert [kind.whole.code if kind.whole else None for kind in kinds] == [
        "OK", "SERVICE_NOT_FOUND", "OK", "OK", *["SERVICE_NOT_FOUND"] * 3, None
    ]  # fmt: skip
    assert [row.subject.address for row in kinds[2].rows] == list(MAIL)


def test_every_kind_of_the_model_has_its_place(single: Audit) -> None:
    subjects = [Subject("service", "h", "192.0.2.1", kind.port, kind.name) for kind in CLIENT_KINDS]
    findings = [make_finding("OK", Outcome.MET, subject=subject) for subject in subjects]
    target = target_of(single, *findings)
    assert mail_hosts(target, EN).rows == ()
    assert {row.subject for kind in client_services(target, EN).kinds for row in kind.rows} == set(subjects)


def test_columns_are_those_that_some_address_has(single: Audit) -> None:
    table = client_services(target_of(single, *service_findings()), EN)
    assert table.columns == ("STARTTLS", "Certificate", EN.ui("column_clear"))
    imaps, imap, webmail = table.kinds[2].rows[0], table.kinds[3].rows[0], table.kinds[7].rows[0]
    assert [finding.code if finding else None for finding in imaps.findings] == [None, "OK", None]
    assert [finding.code if finding else None for finding in imap.findings] == ["STARTTLS_MISSING", "OK", "OK"]
    assert [finding.code if finding else None for finding in webmail.findings] == [None, None, "WEBMAIL_PLAINTEXT"]


def test_what_has_no_column_is_among_the_others(single: Audit) -> None:
    table = client_services(target_of(single, *service_findings()), EN)
    others = table.kinds[0].rows[0].others
    assert table.others and others is not None and (others.verdict, others.count) == ("fail", 1)
    assert table.kinds[7].rows[0].others is None


def test_it_says_who_names_a_service_at_that_place(single: Audit, texts: Texts) -> None:
    rows = client_services(target_of(single, *service_findings()), texts).kinds[0].rows
    assert {row.sources for row in rows} == {("SRV", "Autoconfig")}
    other = client_services(target_of(single, *service_findings("other.example.net")), texts).kinds[0].rows
    assert other[0].sources == ("SRV", "Autoconfig"), "the first place of that name"


@pytest.mark.parametrize("places", [None, 7, "", "mail.example.org:465", "x (srv)", "mail.example.org:465 (", "; ;"])
def test_evidence_of_another_shape_names_nobody(single: Audit, places: object) -> None:
    whole = replace(offered("submissions", "OK", Outcome.MET), evidence={"places": places})
    subject = Subject("service", "mail.example.org", "192.0.2.1", 465, "submissions")
    target = target_of(single, whole, make_finding("OK", Outcome.MET, subject=subject))
    assert client_services(target, EN).kinds[0].rows[0].sources == ()


def test_an_unknown_source_stands_as_it_is(single: Audit) -> None:
    whole = offered("submissions", "OK", Outcome.MET, places="mail.example.org:465 (tea leaves)")
    subject = Subject("service", "mail.example.org", "192.0.2.1", 465, "submissions")
    target = target_of(single, whole, make_finding("OK", Outcome.MET, subject=subject))
    assert client_services(target, EN).kinds[0].rows[0].sources == ("tea leaves",)


def test_without_a_finding_about_the_kind_what_is_said_of_the_domain_is_a_row(single: Audit) -> None:
    absent = make_finding("SERVICE_NOT_FOUND", Outcome.ABSENT, subject=kind_of("pop3s"))
    (kind,) = client_services(target_of(single, absent), EN).kinds
    assert kind.whole is None and [row.subject.text for row in kind.rows] == [f"{DOMAIN}:995"]


def test_webmail_that_nobody_named_is_told(single: Audit, catalogue: Catalogue) -> None:
    asked = make_finding(
        "WEBMAIL_NOT_NAMED", Outcome.ASKED, check="webmail.https-only", case=None, subject=Subject("domain", DOMAIN)
    )
    (kind,) = client_services(target_of(single, asked), EN).kinds
    assert (kind.label, kind.whole, kind.rows) == ("Webmail", asked, ())
    page = page_of(single, catalogue, EN, asked)
    table = page[page.index('<table class="hosts clients">') : page.index('id="requirements"')]
    assert 'href="#webmail.https-only"' in table and "badge v-manual" in table


def test_how_clients_are_led(single: Audit, texts: Texts) -> None:
    ways = led(target_of(single, *led_findings()), texts)
    cases = [[finding.case and finding.case[-4:] if finding else None for finding in way.findings] for way in ways]
    assert [way.label for way in ways] == ["SRV", "Autoconfig", "Autodiscover"]
    assert cases == [
        [None, "E-21", "E-22", None],
        ["E-17", "E-18", "E-19", "E-20"],
        ["E-13", "E-14", "E-15", "E-16"],
    ]
    assert len(led_columns(texts)) == 4
    assert led(target_of(single, *service_findings()), texts) == ()


class TestPage:
    def test_all_of_it_is_there_and_links_lead_somewhere(
        self, single: Audit, audit: Audit, catalogue: Catalogue, texts: Texts
    ) -> None:
        findings = (*service_findings(), *led_findings())
        several = replace(audit, targets=tuple(replace(target, findings=findings) for target in audit.targets))
        for page in (page_of(single, catalogue, texts, *findings), html(several, catalogue, texts)):
            document = Document(page)
            assert document.open == [] and max(document.ids.values()) == 1
            targets = {link.removeprefix("#").replace("%3A", ":") for link in document.links if link.startswith("#")}
            assert targets <= document.ids.keys()
            text = " ".join(" ".join(document.text).split())
            for said in ("hosts_mail", "hosts_clients", "hosts_clients_intro", "led", "led_intro", "begin_implicit"):
                assert texts.ui(said) in text, said
            assert f"{texts.ui('found_by')} SRV, Autoconfig" in text
            assert texts.message(offered("pop3s", "SERVICE_NOT_FOUND", Outcome.ABSENT)) in text

    def test_a_mark_leads_to_its_case(self, single: Audit, catalogue: Catalogue, texts: Texts) -> None:
        page = page_of(single, catalogue, texts, *led_findings())
        table = page[page.index('<table class="hosts led">') : page.index('id="requirements"')]
        assert re.findall(r'href="#TR-03108-E-(\d\d)"', table) == [
            "21", "22", *(str(n) for n in range(17, 21)), *(str(n) for n in range(13, 17))
        ]  # fmt: skip

    def test_an_audit_without_them_says_nothing_of_them(
        self, single: Audit, catalogue: Catalogue, texts: Texts
    ) -> None:
        page = html(single, catalogue, texts)
        for said in ('id="led"', 'id="clients"', texts.ui("hosts_clients"), texts.ui("hosts_mail")):
            assert said not in page

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_hostile_names_are_escaped_and_cut(self, kind: str, single: Audit, catalogue: Catalogue) -> None:
        text = HOSTILE[kind]
        subject = Subject("service", text, text, 993, "imaps")
        whole = offered("imaps", "OK", Outcome.MET, places=f"{text}:993 ({text}, {text})", detail=text)
        notes = replace(
            target_of(single, whole, make_finding("X", subject=subject)), notes=(text,), not_examined=(text,) * 60
        )
        page = html(replace(single, targets=(notes,)), catalogue, EN)
        assert Document(page).open == []
        lower = page.lower()
        assert "<script" not in lower and "<img" not in lower and "onmouseover='" not in lower
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)


class TestClusters:
    def at(self, port: int, code: str = "X", **more: object) -> Finding:
        subject = Subject("service", "mail.example.org", "192.0.2.1", port, "imaps")
        return make_finding(code, subject=subject, **more)  # type: ignore[arg-type]

    def test_no_finding_is_lost_and_only_equal_ones_are_folded(self) -> None:
        findings = [self.at(1), self.at(2), self.at(3, "Y"), self.at(4), self.at(5, gated=False), self.at(6, "Y")]
        found = clusters(findings)
        assert [([f.subject.port for f in c.shown], [f.subject.port for f in c.folded]) for c in found] == [
            ([1], [2, 4]), ([3, 6], []), ([5], [])
        ]  # fmt: skip

    def test_the_page_names_what_it_folds(self, single: Audit, catalogue: Catalogue, texts: Texts) -> None:
        page = page_of(single, catalogue, texts, *(self.at(port) for port in (465, 993, 995)))
        folded = page[page.index('<details class="more') :]
        assert f"{texts.ui('same_more', count=2)}: " in folded
        assert f"mail.example.org (192.0.2.1), {texts.ui('at_ports')} 993, 995</span></summary>" in folded
        assert page.count('<article class="finding') == 3

    def test_the_terminal_has_one_line_for_them(self, single: Audit, catalogue: Catalogue) -> None:
        audit = replace(single, targets=(target_of(single, *(self.at(port) for port in (465, 993, 995))),))
        lines = terminal(audit, catalogue, EN).splitlines()
        assert sum("mail.example.org/192.0.2.1:465 +2  X" in line for line in lines) == 1
        assert any("mail.example.org (192.0.2.1), ports 465, 993, 995" in line for line in lines)
        assert sum(line.endswith("  X") for line in terminal(audit, catalogue, EN, verbose=True).splitlines()) == 3


def test_lines_of_other_cases_are_not_one(single: Audit, catalogue: Catalogue) -> None:
    mx1, mx2 = (Subject("service", f"mx{n}.example.org", "192.0.2.1", 25, "smtp") for n in (1, 2))
    findings = [
        make_finding("X", check="a", case=None, subject=mx1),
        make_finding("X", check="b", case=None, subject=mx1),
    ]
    findings += [
        make_finding("X", check="a", case=None, subject=mx2),
        make_finding("X", check="c", case=None, subject=mx2),
    ]
    text = terminal(replace(single, targets=(target_of(single, *findings),)), catalogue, EN)
    assert len(re.findall(r"^  fail  a \+1  mx[12].example.org/192.0.2.1:25  X$", text, re.MULTILINE)) == 2


def test_a_dialogue_is_shown_line_by_line(single: Audit, catalogue: Catalogue) -> None:
    found = make_finding("X", evidence={"dialogue": ["  0.001 S: <b>", "  0.002 C: QUIT"]})
    assert "<pre>  0.001 S: &lt;b&gt;\n  0.002 C: QUIT</pre>" in page_of(single, catalogue, EN, found)


def test_many_addresses_that_were_left_out_are_folded(single: Audit, catalogue: Catalogue) -> None:
    left_out = tuple(f"mail.example.org/[2001:db8::{n}]:993" for n in range(1, 13))
    audit = replace(single, targets=(replace(single.targets[0], not_examined=left_out),))
    page = html(audit, catalogue, EN)
    assert all(text in page for text in left_out)
    assert f"<details><summary>{EN.ui('first_more', count=4)}</summary>{left_out[8]}" in page
    assert "[2001:db8::9]" not in terminal(audit, catalogue, EN) and "and 4 more" in terminal(audit, catalogue, EN)
