"""What an audit by command says of the services of mail clients at Dovecot, Postfix and nginx, good and bad."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tr03108
from interop.client_world import BARE, FAULTY, FLAWLESS, WORN, ClientWorld

SECOND_LOOK = "1"  # seconds; 30 by default
FAMILIES = ("submission", "imap", "pop3")
SRV = ("srv.submissions", "srv.imaps", "srv.pop3s")
FINE, ABSENT = {"pass OK"}, {"not-applicable SERVICE_NOT_FOUND"}
NOT_OFFERED = {"not-applicable NOT_OFFERED"}
NO_DOCUMENTS = {
    "autodiscover.offered": {"fail AUTODISCOVER_MISSING"},
    "autoconfig.offered": {"fail AUTOCONFIG_MISSING"},
    **{f"{way}.{family}": NOT_OFFERED for way in ("autodiscover", "autoconfig") for family in FAMILIES},
}
EXPECTED = {
    FLAWLESS: {
        **dict.fromkeys(SRV, FINE),
        **{f"{way}.{what}": FINE for way in ("autodiscover", "autoconfig") for what in ("offered", *FAMILIES)},
        "client-services.offered": FINE,
        "client-services.implicit-first": FINE,
        "starttls.offered": FINE,
        "starttls.no-injection": FINE,
        "login.no-clear-text": FINE,
        "certificate.pkix": FINE,
        "tls.versions": FINE,
        "tls.signatures": FINE,
        "webmail.https-only": FINE,
        "webmail.hsts": FINE,
    },
    FAULTY: {
        **{check: {"fail SRV_MISSING"} for check in SRV},
        **{f"{way}.offered": FINE for way in ("autodiscover", "autoconfig")},
        **{f"{way}.submission": {"fail SETTING_STARTTLS"} for way in ("autodiscover", "autoconfig")},
        **{f"{way}.imap": {"fail SETTING_PLAINTEXT"} for way in ("autodiscover", "autoconfig")},
        **{f"{way}.pop3": {"fail SETTING_MISSING"} for way in ("autodiscover", "autoconfig")},
        "starttls.offered": FINE,
        "starttls.no-injection": FINE,
        "login.no-clear-text": {"fail LOGIN_IN_CLEAR"},
        "certificate.pkix": FINE,
        "webmail.https-only": {"fail WEBMAIL_PLAINTEXT"},
        "webmail.hsts": {"info HSTS_MISSING"},
    },
    WORN: {
        **NO_DOCUMENTS,
        "srv.submissions": {"fail SRV_MISSING"},
        "srv.imaps": {"fail TARGET_CERTIFICATE"},
        "srv.pop3s": {"fail TARGET_CERTIFICATE"},
        "starttls.offered": FINE | ABSENT,
        "login.no-clear-text": FINE,
        "certificate.pkix": {"fail CERTIFICATE_NAME_MISMATCH"} | ABSENT,
    },
    BARE: {
        **NO_DOCUMENTS,
        "srv.submissions": {"fail SRV_MISSING"},
        "srv.imaps": {"fail SRV_MISSING"},
        "srv.pop3s": ABSENT,
        "starttls.offered": {"fail STARTTLS_MISSING"} | ABSENT,
        "starttls.no-injection": {"not-applicable NO_TLS"},
        "login.no-clear-text": {"fail LOGIN_IN_CLEAR"},
        "certificate.pkix": {"not-applicable NO_TLS"} | ABSENT,
    },
}


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command in a folder, with the package that this test would import."""
    environment = os.environ | {"PYTHONPATH": str(Path(tr03108.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-m", "tr03108", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def options(world: ClientWorld, domain: str) -> list[str]:
    found = ["--resolver", world.resolver, "--trust-anchor", str(world.trust_anchor), "--ca-file", str(world.ca_file)]
    found += ["--second-look", SECOND_LOOK, "--quiet"]
    found += [word for redirection in world.connect for word in ("--connect", redirection)]
    return found + (["--service", f"webmail={world.webmail[domain]}"] if domain in world.webmail else [])


def audited(world: ClientWorld, domain: str, folder: Path, *more: str) -> dict[str, Any]:
    """The one target of an audit that has something to complain of: the domains have no mail host and no TLSRPT."""
    done = command("audit", domain, *options(world, domain), "--json", "-", *more, folder=folder)
    assert done.returncode == 1, f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    (target,) = json.loads(done.stdout)["targets"]
    found: dict[str, Any] = target
    return found


def said(target: dict[str, Any]) -> dict[str, set[str]]:
    """Verdict and code of each check over all services of mail clients: {"starttls.offered": {"pass OK"}}."""
    words: dict[str, set[str]] = {}
    for finding in target["findings"]:
        if finding["code"] != "NO_MAIL_HOST":
            words.setdefault(finding["check"], set()).add(f"{finding['verdict']} {finding['code']}")
    return words


@pytest.mark.parametrize("domain", EXPECTED)
def test_verdicts(client_world: ClientWorld, tmp_path: Path, domain: str) -> None:
    words = said(audited(client_world, domain, tmp_path))
    assert {check: words.get(check) for check in EXPECTED[domain]} == EXPECTED[domain]


def test_old_versions_fail_wherever_tls_is_not_optional(client_world: ClientWorld, tmp_path: Path) -> None:
    target = audited(client_world, WORN, tmp_path)
    judged = [finding for finding in target["findings"] if finding["check"] == "tls.versions"]
    found = {each["subject"]["port"]: each["code"] for each in judged if each["subject"]["address"] is not None}
    assert set(found) == {587, 993, 995}
    assert found[993] == found[995] == "TLS_VERSION_FORBIDDEN"


def test_judging_the_dossier_again_gives_the_same_findings(client_world: ClientWorld, tmp_path: Path) -> None:
    dossier, again = tmp_path / "dossier.json", tmp_path / "again.json"
    first = audited(client_world, FAULTY, tmp_path, "--dossier", str(dossier))
    assert command("judge", str(dossier), "--quiet", "--json", str(again), folder=tmp_path).returncode == 1
    (second,) = json.loads(again.read_text())["targets"]
    assert (first["findings"], first["verdict"]) == (second["findings"], second["verdict"])
