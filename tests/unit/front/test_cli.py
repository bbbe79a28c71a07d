"""The command line: usage errors, the commands on the embedded lab, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tr03108
from tr03108 import audit as engine
from tr03108 import cli
from tr03108.catalogue import load_catalogue
from tr03108.cli import main
from tr03108.cli.explain import Explainer
from tr03108.front.options import AUDIT, DEMO, JUDGE, LAB, LISTS, PROBE, options_of
from tr03108.profile import profile_names
from tr03108.report import Texts

SOURCE = str(Path(tr03108.__file__).parents[1])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def everything_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "unknown",
        "audit",
        "audit --surprise example.org",
        "audit --prof x example.org",
        "audit a..b",
        "audit example.org b@example.org",
        "audit example.org --timeout",
        "audit example.org --timeout 0",
        "audit example.org --profile nobody",
        "audit example.org --html - --json -",
        "audit example.org example.net --dossier x",
        "audit example.org --output file",
        "audit example.org --output file/below",
        "audit example.org --html no/folder/x.html",
        "audit example.org --connect x",
        "audit example.org --connect @missing",
        "audit example.org --service imaps",
        "audit example.org --service imasp=mail.example.org",
        "probe example.org --service imaps=192.0.2.1",
        "audit example.org --services file",
        "probe example.org --services missing",
        "audit example.org --services .",
        "audit example.org example.net --service imaps=mail.example.org",
        "probe example.org example.net --services empty",
        "judge file --service imaps=mail.example.org",
        "audit example.org --ipv4-only --ipv6-only",
        "audit example.org --trust-anchor file",
        "audit example.org --ca-file file",
        "audit example.org --waivers file",
        "probe example.org --gate must",
        "probe example.org --output file",
        "judge missing.json",
        "judge file",
        "judge file --resolver 127.0.0.1",
        "demo --output file",
        "lab --folder file",
        "explain NO_SUCH_THING",
        "explain --lang fr D-02",
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(engine, "probe", lambda *_: pytest.fail("probed"))
    (tmp_path / "file").write_text("= mine", encoding="utf-8")
    (tmp_path / "empty").touch()
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"tr03108: [^\n]+\n", err)
    assert everything_in(tmp_path) == {"file", "empty"}


def test_hostile_arguments_stay_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for argument in ("a\nb.example", "\x1b[2J.example", "\ud800.example", "\u202e.example"):
        assert main(["audit", argument]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "\x1b" not in err
        assert "\u202e" not in err


@pytest.mark.parametrize("command", [AUDIT, PROBE, JUDGE, DEMO, LAB, *LISTS])
def test_help_names_every_option(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for option in options_of(command):
        assert f"--{option.name}" in text
    assert "example" in text or "exit status" in text or command in (LAB, "profiles", "checks")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"tr03108 {tr03108.__version__}\n"


def test_a_bug_of_ours_is_70(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(given: object) -> int:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(cli, "COMMANDS", {"profiles": wrong})
    assert main(["profiles"]) == 70
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("tr03108: internal error: ZeroDivisionError: oh")


@pytest.mark.parametrize("command", ["profiles", "checks"])
@pytest.mark.parametrize("lang", ["en", "de"])
def test_lists(capsys: pytest.CaptureFixture[str], command: str, lang: str) -> None:
    assert main([command, "--lang", lang]) == 0
    assert {"profiles": "inbound-dane", "checks": "inbound-dane.tlsa-matches"}[command] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ("TR-03108-05-M", ["TR-03108-D-02", "RFC 7672"]),
        ("05-m", ["TR-03108-D-02"]),
        ("TR-03108-D-02", ["inbound-dane.tlsa-matches", "TLSA_MISMATCH", "TR-03108-05-M", "sha256sum"]),
        ("TR-03108-B-02", ["TR-03108"]),
        ("TLS_B1_GP_05_T", ["b1.other-versions", "REFUSED_WITHOUT_ALERT", "TLS_VERSION_FORBIDDEN", "TR-03116-TS v1.1"]),
        ("TR-03108-E-08", ["tls.suites", "SUITE_FORBIDDEN"]),
        ("inbound-dane.tlsa-matches", ["TR-03108-D-02", "TLSA_MISMATCH"]),
        ("tls.negotiated", ["TR-03108-03-M", "SUITE_FORBIDDEN"]),
        ("TLSA_MISMATCH", ["sha256sum", "inbound-dane.tlsa-matches"]),
        ("E-12", ["EMAIL_TSP_D_12"]),
        ("email_tsp_d_12", ["EMAIL_TSP_D_12", "TR-03108-E-12", "starttls.offered", "STARTTLS_MISSING"]),
        ("EMAIL_TSP_B_02", ["TR-03108-B-02", "TR-03108-C-02"]),
        ("emlreq_1", ["EMLREQ_1", "tr-03108-1.0.2", "TR-03108-E-12", "login.no-clear-text", "<DOMAIN>"]),
        ("TLS-SERVER-M", ["tr-03116-ts", "TLS_B1_GP_01_T"]),
        ("tlsa_mismatch", ["sha256sum"]),
    ],
)
@pytest.mark.parametrize("lang", ["en", "de"])
def test_explain(capsys: pytest.CaptureFixture[str], identity: str, words: list[str], lang: str) -> None:
    assert main(["explain", identity, "--lang", lang]) == 0
    out = capsys.readouterr().out
    for word in words:
        assert word in out


def test_everything_that_has_a_name_can_be_explained() -> None:
    explainer, catalogue, texts = Explainer("de"), load_catalogue(), Texts.load("de")
    for identity in (*catalogue.requirements, *catalogue.cases, *catalogue.checks, *texts.codes()):
        assert len(list(explainer.lines(identity))) > 1


def test_old_ids_say_what_they_became(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "EMAIL_TSP_D_12"]) == 0
    assert capsys.readouterr().out.startswith("EMAIL_TSP_D_12 is called TR-03108-E-12 today.\n\nTR-03108-E-12 (MUST)\n")
    assert main(["explain", "EMAIL_TSP_D_13"]) == 2
    assert 'did you mean "EMAIL_TSP_D_1' in capsys.readouterr().err


@pytest.mark.parametrize(("lang", "mark"), [("en", "(default)"), ("de", "(Voreinstellung)")])
def test_profiles_are_listed_and_the_default_is_marked(
    capsys: pytest.CaptureFixture[str], lang: str, mark: str
) -> None:
    assert main(["profiles", "--lang", lang]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == profile_names()
    assert [line.split()[0] for line in lines if line.endswith(mark)] == ["tr-03108-2.0"]
    assert sum("(" in line and line.endswith(mark) for line in lines) == 1


def test_explain_helps_with_typing_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "TLSA_MISMATSCH"]) == 2
    assert 'did you mean "TLSA_MISMATCH"?' in capsys.readouterr().err


def test_demo_then_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--no-color"]) == 0
    out, err = capsys.readouterr()
    overview = out.splitlines()[-1]
    assert overview == "tr03108-report/demo/audit.html"
    assert (tmp_path / overview).read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    assert "flawless.example: " in err
    written = tmp_path / "tr03108-report" / "demo"
    audit = json.loads((written / "audit.json").read_text(encoding="utf-8"))
    assert len(audit["targets"]) == 5
    dossiers = sorted(str(path) for path in written.glob("*/dossier.json"))
    assert main(["judge", *dossiers, "--profile", "inbound-dane", "--json", "-"]) == 1
    out, err = capsys.readouterr()
    again = json.loads(out)
    by_domain = {target["domain"]: target for target in again["targets"]}
    assert [by_domain[target["domain"]] for target in audit["targets"]] == audit["targets"]
    assert "flawless.example" in err
    assert not (tmp_path / "tr03108-report" / "audit.html").exists()


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out == "tr03108-report/demo/audit.html\n"
    assert err == ""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The lab in a process of its own, and the command that it prints."""
    environment = os.environ | {"PYTHONPATH": SOURCE, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "tr03108", "lab", "--folder", str(tmp_path / "lab")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        audit = next(line for line in lines if line.startswith("tr03108 audit")).split()
        yield process, audit
        if process.poll() is None:
            process.kill()


def test_the_lab_prints_the_command_that_audits_it(
    lab: tuple[subprocess.Popen[str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    process, command = lab
    assert main([*command[1:], "--quiet"]) == 0
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_audit_writes_what_was_seen(
    tmp_path: Path, lab: tuple[subprocess.Popen[str], list[str]], number: int, status: int
) -> None:
    """The second look at a domain without STARTTLS takes long enough to interrupt it."""
    command = ["no-starttls.example" if word.endswith(".example") else word for word in lab[1][1:]]
    command = [sys.executable, "-m", "tr03108", *command, "--second-look", "60"]
    environment = os.environ | {"PYTHONPATH": SOURCE}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any("looking again" in line for line in process.stderr)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert "Traceback" not in err
    audit = json.loads((tmp_path / "tr03108-report" / "audit.json").read_text(encoding="utf-8"))
    assert audit["complete"] is False
    assert (tmp_path / "tr03108-report" / "no-starttls.example" / "dossier.json").is_file()


def test_an_unreachable_resolver_is_3_with_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "example.org", "--resolver", "127.0.0.1:1", "--timeout", "0.2"]) == 3
    assert "RESOLVER_UNREACHABLE" in (tmp_path / "tr03108-report" / "audit.json").read_text(encoding="utf-8")
    assert "example.org" in capsys.readouterr().out
