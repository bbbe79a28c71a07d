"""Running: outcomes, the usual options of pytest, xdist, and the same verdicts as the command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tr03108.cli import main
from tr03108.lab.scenarios import load_scenarios

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
Dossiers = dict[str, Path]
EVERY_OUTCOME = """
from tr03108 import absent, asked, check, marginal, met, not_offered, unmet, unseen

def make(answer):
    def function(domain, rules):
        if answer is None:
            raise ZeroDivisionError
        return answer("OWN_CODE")
    return function

met_one = check(id="own.met", each="domain")(make(met))
marginal_one = check(id="own.marginal", each="domain")(make(marginal))
unmet_one = check(id="own.unmet", each="domain")(make(unmet))
not_offered_one = check(id="own.not-offered", each="domain")(make(not_offered))
absent_one = check(id="own.absent", each="domain")(make(absent))
unseen_one = check(id="own.unseen", each="domain")(make(unseen))
asked_one = check(id="own.asked", each="domain")(make(asked))
broken_one = check(id="own.broken", each="domain")(make(None))

@check(id="own.decorated", each="domain")
def decorated(domain, rules):
    return met()
"""


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """The outcome of each own check in a verbose run."""
    found: dict[str, str] = {}
    for line in result.outlines:
        if "::own." in line and ("PASSED" in line or "FAILED" in line or "SKIPPED" in line or "X" in line):
            name, _, outcome = line.partition("::own.")[2].partition("[flawless.example] ")
            if outcome:
                found.setdefault(name, outcome.split()[0])
    for line in result.outlines:
        if line.startswith("ERROR ") and "::own." in line:
            found[line.partition("::own.")[2].partition("[")[0]] = "ERROR"
    return found


@pytest.mark.parametrize(
    ("gate", "unmet", "unseen"),
    [("must", "FAILED", "ERROR"), ("should", "FAILED", "ERROR"), ("none", "XFAIL", "SKIPPED")],
)
def test_every_outcome(
    pytester: pytest.Pytester, run: Run, dossiers: Dossiers, gate: str, unmet: str, unseen: str
) -> None:
    pytester.makepyfile(own_rules=EVERY_OUTCOME)
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    result = run("own_rules.py", "--tr-dossier", dossiers["flawless.example"], "--tr-gate", gate, "-v", "-k", "own.")
    assert outcomes(result) == {
        "met": "PASSED",
        "decorated": "PASSED",
        "marginal": "PASSED",
        "unmet": unmet,
        "not-offered": unmet,
        "absent": "SKIPPED",
        "unseen": unseen,
        "asked": "SKIPPED",
        "broken": "ERROR",
    }
    assert "ComplianceWarning: own.marginal flawless.example: warn" in result.stdout.str()
    assert "ZeroDivisionError" in result.stdout.str()


def test_runxfail_shows_what_the_gate_lets_pass(pytester: pytest.Pytester, run: Run, dossiers: Dossiers) -> None:
    pytester.makepyfile(own_rules=EVERY_OUTCOME)
    result = run(
        "own_rules.py",
        "--tr-dossier",
        dossiers["flawless.example"],
        "--tr-gate",
        "none",
        "-v",
        "--runxfail",
        "-k",
        "own.unmet",
    )
    assert outcomes(result) == {"unmet": "FAILED"}


def test_a_flawless_domain_passes(run: Run, dossiers: Dossiers) -> None:
    result = run("--tr-dossier", dossiers["flawless.example"], "--tr-profile", "inbound-dane")
    assert result.ret == 0
    assert "compliant" in result.stdout.str()


def test_what_fails_says_how_to_mend_it(run: Run, dossiers: Dossiers) -> None:
    result = run("--tr-dossier", dossiers["tlsa-mismatch.example"], "--tr-profile", "inbound-dane")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["FAILED checks/d_dane_inbound.py::TR-03108-D-02*mx1.tlsa-mismatch.example/192.0.2.*:25*"]
    )
    text = result.stdout.str()
    assert "TLSA_MISMATCH" in text
    assert "sha256sum" in text
    assert "Traceback" not in text
    german = run("--tr-dossier", dossiers["tlsa-mismatch.example"], "--tr-profile", "inbound-dane", "--tr-lang", "de")
    assert "DANE" in german.stdout.str()
    assert german.stdout.str() != text


def test_last_failed(run: Run, dossiers: Dossiers) -> None:
    arguments = ["--tr-dossier", dossiers["tlsa-mismatch.example"], "--tr-profile", "inbound-dane"]
    first = run(*arguments).parseoutcomes()
    assert run(*arguments, "--lf").parseoutcomes()["failed"] == first["failed"]
    assert "passed" not in run(*arguments, "--lf").parseoutcomes()


def test_xdist_gives_the_same(run: Run, dossiers: Dossiers) -> None:
    pytest.importorskip("xdist")
    arguments = [part for file in dossiers.values() for part in ("--tr-dossier", file)]
    assert run(*arguments, "-n", "2").parseoutcomes() == run(*arguments).parseoutcomes()


def test_junit_and_html(pytester: pytest.Pytester, run: Run, dossiers: Dossiers) -> None:
    run(
        *("--tr-dossier", dossiers["tlsa-mismatch.example"], "--tr-profile", "inbound-dane"),
        *("--junitxml", "junit.xml", "--html", "report.html", "--self-contained-html"),
    )
    cases = list(ElementTree.parse(pytester.path / "junit.xml").iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None]
    assert {case.get("classname") for case in failed} == {"checks.d_dane_inbound"}
    codes = {item.get("value") for case in failed for item in case.iter("property") if item.get("name") == "code"}
    assert codes == {"TLSA_MISMATCH"}
    assert "TLSA_MISMATCH" in (pytester.path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_probing_on_the_lab(pytester: pytest.Pytester, run: Run, lab_arguments: list[str], workers: list[str]) -> None:
    pytester.makepyfile(test_own="def test_own(): assert False")
    result = run("--tr-target", "flawless.example", "--tr-output", "out", *lab_arguments, *workers)
    assert result.ret == 0
    assert result.stderr.str().count("flawless.example: done") == 1
    written = {path.relative_to(pytester.path / "out").as_posix() for path in (pytester.path / "out").rglob("*.*")}
    assert {"audit.html", "audit.json", "junit.xml", "flawless.example/dossier.json"} <= written


def test_the_same_verdicts_as_the_command(
    pytester: pytest.Pytester, run: Run, dossiers: Dossiers, capsys: pytest.CaptureFixture[str]
) -> None:
    file = dossiers["no-starttls.example"]
    run("--tr-dossier", file, "--tr-output", "by-pytest", "--junitxml", "pytest.xml")
    main(["judge", str(file), "--output", "by-command", "--quiet"])
    by_pytest, by_command = (
        json.loads((pytester.path / name / "audit.json").read_text(encoding="utf-8"))
        for name in ("by-pytest", "by-command")
    )
    assert by_pytest["targets"] == by_command["targets"]

    def counts(path: Path) -> Counter[str]:
        cases = ElementTree.parse(path).iter("testcase")
        kinds = ("failure", "error", "skipped")
        return Counter(next((kind for kind in kinds if case.find(kind) is not None), "passed") for case in cases)

    assert counts(pytester.path / "pytest.xml") == counts(pytester.path / "by-command" / "junit.xml")


def test_an_interrupted_probe_keeps_what_it_saw(pytester: pytest.Pytester, lab_arguments: list[str]) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "tr03108.plugin", "--tr-target", "no-starttls.example"]
    command += [*lab_arguments, "--tr-second-look", "60", "--tr-output", "out"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("looking again" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    audit = json.loads((pytester.path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert audit["complete"] is False


def test_the_lab_has_the_domains_used_here() -> None:
    assert {"flawless.example", "no-starttls.example"} <= {scenario.domain for scenario in load_scenarios()}
