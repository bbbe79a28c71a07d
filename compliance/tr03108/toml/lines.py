"""On which line a TOML file says what: tomllib reads values and forgets where they stood.

Used for error messages only, on text that tomllib has accepted already.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TomlPath = tuple[str | int, ...]  # ("requirement", 2, "title"): keys, and positions in arrays of tables

_PIECE = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}'  # strings over several lines
    r'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''  # strings on one line
    r"|#[^\n]*|\n|[=.,\[\]{}]|[^\s\"'#=.,\[\]{}]+|[^\S\n]+",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A table header or a `key = value`, as the lines of its pieces; white space and comments are left out."""

    pieces: tuple[tuple[int, str], ...]

    @property
    def line(self) -> int:
        return self.pieces[0][0]

    def line_of(self, value: str) -> int | None:
        """Where the string `value` stands in it, in plain quotes."""
        wanted = {f'"{value}"', f"'{value}'"}
        return next((line for line, piece in self.pieces if piece in wanted), None)


class TomlLines:
    """The statements of a TOML text by the path of what they set."""

    def __init__(self, text: str) -> None:
        self._statements: Mapping[TomlPath, _Statement] = _by_path(text)

    def line(self, path: TomlPath, value: str | None = None) -> int | None:
        """The line on which `path` is set, or the nearest thing around it; None if the text does not tell.

        With `value` the line on which that string stands, where `path` is an array over several lines.
        """
        for length in range(len(path), 0, -1):
            statement = self._statements.get(path[:length])
            if statement is not None:
                inside = statement.line_of(value) if value is not None else None
                return inside or statement.line
        return None


def _statements(text: str) -> Iterator[_Statement]:
    line, depth, pieces = 1, 0, list[tuple[int, str]]()
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece == "\n" and depth == 0 and pieces:
            yield _Statement(tuple(pieces))
            pieces = []
        if not piece.isspace() and not piece.startswith("#"):
            pieces.append((line, piece))
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(piece, 0)
        line += piece.count("\n")
    if pieces:
        yield _Statement(tuple(pieces))


def _by_path(text: str) -> dict[TomlPath, _Statement]:
    found: dict[TomlPath, _Statement] = {}
    counts: Counter[TomlPath] = Counter()
    table: TomlPath = ()
    for statement in _statements(text):
        pieces = [piece for _, piece in statement.pieces]
        if pieces[0] == "[":
            is_array = pieces[1] == "["
            table = _numbered(_keys(pieces), counts, is_array)
            found[table] = statement
            for length in range(1, len(table)):
                found.setdefault(table[:length], statement)
        else:
            path = table + _keys(pieces[: pieces.index("=")])
            for length in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:length], statement)
    return found


def _numbered(keys: tuple[str, ...], counts: Counter[TomlPath], is_array: bool) -> TomlPath:
    """The path of a table header, with the position of each array of tables on the way."""
    path: TomlPath = ()
    for at, key in enumerate(keys):
        path += (key,)
        if is_array and at == len(keys) - 1:
            counts[path] += 1
        if counts[path]:
            path += (counts[path] - 1,)
    return path


def _keys(pieces: list[str]) -> tuple[str, ...]:
    return tuple(
        tomllib.loads(f"key = {piece}")["key"] if piece[0] in "\"'" else piece
        for piece in pieces
        if piece not in "[].="
    )
