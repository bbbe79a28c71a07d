"""audit.html: one file, complete, without script or outside resource, in both languages."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Verdict
from tr03108.report import Texts, html

VOID = {"meta", "link", "br", "col"}
RESOURCES = {"src", "srcset", "data", "poster", "action", "formaction", "background", "ping"}


class Document(HTMLParser):
    """Reads the report: elements are balanced, ids and links are collected."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids[value or ""] += 1
            if name == "href":
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> does not close what is open"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module", params=["en", "de"])
def texts(request: pytest.FixtureRequest) -> Texts:
    return Texts.load(request.param)


@pytest.fixture(scope="module")
def many(audit: Audit, catalogue: Catalogue, texts: Texts) -> str:
    return html(audit, catalogue, texts)


@pytest.fixture(scope="module")
def one(single: Audit, catalogue: Catalogue, texts: Texts) -> str:
    return html(single, catalogue, texts)


def test_it_is_well_formed_and_every_link_has_its_target(many: str, one: str) -> None:
    for text in (many, one):
        assert text.startswith("<!DOCTYPE html>\n")
        document = Document(text)
        assert document.open == []
        assert max(document.ids.values()) == 1
        targets = {link.removeprefix("#").replace("%3A", ":") for link in document.links if link.startswith("#")}
        assert targets <= document.ids.keys()


def test_no_script_and_nothing_from_outside(many: str) -> None:
    document = Document(many)
    assert not {"script", "img", "iframe", "object", "embed", "form", "base"} & document.tags.keys()
    assert not [item for item in document.attributes if item[1] in RESOURCES or item[1].startswith("on")]
    assert {link for link in document.links if not link.startswith("#")} == {"data:,"}
    style = many[many.index("<style>") : many.index("</style>")]
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in many


def test_the_language_is_declared(one: str, texts: Texts) -> None:
    assert f'<html lang="{texts.lang}">' in one


def test_a_single_domain_has_plain_anchors(one: str, catalogue: Catalogue) -> None:
    ids = Document(one).ids
    assert set(catalogue.cases) <= ids.keys()
    assert {"TR-03108-11-R", "TR-03108-16-M", "tls.negotiated"} <= ids.keys()


def test_several_domains_have_anchors_of_their_own(many: str, catalogue: Catalogue, audit: Audit) -> None:
    ids = Document(many).ids
    for target in audit.targets:
        assert {f"{target.domain}:{case}" for case in catalogue.cases} <= ids.keys()


def test_the_head_says_it_all(one: str, texts: Texts, single: Audit) -> None:
    text = " ".join(" ".join(Document(one).text).split())
    target = single.targets[0]
    for said in (
        "example.org", "2026-11-22 09:30:12 UTC", "127.0.0.1:5353", "tr-03108-2.0", single.profile.title,
        "TR-03116-4 (2023)", target.dossier_sha256, texts.target("not-compliant"),
        texts.note("REDIRECTED").split("`")[0],
        texts.note("VANTAGE_NO_IPV6").split("`")[0], texts.ui("first"), texts.ui("partial"), "Projekt 4711",
        "DANE: 2026-02-01/7",
    ):  # fmt: skip
        assert said in text, said
    sentence = texts.sentence(target, "tr-03108-2.0")
    assert sentence.replace(" ", "") in text.replace(" ", "")


def test_every_finding_is_shown(one: str, single: Audit) -> None:
    assert one.count('<article class="finding') == len(single.targets[0].findings)


def test_a_verdict_is_a_word_and_a_sign_never_colour_alone(one: str) -> None:
    whole = re.findall(r'<span class="badge [vt]-[a-z-]+"><span class="sign" aria-hidden="true">\S</span>\w+', one)
    assert len(whole) == one.count('class="badge') > 100


def test_the_german_report_has_no_english_left(audit: Audit, catalogue: Catalogue) -> None:
    """No label, sentence, title or meaning of the English report occurs in the German one."""
    english, german = Texts.load("en"), Texts.load("de")
    profile = replace(audit.profile, title="Prüfung", source="BSI")
    text = " ".join(" ".join(Document(html(replace(audit, profile=profile), catalogue, german)).text).split())
    other = " ".join(" ".join(Document(html(replace(audit, profile=profile), catalogue, english)).text).split())
    words = set(re.findall(r"[A-Za-z]{4,}", other)) - set(re.findall(r"[A-Za-z]{4,}", text))
    assert {"Requirements", "inconclusive", "Evidence", "Sources", "section"} <= words
    titles = [row.title for row in catalogue.cases.values()] + [row.title for row in catalogue.requirements.values()]
    for title in titles:
        assert title["de"] in text
        assert title["en"] == title["de"] or title["en"] not in text
    for word in ("the", "and", "with", "not", "which", "section", "of"):
        assert not re.search(rf"(?<![\w./\"-]){word}(?![\w./-])", text), word


def test_no_targets(audit: Audit, catalogue: Catalogue, texts: Texts) -> None:
    assert texts.ui("no_targets") in html(replace(audit, targets=()), catalogue, texts)


def test_nothing_to_do_is_said(audit: Audit, catalogue: Catalogue, texts: Texts) -> None:
    ungated = [replace(finding, gated=False) for finding in audit.targets[1].findings]
    calm = tuple(finding for finding in ungated if finding.verdict is not Verdict.FAIL)
    for findings, label in ((calm, "first_none"), (tuple(ungated), "first_waived")):
        assert (len(findings) == len(calm)) == (label == "first_none")
        shown = html(replace(audit, targets=(replace(audit.targets[1], findings=findings),)), catalogue, texts)
        assert texts.ui(label) in shown


def test_former_ids_are_shown_where_the_profile_wants_them(audit: Audit, catalogue: Catalogue, texts: Texts) -> None:
    old = replace(audit, profile=replace(audit.profile, former_ids=True))
    assert "EMAIL_TSP_D_12" in html(old, catalogue, texts)
    assert "EMAIL_TSP" not in html(audit, catalogue, texts)
