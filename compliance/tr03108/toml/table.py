"""Reading TOML tables strictly: every key known, every type right, every complaint one line that says where."""

from __future__ import annotations

import datetime
import difflib
import json
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tr03108.model import UsageError
from tr03108.toml.lines import TomlLines, TomlPath

_MAXIMUM_BYTES = 1 << 20  # more than ten times our largest file; a device or a log is not read to its end
_SHOWN = 120  # characters of a complaint of Python's
_SHOWN_BITS = 64  # of a number that a message repeats
_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def quoted(word: object) -> str:
    """A word of the user's in double quotes, without line breaks whatever it holds."""
    return json.dumps(str(word), ensure_ascii=False)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` with the nearest known name, or nothing where none is near."""
    by_folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), by_folded, n=1)
    return f"; did you mean {quoted(by_folded[near[0]])}?" if near else ""


class TomlTable:
    """One table of a file. Each reader raises UsageError with file and line where the value is missing or wrong."""

    def __init__(self, file: Path, text: str, values: Mapping[str, Any], path: TomlPath = ()) -> None:
        self.file = file
        self._text = text
        self._values = values
        self._path = path

    def error(self, message: str, key: str | None = None, value: str | None = None) -> UsageError:
        """The complaint about `key` (or the table), with the line of `value` where the key is an array."""
        path = self._path if key is None else (*self._path, key)
        line = TomlLines(self._text).line(path, value)
        return UsageError(f"{self.file}:{line}: {message}" if line else f"{self.file}: {message}")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    @property
    def name(self) -> str:
        """What messages call this table: `[plan]`, or `the file` at the top."""
        keys = ".".join(str(key) for key in self._path if isinstance(key, str))
        return f"[{keys}]" if keys else "the file"

    def value(self, key: str) -> object:
        """Whatever stands under `key`; None where nothing does."""
        return self._values.get(key)

    def only(self, *known: str) -> None:
        """No other keys than these."""
        for key in self._values:
            if key not in known:
                near = did_you_mean(key, known)
                raise self.error(f"unknown key {quoted(key)} in {self.name}{near}", key)

    def text(self, key: str, default: str | None = None, choices: Collection[str] | None = None) -> str:
        """A string that is not empty; one of `choices` where there are any."""
        value = self._value(key, default, str, "a string")
        if not value.strip():
            raise self.error(f"{quoted(key)} in {self.name} is empty", key)
        if choices is not None and value not in choices:
            listed = ", ".join(quoted(choice) for choice in choices)
            raise self.error(f"{quoted(key)} is {quoted(value)}, must be one of {listed}", key)
        return str(value)

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """An array of different strings, none empty."""
        value = self._value(key, default, (list, tuple), "an array of strings")
        seen: set[str] = set()
        for item in value:
            if not isinstance(item, str) or not item.strip():
                raise self.error(f"{quoted(key)} in {self.name} must be an array of strings", key)
            if item in seen:
                raise self.error(f"{quoted(item)} stands twice in {quoted(key)} of {self.name}", key, item)
            seen.add(item)
        return tuple(value)

    def flag(self, key: str, default: bool | None = None) -> bool:
        """true or false."""
        return bool(self._value(key, default, bool, "true or false"))

    def integer(self, key: str, default: int | None = None, *, minimum: int, maximum: int) -> int:
        """A whole number within the bounds."""
        value = int(self._value(key, default, int, "a whole number"))
        if not minimum <= value <= maximum:
            # A huge number is not repeated: 0x... can have more decimal digits than Python is willing to write.
            said = f"is {value}, must" if value.bit_length() <= _SHOWN_BITS else "must"
            raise self.error(f"{quoted(key)} {said} be between {minimum} and {maximum}", key)
        return value

    def integers(self, key: str, *, minimum: int, maximum: int) -> tuple[int, ...]:
        """An array of whole numbers within the bounds, at least one."""
        values = self._value(key, None, list, "an array of whole numbers")
        for value in values:
            if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
                raise self.error(f"{quoted(key)} must hold whole numbers between {minimum} and {maximum}", key)
        if not values:
            raise self.error(f"{quoted(key)} in {self.name} is empty", key)
        return tuple(values)

    def date(self, key: str) -> datetime.date:
        """A date without time."""
        value = self._value(key, None, datetime.date, "a date")
        if isinstance(value, datetime.datetime):
            raise self.error(f"{quoted(key)} in {self.name} must be a date", key)
        return datetime.date(value.year, value.month, value.day)

    def number(self, key: str, default: float | None = None, *, above: float, maximum: float) -> float:
        """A number within the bounds; neither infinity nor not-a-number."""
        try:
            value = float(self._value(key, default, (int, float), "a number"))
        except OverflowError:  # a whole number beyond all floats
            raise self.error(f"{quoted(key)} must be above {above:g} and at most {maximum:g}", key) from None
        if not above < value <= maximum:
            raise self.error(f"{quoted(key)} is {value:g}, must be above {above:g} and at most {maximum:g}", key)
        return value

    def table(self, key: str) -> TomlTable:
        """The table under `key`; an empty one where there is none."""
        value = self._value(key, {}, dict, "a table")
        return TomlTable(self.file, self._text, value, (*self._path, key))

    def tables(self, key: str) -> tuple[TomlTable, ...]:
        """The array of tables under `key`; empty where there is none."""
        values = self._value(key, [], list, "an array of tables")
        if not all(isinstance(value, dict) for value in values):
            raise self.error(f"{quoted(key)} in {self.name} must be an array of tables", key)
        return tuple(TomlTable(self.file, self._text, value, (*self._path, key, at)) for at, value in enumerate(values))

    def _value(self, key: str, default: Any, types: type | tuple[type, ...], described: str) -> Any:
        value = self._values.get(key, default)
        if value is None:
            raise self.error(f"{quoted(key)} is missing in {self.name}")
        wants_number = types is int or (isinstance(types, tuple) and int in types)
        if not isinstance(value, types) or (wants_number and isinstance(value, bool)):
            raise self.error(f"{quoted(key)} in {self.name} must be {described}", key)
        return value


def read_toml(file: Path) -> TomlTable:
    """The whole file as a table. Raises UsageError where it cannot be read or is not TOML."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"{file}: cannot be read: {reason}") from error
    if len(data) > _MAXIMUM_BYTES:
        raise UsageError(f"{file}: larger than {_MAXIMUM_BYTES} bytes, so not one of our TOML files")
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
        return TomlTable(file, text, tomllib.loads(text))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{file}:{line}: not valid TOML: not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_syntax_error(file, text, str(error))) from error
    except ValueError as error:  # what Python does not turn into a number: more than 4300 digits, 31 February
        raise UsageError(f"{file}: not valid TOML: {' '.join(str(error).split())[:_SHOWN]}") from error
    except RecursionError as error:
        raise UsageError(f"{file}: not valid TOML: nested too deeply") from error


def _syntax_error(file: Path, text: str, message: str) -> str:
    position = _POSITION.search(message)
    if position is None:
        return f"{file}: not valid TOML: {message}"
    line = position.group(1) or str(len(text.splitlines()))
    return f"{file}:{line}: not valid TOML: {message[: position.start()]}"
