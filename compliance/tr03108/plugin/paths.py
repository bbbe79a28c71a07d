"""Which of pytest's path arguments mean shipped checks, and which files are somebody's own check files."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tr03108.rooms import room

SHIPPED = "checks"  # how the shipped checks' room is called in node ids, wherever it lies
_LARGEST = 1 << 20  # characters read of a file that might hold checks
_IMPORTS_US = re.compile(r"^\s*(?:from|import)\s+tr03108\b", re.MULTILINE)
_HAS_CHECKS = re.compile(r"^@(?:\w+\.)?check\(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Part of the shipped checks: of one file or of all (None), of one item or function name or of all (None)."""

    file: str | None
    name: str | None

    def takes(self, file: str, name: str) -> bool:
        """Whether the item `name` (with its subject in brackets) of `file` is meant."""
        if self.file not in (None, file):
            return False
        return self.name is None or name == self.name or name.startswith(f"{self.name}[")


def split_arguments(arguments: Sequence[str], folder: Path) -> tuple[tuple[Wanted, ...], tuple[str, ...]]:
    """The arguments that name shipped checks (in `checks/...`, or by their real path), and all others as they are."""
    wanted: list[Wanted] = []
    others: list[str] = []
    for argument in arguments:
        path, name = _path_and_name(argument)
        inside = _inside_shipped(path, folder)
        if inside is None:
            others.append(argument)
        else:
            wanted.append(Wanted(inside or None, name))
    return tuple(wanted), tuple(others)


def reclaim_redirections(config: pytest.Config, connect: Sequence[str]) -> tuple[list[str], list[str]]:
    """pytest's path arguments and `--tr-connect` values as they were meant where a file of redirections was given.

    pytest reads `@FILE` itself wherever it stands alone, one argument a line: behind `--tr-connect` the first line
    becomes the option's value and all others become paths.
    """
    paths, values = list(config.args), list(connect)
    given = list(config.invocation_params.args)
    for option, file in pairwise(map(str, given)):
        if option != "--tr-connect" or not file.startswith("@"):
            continue
        try:
            lines = Path(config.invocation_params.dir, file[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            continue  # the value is reported as it stands
        for line in lines[1:]:
            if line in paths:
                paths.remove(line)
        if lines and lines[0] in values:
            values[values.index(lines[0])] = file
    return paths, values


def names_check_files(config: pytest.Config) -> bool:
    """Whether the command line names shipped checks or a check file. Cheap: it runs in every pytest session."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return False
    folder = config.invocation_params.dir
    wanted, others = split_arguments(config.args, folder)
    return bool(wanted) or any(is_check_file(folder / _path_and_name(other)[0]) for other in others)


def is_check_file(path: Path) -> bool:
    """Whether a file is one with checks: it imports tr03108 and has a function under @check. It is not imported."""
    if path.suffix != ".py" or not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8") as stream:
            text = stream.read(_LARGEST)
        if not (_IMPORTS_US.search(text) and _HAS_CHECKS.search(text)):  # spares nearly all files the parser
            return False
        body = ast.parse(text).body
    except (OSError, ValueError, SyntaxError, RecursionError):
        return False
    return any(isinstance(node, ast.FunctionDef) and any(map(_is_check, node.decorator_list)) for node in body)


def _is_check(decorator: ast.expr) -> bool:
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (isinstance(function, ast.Name) and function.id == "check") or (
        isinstance(function, ast.Attribute) and function.attr == "check"
    )


def _path_and_name(argument: str) -> tuple[str, str | None]:
    """`checks/d.py::TR-03108-D-02[mx/::1:25]` as path and name; a subject may hold colons too."""
    base, bracket, rest = argument.partition("[")
    path, colons, name = base.partition("::")
    if not colons:
        return argument, None
    return path, f"{name}{bracket}{rest}"


def _inside_shipped(path: str, folder: Path) -> str | None:
    """The path below the shipped checks' room, "" for the room itself, None where it is elsewhere."""
    checks = room(SHIPPED)
    real = Path(os.path.abspath(folder / path))  # noqa: PTH100 without following links, as pytest does
    for candidate in (real, real.resolve()):
        if candidate == checks:
            return ""
        if checks in candidate.parents:
            return candidate.relative_to(checks).as_posix()
    parts = Path(path).parts
    if not real.exists() and parts and parts[0] == SHIPPED:
        return "/".join(parts[1:])
    return None
