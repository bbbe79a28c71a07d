"""audit.html: what servers accept is shown once, evidence points there, and the table of hosts hides nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding, Level, Outcome, Subject, Verdict, Waiver
from tr03108.report import Texts, html
from tr03108.report.service_tables import mail_hosts
from unit.report.conftest import make_finding
from unit.report.test_hostile import HOSTILE
from unit.report.test_html import Document
from unit.report.tls_samples import OLD, listing, tls_findings

EN = Texts.load("en")


@pytest.fixture(scope="module", params=["en", "de"])
def texts(request: pytest.FixtureRequest) -> Texts:
    return Texts.load(request.param)


def with_findings(audit: Audit, *findings: Finding) -> Audit:
    return replace(audit, targets=tuple(replace(target, findings=findings) for target in audit.targets))


@pytest.fixture(scope="module")
def page(single: Audit, catalogue: Catalogue, texts: Texts) -> str:
    return html(with_findings(single, *tls_findings()), catalogue, texts)


def test_every_list_is_shown_once_and_names_all_its_addresses(page: str) -> None:
    assert page.count("TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256") == 1
    headings = re.findall(r"<h3>(<span class=\"mono\">.*?)</h3>", page)
    assert len(headings) == 2
    assert f"{OLD[0].name} ({OLD[0].address}, [{OLD[1].address}]), " in headings[0] and headings[0].endswith(
        " 25</span>"
    )


def test_it_is_well_formed_and_links_lead_somewhere(
    page: str, audit: Audit, catalogue: Catalogue, texts: Texts
) -> None:
    for text in (page, html(with_findings(audit, *tls_findings()), catalogue, texts)):
        document = Document(text)
        assert document.open == [] and max(document.ids.values()) == 1
        targets = {link.removeprefix("#").replace("%3A", ":") for link in document.links if link.startswith("#")}
        assert targets <= document.ids.keys()
        assert "script" not in document.tags


def test_evidence_points_to_the_list(page: str, texts: Texts) -> None:
    links = re.findall(rf'<a href="#(accepted-\d)">{texts.ui("accepted_link")}</a>', page)
    assert sorted(links) == ["accepted-1"] * 8 + ["accepted-2"] * 2
    assert "<dt>editions</dt>" in page and page.count("<dt>accepted</dt>") == 1, "the empty list stays evidence"


def test_long_lists_are_folded_short_ones_open_and_print_opens_all(page: str) -> None:
    lists = page[page.index('id="accepted"') : page.index('id="ending"')]
    assert (lists.count("<details>"), lists.count("<details open>")) == (1, 6)
    assert "details::details-content { content-visibility: visible" in page


def test_a_status_is_a_word_and_a_sign(page: str, texts: Texts) -> None:
    lists = page[page.index('id="accepted"') : page.index('id="ending"')]
    whole = re.findall(
        r'<span class="status v-[a-z]+"><span class="sign" aria-hidden="true">\S</span>[^<]+</span>', lists
    )
    assert len(whole) == lists.count('class="status') > 30
    words = {re.sub("<[^>]*>|[0-9] ?|[✓!✕]", "", part) for part in whole}
    assert words == {texts.status(word) for word in ("listed", "unlisted", "forbidden", "too-small", "expired")}


def test_order_unknown_and_unseen_are_said(page: str, texts: Texts) -> None:
    for said in (
        texts.ui("accepted_server"), texts.ui("accepted_client"), texts.ui("accepted_unknown", count=2),
        texts.ui("accepted_none"), texts.ui("accepted_same", count=2), texts.ui("accepted_to", year="2031+"),
    ):  # fmt: skip
        assert said.replace("'", "&#39;") in page, said


def test_without_lists_there_is_no_section(single: Audit, catalogue: Catalogue, texts: Texts) -> None:
    text = html(single, catalogue, texts)
    assert 'id="accepted"' not in text and 'id="ending"' not in text and "#accepted" not in text


def test_the_german_page_is_german(single: Audit, catalogue: Catalogue) -> None:
    text = html(with_findings(single, *tls_findings()), catalogue, Texts.load("de"))
    between = text.index('<section class="group lists"'), text.index('<section aria-labelledby="requirements">')
    text = " ".join(re.sub("<[^>]*>", " ", text[slice(*between)]).split())
    for word in ("the", "and", "with", "not", "section", "of", "listed", "until", "ends", "Table"):
        assert not re.search(rf"(?<![\w./\"-]){word}(?![\w./-])", text), word


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names_are_escaped_and_cut(kind: str, single: Audit, catalogue: Catalogue) -> None:
    text = HOSTILE[kind]
    entry = dict.fromkeys(("version", "name", "status", "until", "source", "outcome"), text)
    ends = {**entry, "until": "2026", "status": "expired"}
    subject = Subject("service", text, text, 25, "smtp")
    findings = [
        listing(check, "TR-03108-E-08", [entry, ends, {**entry, "version": "TLSv1.2"}] * 3, subject, order={text: text})
        for check in ("tls.suites", "tls.groups", "tls.versions", "tls.signatures")
    ]
    page = html(with_findings(single, *findings), catalogue, EN)
    assert Document(page).open == []
    lower = page.lower()
    assert "<script" not in lower and "<img" not in lower and "onmouseover='" not in lower
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert len(page) < 900_000


class TestMailHosts:
    MANY = (
        "starttls.offered", "inbound-dane.tlsa-matches", "certificate.pkix", "tls.versions", "tls.suites", "tls.groups",
        "tls.signatures", "tls.forward-secrecy-and-groups",
    )  # fmt: skip

    def findings(self, *others: Finding) -> tuple[Finding, ...]:
        return (*others, *(make_finding("OK", Outcome.MET, check=check) for check in reversed(self.MANY)))

    def test_the_texts_say_which_columns_come_first(self, single: Audit, texts: Texts) -> None:
        extra = make_finding("OK", Outcome.MET, check="a.check-without-column", case="TR-03108-E-03-T")
        target = replace(single.targets[0], findings=self.findings(extra))
        table = mail_hosts(target, texts)
        assert table.columns == tuple(texts.column(check) for check in self.MANY)
        others = table.rows[0].others
        assert others is not None and (others.verdict, others.count) == ("pass", 1)
        assert others.worst == (("TR-03108-E-03-T", "E-03-T"),)

    def test_a_failure_without_column_is_told_with_its_count(self, single: Audit, catalogue: Catalogue) -> None:
        bad = [make_finding("X", check=f"z.{n}", case=f"TR-03108-E-0{n}-T") for n in (3, 4)]
        waived = make_finding(
            "X", check="z.9", case="TR-03108-E-07", waived=Waiver("z.9", "*", "because", "2030-01-01")
        )
        fine = make_finding("OK", Outcome.MET, check="z.8", case="TR-03108-E-06")
        target = replace(single.targets[0], findings=self.findings(fine, waived, *bad))
        others = mail_hosts(target, EN).rows[0].others
        assert others is not None and (others.verdict, others.count) == ("fail", 4)
        assert others.worst == tuple((f"TR-03108-{case}", case) for case in ("E-03-T", "E-04-T", "E-07"))
        page = html(replace(single, targets=(target,)), catalogue, EN)
        table = page[page.index('<table class="hosts">') : page.index("</table>")]
        assert EN.ui("others_count", worst=3, count=4) in table and 'href="#TR-03108-E-03-T"' in table

    def test_what_gates_is_not_behind_a_worse_verdict_that_does_not(self, single: Audit) -> None:
        loud = make_finding("X", check="z.1", case="TR-03108-E-03-T", gated=False)
        gated = make_finding(
            "Y", check="z.2", case="TR-03108-E-04-T", level=Level.SHOULD, gated=True, verdict=Verdict.WARN
        )
        target = replace(single.targets[0], findings=self.findings(loud, gated))
        others = mail_hosts(target, EN).rows[0].others
        assert others is not None and (others.verdict, others.worst) == ("warn", (("TR-03108-E-04-T", "E-04-T"),))

    def test_where_every_check_has_a_column_there_are_no_others(self, single: Audit) -> None:
        table = mail_hosts(replace(single.targets[0], findings=self.findings()), EN)
        assert not table.others and table.rows[0].others is None
