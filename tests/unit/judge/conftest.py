"""What the tests of judging share: dossiers of lab domains, checks that answer as told, and findings made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tr03108.anchors import trust_anchors
from tr03108.catalogue import Catalogue, load_catalogue
from tr03108.judge import Check, calls
from tr03108.judge.algebra import verdict_of
from tr03108.judge.outcomes import Result
from tr03108.lab.scenarios import Scenario, load_scenarios
from tr03108.lab.world import World
from tr03108.model import Dossier, Finding, Level, Outcome, ProbePlan, Subject, Waiver
from tr03108.probe import Network, Probe, RootStore
from tr03108.profile import Profile, ProfileRequirement, load_profile

SCENARIOS = (
    "flawless",
    "two-hosts-one-bad",
    "no-starttls",
    "unsigned",
    "dane-ta",
    "null-mx",
    "no-mail-host",
    "mx-servfail",
    "mx-without-address",
    "addresses-unseen",
    "domain-not-found",
    "resolver-without-dnssec",
    "resolver-unreachable",
    "trust-anchor-mismatch",
)
PLAN = ProbePlan(timeout=1.0, greeting_timeout=1.0, second_look=0.1, deadline=60.0)
MX1 = Subject("service", "mx1.example.org", "192.0.2.1", 25, "smtp")


@pytest.fixture(scope="session")
def dossiers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Dossier]:
    """Dossiers of lab domains, by scenario."""
    wanted = tuple(scenario for scenario in load_scenarios() if scenario.id in SCENARIOS)
    assert {scenario.id for scenario in wanted} == set(SCENARIOS)
    return asyncio.run(_probe(wanted, tmp_path_factory.mktemp("judge")))


async def _probe(scenarios: Sequence[Scenario], folder: Path) -> dict[str, Dossier]:
    found = {}
    async with World(scenarios) as world:
        (folder / "ca.pem").write_text(world.ca_pem, "ascii")
        roots = RootStore.load(folder / "ca.pem")
        for scenario in scenarios:
            (folder / "anchor").write_text(world.trust_anchor_of(scenario), "ascii")
            plan = replace(PLAN, connect=world.connect, resolvers=(world.resolver_of(scenario),), **scenario.plan)
            async with Network(plan) as network:
                anchors = trust_anchors(folder / "anchor")
                probe = Probe(scenario.domain, plan, network, anchors, roots, lambda _: None)
                await probe.run()
                found[scenario.id] = probe.dossier(complete=True)
    return found


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def full(catalogue: Catalogue) -> Profile:
    """The default profile: all of TR-03108."""
    return load_profile("tr-03108-2.0", catalogue)


def requirement(
    identity: str,
    level: Level,
    cases: Sequence[str] = (),
    checks: Sequence[str] = (),
    services: Sequence[str] = (),
    *,
    manual: bool = False,
) -> ProfileRequirement:
    """A requirement as a profile has it."""
    titles = {"en": identity, "de": identity}
    return ProfileRequirement(
        *(identity, level, titles, False, tuple(cases), tuple(checks)), "Rule 1", tuple(services), manual
    )


def profile_of(base: Profile, *requirements: ProfileRequirement, levels: Mapping[str, Level] | None = None) -> Profile:
    """A profile of these requirements alone."""
    cases = dict.fromkeys(case for one in requirements for case in one.cases)
    checks = dict.fromkeys(check for one in requirements for check in one.checks)
    return replace(base, requirements=requirements, cases=tuple(cases), checks=tuple(checks), levels=levels or {})


def saying(result: Result, case: str | None, each: str = "domain", identity: str = "stub") -> Check:
    """A check that answers the same of every subject."""
    return Check(identity, case, each, lambda view, rules: result, "stub.py")


def found(
    dossier: Dossier,
    profile: Profile,
    catalogue: Catalogue,
    *checks: Check,
    gate: str = "must",
    waivers: tuple[Waiver, ...] = (),
) -> tuple[Finding, ...]:
    """All findings of a dossier under a profile."""
    made = calls(dossier, profile, catalogue, checks, dossier.started, gate, waivers)
    return tuple(call.run() for call in made)


def finding(
    outcome: Outcome,
    level: Level,
    of: str,
    *,
    case: str | None = None,
    check: str = "stub",
    subject: Subject = MX1,
    code: str = "OK",
) -> Finding:
    """A finding made by hand, of requirement `of`."""
    verdict = verdict_of(outcome, level)
    return Finding(case, check, of, level, subject, outcome, verdict, False, code, {}, ())
