"""The rows of TR-03116-TS module B1, and the profile that is made of them."""

from __future__ import annotations

from collections import Counter

import pytest

from tr03108.catalogue import Catalogue, load_catalogue
from tr03108.judge import load_checks
from tr03108.model import Level
from tr03108.profile import load_profile

DOCUMENT = "TR-03116-TS v1.1"
# Annex to TR-03116-TS v1.1, Table 18, as far as the cases can be put to a mail server.
MANDATORY = {"GP_01_T", "GP_02", "GP_03_T", "GP_05_T", "GP_08", "GP_09", "FR_02_T", "FR_03"}
RECOMMENDED = {"GP_04", "FR_01_T", "FR_04", "FR_11", "FR_17"}
INFORMATION = {"GP_06", "GP_07_T", "FR_06", "FR_07", "FR_08", "FR_09", "FR_12", "FR_15", "FR_16"}
NEVER = {"FR_05", "FR_13", "FR_10_T", "FR_14"}  # TR-03108 v2.0 section 4.3.1; pre-shared keys


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_every_case_that_can_be_judged_is_there(catalogue: Catalogue) -> None:
    rows = [case for case in catalogue.cases.values() if case.document == DOCUMENT]
    assert {case.id.removeprefix("TLS_B1_") for case in rows} == MANDATORY | RECOMMENDED | INFORMATION
    assert len(rows) + len(NEVER) == 26
    for case in rows:
        name = case.id.removeprefix("TLS_B1_")
        level = Level.MUST if name in MANDATORY else Level.SHOULD if name in RECOMMENDED else Level.INFO
        assert (case.level, case.module, case.requirements) == (level, "B1", ()), case.id
        assert case.template is case.id.endswith("_T"), case.id
        assert {"TLS_SERVER", "NO_CLIENT_CERT"} <= set(case.bsi_profiles)
        assert case.sources[0] == "TR-03116-TS v1.1 module B1"
    assert Counter(case.positive for case in rows) == {False: 16, True: 6}


def test_words_are_told_apart_from_those_of_all_other_rows(catalogue: Catalogue) -> None:
    for language in ("en", "de"):
        titles = [row.title[language] for row in catalogue.requirements.values()]
        titles += [row.title[language] for row in catalogue.cases.values()]
        assert len(titles) == len(set(titles))
    for case in catalogue.cases.values():
        assert case.title["en"] != case.title["de"]


def test_the_profile_shows_these_cases_and_no_others(catalogue: Catalogue) -> None:
    profile = load_profile("tr-03116-ts", catalogue)
    assert {catalogue.cases[case].document for case in profile.cases} == {DOCUMENT}
    mandatory, recommended, certificates = profile.requirements
    assert [row.level for row in profile.requirements] == [Level.MUST, Level.SHOULD, Level.MUST]
    assert certificates.cases == () and all(check.startswith("certificate.") for check in certificates.checks)
    assert {case.removeprefix("TLS_B1_") for case in mandatory.cases} == MANDATORY
    assert {case.removeprefix("TLS_B1_") for case in recommended.cases} == RECOMMENDED | INFORMATION
    assert (profile.plan.tls, profile.plan.policies, profile.plan.plaintext_mail) == (True, (), False)
    assert not mandatory.partial


@pytest.mark.parametrize("name", ["tr-03108-2.0", "inbound-dane"])
def test_no_other_profile_has_them(catalogue: Catalogue, name: str) -> None:
    profile = load_profile(name, catalogue)
    assert not any(case.startswith("TLS_") for case in profile.cases)
    assert profile.requirements and not any("TLS_" in case for row in profile.requirements for case in row.cases)


def test_each_case_has_one_check(catalogue: Catalogue) -> None:
    covered = Counter(check.case for check in load_checks() if check.case is not None)
    cases = {case.id for case in catalogue.cases.values() if case.document == DOCUMENT}
    assert {case for case in cases if covered[case] == 1} == cases
