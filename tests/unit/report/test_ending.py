"""What ends: computed from the evidence and the as-of date, said in HTML, audit.json and on the terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tr03108.catalogue import Catalogue
from tr03108.model import Audit, Finding
from tr03108.report import Texts, audit_json, html, terminal
from tr03108.report.ending import HORIZON, Ending, by_year, ending, pressing
from unit.report.test_json import validator
from unit.report.tls_samples import MODERN, OLD, listing, row, tls_findings

IN_2026 = datetime(2026, 11, 22, tzinfo=UTC)
EN = Texts.load("en")


def one(status: str, until: str | None, name: str = "x") -> Finding:
    return listing("tls.groups", "TR-03108-E-10", [row("TLSv1.2", name, status, until)])


def years(found: tuple[Ending, ...]) -> list[tuple[int | None, bool]]:
    return [(each.year, each.ended) for each in found]


@pytest.mark.parametrize(
    ("status", "until", "expected"),
    [
        ("listed", "2031+", []),
        ("listed", "2026+", []),
        ("listed", None, []),
        ("forbidden", None, []),
        ("listed", "2026", [(2026, False)]),
        ("listed", "2031", [(2031, False)]),
        ("listed", "2032", []),
        ("listed", "2025", [(2025, True)]),
        ("expired", "2025", [(2025, True)]),
        ("expired", "2015", [(2015, True)]),
        ("expired", None, [(None, True)]),
        ("listed", "soon", []),
        ("listed", "٢٠٢٦", []),
    ],
)
def test_what_ends(status: str, until: str | None, expected: list[tuple[int | None, bool]]) -> None:
    assert HORIZON == 5
    assert years(ending([one(status, until)], IN_2026)) == expected


def test_the_as_of_date_moves_the_horizon() -> None:
    findings = [one("listed", "2029")]
    assert years(ending(findings, datetime(2023, 12, 31, tzinfo=UTC))) == []
    assert years(ending(findings, datetime(2024, 1, 1, tzinfo=UTC))) == [(2029, False)]
    assert years(ending(findings, datetime(2029, 12, 31, tzinfo=UTC))) == [(2029, False)]
    assert years(ending(findings, datetime(2030, 1, 1, tzinfo=UTC))) == [(2029, True)]
    assert years(ending(findings, datetime(2023, 1, 1, tzinfo=UTC), horizon=6)) == [(2029, False)]


def test_what_has_ended_comes_first_then_year_by_year() -> None:
    rows = [("listed", "2029"), ("expired", "2025"), ("listed", "2026"), ("expired", "2021")]
    found = ending([one(status, until, f"n{n}") for n, (status, until) in enumerate(rows)], IN_2026)
    assert years(found) == [(2021, True), (2025, True), (2026, False), (2029, False)]


def test_each_thing_is_named_once_with_all_its_addresses() -> None:
    found = {each.name: each for each in ending(tls_findings(), IN_2026)}
    assert found["rsa_pkcs1_sha256"].subjects == OLD
    assert found["rsa_pkcs1_sha256"].source == "TR-02102-2 (2025-01) section 3.3.3, Table 6"
    assert len(found) == 7
    more = listing("tls.signatures", "TR-03108-E-09-T", [row("TLSv1.2", "rsa_pkcs1_sha256", "expired", "2025")])
    apart = [each for each in ending([*tls_findings(), more], IN_2026) if each.name == "rsa_pkcs1_sha256"]
    assert [each.subjects for each in apart] == [OLD, (MODERN,)], "another source is another entry"


def test_what_ends_for_the_same_reason_at_the_same_addresses_is_one_row() -> None:
    found = by_year(ending(tls_findings(), IN_2026))
    assert [(year.year, year.ended, [len(r.names) for r in year.rows]) for year in found] == [
        (2025, True, [2]),
        (2026, False, [1]),
        (2029, False, [4]),
    ]


def test_pressing_is_what_has_ended_or_ends_with_the_year() -> None:
    found = ending(tls_findings(), IN_2026)
    assert {each.year for each in pressing(found, IN_2026)} == {2025, 2026}


def with_lists(single: Audit, *findings: Finding) -> Audit:
    return replace(single, targets=(replace(single.targets[0], findings=findings or tuple(tls_findings())),))


class TestReports:
    def document(self, audit: Audit, catalogue: Catalogue) -> Any:
        written = json.loads(audit_json(audit, catalogue, EN))
        validator("audit").validate(written)
        return written["targets"][0]

    def test_json(self, single: Audit, catalogue: Catalogue) -> None:
        target = self.document(with_lists(single), catalogue)
        assert target["ending"][0] == {
            "year": 2025,
            "ended": True,
            "kind": "signature",
            "version": "TLSv1.2",
            "name": "rsa_pkcs1_sha256",
            "source": "TR-02102-2 (2025-01) section 3.3.3, Table 6",
            "subjects": [finding["subject"] for finding in target["findings"] if finding["check"] == "tls.versions"][
                :2
            ],
        }
        assert self.document(single, catalogue)["ending"] == []

    @pytest.mark.parametrize(("key", "value"), [("year", "2026"), ("kind", "curve"), ("subjects", []), ("name", None)])
    def test_the_schema_misses_what_is_wrong(
        self, key: str, value: object, single: Audit, catalogue: Catalogue
    ) -> None:
        written = json.loads(audit_json(with_lists(single), catalogue, EN))
        assert validator("audit").is_valid(written)
        written["targets"][0]["ending"][0][key] = value
        assert not validator("audit").is_valid(written)

    def test_json_keeps_every_entry_of_the_lists(self, single: Audit, catalogue: Catalogue) -> None:
        findings = tuple(tls_findings())
        written = self.document(with_lists(single, *findings), catalogue)["findings"]
        assert [f["evidence"]["accepted"] for f in written] == [f.evidence["accepted"] for f in findings]

    @pytest.mark.parametrize("lang", ["en", "de"])
    def test_terminal_has_one_line_where_it_presses(self, lang: str, single: Audit, catalogue: Catalogue) -> None:
        texts = Texts.load(lang)
        said = texts.ui("ending_line", year=2026, names="|").split("|")[0]
        text = " ".join(terminal(with_lists(single), catalogue, texts).split())
        assert said + "rsa_pkcs1_sha256, rsa_pkcs1_sha512, TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256" in text
        calm = with_lists(single, one("listed", "2027"), one("listed", "2031+"))
        assert said not in " ".join(terminal(calm, catalogue, texts).split())

    def test_terminal_goes_by_the_as_of_date(self, single: Audit, catalogue: Catalogue) -> None:
        later = replace(with_lists(single, one("listed", "2027")), as_of=datetime(2027, 1, 1, tzinfo=UTC))
        assert EN.ui("ending_line", year=2027, names="x") in " ".join(terminal(later, catalogue, EN).split())

    @pytest.mark.parametrize("lang", ["en", "de"])
    def test_html_goes_year_by_year(self, lang: str, single: Audit, catalogue: Catalogue) -> None:
        texts = Texts.load(lang)
        text = html(with_lists(single), catalogue, texts)
        heads = [
            texts.ui("ending_ended", year=2025),
            texts.ui("ending_year", year=2026),
            texts.ui("ending_year", year=2029),
        ]
        places = [text.index(f"</span>{head}</th>") for head in heads]
        assert places == sorted(places)
        assert text.index("rsa_pkcs1_sha512", places[0]) < places[1]

    def test_html_says_so_where_nothing_ends(self, single: Audit, catalogue: Catalogue) -> None:
        text = html(with_lists(single, one("listed", "2031+")), catalogue, EN)
        assert EN.ui("ending_nothing", year=2031) in text
