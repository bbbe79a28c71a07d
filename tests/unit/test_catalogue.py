"""The shipped catalogue holds what BSI publishes, and a wrong one is refused with a line that says where."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tr03108.catalogue import LANGUAGES, Case, Catalogue, CheckRow, Requirement, load_catalogue
from tr03108.model import SERVICE_KINDS, Level, UsageError
from tr03108.rooms import room

# Tables 47 to 57 of TR-03108-P v2.0, by module: every case with -T where it is a template.
BSI_CASES = {
    "A": ["01"],
    "B": ["01-T", "02", "03"],
    "C": ["01-T", "02", "03", "04-T", "05", "06", "07", "08", "09"],
    "D": ["01", "02"],
    "E": ["01-T", "02-T", "03-T", "04-T", "05", "06", "07", "08", "09-T", *(str(n) for n in range(10, 24))],
    "F": ["01-T", "02-T", "03-T", "04", "05"],
    "G": ["01", "02", "03"],
    "H": ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10"],
    "I": ["01", "02", "03"],
    "J": ["01", "02", "03", "04"],
    "SC": ["01", "02", "03", "04"],
}
SHOULD = {"E-03-T", "E-06", "E-07", "J-01", "J-02", "J-03", "J-04"}
SERVES_ALL_SERVICES = ("TR-03108-01-M", "TR-03108-02-R", "TR-03108-03-M")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The rows about TR-03108; other documents have files of their own."""
    return load_catalogue(room("checks") / "catalogue.toml")


def test_every_requirement_and_case_is_there_in_the_order_of_the_documents(catalogue: Catalogue) -> None:
    assert [case.id for case in catalogue.cases.values()] == [
        f"TR-03108-{module}-{number}" for module, numbers in BSI_CASES.items() for number in numbers
    ]
    assert list(catalogue.requirements) == [
        f"TR-03108-{number:02}-{'R' if number in (2, 7, 8, 11, 12) else 'M'}" for number in range(1, 17)
    ]


def test_counts_are_those_of_the_documents(catalogue: Catalogue) -> None:
    official = [case for case in catalogue.cases.values() if case.official]
    assert len(official) == 63
    assert len(catalogue.cases) == 67
    assert Counter(case.testable for case in official) == {"remote": 31, "cooperative": 31, "declared": 1}
    assert {case.module for case in catalogue.cases.values() if not case.official} == {"SC"}


def test_levels(catalogue: Catalogue) -> None:
    should = {case.id.removeprefix("TR-03108-") for case in catalogue.cases.values() if case.level is Level.SHOULD}
    assert should == SHOULD
    assert {case.level for case in catalogue.cases.values()} == {Level.MUST, Level.SHOULD}
    for requirement in catalogue.requirements.values():
        assert requirement.level is (Level.MUST if requirement.id.endswith("-M") else Level.SHOULD)


def test_what_each_case_serves(catalogue: Catalogue) -> None:
    assert catalogue.cases["TR-03108-E-12"].requirements == SERVES_ALL_SERVICES
    assert catalogue.cases["TR-03108-E-05"].requirements == SERVES_ALL_SERVICES
    assert catalogue.cases["TR-03108-E-06"].requirements == ("TR-03108-12-R",)
    assert catalogue.cases["TR-03108-D-02"].requirements == ("TR-03108-05-M",)
    served = {requirement for case in catalogue.cases.values() for requirement in case.requirements}
    assert set(catalogue.requirements) - served == {"TR-03108-11-R", "TR-03108-16-M"}


def test_each_service_belongs_to_one_requirement(catalogue: Catalogue) -> None:
    """As the contract has it: TLS from the first octet 01-M, STARTTLS for mail clients 02-R, port 25 03-M."""
    held = {
        service: requirement.id.removeprefix("TR-03108-")
        for requirement in catalogue.requirements.values()
        for service in requirement.services
    }
    assert sum(len(requirement.services) for requirement in catalogue.requirements.values()) == len(held)
    implicit = {name: "01-M" if kind.implicit else "02-R" for name, kind in SERVICE_KINDS.items()}
    assert held == {**implicit, "smtp": "03-M"}


def test_the_29_cases_of_the_test_specification_before_are_all_named(catalogue: Catalogue) -> None:
    """TR-03108-2 v1.0.1 by module: A user information, B DANE outbound, C DANE inbound, D and E TLS."""
    old = {"A": 1, "B": 9, "C": 2, "D": 12, "E": 5}
    templates = {"B_01", "B_04", "D_01", "D_02", "D_03", "D_04", "D_09", "E_01", "E_02", "E_03"}
    numbers = (f"{module}_{number:02}" for module, count in old.items() for number in range(1, count + 1))
    expected = {f"EMAIL_TSP_{number}{'_T' if number in templates else ''}" for number in numbers}
    assert len(expected) == 29
    today: dict[str, list[str]] = {}
    for case in catalogue.cases.values():
        for former in case.formerly:
            today.setdefault(former, []).append(case.id.removeprefix("TR-03108-"))
    assert set(today) == expected
    assert today["EMAIL_TSP_D_12"] == ["E-12"]
    assert today["EMAIL_TSP_C_02"] == ["D-02"]
    assert today["EMAIL_TSP_E_05"] == ["F-05"]
    assert {old: new for old, new in today.items() if len(new) > 1} == {
        f"EMAIL_TSP_B_{number}": [f"B-{number.replace('_', '-')}", f"C-{number.replace('_', '-')}"]
        for number in ("01_T", "02", "03")
    }


def test_clauses_belong_to_the_requirements_served(catalogue: Catalogue) -> None:
    for case in catalogue.cases.values():
        assert case.clauses, case.id
        assert {f"TR-03108-{clause[:4]}" for clause in case.clauses} == set(case.requirements), case.id


def test_templates_are_the_ids_that_end_in_t(catalogue: Catalogue) -> None:
    for case in catalogue.cases.values():
        assert case.template is case.id.endswith("-T")


def test_positive_follows_the_letter_of_the_specification(catalogue: Catalogue) -> None:
    assert catalogue.cases["TR-03108-D-02"].positive
    assert catalogue.cases["TR-03108-G-02"].positive
    assert not catalogue.cases["TR-03108-E-12"].positive
    assert sum(case.positive for case in catalogue.cases.values() if case.official) == 21


def test_bsi_profiles(catalogue: Catalogue) -> None:
    assert catalogue.cases["TR-03108-D-02"].bsi_profiles == ("DANE_SERVER", "DNSSEC_SERVER")
    assert catalogue.cases["TR-03108-E-03-T"].bsi_profiles == ("CRYPTO_SERVER", "ENCRYPT_THEN_MAC")
    without = {case.id for case in catalogue.cases.values() if case.official and not case.bsi_profiles}
    assert without == {"TR-03108-C-01-T", "TR-03108-C-02", "TR-03108-C-03"}


def test_words_are_complete_and_told_apart(catalogue: Catalogue) -> None:
    rows: list[Requirement | Case | CheckRow] = [
        *catalogue.requirements.values(),
        *catalogue.cases.values(),
        *catalogue.checks.values(),
    ]
    for row in rows:
        assert set(row.title) == set(LANGUAGES)
        assert row.title["en"] != row.title["de"], row.id
        assert not re.search("fuer|ueber|ae|oe|schluess", row.title["de"].lower()), row.id
    for language in LANGUAGES:
        titles = [row.title[language] for row in rows]
        assert len(titles) == len(set(titles))
    for requirement in catalogue.requirements.values():
        assert set(requirement.summary) == set(LANGUAGES)
        assert requirement.summary["en"] != requirement.summary["de"]


def test_sources_name_document_and_section(catalogue: Catalogue) -> None:
    for requirement in catalogue.requirements.values():
        assert requirement.sources[0] == f"TR-03108 v2.0 section {requirement.section}"
    for case in catalogue.cases.values():
        assert re.match(r"TR-03108-P v2\.0 (Table|section) ", case.sources[0]), case.id
        for requirement_id in case.requirements:
            section = catalogue.requirements[requirement_id].section
            assert f"TR-03108 v2.0 section {section}" in case.sources, case.id
    for row in catalogue.checks.values():
        assert row.sources


def test_own_checks(catalogue: Catalogue) -> None:
    refused, negotiated = catalogue.checks["starttls.plaintext-refused"], catalogue.checks["tls.negotiated"]
    assert (refused.requirements, refused.level) == (("TR-03108-03-M",), Level.INFO)
    assert (negotiated.requirements, negotiated.level) == (("TR-03108-03-M",), Level.MUST)
    assert "TR-03108 does not demand it" in catalogue.checks["starttls.plaintext-refused"].why


REQUIREMENT = """
[[requirement]]
id = "TR-03108-05-M"
level = "MUST"
title = { en = "Inbound DANE", de = "DANE eingehend" }
summary = { en = "Zones are signed.", de = "Zonen sind signiert." }
section = "4.1.5"
document = "TR-03108 v2.0"
sources = ["TR-03108 v2.0 section 4.1.5"]
"""
CASE = """
[[case]]
id = "TR-03108-D-01"
level = "MUST"
title = { en = "Signed", de = "Signiert" }
requirements = ["TR-03108-05-M"]
testable = "remote"
positive = true
bsi_profiles = []
sources = ["Table 50"]
document = "TR-03108-P v2.0"
"""
CHECK = """
[[check]]
id = "tls.negotiated"
requirements = ["TR-03108-05-M"]
level = "MUST"
title = { en = "Negotiated", de = "Ausgehandelt" }
sources = ["own"]
why = "because"
"""


def test_a_small_catalogue_loads(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.toml"
    file.write_text(REQUIREMENT + CASE + CHECK, encoding="utf-8")
    catalogue = load_catalogue(file)
    assert catalogue.cases["TR-03108-D-01"].module == "D"
    assert catalogue.checks["tls.negotiated"].remark is False


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (REQUIREMENT + REQUIREMENT, 12, 'the id "TR-03108-05-M" is used twice'),
        (REQUIREMENT + CASE + CASE, 23, 'the id "TR-03108-D-01" is used twice'),
        (REQUIREMENT + CASE.replace("05-M", "5-M"), 15, 'unknown requirement "TR-03108-5-M"; did you mean'),
        (REQUIREMENT + CASE.replace('en = "Signed", ', ""), 14, '"title" has no "en"'),
        (REQUIREMENT + CASE.replace('de = "Signiert"', 'de = ""'), 14, '"de" in [case.title] is empty'),
        (REQUIREMENT + CASE.replace("testable", "testible"), 16, 'unknown key "testible" in [case]; did you mean'),
        (REQUIREMENT + CASE.replace("remote", "maybe"), 16, '"testable" is "maybe", must be one of'),
        (REQUIREMENT + CASE.replace("= true", '= "yes"'), 17, '"positive" in [case] must be true or false'),
        (REQUIREMENT + CASE.replace('"Table 50"', "50"), 19, '"sources" in [case] must be an array of strings'),
        (REQUIREMENT + CASE.replace('level = "MUST"\n', ""), 11, '"level" is missing in [case]'),
        (REQUIREMENT + CASE.replace("TR-03108-D-01", "D-1"), 12, 'the case id "D-1" is not of the form'),
        (REQUIREMENT + CASE.replace('["TR-03108-05-M"]', "[]"), 15, '"requirements" must name at least one'),
        (REQUIREMENT + CHECK.replace("05-M", "06-M"), 13, 'unknown requirement "TR-03108-06-M"; did you mean'),
        (REQUIREMENT + CASE + CHECK.replace("tls.negotiated", "TR-03108-D-01"), 23, "is the id of a case"),
        (REQUIREMENT + CHECK.replace("tls.negotiated", "../x"), 12, 'the id "../x" must be letters, digits'),
        ("[[requirments]]\n", 1, 'unknown key "requirments" in the file; did you mean "requirement"?'),
        ("[[case]\n", 1, "not valid TOML"),
    ],
)
def test_a_wrong_catalogue_is_refused(tmp_path: Path, text: str, line: int, message: str) -> None:
    file = tmp_path / "catalogue.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_catalogue(file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_shipped_file_is_where_the_room_is() -> None:
    assert (room("checks") / "catalogue.toml").is_file()
