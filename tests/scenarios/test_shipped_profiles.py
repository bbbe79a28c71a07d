"""Domains of the lab under each shipped profile, probed by the plan that it makes: verdict and exit status."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tr03108 import dossier as dossier_file
from tr03108 import lab
from tr03108.anchors import trust_anchors
from tr03108.front.settings import probe_plan
from tr03108.judge import exit_status, judge_target
from tr03108.lab.scenarios import Scenario, load_scenarios
from tr03108.lab.world import World
from tr03108.model import Dossier, Finding, Level, ProbePlan, TargetAudit, Verdict
from tr03108.probe import Network, Probe, RootStore
from tr03108.profile import profile_names

from .conftest import YEAR
from .norms import catalogue, checks, profile

OLD, GATE, ENFORCED = "tr-03108-1.0.2", "ci-gate", "smtp-enforced"
PLAINTEXT = "starttls.plaintext-refused"
DENIED, LOW_PRIORITY = "clients-denied", "hellos-low-priority"

# Flawless but for one thing.
OPEN, UNCLEAR, SILENT, ONLY_STARTTLS = "profile-open", "profile-unclear", "profile-silent", "profile-only-starttls"
ONLY_IMPLICIT = "profile-only-implicit"
OURS = f"""
[[scenario]]
id = "{OPEN}"
title = {{ en = "Takes mail without TLS", de = "Nimmt E-Mail ohne TLS an" }}
verdict = "compliant"
hosts = [{{ hellos = "flawless", certificate = "crl-only", plaintext = "accepted" }}]
[[scenario]]
id = "{UNCLEAR}"
title = {{ en = "Puts mail without TLS off", de = "Vertröstet E-Mail ohne TLS" }}
verdict = "compliant"
hosts = [{{ hellos = "flawless", certificate = "crl-only", plaintext = "deferred" }}]
[[scenario]]
id = "{SILENT}"
title = {{ en = "Does not greet", de = "Grüßt nicht" }}
verdict = "not-demonstrated"
hosts = [{{ fault = "greeting-silent" }}]
[[scenario]]
id = "{ONLY_STARTTLS}"
title = {{ en = "Mail clients find STARTTLS only", de = "E-Mail-Programme finden nur STARTTLS" }}
verdict = "compliant"
hosts = [{{ hellos = "flawless", certificate = "crl-only" }}]
clients = [{{ hellos = "flawless", certificate = "crl-only", services = ["submission", "imap", "pop3"] }}]
[[scenario]]
id = "{ONLY_IMPLICIT}"
title = {{ en = "Mail clients find implicit TLS only", de = "E-Mail-Programme finden nur implizites TLS" }}
verdict = "compliant"
hosts = [{{ hellos = "flawless", certificate = "crl-only" }}]
clients = [{{ hellos = "flawless", certificate = "crl-only", services = ["submissions", "imaps"] }}]
"""

# What is asked for, by scenario and profile: the verdict and the exit status.
EXPECTED = {
    ("flawless", "inbound-dane"): ("compliant", 0),
    ("flawless", "tr-03108-2.0"): ("no-deviation", 0),
    ("flawless", "tr-03116-ts"): ("compliant", 0),
    ("flawless", OLD): ("no-deviation", 0),
    ("flawless", GATE): ("compliant", 0),
    ("flawless", ENFORCED): ("compliant", 0),
    ("flawless", "unused-domain"): ("not-compliant", 1),  # it receives mail
    ("no-starttls", GATE): ("not-compliant", 1),
    (OPEN, ENFORCED): ("not-compliant", 1),
    (UNCLEAR, ENFORCED): ("not-demonstrated", 3),
    (SILENT, ENFORCED): ("not-demonstrated", 3),
    (LOW_PRIORITY, ENFORCED): ("not-compliant", 1),
    (DENIED, OLD): ("not-compliant", 1),
    (DENIED, "tr-03108-2.0"): ("not-compliant", 1),
    (ONLY_STARTTLS, OLD): ("no-deviation", 0),
    (ONLY_STARTTLS, "tr-03108-2.0"): ("not-compliant", 1),
    (ONLY_IMPLICIT, OLD): ("no-deviation", 0),
    ("clients-old-tls", OLD): ("not-compliant", 1),
}


def plan_of(scenario: Scenario, name: str, world: World) -> ProbePlan:
    """The plan that the front doors make of the profile; the scenario adds only what its user would say."""
    made = probe_plan({}, profile(name), YEAR)
    user = {key: value for key, value in scenario.plan.items() if key == "webmail" and "https" in made.services}
    quick = replace(made, timeout=1.5, greeting_timeout=1.0, second_look=0.1)
    return replace(quick, connect=world.connect, resolvers=(world.resolver_of(scenario),), **user)


@pytest.fixture(scope="module")
def dossiers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], Dossier]:
    return asyncio.run(_probe_all(tmp_path_factory.mktemp("profiles")))


@pytest.fixture(scope="module")
def audits(dossiers: Mapping[tuple[str, str], Dossier]) -> Mapping[tuple[str, str], TargetAudit]:
    return {(scenario, name): judged(one, name) for (scenario, name), one in dossiers.items()}


def judged(one: Dossier, name: str) -> TargetAudit:
    return judge_target(one, "", profile(name), catalogue(), checks(), one.started, profile(name).gate, ())


async def _probe_all(folder: Path) -> dict[tuple[str, str], Dossier]:
    wanted = {scenario for scenario, _ in EXPECTED}
    shipped = Path(lab.__file__).parent / "scenarios.toml"
    (folder / "all.toml").write_text(shipped.read_text("utf-8") + OURS, "utf-8")
    scenarios = {each.id: each for each in load_scenarios(folder / "all.toml") if each.id in wanted}
    found = {}
    async with World(tuple(scenarios.values())) as world:
        (folder / "ca.pem").write_text(world.ca_pem, "ascii")
        (folder / "anchor").write_text(world.trust_anchor, "ascii")
        roots, anchors = RootStore.load(folder / "ca.pem"), trust_anchors(folder / "anchor")
        for scenario, name in EXPECTED:
            plan = plan_of(scenarios[scenario], name, world)
            async with Network(plan) as network:
                probe = Probe(scenarios[scenario].domain, plan, network, anchors, roots, lambda _: None)
                await probe.run()
            found[scenario, name] = dossier_file.decode(dossier_file.encode(probe.dossier(complete=True)))
    return found


def shown(findings: Iterable[Finding]) -> str:
    """What stands in the way, for a person who has to see why a test fails."""
    return "\n".join(f"{f.verdict} {f.check} {f.code} {f.subject.text}" for f in findings if f.verdict not in QUIET)


QUIET = (Verdict.PASS, Verdict.INFO, Verdict.NOT_APPLICABLE, Verdict.MANUAL)


def test_every_shipped_profile_judges_the_flawless_domain() -> None:
    assert {name for scenario, name in EXPECTED if scenario == "flawless"} == set(profile_names())


@pytest.mark.parametrize(("scenario", "name"), EXPECTED)
def test_verdict_and_exit_status(audits: Mapping[tuple[str, str], TargetAudit], scenario: str, name: str) -> None:
    audit = audits[scenario, name]
    status = exit_status([audit], profile(name).gate, unused_domain=profile(name).unused_domain)
    assert (audit.verdict, status) == EXPECTED[scenario, name], shown(audit.findings)


def test_ci_gate_leaves_nothing_to_a_person(audits: Mapping[tuple[str, str], TargetAudit]) -> None:
    findings = audits["flawless", GATE].findings
    assert {f.level for f in findings} == {Level.MUST}
    assert {f.verdict for f in findings} <= {Verdict.PASS, Verdict.NOT_APPLICABLE}
    assert {f.requirement for f in findings} == {f"TR-03108-{each}-M" for each in ("01", "03", "05", "10")}
    assert not {"imap", "submission", "pop3", "sieve"} & {
        f.subject.service for f in findings if f.check != "login.no-clear-text"
    }  # STARTTLS for mail clients is recommended only


def test_ci_gate_asks_for_a_word_about_webmail(audits: Mapping[tuple[str, str], TargetAudit]) -> None:
    (asked,) = (f for f in audits["no-starttls", GATE].findings if f.verdict is Verdict.MANUAL)
    assert (asked.check, asked.code) == ("webmail.https-only", "WEBMAIL_NOT_NAMED")


@pytest.mark.parametrize(
    ("scenario", "code", "verdict"),
    [
        (OPEN, "PLAINTEXT_ACCEPTED", "fail"),
        ("flawless", "OK", "pass"),
        (UNCLEAR, "PLAINTEXT_UNCLEAR", "inconclusive"),
        (SILENT, "STARTTLS_UNSEEN", "inconclusive"),
    ],
)
def test_smtp_enforced(audits: Mapping[tuple[str, str], TargetAudit], scenario: str, code: str, verdict: str) -> None:
    audit = audits[scenario, ENFORCED]
    mine = {(f.code, f.verdict, f.level, f.gated) for f in audit.findings if f.check == PLAINTEXT}
    assert mine == {(code, verdict, Level.MUST, True)}
    assert {f.subject.service for f in audit.findings if f.subject.kind == "service"} == {"smtp"}
    others = [f for f in audit.findings if f.check != PLAINTEXT and f.verdict is Verdict.FAIL]
    assert others == [], shown(others)


def test_smtp_enforced_needs_the_question(dossiers: Mapping[tuple[str, str], Dossier]) -> None:
    """A dossier whose plan did not ask whether mail is taken without TLS shows nothing about it."""
    one = dossiers["flawless", GATE]
    assert not one.plan.plaintext_mail
    audit = judged(one, ENFORCED)
    assert {(f.code, f.verdict) for f in audit.findings if f.check == PLAINTEXT} == {("NOT_PROBED", "inconclusive")}
    assert exit_status([audit], "must") == 3


def test_smtp_enforced_tolerates_no_discontinued_tls(dossiers: Mapping[tuple[str, str], Dossier]) -> None:
    """Section 4.3.2 of TR-03108 has no place where clear text is refused: what the default tolerates fails."""
    one = dossiers[LOW_PRIORITY, ENFORCED]
    found = {
        name: {(f.code, f.verdict) for f in judged(one, name).findings if f.check == "tls.suites" and f.subject.address}
        for name in ("tr-03108-2.0", ENFORCED)
    }
    assert found["tr-03108-2.0"] == {("TOLERATED_LOW_PRIORITY", "warn")}
    assert found[ENFORCED] == {("SUITE_FORBIDDEN", "fail")}


class TestVersion102:
    """What was asked for otherwise before version 2.0."""

    def test_old_requirements_and_who_has_to_answer_them(self, audits: Mapping[tuple[str, str], TargetAudit]) -> None:
        results = {row.id: row.verdict for row in audits["flawless", OLD].requirements}
        met = {"EMLREQ_2", "EMLREQ_4"}
        assert {name for name, verdict in results.items() if verdict is Verdict.PASS} == met
        assert {name for name, verdict in results.items() if verdict is Verdict.MANUAL} == set(results) - met

    def test_a_starttls_service_that_is_not_there_fails(self, audits: Mapping[tuple[str, str], TargetAudit]) -> None:
        def of(name: str) -> set[tuple[str, str, str]]:
            found = audits[DENIED, name].findings
            return {(f.requirement, f.level, f.verdict) for f in found if f.code == "SERVICE_NOT_OFFERED" and f.case}

        assert of(OLD) == {("EMLREQ_1", "MUST", "fail")}
        assert of("tr-03108-2.0") == {("TR-03108-02-R", "SHOULD", "warn")}

    def test_implicit_tls_is_not_asked_for(self, audits: Mapping[tuple[str, str], TargetAudit]) -> None:
        def of(name: str) -> set[str]:
            found = audits[ONLY_STARTTLS, name].findings
            return {f.verdict for f in found if f.code == "IMPLICIT_TLS_MISSING"}

        assert (of(OLD), of("tr-03108-2.0")) == ({"info"}, {"fail"})

    def test_old_tls_is_tolerated_with_starttls_only_and_without_contradiction(
        self, audits: Mapping[tuple[str, str], TargetAudit]
    ) -> None:
        versions = [f for f in audits["clients-old-tls", OLD].findings if f.check == "tls.versions"]
        by_service = {f.subject.service: f for f in versions}
        assert (by_service["imap"].code, by_service["imap"].verdict) == ("TOLERATED_LOW_PRIORITY", "warn")
        assert by_service["imap"].evidence["tolerance"] == "TR-03108-1 v1.0.2 section 3.4.1"
        assert by_service["imap"].evidence["note"] is None
        assert by_service["imaps"].verdict == "fail"
