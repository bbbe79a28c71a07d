"""The level of a finding and its one requirement (contract, "Level" and "Requirement of a finding")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tr03108.catalogue import Catalogue
from tr03108.judge.calls import Norm
from tr03108.judge.outcomes import Result, met, not_offered, unmet, unseen
from tr03108.judge.rollup import requirement_results
from tr03108.model import Dossier, Level, Outcome, Subject, Verdict
from tr03108.profile import Profile, load_profile

from .conftest import found, profile_of, requirement, saying

DOMAIN = Subject("domain", "example.org")


def norm_of(profile: Profile, catalogue: Catalogue, dossier: Dossier) -> Norm:
    return Norm(profile, catalogue, dossier.started, "must", ())


@pytest.fixture
def norm(full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]) -> Norm:
    return norm_of(full, catalogue, dossiers["flawless"])


@pytest.mark.parametrize(
    ("case", "level"),
    [
        ("I-01", "MUST"),
        ("I-02", "MUST"),
        ("I-03", "MUST"),
        ("E-12", "MUST"),
        ("E-03-T", "SHOULD"),
        ("E-06", "SHOULD"),
        ("E-07", "SHOULD"),
    ],
)
def test_level_is_the_rows(norm: Norm, case: str, level: str) -> None:
    identity = f"TR-03108-{case}"
    of = norm.requirement(identity, "some.check", DOMAIN)
    assert norm.level(identity, "some.check", of, Outcome.UNMET).value == level


def test_profile_sets_the_level_of_a_case_and_of_a_check(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    levels = {"TR-03108-E-12": Level.SHOULD, "starttls.offered": Level.INFO, "tls.negotiated": Level.MAY}
    norm = norm_of(replace(full, levels=levels), catalogue, dossiers["flawless"])
    of = "TR-03108-03-M"
    assert norm.level("TR-03108-E-12", "other.check", of, Outcome.UNMET) is Level.SHOULD
    assert norm.level("TR-03108-E-12", "starttls.offered", of, Outcome.UNMET) is Level.INFO
    assert norm.level(None, "tls.negotiated", of, Outcome.UNMET) is Level.MAY


@pytest.mark.parametrize(
    ("result", "level", "verdict"),
    [
        (not_offered("MTA_STS_MISSING"), Level.SHOULD, Verdict.WARN),
        (unmet("MODE_TESTING"), Level.MUST, Verdict.FAIL),
        (unseen("MTA_STS_UNSEEN"), Level.MUST, Verdict.INCONCLUSIVE),
        (met(), Level.MUST, Verdict.PASS),
    ],
)
def test_not_offered_in_a_recommended_requirement(
    full: Profile,
    catalogue: Catalogue,
    dossiers: Mapping[str, Dossier],
    result: Result,
    level: Level,
    verdict: Verdict,
) -> None:
    checks = (saying(result, "TR-03108-I-01"),)
    seen = [f for f in found(dossiers["flawless"], full, catalogue, *checks) if f.case == "TR-03108-I-01"]
    assert [(f.requirement, f.level, f.verdict) for f in seen] == [("TR-03108-07-R", level, verdict)]


def test_not_offered_fails_where_the_requirement_is_binding(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    checks = (saying(not_offered("NOT_OFFERED"), "TR-03108-G-01"),)
    (seen,) = (f for f in found(dossiers["flawless"], full, catalogue, *checks) if f.case == "TR-03108-G-01")
    assert (seen.level, seen.verdict) == (Level.MUST, Verdict.FAIL)


@pytest.mark.parametrize(
    ("service", "requirement"),
    [
        ("smtp", "TR-03108-03-M"),
        *((service, "TR-03108-01-M") for service in ("submissions", "imaps", "pop3s", "https")),
        *((service, "TR-03108-02-R") for service in ("submission", "imap", "pop3", "sieve")),
    ],
)
@pytest.mark.parametrize("case", ["TR-03108-E-01-T", "TR-03108-E-05", "TR-03108-E-12"])
def test_the_service_decides_the_requirement(norm: Norm, case: str, service: str, requirement: str) -> None:
    """Whatever the port: SRV records may name any."""
    subject = Subject("service", "mail.example.org", "192.0.2.1", 4711, service)
    assert norm.requirement(case, "some.check", subject) == requirement


def test_the_service_says_nothing_where_a_case_serves_one_requirement(norm: Norm) -> None:
    subject = Subject("service", "mail.example.org", "192.0.2.1", 25, "smtp")
    assert norm.requirement("TR-03108-E-06", "some.check", subject) == "TR-03108-12-R"
    assert norm.requirement("TR-03108-D-02", "some.check", subject) == "TR-03108-05-M"


def test_domain_names_the_first_requirement_of_a_case(norm: Norm) -> None:
    assert norm.requirement("TR-03108-E-12", "case.TR-03108-E-12", DOMAIN) == "TR-03108-01-M"
    assert norm.requirement("TR-03108-B-02", "case.TR-03108-B-02", DOMAIN) == "TR-03108-04-M"


def test_own_checks_belong_to_the_service_that_they_were_called_for(norm: Norm) -> None:
    mail, imap, imaps = (
        Subject("service", "mail.example.org", "192.0.2.1", 4711, name) for name in ("smtp", "imap", "imaps")
    )
    for check in ("tls.listed-preferred", "certificate.key-size", "starttls.no-injection"):
        assert norm.requirement(None, check, mail) == "TR-03108-03-M"
        assert norm.requirement(None, check, imap) == "TR-03108-02-R"
        assert norm.requirement(None, check, imaps) == "TR-03108-01-M"
    assert norm.requirement(None, "login.no-clear-text", imap) == "TR-03108-01-M"
    assert norm.requirement(None, "starttls.plaintext-refused", DOMAIN) == "TR-03108-03-M"


@pytest.mark.parametrize("identity", ["TR-03108-11-R", "TR-03108-16-M"])
def test_requirement_without_cases_has_one_manual_finding(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier], identity: str
) -> None:
    seen = [f for f in found(dossiers["flawless"], full, catalogue) if f.requirement == identity]
    assert [(f.case, f.check, f.verdict, f.code) for f in seen] == [
        (None, f"requirement.{identity}", Verdict.MANUAL, "MANUAL_REQUIREMENT")
    ]
    assert seen[0].subject == Subject("domain", "flawless.example")


def test_port_25_meets_no_requirement_of_mail_clients(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    """A profile of 01-M alone has E-12, but what was seen at port 25 belongs to 03-M."""
    services = catalogue.requirements["TR-03108-01-M"].services
    profile = profile_of(full, requirement("TR-03108-01-M", Level.MUST, ["TR-03108-E-12"], services=services))
    seen = found(dossiers["flawless"], profile, catalogue, saying(met(), "TR-03108-E-12", "mail_address"))
    assert [(f.subject.kind, f.code, f.verdict) for f in seen] == [("domain", "NOT_COVERED", Verdict.INCONCLUSIVE)]


def test_requirement_of_a_profiles_own_takes_every_port(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    profile = profile_of(full, requirement("ACME-1", Level.MUST, ["TR-03108-E-12"]))
    seen = found(dossiers["flawless"], profile, catalogue, saying(met(), "TR-03108-E-12", "mail_address"))
    assert {(f.requirement, f.subject.port, f.verdict) for f in seen} == {("ACME-1", 25, Verdict.PASS)}


MAIL, IMAP, IMAPS = (
    Subject("service", "mail.example.org", "192.0.2.1", 4711, name) for name in ("smtp", "imap", "imaps")
)
CASE, CHECK = "TR-03108-E-12", "certificate.key-size"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (("imap",), ("smtp",), {MAIL: "B", IMAP: "A", DOMAIN: "A"}),
        (("smtp",), ("imap", "imaps"), {MAIL: "A", IMAP: "B", IMAPS: "B", DOMAIN: "A"}),
        ((), ("imap",), {MAIL: "A", IMAP: "B", IMAPS: "A"}),  # the first takes what nobody else does
        (("imap",), (), {MAIL: "B", IMAP: "A", IMAPS: "B", DOMAIN: "A"}),
        (("imap",), ("imap", "smtp"), {IMAP: "A", MAIL: "B"}),  # both hold it: the first
    ],
)
def test_the_services_of_own_requirements_decide(
    full: Profile,
    catalogue: Catalogue,
    dossiers: Mapping[str, Dossier],
    first: tuple[str, ...],
    second: tuple[str, ...],
    expected: Mapping[Subject, str],
) -> None:
    """Of several requirements with the same case or check the one that holds the subject's service, else the first."""
    own = (requirement(name, Level.MUST, [CASE], [CHECK], services) for name, services in (("A", first), ("B", second)))
    norm = norm_of(profile_of(full, *own), catalogue, dossiers["flawless"])
    for subject, name in expected.items():
        for case, check in ((CASE, "starttls.offered"), (None, CHECK)):
            assert norm.requirement(case, check, subject) == name
            assert norm.in_profile(case, check, subject)


def test_a_service_that_no_requirement_holds_is_not_the_profiles_matter(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    profile = profile_of(full, requirement("A", Level.MUST, [CASE], [CHECK, "login.no-clear-text"], ["imap"]))
    norm = norm_of(profile, catalogue, dossiers["flawless"])
    for case, check in ((None, CHECK), (None, "login.no-clear-text"), (CASE, "starttls.offered")):
        theirs = {each for each in (IMAP, IMAPS, MAIL, DOMAIN) if norm.in_profile(case, check, each)}
        assert theirs == {IMAP, DOMAIN}
    seen = found(dossiers["flawless"], profile, catalogue, saying(met(), CASE, "mail_address"))
    assert [f.code for f in seen if f.case == CASE] == ["NOT_COVERED"]  # and so never a pass


def test_a_check_of_services_that_are_not_there_is_no_check_that_is_missing(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    """Port 25 belongs elsewhere, and of IMAP there is nothing to call the check on: it answers all the same."""
    own = requirement("A", Level.MUST, [], ["login.no-clear-text"], ["imap"])
    dossier = dossiers["flawless"]
    asked = replace(dossier, plan=replace(dossier.plan, services=("smtp", "imap")))
    mine = replace(saying(met(), None, "starttls_address"), id="login.no-clear-text")
    seen = found(asked, profile_of(full, own), catalogue, mine)
    assert [(f.requirement, f.check, f.subject, f.code) for f in seen] == [
        ("A", "login.no-clear-text", Subject("domain", "flawless.example"), "SERVICES_UNSEEN")
    ]


def test_shipped_requirements_hold_services_as_the_contract_has_them(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier]
) -> None:
    """With 01-M alone, what own checks see of STARTTLS services and of port 25 belongs to requirements that are not
    there; a login without TLS is a matter of 01-M at every port."""
    only = replace(full, requirements=tuple(r for r in full.requirements if r.id == "TR-03108-01-M"))
    norm = norm_of(only, catalogue, dossiers["flawless"])
    assert [norm.in_profile(None, "client-services.offered", each) for each in (IMAPS, IMAP)] == [True, False]
    assert [norm.in_profile(None, CHECK, each) for each in (IMAPS, IMAP, MAIL)] == [True, False, False]
    assert all(norm.in_profile(None, "login.no-clear-text", each) for each in (IMAPS, IMAP, MAIL))


@pytest.mark.parametrize("cases", [(), ("TR-03108-D-01",)])
def test_an_own_requirement_may_be_for_a_person(
    full: Profile, catalogue: Catalogue, dossiers: Mapping[str, Dossier], cases: tuple[str, ...]
) -> None:
    """Without cases and checks, or for what these leave open."""
    profile = profile_of(full, requirement("OWN-1", Level.MUST, cases, manual=True))
    checks = (saying(met(), "TR-03108-D-01"),)
    seen = {f.check: f for f in found(dossiers["flawless"], profile, catalogue, *checks)}
    manual = seen.pop("requirement.OWN-1")
    assert (manual.case, manual.requirement, manual.level) == (None, "OWN-1", Level.MUST)
    assert (manual.verdict, manual.code, manual.gated) == (Verdict.MANUAL, "MANUAL_REQUIREMENT", False)
    assert (manual.subject, manual.sources) == (Subject("domain", "flawless.example"), ("Rule 1",))
    assert [f.case for f in seen.values()] == list(cases)
    (result,) = requirement_results([*seen.values(), manual], profile, catalogue)
    assert result.verdict is Verdict.MANUAL


def test_inbound_dane_shows_certificates_as_information(catalogue: Catalogue, dossiers: Mapping[str, Dossier]) -> None:
    profile = load_profile("inbound-dane", catalogue)
    checks = (saying(unmet("CERTIFICATE_SELF_SIGNED"), "TR-03108-E-05", "mail_address"),)
    seen = [f for f in found(dossiers["flawless"], profile, catalogue, *checks) if f.case == "TR-03108-E-05"]
    assert {(f.level, f.verdict, f.gated) for f in seen} == {(Level.INFO, Verdict.INFO, False)}
