"""What pytest collects, and under which names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tr03108.rooms import room

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
Dossiers = dict[str, Path]
OWN_TEST = "def test_own(): assert False, 'the folder is not ours'"
OWN_CHECK = """
from tr03108 import MailDomain, Rules, check, met, unmet

@check(id="own.short-name", each="domain")
def check_short_name(domain: MailDomain, rules: Rules):
    "Short names are easier to dictate."
    return met("OK")

@check(id="own.never", each="domain")
def check_never(domain: MailDomain, rules: Rules):
    return unmet("OWN_NEVER", thing="x")
"""


def ids(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line and not line.startswith(("=", "ERROR", "FAILED"))]


def test_no_path_means_only_the_shipped_checks(pytester: pytest.Pytester, run: Run, dossiers: Dossiers) -> None:
    pytester.makepyfile(test_own=OWN_TEST)
    result = run("--tr-dossier", dossiers["flawless.example"], "--tr-profile", "inbound-dane", "-q", "--collect-only")
    found = ids(result)
    assert "checks/d_dane_inbound.py::TR-03108-D-01[flawless.example]" in found
    assert "checks/d_dane_inbound.py::TR-03108-D-02[mx1.flawless.example/192.0.2.1:25]" in found
    assert any(re.search(r"TR-03108-D-02\[mx1\.flawless\.example/_5B2001:db8::\w+_5D:25\]$", name) for name in found)
    assert not [name for name in found if "test_own" in name]
    assert result.ret == 0


def test_testpaths_of_the_project_do_not_count(pytester: pytest.Pytester, run: Run, dossiers: Dossiers) -> None:
    pytester.makeini("[pytest]\ntestpaths = .\n")
    pytester.makepyfile(test_own=OWN_TEST)
    assert "test_own" not in run("--tr-dossier", dossiers["flawless.example"], "--collect-only").stdout.str()


def test_cases_without_a_function_are_items_too(run: Run, dossiers: Dossiers) -> None:
    found = ids(run("--tr-dossier", dossiers["flawless.example"], "-q", "--collect-only"))
    assert "checks/catalogue.toml::TR-03108-B-02[flawless.example]" in found
    assert "checks/catalogue.toml::requirement.TR-03108-16-M[flawless.example]" in found
    assert len(found) == len(set(found))


def test_several_domains_prefix_every_subject(run: Run, dossiers: Dossiers) -> None:
    both = [part for file in dossiers.values() for part in ("--tr-dossier", file)]
    found = ids(run(*both, "-q", "--collect-only"))
    assert "checks/d_dane_inbound.py::TR-03108-D-02[flawless.example/mx1.flawless.example/192.0.2.1:25]" in found
    assert all(re.search(r"\[[a-z-]+\.example/", name) for name in found)


def test_listing_without_a_dossier_sends_nothing(run: Run) -> None:
    result = run("--tr-target", "example.org", "--tr-resolver", "127.0.0.1:1", "-q", "--collect-only")
    found = ids(result)
    assert "checks/d_dane_inbound.py::TR-03108-D-02[*]" in found
    assert "checks/catalogue.toml::TR-03108-B-02[*]" in found
    assert "asking" not in result.stderr.str()
    assert result.ret == 0


@pytest.mark.parametrize("path", ["checks", str(room("checks"))])
def test_the_path_of_the_shipped_checks(run: Run, dossiers: Dossiers, path: str) -> None:
    with_path = ids(run(path, "--tr-dossier", dossiers["flawless.example"], "-q", "--collect-only"))
    without = ids(run("--tr-dossier", dossiers["flawless.example"], "-q", "--collect-only"))
    assert with_path == without


@pytest.mark.parametrize("path", ["checks", str(room("checks")), "checks/d_dane_inbound.py"])
def test_checks_need_something_to_check(run: Run, path: str) -> None:
    result = run(path)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *--tr-target DOMAIN or --tr-dossier FILE*"])
    assert ids(run(path, "-q", "--collect-only"))


def test_one_item_by_its_node_id(run: Run, dossiers: Dossiers) -> None:
    wanted = "checks/d_dane_inbound.py::TR-03108-D-02[mx1.flawless.example/192.0.2.1:25]"
    found = ids(run(wanted, "--tr-dossier", dossiers["flawless.example"], "-q", "--collect-only"))
    assert found == [wanted]
    whole = ids(run("checks/d_dane_inbound.py", "--tr-dossier", dossiers["flawless.example"], "-q", "--collect-only"))
    assert {name.partition("::")[0] for name in whole} == {"checks/d_dane_inbound.py"}
    wrong = run(wanted.replace("mx1", "mx9"), "--tr-dossier", dossiers["flawless.example"])
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR


def test_own_check_files(pytester: pytest.Pytester, run: Run, dossiers: Dossiers) -> None:
    pytester.makepyfile(own_rules=OWN_CHECK)
    result = run("own_rules.py", "--tr-dossier", dossiers["flawless.example"], "--tr-profile", "inbound-dane", "-v")
    assert any("own_rules.py::own.short-name[flawless.example] PASSED" in line for line in result.outlines)
    assert any("own_rules.py::own.never[flawless.example] FAILED" in line for line in result.outlines)
    assert any("checks/d_dane_inbound.py::TR-03108-D-01[flawless.example] PASSED" in line for line in result.outlines)


def test_own_check_files_in_a_folder(pytester: pytest.Pytester, run: Run, dossiers: Dossiers) -> None:
    folder = pytester.mkdir("rules")
    (folder / "own.py").write_text(OWN_CHECK, encoding="utf-8")
    (folder / "other.py").write_text("raise RuntimeError('not a check file')", encoding="utf-8")
    result = run("rules", "--tr-dossier", dossiers["flawless.example"], "--collect-only", "-q")
    assert any(line.endswith("rules/own.py::own.short-name[flawless.example]") for line in result.outlines)
    assert result.ret == 0


def test_an_own_check_file_alone_is_wrong_usage(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(own_rules=OWN_CHECK)
    assert run("own_rules.py").ret == pytest.ExitCode.USAGE_ERROR


def test_the_plugin_sleeps_in_other_projects(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        test_light="""
        import sys
        def test_light():
            heavy = {"dns", "cryptography", "OpenSSL", "jinja2", "tr03108.audit", "tr03108.judge"}
            assert "tr03108.plugin" in sys.modules
            assert not heavy & set(sys.modules)
        """
    )
    result = run("-p", "no:html", "-p", "no:metadata")
    result.assert_outcomes(passed=1)
    # pytest itself names installed plugins in one line of its head; the rest of the run must not know of us.
    assert not [line for line in result.outlines if "tr03108" in line and not line.startswith("plugins:")]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--tr-target", "a..b"], "malformed domain 'a..b'"),
        (["--tr-target", "example.org", "--tr-timeout", "0"], "--tr-timeout '0'"),
        (["--tr-target", "example.org", "--tr-profile", "nobody"], "unknown profile"),
        (["--tr-target", "example.org", "--tr-service", "imasp=mail.example"], "--tr-service 'imasp=mail.example'"),
        (["--tr-target", "example.org", "--tr-services", "missing"], "--tr-services missing: no such file"),
        (
            ["--tr-target", "example.org", "--tr-target", "example.net", "--tr-service", "imaps=mail.example"],
            "--tr-service takes one domain, not 2",
        ),
        (["--tr-target", "example.org", "--tr-dossier", "x"], "give one of them"),
        (["--tr-dossier", "missing.json"], "missing.json: cannot read the dossier"),
        (["--tr-profile", "inbound-dane"], "--tr-target DOMAIN or --tr-dossier FILE"),
        (["--tr-target", "example.org", "--tr-output", "file"], "cannot write file"),
        (["--tr-target", "example.org", "--tr-html", "-"], "--tr-html -"),
        (["checks/no_such_file.py", "--tr-target", "example.org"], "not found"),
    ],
)
def test_wrong_usage(pytester: pytest.Pytester, run: Run, arguments: list[str], line: str) -> None:
    (pytester.path / "file").write_text("mine", encoding="utf-8")
    result = run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert line in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    assert "asking" not in result.stderr.str()


def test_help_names_every_option(run: Run) -> None:
    text = run("--help").stdout.str()
    for name in ("target", "dossier", "profile", "connect", "second-look", "no-color"):
        assert f"--tr-{name}" in text


def test_marker_and_keywords(run: Run, dossiers: Dossiers) -> None:
    arguments = ["--tr-dossier", dossiers["flawless.example"], "--collect-only", "-q", "--strict-markers"]
    must = ids(run(*arguments, "-m", "must"))
    assert "checks/d_dane_inbound.py::TR-03108-D-01[flawless.example]" in must
    assert not [name for name in must if "TR-03108-E-03-T" in name or "plaintext" in name]
    by_check = ids(run(*arguments, "-k", "tlsa-matches"))
    assert by_check
    assert all("TR-03108-D-02" in name for name in by_check)


def test_dossiers_stay_valid_json(dossiers: Dossiers) -> None:
    for file in dossiers.values():
        assert json.loads(file.read_text(encoding="utf-8"))["schema"] == "tr03108.dossier/1"
