"""The lab's domains without mail under the profile for them: verdict, exit status, and what was asked."""

from __future__ import annotations

from functools import cache

import pytest

from tr03108.catalogue import load_catalogue
from tr03108.judge import exit_status, judge_target, load_checks
from tr03108.lab.scenarios import load_scenarios
from tr03108.model import Dossier, TargetAudit
from tr03108.profile import Profile, load_profile

from .conftest import Seen

UNUSED = [scenario.id for scenario in load_scenarios() if scenario.profile == "unused-domain"]
COMPLIANT = {"unused-flawless", "unused-indirect", "unused-reports-in-part"}
OPEN = {"unused-mx-unseen", "unused-unseen", "unused-reports-unseen"}
NAME = "unused-domain"


@cache
def profile() -> Profile:
    return load_profile(NAME, load_catalogue())


def audited(dossier: Dossier) -> tuple[TargetAudit, int]:
    audit = judge_target(dossier, "", profile(), load_catalogue(), load_checks(), dossier.started, "must", ())
    return audit, exit_status([audit], "must", unused_domain=profile().unused_domain)


@pytest.mark.parametrize("scenario", UNUSED)
def test_verdict_and_exit_status(scenario: str, seen: Seen) -> None:
    audit, status = audited(seen.dossiers[scenario])
    told = [(finding.check, finding.code) for finding in audit.findings]
    expected = ("compliant", 0) if scenario in COMPLIANT else ("not-compliant", 1)
    assert (audit.verdict, status) == (("not-demonstrated", 3) if scenario in OPEN else expected), told


def test_the_flawless_one_passes_everything(seen: Seen) -> None:
    audit, _ = audited(seen.dossiers["unused-flawless"])
    assert [(finding.case, finding.verdict, finding.code) for finding in audit.findings] == [
        (f"TR-03182-L-0{number}", "pass", "OK") for number in range(1, 6)
    ]
    assert [(row.id, row.verdict, row.partial) for row in audit.requirements] == [("TR-03182-11-M", "pass", False)]
    assert audit.mail_hosts_examined == 0


def test_a_domain_with_mail_hosts_fails(seen: Seen) -> None:
    audit, status = audited(seen.dossiers["flawless"])
    assert (audit.verdict, status) == ("not-compliant", 1)
    assert [(finding.check, finding.code) for finding in audit.findings] == [
        ("unused-domain.null-mx", "NULL_MX_OTHER"),
        ("unused-domain.spf-nobody", "NOT_PROBED"),
        ("unused-domain.spf-fail", "NOT_PROBED"),
        ("unused-domain.dmarc-reject", "NOT_PROBED"),
        ("unused-domain.dmarc-reports", "NOT_PROBED"),
    ]


def test_a_domain_that_does_not_exist_is_open(seen: Seen) -> None:
    audit, status = audited(seen.dossiers["domain-not-found"])
    assert {finding.code for finding in audit.findings} == {"DOMAIN_NOT_FOUND"}
    assert (audit.verdict, status) == ("not-demonstrated", 3)


@pytest.mark.parametrize("scenario", UNUSED)
def test_only_dns_is_asked(scenario: str, seen: Seen) -> None:
    assert {key.partition("/")[0] for key in seen.dossiers[scenario].observations} == {"dns"}


def test_no_other_profile_asks_for_spf_or_dmarc(seen: Seen) -> None:
    names = [key.split("/")[1:] for key in seen.dossiers["flawless"].observations if key.startswith("dns/")]
    assert ["flawless.example", "TXT"] not in names
    assert not any(name.startswith("_dmarc.") for name, _ in names)
