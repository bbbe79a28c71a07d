"""Options: every bad value gives one line; good values reach the plan."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tr03108.front.options import AUDIT, JUDGE, OPTIONS, PYTEST, PYTEST_OPTIONS
from tr03108.front.settings import read_settings
from tr03108.model import UsageError

BAD: list[tuple[dict[str, Any], str]] = [
    ({"profile": "inbound-dan"}, "inbound-dane"),
    ({"profile": ""}, "profile"),
    ({"profile": "no/such/file.toml"}, "no/such/file.toml"),
    ({"mode": "half"}, "--mode 'half': choose from full, verdict"),
    ({"lang": "fr"}, "--lang 'fr': choose from en, de"),
    ({"gate": "may"}, "--gate 'may': choose from must, should, none"),
    ({"as_of": "2027-02-30"}, "--as-of '2027-02-30': not a date"),
    ({"as_of": "tomorrow"}, "--as-of"),
    ({"as_of": "2027-01-01T00:00:00"}, "--as-of"),
    ({"resolver": ["resolver.example"]}, "--resolver 'resolver.example'"),
    ({"resolver": ["192.0.2.1:0"]}, "--resolver"),
    ({"resolver": ["192.0.2.1:65536"]}, "--resolver"),
    ({"resolver": ["2001:db8::1:x"]}, "--resolver"),
    ({"connect": ["mx1.example:25"]}, "mx1.example:25"),
    ({"connect": ["mx1.example:25=mx2.example:25"]}, "mx2.example"),
    ({"connect": ["@no-such-file"]}, "--connect @no-such-file: cannot read it: No such file"),
    ({"trust_anchor": "no-such-file"}, "--trust-anchor no-such-file: no such file"),
    ({"ca_file": "no-such-file"}, "--ca-file no-such-file: no such file"),
    ({"waivers": "no-such-file"}, "--waivers no-such-file: no such file"),
    ({"ipv4_only": True, "ipv6_only": True}, "--ipv4-only and --ipv6-only exclude each other"),
    ({"quiet": True, "verbose": True}, "--quiet and --verbose exclude each other"),
    ({"timeout": "0"}, "--timeout '0'"),
    ({"timeout": "-1"}, "--timeout"),
    ({"timeout": "nan"}, "--timeout"),
    ({"timeout": "inf"}, "--timeout"),
    ({"timeout": "soon"}, "--timeout 'soon': not a number of seconds"),
    ({"deadline": "0"}, "--deadline"),
    ({"deadline": "86401"}, "--deadline"),
    ({"second_look": "-0.1"}, "--second-look"),
    ({"max_connections": "0"}, "--max-connections '0': must be 1 to 100"),
    ({"max_connections": "1.5"}, "--max-connections '1.5': not a whole number"),
    ({"budget": "0"}, "--budget"),
    ({"output": ""}, "--output"),
    ({"html": ""}, "--html"),
]


@pytest.mark.parametrize(("given", "line"), BAD)
@pytest.mark.parametrize("front", [AUDIT, PYTEST])
def test_bad_values(given: dict[str, Any], line: str, front: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings(given, front)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "content", "line"),
    [
        ("trust_anchor", "not a zone file", "trust"),
        ("ca_file", "no certificate", "PEM"),
        ("waivers", "[[waiver]", "waivers"),
        ("profile", "id = ", "profile.toml"),
        ("profile", "surprise = 1", "surprise"),
    ],
)
def test_malformed_files(tmp_path: Path, key: str, content: str, line: str) -> None:
    file = tmp_path / f"{key}.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=line) as caught:
        read_settings({key: str(file)}, AUDIT)
    assert "\n" not in str(caught.value)


def test_binary_redirections(tmp_path: Path) -> None:
    file = tmp_path / "connect"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_settings({"connect": [f"@{file}"]}, AUDIT)


def test_defaults_are_those_of_the_contract() -> None:
    settings = read_settings({}, AUDIT)
    plan = settings.plan
    assert settings.profile.id == "tr-03108-2.0"
    assert settings.gate == "must"
    assert settings.as_of is None
    assert settings.texts.lang == "en"
    assert settings.destinations.folder == Path("tr03108-report")
    assert (plan.mode, plan.timeout, plan.greeting_timeout, plan.deadline) == ("full", 15.0, 60.0, 900.0)
    assert (plan.max_connections, plan.budget, plan.second_look) == (4, 400, 30.0)
    assert (plan.families, plan.allow_private, plan.connect) == ((4, 6), False, ())
    assert settings.anchors is not None
    assert len(settings.anchors) == 2


def test_given_values_reach_the_plan(tmp_path: Path) -> None:
    redirections = tmp_path / "connect"
    redirections.write_text("# the lab\n\n[2001:db8::1]:25=127.0.0.1:2525  # mx1\n", encoding="utf-8")
    given = {
        "mode": "verdict",
        "as_of": "2027-01-31",
        "resolver": ["127.0.0.1:5353", "::1", "127.0.0.1:5353"],
        "connect": [":25=127.0.0.1:26", f"@{redirections}"],
        "ipv6_only": True,
        "timeout": "2",
        "second_look": "0",
        "gate": "none",
        "output": "there",
        "html": "-",
    }
    settings = read_settings(given, AUDIT)
    plan = settings.plan
    assert plan.resolvers == ("127.0.0.1:5353", "[::1]:53")
    assert plan.connect == (":25=127.0.0.1:26", "[2001:db8::1]:25=127.0.0.1:2525")
    assert (plan.mode, plan.families, plan.timeout, plan.greeting_timeout) == ("verdict", (6,), 2.0, 8.0)
    assert plan.second_look == 0.0
    assert settings.as_of == datetime(2027, 1, 31, tzinfo=UTC)
    assert settings.gate == "none"
    assert settings.destinations.uses_stdout
    assert settings.options["as_of"] == "2027-01-31"
    assert "output" not in settings.options
    assert "html" not in settings.options


def test_a_profile_decides_what_the_user_leaves_open() -> None:
    assert read_settings({"profile": "inbound-dane"}, AUDIT).plan.mode == "verdict"
    assert read_settings({"profile": "inbound-dane", "mode": "full"}, AUDIT).plan.mode == "full"


def test_all_servers_are_asked_in_mode_full_of_a_profile_that_wants_it() -> None:
    assert read_settings({}, AUDIT).plan.all_servers
    assert not read_settings({"mode": "verdict"}, AUDIT).plan.all_servers
    assert not read_settings({"profile": "inbound-dane", "mode": "full"}, AUDIT).plan.all_servers


def test_single_files_replace_the_default_folder() -> None:
    assert read_settings({"json": "a.json"}, AUDIT).destinations.folder is None
    assert read_settings({}, PYTEST).destinations.folder is None


def test_a_dossier_keeps_its_own_trust_unless_told_otherwise(tmp_path: Path) -> None:
    saved = read_settings({}, JUDGE)
    assert (saved.anchors, saved.roots) == (None, None)
    anchor = tmp_path / "anchor"
    anchor.write_text(". IN DS 1 8 2 " + "00" * 32, encoding="utf-8")
    assert len(read_settings({"trust_anchor": str(anchor)}, JUDGE).anchors or ()) == 1


def test_stdout_belongs_to_pytest() -> None:
    with pytest.raises(UsageError, match="standard output"):
        read_settings({"json": "-"}, PYTEST)


def test_every_option_exists_at_both_front_doors() -> None:
    at_pytest = {option.name for option in PYTEST_OPTIONS}
    assert {option.name for option in OPTIONS} <= at_pytest
    assert all(option.help.strip() for option in (*OPTIONS, *PYTEST_OPTIONS))


@pytest.mark.parametrize(
    ("environment", "terminal", "given", "color"),
    [
        ({}, True, {}, True),
        ({}, False, {}, False),
        ({"NO_COLOR": "1"}, True, {}, False),
        ({"NO_COLOR": ""}, True, {}, True),
        ({"TERM": "dumb"}, True, {}, False),
        ({}, True, {"no_color": True}, False),
    ],
)
def test_colours(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    terminal: bool,
    given: dict[str, Any],
    color: bool,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert read_settings(given, AUDIT).color(terminal) is color


def test_a_waiver_for_nothing_known_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    waiver = '[[waiver]]\ncheck = "inbound-dane.tlsa-machtes"\nsubject = "*"\nreason = "r"\nuntil = 2030-01-01\n'
    file.write_text(waiver, encoding="utf-8")
    with pytest.raises(UsageError, match=r"did you mean .inbound-dane\.tlsa-matches"):
        read_settings({"waivers": str(file)}, AUDIT)


def test_requirements_of_a_profiles_own_can_be_named_and_waived(tmp_path: Path) -> None:
    """Reports take their titles from the catalogue of the settings."""
    file = tmp_path / "waivers.toml"
    waiver = '[[waiver]]\ncheck = "requirement.EMLREQ_1"\nsubject = "*"\nreason = "r"\nuntil = 2030-01-01\n'
    file.write_text(waiver, encoding="utf-8")
    settings = read_settings({"profile": "tr-03108-1.0.2", "waivers": str(file)}, AUDIT)
    assert settings.catalogue.requirements["EMLREQ_1"].title["en"] == "TLS between user and provider"
    with pytest.raises(UsageError, match="EMLREQ_1"):
        read_settings({"waivers": str(file)}, AUDIT)
