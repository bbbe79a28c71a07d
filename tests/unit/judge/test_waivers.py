"""Waiver files: what they say, and one clear line for every one that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tr03108.judge import load_waivers
from tr03108.judge.waivers import expired, waiver_for
from tr03108.model import UsageError, Waiver

ENTRY = 'subject = "mx1.example.org/192.0.2.1:25"\nreason = "moving"\nuntil = 2026-12-31\n'
SUBJECT = "mx1.example.org/192.0.2.1:25"


def load(tmp_path: Path, text: str | bytes) -> tuple[Waiver, ...]:
    file = tmp_path / "waivers.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_waivers(file)


def test_check_or_case(tmp_path: Path) -> None:
    text = f'[[waiver]]\ncheck = "tls.negotiated"\n{ENTRY}[[waiver]]\ncase = "TR-03108-D-02"\n{ENTRY}'
    assert load(tmp_path, text) == (
        Waiver("tls.negotiated", SUBJECT, "moving", "2026-12-31"),
        Waiver("TR-03108-D-02", SUBJECT, "moving", "2026-12-31"),
    )


def test_date_may_be_a_string(tmp_path: Path) -> None:
    text = f'[[waiver]]\ncheck = "c"\n{ENTRY}'.replace("2026-12-31", '"2026-12-31"')
    assert load(tmp_path, text)[0].until == "2026-12-31"


def test_empty_file(tmp_path: Path) -> None:
    assert load(tmp_path, "") == ()


@pytest.mark.parametrize(
    "text",
    [
        "[[waiver]\n",
        b"\xff\xfe",
        "a = " + "[" * 5000,
        "waiver = 1",
        "waiver = [1]",
        'waiver = ["check"]',
        "[waiver]",
        "[[waivers]]",
        "[[waiver]]",
        f"[[waiver]]\n{ENTRY}",
        f'[[waiver]]\ncheck = "c"\ncase = "d"\n{ENTRY}',
        f'[[waiver]]\ncheck = "c"\nwhy = "x"\n{ENTRY}',
        f'[[waiver]]\ncheck = "c"\n"a\\nb" = "x"\n{ENTRY}',
        f'[[waiver]]\ncheck = ""\n{ENTRY}',
        f"[[waiver]]\ncheck = 1\n{ENTRY}",
        f'[[waiver]]\ncheck = "c"\n{ENTRY}'.replace('"moving"', '" "'),
        f'[[waiver]]\ncheck = "c"\n{ENTRY}'.replace('reason = "moving"', ""),
        f'[[waiver]]\ncheck = "c"\n{ENTRY}'.replace("subject", "# "),
        f'[[waiver]]\ncheck = "c"\n{ENTRY}'.replace("until = 2026-12-31", ""),
        f'[[waiver]]\ncheck = "c"\n{ENTRY}'.replace("2026-12-31", '"soon"'),
        f'[[waiver]]\ncheck = "c"\n{ENTRY}'.replace("2026-12-31", "2026-12-31T00:00:00Z"),
        f'[[waiver]]\ncheck = "c"\n{ENTRY}'.replace("2026-12-31", "20261231"),
        "#" * (1 << 21),
    ],
)
def test_wrong_files(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "waivers.toml"))
    assert message.isprintable(), "more than one line"


@pytest.mark.parametrize("name", ["missing.toml", ".", "nul\0.toml", "two\nlines.toml"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_waivers(tmp_path / name)
    assert str(caught.value).isprintable()


def test_last_day_is_a_day_in_utc() -> None:
    waiver = Waiver("c", "*", "r", "2026-12-31")
    assert not expired(waiver, datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert expired(waiver, datetime(2027, 1, 1, tzinfo=UTC))
    east = timezone(timedelta(hours=9))
    assert not expired(waiver, datetime(2027, 1, 1, 8, tzinfo=east))


def test_any_subject() -> None:
    waiver = Waiver("c", "*", "r", "2999-12-31")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert waiver_for([waiver], "c", None, "whoever.example", now) is waiver
    assert waiver_for([waiver], "d", None, "whoever.example", now) is None
    assert waiver_for([waiver], "d", "c", "whoever.example", now) is waiver
