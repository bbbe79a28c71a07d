"""The rows of TR-03182-P module L, and the profile that is made of them."""

from __future__ import annotations

import pytest

from tr03108.catalogue import Catalogue, load_catalogue
from tr03108.judge import load_checks
from tr03108.model import Level
from tr03108.profile import load_profile, profile_names

CASES = tuple(f"TR-03182-L-0{number}" for number in range(1, 6))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_the_cases_of_module_l_are_there(catalogue: Catalogue) -> None:
    rows = [case for case in catalogue.cases.values() if case.document == "TR-03182-P v1.0"]
    assert tuple(case.id for case in rows) == CASES
    for case in rows:
        assert (case.module, case.level, case.testable, case.positive) == ("L", Level.MUST, "remote", False)
        assert case.bsi_profiles == ("UNUSED_DOMAINS",)
        assert case.sources[:2] == ("TR-03182-P v1.0 Table 29", "TR-03182 v1.0 section 4.1.11")


def test_each_case_has_one_check() -> None:
    assert tuple(check.case for check in load_checks() if (check.case or "").startswith("TR-03182-")) == CASES


def test_only_one_profile_has_them(catalogue: Catalogue) -> None:
    have = {name for name in profile_names() if {*CASES} & {*load_profile(name, catalogue).cases}}
    assert have == {"unused-domain"}


def test_the_profile_asks_dns_and_judges_nothing_else(catalogue: Catalogue) -> None:
    profile = load_profile("unused-domain", catalogue)
    assert profile.unused_domain is True
    assert [(row.id, row.level, row.cases, row.partial) for row in profile.requirements] == [
        ("TR-03182-11-M", Level.MUST, CASES, False)
    ]
    assert (profile.cases, profile.checks, profile.levels) == (CASES, (), {})
    assert (profile.plan.policies, profile.plan.services) == (("spf", "dmarc"), ())
    assert not (profile.plan.tls or profile.plan.revocation or profile.plan.all_servers or profile.plan.clear_text)
    assert profile.tls.editions == ()


def test_no_other_profile_asks_for_spf_and_dmarc(catalogue: Catalogue) -> None:
    for name in profile_names():
        asked = {"spf", "dmarc"} & {*load_profile(name, catalogue).plan.policies}
        assert bool(asked) is (name == "unused-domain"), name
