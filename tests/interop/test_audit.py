"""What the product says of real servers: verdicts and codes by the command and by pytest, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import tr03108
from interop.world import EXPIRED, FLAWLESS, HOSTED, MISMATCH, PLAIN, UNSIGNED, World

SECOND_LOOK = "1"  # seconds; 30 by default, see docs/decisions
D01_DOMAIN, D01_HOST = "inbound-dane.mx-secure", "inbound-dane.host-secure"
D02, E12, E05 = "inbound-dane.tlsa-matches", "starttls.offered", "certificate.pkix"
PLAINTEXT, NEGOTIATED = "starttls.plaintext-refused", "tls.negotiated"
JUDGED = (D01_DOMAIN, D01_HOST, D02, E12, E05, PLAINTEXT, NEGOTIATED)


def options(world: World, prefix: str = "--") -> list[str]:
    """What every front door has to be told of this world."""
    words = ["resolver", world.resolver, "trust-anchor", str(world.trust_anchor), "ca-file", str(world.ca_file)]
    words += ["profile", "inbound-dane", "second-look", SECOND_LOOK]
    words += [word for redirection in world.connect for word in ("connect", redirection)]
    return [f"{prefix}{word}" if index % 2 == 0 else word for index, word in enumerate(words)]


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m` in a folder; the package under test is the one that this test would import."""
    command = [sys.executable, "-m", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(tr03108.__file__).parents[1])}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def audit(world: World, domain: str, folder: Path, exit_status: int) -> dict[str, Any]:
    """The one target of an audit that must end with this exit status."""
    done = run(["tr03108", "audit", domain, *options(world), "--quiet", "--json", "-"], folder)
    assert done.returncode == exit_status, f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    (target,) = json.loads(done.stdout)["targets"]
    assert target["domain"] == domain
    found: dict[str, Any] = target
    return found


def said(target: dict[str, Any]) -> dict[str, set[str]]:
    """Verdict and code of each judged check, over all its subjects: {"starttls.offered": {"pass OK"}}."""
    words: dict[str, set[str]] = {}
    for finding in target["findings"]:
        if finding["check"] in JUDGED:
            words.setdefault(finding["check"], set()).add(f"{finding['verdict']} {finding['code']}")
    return words


FINE = {"pass OK"}
ALL_FINE = dict.fromkeys(JUDGED, FINE)


@pytest.mark.parametrize("domain", [FLAWLESS, HOSTED])
def test_flawless_domains_pass_at_every_address(world: World, tmp_path: Path, domain: str) -> None:
    target = audit(world, domain, tmp_path, exit_status=0)
    assert target["verdict"] == "compliant"
    assert said(target) == ALL_FINE
    addresses = {finding["subject"]["address"] for finding in target["findings"] if finding["check"] == D02}
    assert addresses == {"192.0.2.1", "2001:db8::1"}


def test_tlsa_mismatch_fails_and_nothing_else_does(world: World, tmp_path: Path) -> None:
    target = audit(world, MISMATCH, tmp_path, exit_status=1)
    assert target["verdict"] == "not-compliant"
    assert said(target) == ALL_FINE | {D02: {"fail TLSA_MISMATCH"}, PLAINTEXT: {"warn PLAINTEXT_ACCEPTED"}}


def test_expired_signatures_are_named_although_the_resolver_says_servfail(world: World, tmp_path: Path) -> None:
    target = audit(world, EXPIRED, tmp_path, exit_status=1)
    assert target["verdict"] == "not-compliant"
    assert "fail DNSSEC_EXPIRED" in said(target)[D01_DOMAIN]


def test_a_server_without_starttls_fails_and_its_tlsa_record_does_not_help(world: World, tmp_path: Path) -> None:
    target = audit(world, PLAIN, tmp_path, exit_status=1)
    assert target["verdict"] == "not-compliant"
    words = said(target)
    assert words[D01_DOMAIN] == words[D01_HOST] == FINE
    assert words[E12] == {"fail STARTTLS_MISSING"}
    assert words[D02] == {"fail NO_TLS"}


def test_an_unsigned_domain_is_insecure_with_proof(world: World, tmp_path: Path) -> None:
    target = audit(world, UNSIGNED, tmp_path, exit_status=1)
    assert target["verdict"] == "not-compliant"
    words = said(target)
    assert words[D01_DOMAIN] == {"fail DNSSEC_INSECURE"}
    assert words[D02] == {"fail TLSA_INSECURE"}
    assert words[E12] == FINE
    assert words[NEGOTIATED] == {"warn GROUP_NOT_LISTED"}  # Postfix left to itself prefers X25519


@pytest.mark.parametrize(("domain", "exit_status"), [(FLAWLESS, 0), (MISMATCH, 1)])
def test_pytest_says_the_same(world: World, tmp_path: Path, domain: str, exit_status: int) -> None:
    junit = tmp_path / "junit.xml"
    # Named, for checkouts that are not installed; an installation has loaded it by its entry point already.
    plugin = ["pytest", "-p", "tr03108.plugin", "-p", "no:cacheprovider", f"--junitxml={junit}"]
    done = run([*plugin, "--tr-target", domain, *options(world, "--tr-")], tmp_path)
    assert done.returncode == exit_status, f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    cases = ElementTree.parse(junit).iter("testcase")
    failed = {case.get("name", "") for case in cases if case.find("failure") is not None}
    expected = "TR-03108-D-02[mx1.mismatch.example/192.0.2.2:25]"
    assert failed == (set() if exit_status == 0 else {expected})


def test_judging_the_dossier_again_gives_the_same_findings(world: World, tmp_path: Path) -> None:
    first, second, dossier = (tmp_path / name for name in ("first.json", "second.json", "dossier.json"))
    files = ["--json", str(first), "--dossier", str(dossier)]
    audited = run(["tr03108", "audit", MISMATCH, *options(world), "--quiet", *files], tmp_path)
    assert audited.returncode == 1, audited.stderr
    again = ["tr03108", "judge", str(dossier), "--profile", "inbound-dane", "--quiet", "--json", str(second)]
    assert run(again, tmp_path).returncode == 1
    (one,), (other,) = (json.loads(path.read_text())["targets"] for path in (first, second))
    assert one["findings"] == other["findings"]
    assert one["verdict"] == other["verdict"]


@pytest.mark.parametrize("domain", [FLAWLESS, HOSTED])
def test_every_authoritative_server_is_asked_and_agrees(world: World, tmp_path: Path, domain: str) -> None:
    """NSD answers on loopback, so `--allow-private`: the domain's zone and, for a hosted domain, that of its host."""
    own = ["--profile", "tr-03108-2.0", "--allow-private", "--quiet", "--json", "-"]
    done = run(["tr03108", "audit", domain, *options(world), *own], tmp_path)
    (target,) = json.loads(done.stdout)["targets"]
    found = {f["check"]: f for f in target["findings"] if f["check"].startswith(("inbound-dane.all", "dnssec."))}
    verdicts = {check: f"{finding['verdict']} {finding['code']}" for check, finding in found.items()}
    assert verdicts == {
        "inbound-dane.all-servers": "pass OK",
        "dnssec.algorithms": "pass OK",
        "dnssec.nsec3-parameters": "pass OK",
    }, json.dumps(found, indent=1)[:4000]
