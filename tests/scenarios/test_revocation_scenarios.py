"""What the lab's responders say of certificates, host by host; asked for once, judged when it was seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from tr03108.model import Fetch, Finding

from .conftest import Seen
from .test_edited_dossiers import findings_of

UNSEEN = {
    "mx1": "TIMEOUT",
    "mx2": "OCSP_UNREADABLE",
    "mx3": "OCSP_SIGNATURE",
    "mx4": "OCSP_OUT_OF_DATE",
    "mx5": "OCSP_UNKNOWN",
    "mx6": "OCSP_STATUS",
    "mx7": "HTTP_STATUS",
    "mx8": "ANSWER_TOO_LARGE",
    "mx9": "URL_NOT_ASKED",
    "mx10": "CRL_OUT_OF_DATE",
    "mx11": "CRL_SIGNATURE",
}


def by_host(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.subject.name.partition(".")[0]: finding for finding in findings}


def test_why_nothing_was_seen(seen: Seen) -> None:
    found = by_host(findings_of(seen.dossiers["revocation-unseen"], "certificate.revocation-checked"))
    assert {host: finding.evidence.get("because") for host, finding in found.items()} == UNSEEN
    assert {(finding.code, finding.outcome) for finding in found.values()} == {("REVOCATION_UNSEEN", "UNSEEN")}
    pkix = findings_of(seen.dossiers["revocation-unseen"], "certificate.pkix")
    assert {finding.code for finding in pkix} == {"OK"}  # what was not seen is no word against the certificate


def test_ways_to_a_good_answer(seen: Seen) -> None:
    found = by_host(findings_of(seen.dossiers["revocation-seen"], "certificate.revocation-checked"))
    ways = {host: finding.evidence["revocations"][0]["how"] for host, finding in found.items()}
    assert ways == {"mx1": "ocsp", "mx2": "crl", "mx3": "crl"}


def test_a_revocation_is_told_with_date_and_reason(seen: Seen) -> None:
    found = by_host(findings_of(seen.dossiers["certificate-revoked"], "certificate.pkix"))
    assert (found["mx1"].evidence["cause"], found["mx2"].evidence["cause"]) == ("keyCompromise", "superseded")
    assert found["mx1"].evidence["since"] == f"{seen.dossiers['flawless'].started - timedelta(days=2):%Y-%m-%d}"


def test_answers_are_judged_when_they_were_seen(seen: Seen) -> None:
    """Neither a date of judgement far ahead nor one long ago changes what the responder said."""
    dossier = seen.dossiers["revocation-seen"]
    for days in (-30, 60):
        found = findings_of(dossier, "certificate.revocation-checked", dossier.started + timedelta(days=days))
        assert {finding.code for finding in found} == {"OK"}, days


def test_an_answer_seen_too_late_is_out_of_date(seen: Seen) -> None:
    dossier = seen.dossiers["tls12"]
    later = {
        key: replace(one, time=one.time + timedelta(days=30)) if key.startswith("fetch/") else one
        for key, one in dossier.observations.items()
    }
    found = findings_of(replace(dossier, observations=later), "certificate.revocation-checked")
    assert {finding.evidence["because"] for finding in found} == {"OCSP_OUT_OF_DATE"}


def test_each_certificate_is_asked_about_once(seen: Seen) -> None:
    """Two addresses show the same chain: one question for the server's CRL, one about the issuing CA."""
    keys = [key for key in seen.dossiers["flawless"].observations if key.startswith("fetch/")]
    fetched = [seen.dossiers["flawless"].observations[key].value for key in keys]
    assert Counter(one.method for one in fetched if isinstance(one, Fetch)) == {"POST": 1, "GET": 1}
    assert not any(key.startswith("fetch/") for key in seen.dossiers["revocation-not-asked"].observations)


@pytest.mark.parametrize("scenario", ["self-signed", "no-starttls"])
def test_where_there_is_nobody_to_ask(seen: Seen, scenario: str) -> None:
    assert not any(key.startswith("fetch/") for key in seen.dossiers[scenario].observations)
