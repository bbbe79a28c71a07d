"""Which subjects each check is called on, and what stands in for those that cannot be seen (contract, "Subjects")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tr03108.catalogue import Catalogue
from tr03108.dossier import decode, encode
from tr03108.judge import Check, calls, load_checks
from tr03108.judge.outcomes import met
from tr03108.model import Dossier, Failure, Finding, Observation, Outcome, Reason, Subject, Verdict
from tr03108.profile import Profile

from .conftest import SCENARIOS, found, saying

DOMAIN, HOST, ADDRESS = "TR-03108-G-01", "TR-03108-D-01", "TR-03108-D-02"
CHECKS = (
    saying(met(), DOMAIN, "domain", "of.domain"),
    saying(met(), HOST, "mail_host", "of.host"),
    saying(met(), ADDRESS, "mail_address", "of.address"),
)


class Shown:
    """Subjects, outcomes and codes of a stub check."""

    def __init__(self, profile: Profile, catalogue: Catalogue) -> None:
        self._profile, self._catalogue = profile, catalogue

    def findings(self, dossier: Dossier, *checks: Check) -> tuple[Finding, ...]:
        return found(dossier, self._profile, self._catalogue, *(checks or CHECKS))

    def __call__(self, dossier: Dossier, check: str) -> list[tuple[str, str, str]]:
        seen = (f for f in self.findings(dossier) if f.check == check)
        return [(f.subject.text, f.outcome.value, f.code) for f in seen]


@pytest.fixture
def shown(full: Profile, catalogue: Catalogue) -> Shown:
    return Shown(full, catalogue)


def without(dossier: Dossier, *keys: str) -> Dossier:
    assert set(keys) <= set(dossier.observations)
    kept = {key: value for key, value in dossier.observations.items() if key not in keys}
    return replace(dossier, observations=kept)


def blind(dossier: Dossier, key: str) -> Dossier:
    assert key in dossier.observations
    failure = Failure(Reason.TIMEOUT, "edited")
    lost: Observation[object] = Observation(key, dossier.observations[key].time, None, failure)
    return replace(dossier, observations={**dossier.observations, key: lost})


def test_every_subject_is_asked(shown: Shown, dossiers: Mapping[str, Dossier]) -> None:
    dossier = dossiers["two-hosts-one-bad"]
    assert shown(dossier, "of.domain") == [("two-hosts-one-bad.example", "MET", "OK")]
    hosts = [f"mx{number}.two-hosts-one-bad.example" for number in (1, 2)]
    assert shown(dossier, "of.host") == [(host, "MET", "OK") for host in hosts]
    services = {text.split("/")[0] for text, _, _ in shown(dossier, "of.address")}
    assert services == set(hosts)
    subject = next(f.subject for f in shown.findings(dossier) if f.check == "of.address")
    assert (subject.kind, subject.port, subject.service) == ("service", 25, "smtp")


@pytest.mark.parametrize(
    ("scenario", "code"), [("null-mx", "NULL_MX"), ("no-mail-host", "NO_MAIL_HOST"), ("mx-servfail", "MX_UNSEEN")]
)
def test_no_host_is_known(shown: Shown, dossiers: Mapping[str, Dossier], scenario: str, code: str) -> None:
    dossier = dossiers[scenario]
    assert shown(dossier, "of.domain") == [(dossier.domain, "MET", "OK")]
    for check in ("of.host", "of.address"):
        assert shown(dossier, check) == [(dossier.domain, "UNSEEN", code)]


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("domain-not-found", "DOMAIN_NOT_FOUND"),
        ("resolver-without-dnssec", "RESOLVER_WITHOUT_DNSSEC"),
        ("resolver-unreachable", "RESOLVER_UNREACHABLE"),
        ("trust-anchor-mismatch", "TRUST_ANCHOR_MISMATCH"),
    ],
)
def test_everything_but_manual_is_unseen(
    shown: Shown, dossiers: Mapping[str, Dossier], scenario: str, code: str
) -> None:
    dossier = dossiers[scenario]
    for check in ("of.domain", "of.host", "of.address"):
        assert shown(dossier, check) == [(dossier.domain, "UNSEEN", code)]
    rest = {(f.outcome, f.code) for f in shown.findings(dossier, *load_checks())}
    assert rest == {
        (Outcome.UNSEEN, code),
        (Outcome.ASKED, "MANUAL_SENDING_SIDE"),
        (Outcome.ASKED, "MANUAL_DECLARATION"),
        (Outcome.ASKED, "MANUAL_REQUIREMENT"),
    }


def test_host_without_address(shown: Shown, dossiers: Mapping[str, Dossier]) -> None:
    dossier = dossiers["mx-without-address"]
    nowhere = [f for f in shown.findings(dossier) if f.code == "MX_WITHOUT_ADDRESS"]
    assert [(f.check, f.outcome, f.verdict) for f in nowhere] == [
        ("of.address", Outcome.ABSENT, Verdict.NOT_APPLICABLE)
    ]
    subject = nowhere[0].subject
    assert (subject.kind, subject.address, subject.port) == ("host", None, 25)
    secure = [f for f in shown.findings(dossier, *load_checks()) if f.check == "inbound-dane.host-secure"]
    assert (Outcome.UNMET, "MX_WITHOUT_ADDRESS") in {(f.outcome, f.code) for f in secure}


def test_addresses_unseen(shown: Shown, dossiers: Mapping[str, Dossier]) -> None:
    unseen = [f for f in shown.findings(dossiers["addresses-unseen"]) if f.code == "ADDRESSES_UNSEEN"]
    assert {(f.check, f.outcome, f.subject.kind, f.subject.address, f.subject.port) for f in unseen} == {
        ("of.address", Outcome.UNSEEN, "host", None, 25)
    }


@pytest.mark.parametrize(("rdtype", "left"), [("A", "[2001:db8::"), ("AAAA", "192.0.2.")])
@pytest.mark.parametrize("asked", [True, False])
def test_one_family_unseen(shown: Shown, dossiers: Mapping[str, Dossier], rdtype: str, left: str, asked: bool) -> None:
    """What the other family shows does not speak for the addresses nobody saw."""
    host = "mx1.flawless.example"
    key = f"dns/{host}/{rdtype}"
    dossier = blind(dossiers["flawless"], key) if asked else without(dossiers["flawless"], key)
    seen = [line for line in shown(dossier, "of.address") if line[0].startswith(host)]
    assert (f"{host}:25", "UNSEEN", "ADDRESSES_UNSEEN") in seen
    assert [text for text, outcome, _ in seen if outcome == "MET" and text.startswith(f"{host}/{left}")]


def test_family_out_of_scope_is_not_unseen(shown: Shown, dossiers: Mapping[str, Dossier]) -> None:
    dossier = blind(dossiers["flawless"], "dns/mx1.flawless.example/AAAA")
    dossier = replace(dossier, plan=replace(dossier.plan, families=(4,)))
    seen = shown(dossier, "of.address")
    assert seen
    assert {(outcome, code) for _, outcome, code in seen} == {("MET", "OK")}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_silently_absent(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier], scenario: str
) -> None:
    seen = found(dossiers[scenario], full, catalogue, *load_checks())
    assert {f.case for f in seen} - {None} == set(full.cases)
    wanted = {check.id for check in load_checks() if (check.case or check.id) in (*full.cases, *full.checks)}
    assert wanted <= {f.check for f in seen}
    assert {f.requirement for f in seen} <= {r.id for r in full.requirements}
    named = [(f.check, f.subject) for f in seen]
    assert len(named) == len(set(named)), "two findings of one check on one subject"


def test_cases_and_checks_that_nothing_covers(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    seen = found(dossiers["flawless"], full, catalogue)
    codes = {"remote": "NOT_COVERED", "cooperative": "MANUAL_SENDING_SIDE", "declared": "MANUAL_DECLARATION"}
    domain = Subject("domain", "flawless.example")
    for case in full.cases:
        (one,) = (f for f in seen if f.case == case)
        assert (one.check, one.subject, one.code) == (f"case.{case}", domain, codes[catalogue.cases[case].testable])
        assert one.verdict is (Verdict.INCONCLUSIVE if one.code == "NOT_COVERED" else Verdict.MANUAL)
    for check in full.checks:
        (one,) = (f for f in seen if f.check == check)
        assert (one.case, one.outcome, one.code, one.subject) == (None, Outcome.UNSEEN, "NOT_COVERED", domain)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_call_gives_one_finding_and_the_file_gives_the_same(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier], scenario: str
) -> None:
    dossier = dossiers[scenario]
    made = calls(dossier, full, catalogue, load_checks(), dossier.started, "must", ())
    seen = [call.run() for call in made]
    assert [(call.check_id, call.case, call.subject, call.file) for call in made] == [
        (one.check, one.case, one.subject, one.file) for one in seen
    ]
    read = decode(encode(dossier))
    again = found(read, full, catalogue, *load_checks())
    assert tuple(seen) == again


def test_marker_must_is_what_gate_must_looks_at(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    dossier = dossiers["flawless"]
    made = calls(dossier, full, catalogue, load_checks(), dossier.started, "must", ())
    marked = {call.check_id for call in made if call.must}
    assert {"inbound-dane.mx-secure", "starttls.offered", "tls.listed-preferred"} <= marked
    assert not marked & {"starttls.plaintext-refused", "mta-sts.record", "case.TR-03108-E-03-T", "case.TR-03108-E-06"}
