"""TOML files with numbers that Python does not like: refused in one line, with as few digits as it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tr03108.model import UsageError
from tr03108.toml.table import TomlTable, read_toml

DIGITS = "9" * 5000  # more than Python turns into a whole number at once


def table(folder: Path, text: str) -> TomlTable:
    file = folder / "numbers.toml"
    file.write_text(text, "utf-8")
    return read_toml(file)


@pytest.mark.parametrize("number", [DIGITS, f"-{DIGITS}", f"[1, {DIGITS}]"])
def test_more_digits_than_python_reads(tmp_path: Path, number: str) -> None:
    with pytest.raises(UsageError) as refused:
        table(tmp_path, f"a = 1\nport = {number}\n")
    assert "not valid TOML" in str(refused.value)
    assert len(str(refused.value)) < len(str(tmp_path)) + 250
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("number", ["9" * 4000, f"-{'9' * 4000}", f"0x{'f' * 5000}", f"0b{'1' * 20000}"])
def test_huge_numbers_are_not_repeated(tmp_path: Path, number: str) -> None:
    """Those in hexadecimal get through the parser and have too many decimal digits to be written."""
    numbers = table(tmp_path, f"port = {number}\nports = [{number}]\nseconds = {number}\n")
    for read in (
        lambda: numbers.integer("port", minimum=1, maximum=65535),
        lambda: numbers.integers("ports", minimum=1, maximum=65535),
        lambda: numbers.number("seconds", above=0.0, maximum=10.0),
    ):
        with pytest.raises(UsageError) as refused:
            read()
        assert len(str(refused.value)) < len(str(tmp_path)) + 150


def test_a_small_wrong_number_is_repeated(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"numbers\.toml:2: .port. is 70000, must be between 1 and 65535"):
        table(tmp_path, "\nport = 70000\n").integer("port", minimum=1, maximum=65535)
