"""The whole audit of a provider at real servers: nothing gated without a flaw, and one flaw is found as that one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tr03108
from interop.programs import server_folder
from interop.provider_world import DOMAIN, MAIL, MX, REPORTS, Faults, Provider, running_provider

CASES = {  # every case that can be tested from outside, but E-06, for which there is no list of certified issuers
    *(f"D-0{number}" for number in (1, 2)),
    *("E-01-T", "E-02-T", "E-03-T", "E-04-T", "E-05", "E-07", "E-08", "E-09-T", "E-10", "E-11", "E-12"),
    *(f"E-{number}" for number in range(13, 24)),
    *(f"{module}-0{number}" for module in "GI" for number in (1, 2, 3)),
}
CANNOT = {("tls.tls13", "TLS13_MINIMUM_MISSING")}  # OpenSSL before 3.2 has no Brainpool curve for TLS 1.3
IN_CLEAR = ("imap", "pop3", "sieve")
BROKEN = {
    "tlsa": (
        Faults(other_key=MX[1]),
        {("inbound-dane.tlsa-matches", "TLSA_MISMATCH", MX[1], 25)},
    ),
    "revoked": (
        Faults(revoked=MX[0]),
        {("certificate.pkix", "CERTIFICATE_REVOKED", MX[0], 25)},
    ),
    "clear-login": (
        Faults(clear_login=True),
        {("login.no-clear-text", "LOGIN_IN_CLEAR", MAIL, port) for port in (143, 110, 4190)},
    ),
    "reports-by-https": (
        Faults(report_uri=f"mailto:tlsrpt@{REPORTS},https://{REPORTS}/v1"),
        {("tlsrpt.no-https", "TLSRPT_HTTPS", DOMAIN, None)},
    ),
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with server_folder() as folder, running_provider(folder) as running:
        yield running


def audit(provider: Provider, folder: Path, exit_status: int, *more: str) -> dict[str, Any]:
    """The one target of an audit that must end with this exit status. The name servers are at loopback addresses."""
    command = [sys.executable, "-m", "tr03108", "audit", DOMAIN, "--profile", "tr-03108-2.0", "--allow-private"]
    command += ["--resolver", provider.resolver, "--trust-anchor", str(provider.trust_anchor)]
    command += ["--ca-file", str(provider.ca_file), "--service", f"webmail={provider.webmail}"]
    command += [word for redirection in provider.connect for word in ("--connect", redirection)]
    command += ["--second-look", "1", "--quiet", "--json", "-", *more]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(tr03108.__file__).parents[1])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == exit_status, f"{done.returncode}\n{gated(done.stdout)}\n{done.stderr[-3000:]}"
    (target,) = json.loads(done.stdout)["targets"]
    found: dict[str, Any] = target
    return found


def gated(text: str) -> str:
    """What to read where an audit ended with another status."""
    findings = json.loads(text)["targets"][0]["findings"] if text else []
    return "\n".join(f"{each['check']} {each['code']} {each['message']}" for each in findings if each["gated"])


def with_verdict(target: dict[str, Any], *verdicts: str) -> set[tuple[str, str]]:
    return {(each["check"], each["code"]) for each in target["findings"] if each["verdict"] in verdicts}


def passed(target: dict[str, Any]) -> set[str]:
    return {case["id"].removeprefix("TR-03108-") for case in target["cases"] if case["verdict"] == "pass"}


def failed(target: dict[str, Any]) -> set[tuple[str, str, str, int | None]]:
    return {
        (each["check"], each["code"], each["subject"]["name"], each["subject"]["port"])
        for each in target["findings"]
        if each["verdict"] == "fail"
    }


@pytest.mark.parametrize("mode", ["full", "verdict"])
def test_no_deviation_is_found(provider: Provider, tmp_path: Path, mode: str) -> None:
    target = audit(provider, tmp_path, 0, "--mode", mode)
    assert target["verdict"] == "no-deviation"
    assert failed(target) == set()
    assert passed(target) == CASES
    assert {case["verdict"] for case in target["cases"]} == {"pass", "manual"}
    assert {requirement["verdict"] for requirement in target["requirements"]} <= {
        "pass",
        "manual",
        "warn",
        "inconclusive",
    }


def test_a_complete_audit_leaves_nothing_open(provider: Provider, tmp_path: Path) -> None:
    target = audit(provider, tmp_path, 0, "--mode", "full")
    assert with_verdict(target, "inconclusive") == set()
    assert with_verdict(target, "warn") <= CANNOT


def test_every_service_is_examined(provider: Provider, tmp_path: Path) -> None:
    target = audit(provider, tmp_path, 0, "--mode", "verdict")
    examined = {
        (each["subject"]["name"], each["subject"]["port"])
        for each in target["findings"]
        if each["check"] == "certificate.pkix" and each["verdict"] == "pass"
    }
    assert examined == {
        *((host, 25) for host in MX),
        *((MAIL, port) for port in (143, 993, 110, 995, 4190)),
        *((f"smtp.{DOMAIN}", port) for port in (587, 465)),
        (f"webmail.{DOMAIN}", 443),
    }


@pytest.mark.parametrize("what", BROKEN)
def test_one_flaw_is_all_that_fails(tmp_path: Path, what: str) -> None:
    faults, expected = BROKEN[what]
    with server_folder() as folder, running_provider(folder, faults) as provider:
        target = audit(provider, tmp_path, 1)
    assert target["verdict"] == "not-compliant"
    assert failed(target) == expected


def about(target: dict[str, Any], check: str) -> tuple[str, str]:
    """Outcome and code of the one finding of a check about the domain."""
    (found,) = (each for each in target["findings"] if each["check"] == check)
    return found["outcome"], found["code"]


def test_the_report_mailbox_is_asked_for_where_the_user_says_so(provider: Provider, tmp_path: Path) -> None:
    target = audit(provider, tmp_path, 0, "--probe-report-mailbox", "--mode", "verdict")
    assert target["verdict"] == "no-deviation"
    assert passed(target) == CASES
    assert about(target, "tlsrpt.mailto") == ("MET", "OK")
    assert about(target, "tlsrpt.mailbox-without-tls") == ("MET", "OK")


def test_a_report_mailbox_that_is_not_there_and_wants_tls(tmp_path: Path) -> None:
    faults = Faults(report_mailbox="another", report_tls="encrypt")
    with server_folder() as folder, running_provider(folder, faults) as provider:
        unasked = audit(provider, tmp_path, 0, "--mode", "verdict")
        asked = audit(provider, tmp_path, 1, "--probe-report-mailbox", "--mode", "verdict")
    assert about(unasked, "tlsrpt.mailto") == ("MET", "OK")
    assert about(unasked, "tlsrpt.mailbox-without-tls") == ("ASKED", "REPORT_MAILBOX_NOT_ASKED")
    assert asked["verdict"] == "not-compliant"
    assert failed(asked) == {("tlsrpt.mailto", "REPORT_MAILBOX_CLOSED", DOMAIN, None)}
    assert about(asked, "tlsrpt.mailbox-without-tls") == ("UNMET", "REPORT_MAILBOX_WANTS_TLS")


def test_a_policy_that_is_not_enforced_is_against_a_recommendation_only(tmp_path: Path) -> None:
    with server_folder() as folder, running_provider(folder, Faults(sts_mode="testing")) as provider:
        target = audit(provider, tmp_path, 0)
        assert target["verdict"] == "no-deviation"
        assert failed(target) == {("mta-sts.enforced", "MODE_TESTING", DOMAIN, None)}
        assert passed(target) == CASES - {"I-03"}
        audit(provider, tmp_path, 1, "--gate", "should")
