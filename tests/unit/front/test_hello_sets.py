"""Sets of code points made from the policy: the worst first, nothing lost, nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain

import pytest

from tr03108 import dossier
from tr03108.anchors import IANA_ANCHORS
from tr03108.catalogue import load_catalogue
from tr03108.front.hello_sets import hello_sets
from tr03108.front.options import AUDIT
from tr03108.front.settings import read_settings
from tr03108.model import Dossier, HelloSets, Vantage
from tr03108.norms.tls_policy import TlsPolicy
from tr03108.profile import load_profile
from tr03108.wire.tls.code_points import (
    ALL_SUITES,
    GROUPS_TLS12,
    GROUPS_TLS13,
    SCHEMES_TLS12,
    SCHEMES_TLS13,
    TLS13_SUITES,
)

YEARS = (2026, 2027, 2030, 2032)


@pytest.fixture(scope="module")
def policy() -> TlsPolicy:
    return load_profile("tr-03108-2.0", load_catalogue()).tls


@pytest.mark.parametrize("year", YEARS)
def test_nothing_is_lost_and_no_set_is_empty(policy: TlsPolicy, year: int) -> None:
    sets = hello_sets(policy, year)
    pools = {
        "suites": {"TLSv1.2": ALL_SUITES, "TLSv1.3": TLS13_SUITES},
        "groups": {"TLSv1.2": GROUPS_TLS12, "TLSv1.3": GROUPS_TLS13},
        "schemes": {"TLSv1.2": tuple(chain(*SCHEMES_TLS12.values())), "TLSv1.3": SCHEMES_TLS13},
    }
    for kind, versions in pools.items():
        for version, pool in versions.items():
            found = getattr(sets, kind)[version]
            assert all(found)
            assert sorted(chain(*found)) == sorted(pool)


def test_old_versions_have_one_set(policy: TlsPolicy) -> None:
    sets = hello_sets(policy, 2026)
    assert {sets.suites[version] for version in ("SSLv3", "TLSv1", "TLSv1.1")} == {(ALL_SUITES,)}


@pytest.mark.parametrize("year", YEARS)
def test_members_of_a_set_are_judged_alike(policy: TlsPolicy, year: int) -> None:
    sets = hello_sets(policy, year)
    for version, groups in sets.groups.items():
        for each in groups:
            found = {policy.group(code, version, year).shortfall for code in each}
            assert len({policy.tolerance("group", short, "mta").outcome for short in found if short}) <= 1
            assert (None in found) is (found == {None})
    for version, schemes in sets.schemes.items():
        for each in schemes:
            found = {policy.signature(code, version, year).shortfall for code in each}
            assert len({policy.tolerance("signature", short, "mta").outcome for short in found if short}) <= 1
            assert (None in found) is (found == {None})


def test_the_worst_come_first_and_what_is_listed_last(policy: TlsPolicy) -> None:
    sets = hello_sets(policy, 2026)
    forbidden, unlisted, not_secret, listed = sets.suites["TLSv1.2"]
    assert {0x0005, 0x000A, 0x002F, 0xC013, 0x009C, 0x0018, 0xFEFF} <= set(forbidden)
    assert {0xCCA8, 0xC060, 0xC08A, 0xC0AE} <= set(unlisted)
    assert {0xC031, 0xC025, 0x00A4} <= set(not_secret)  # listed until 2026, without forward secrecy
    assert {0xC02F, 0xC030, 0x009E} <= set(listed)
    unknown_or_broken, other, good = sets.suites["TLSv1.3"]
    assert {0x1306, 0xC0B4} <= set(unknown_or_broken)
    assert {0x1303, 0x1305} <= set(other)
    assert good == (0x1301, 0x1302, 0x1304)
    assert [29 in each for each in sets.groups["TLSv1.2"]] == [False, True, False]
    assert [256 in each for each in sets.groups["TLSv1.3"]] == [True, False, False]
    assert [0x0401 in each for each in sets.schemes["TLSv1.2"]] == [False, False, True, False]
    assert [0x0401 in each for each in sets.schemes["TLSv1.3"]] == [True, False, False]


def test_the_year_moves_what_has_ended(policy: TlsPolicy) -> None:
    before, after, later = (hello_sets(policy, year).suites["TLSv1.2"] for year in (2026, 2027, 2030))
    assert len(before) == 4
    assert 0xC031 in before[-2]
    assert 0xC031 in after[2]
    assert 0x009F in after[-1]
    assert 0x009F in later[2]
    assert 0xC02F in later[-1]


def test_groups_that_servers_have_to_support_are_asked_alone(policy: TlsPolicy) -> None:
    assert hello_sets(policy, 2026).alone == {"TLSv1.2": (23, 26), "TLSv1.3": (23, 31)}


def test_without_a_policy_the_last_set_still_has_members() -> None:
    sets = hello_sets(TlsPolicy(editions=()), 2026)
    assert sorted(chain(*sets.suites["TLSv1.2"])) == sorted(ALL_SUITES)
    assert 0xC02F in sets.suites["TLSv1.2"][-1]
    assert sets.groups["TLSv1.3"] == (GROUPS_TLS13,)
    assert sets.alone == {}


def test_the_plan_gets_them_for_the_year_of_the_audit() -> None:
    now = read_settings({"as_of": "2026-12-31"}, AUDIT).plan
    later = read_settings({"as_of": "2027-01-01"}, AUDIT).plan
    assert (now.tls, now.revocation, now.mode) == (True, True, "full")
    assert 0xC031 in now.hellos.suites["TLSv1.2"][-2]
    assert 0xC031 in later.hellos.suites["TLSv1.2"][2]
    assert read_settings({}, AUDIT).plan.hellos.suites
    assert read_settings({"mode": "verdict"}, AUDIT).plan.mode == "verdict"


def test_a_profile_that_does_not_ask_for_tls_gets_none() -> None:
    plan = read_settings({"profile": "inbound-dane"}, AUDIT).plan
    assert (plan.tls, plan.revocation, plan.hellos) == (False, False, HelloSets())


def test_a_dossier_keeps_the_sets() -> None:
    settings = read_settings({"as_of": "2026-12-31"}, AUDIT)
    then = datetime(2026, 12, 31, tzinfo=UTC)
    seen = Dossier("a.example", then, then, True, "0", settings.plan, Vantage((), None, None), IANA_ANCHORS, (), {})
    assert dossier.decode(dossier.encode(seen)).plan.hellos == settings.plan.hellos
