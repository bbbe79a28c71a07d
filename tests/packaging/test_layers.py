"""Who may import whom: the table of docs/architecture.md, held against the source text."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "compliance" / "tr03108"

FRONT = {"cli", "plugin", "__main__"}  # a front door is imported by nobody but the module that starts it
CRYPTO = {"dns", "cryptography", "OpenSSL"}

# Of our own: which rooms a room may import, besides itself. None: whatever it likes.
OWN: dict[str, set[str] | None] = {
    "model": set(),
    "rooms": set(),
    "toml": {"model"},
    "dossier": {"model", "evaluate"},
    "anchors": {"model", "evaluate"},
    "catalogue": {"model", "rooms", "toml"},
    "clauses": {"model", "rooms", "catalogue", "toml"},
    "norms": {"model", "rooms", "catalogue", "toml"},
    "profile": {"model", "rooms", "catalogue", "norms", "toml"},
    "wire": {"model"},
    "evaluate": {"model", "wire"},
    "probe": {"model", "wire", "evaluate"},
    "judge": {"model", "rooms", "catalogue", "profile", "norms", "evaluate"},
    "report": {"model", "rooms", "catalogue"},
    "lab": None,
    "front": None,  # what both front doors share
    "pytest_warnings": set(),
    "audit": None,
    "cli": None,
    "plugin": None,
    "__main__": {"cli"},
    "__init__": None,
}

# Of others: which distributions' modules a room may import. None: any that pyproject.toml names.
OTHERS: dict[str, set[str] | None] = {
    "model": set(),
    "rooms": set(),
    "dossier": set(),
    "catalogue": set(),
    "clauses": set(),
    "wire": CRYPTO | {"h11", "idna", "defusedxml"},
    "evaluate": CRYPTO | {"idna"},
    "judge": set(),
    "report": {"jinja2", "markupsafe"},
}

# Rooms that neither touch the network nor look at the clock: time and bytes are their arguments.
PURE = {
    "model",
    "rooms",
    "toml",
    "dossier",
    "catalogue",
    "clauses",
    "norms",
    "profile",
    "wire",
    "evaluate",
    "judge",
    "report",
}
NETWORK = {"socket", "asyncio", "select", "selectors", "ssl", "http", "urllib.request", "subprocess", "smtplib"}
NETWORK |= {"dns.query", "dns.asyncquery", "dns.resolver", "dns.asyncresolver"}
CLOCK = {"now", "utcnow", "today", "time_ns", "monotonic", "perf_counter"}
OPENING = {"open_connection", "create_connection", "create_datagram_endpoint", "create_server", "start_server"}
IMPORTED_BY = {"audit": {"cli", "plugin"}, "lab": {"cli"}}


@dataclass(frozen=True)
class Source:
    """One module: its path, its room and its syntax tree."""

    path: Path
    room: str
    tree: ast.Module

    def imports(self) -> Iterator[tuple[str, str, int]]:
        """Module, name ("" for a plain import) and line of each import, relative ones resolved."""
        package = ["tr03108", *self.path.relative_to(PACKAGE).parts[:-1]] if PACKAGE in self.path.parents else []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, "", node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                module = ".".join([*base, *([node.module] if node.module else [])])
                yield from ((module, alias.name, node.lineno) for alias in node.names)

    def at(self, line: int) -> str:
        return f"{self.path.relative_to(CHECKOUT)}:{line}"


def room_of(path: Path) -> str:
    """`wire` for wire/smtp.py, `audit` for audit.py, `__init__` for the package's own."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def sources() -> list[Source]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return [Source(path, room_of(path), ast.parse(path.read_text("utf-8"), str(path))) for path in paths]


def own_room(module: str, name: str) -> str | None:
    """The room that an import reaches, None where it is not one of ours; `__init__` for the public names."""
    parts = module.split(".")
    if parts[0] != "tr03108":
        return None
    if len(parts) > 1:
        return room_of(PACKAGE / parts[1])
    if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file():
        return room_of(PACKAGE / name)
    return "__init__"


SOURCES = sources()


def broken(rule: Iterator[str]) -> None:
    lines = list(rule)
    assert not lines, "\n" + "\n".join(lines)


def test_every_room_is_in_the_table() -> None:
    assert {source.room for source in SOURCES} <= set(OWN)


def test_rooms_import_only_the_rooms_below_them() -> None:
    def rule() -> Iterator[str]:
        for source in SOURCES:
            allowed = OWN[source.room]
            for module, name, line in source.imports():
                room = own_room(module, name)
                if room is None or room == source.room:
                    continue
                if room == "__init__" and name == "__version__":
                    continue
                if allowed is not None and room not in allowed:
                    yield f"{source.at(line)}: {source.room} must not import {room}"
                if room in FRONT and source.room not in FRONT:
                    yield f"{source.at(line)}: {room} is a front door and imported by nobody"
                if source.room not in IMPORTED_BY.get(room, {source.room}):
                    yield f"{source.at(line)}: {room} is imported by {', '.join(sorted(IMPORTED_BY[room]))} only"

    broken(rule())


def test_rooms_import_only_their_libraries() -> None:
    def rule() -> Iterator[str]:
        for source in SOURCES:
            allowed = OTHERS.get(source.room)
            if allowed is None:
                continue
            for module, _, line in source.imports():
                top = module.split(".")[0]
                if top not in sys.stdlib_module_names | {"tr03108"} | allowed:
                    yield f"{source.at(line)}: {source.room} must not import {top}"

    broken(rule())


def test_pure_rooms_know_no_network_and_no_clock() -> None:
    def rule() -> Iterator[str]:
        for source in SOURCES:
            if source.room not in PURE:
                continue
            for module, name, line in source.imports():
                if {module, module.split(".")[0], f"{module}.{name}"} & (NETWORK | {"time"}):
                    yield f"{source.at(line)}: {source.room} is pure and must not import {module}"
            for node in ast.walk(source.tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK:
                    yield f"{source.at(node.lineno)}: {source.room} gets the time as an argument"

    broken(rule())


def test_only_the_net_module_opens_connections() -> None:
    def rule() -> Iterator[str]:
        for source in SOURCES:
            if source.room == "lab" or source.path == PACKAGE / "probe" / "net.py":
                continue
            for module, _, line in source.imports():
                if module == "socket":
                    yield f"{source.at(line)}: only probe/net.py and the lab import socket"
            for node in ast.walk(source.tree):
                if isinstance(node, ast.Attribute) and node.attr in OPENING:
                    yield f"{source.at(node.lineno)}: only probe/net.py and the lab open connections"

    broken(rule())


def test_imports_stand_at_the_top() -> None:
    def rule() -> Iterator[str]:
        for source in SOURCES:
            for node in ast.walk(source.tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    inner = (part for part in ast.walk(node) if isinstance(part, ast.Import | ast.ImportFrom))
                    yield from (f"{source.at(part.lineno)}: import inside {node.name}" for part in inner)

    broken(rule())


def test_checks_import_only_public_names() -> None:
    init = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    public = {
        name
        for node in init.body
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets)
        for name in ast.literal_eval(node.value)
    }
    assert public, "tr03108/__init__.py names no public names in __all__"
    paths = sorted((CHECKOUT / "checks").glob("*.py"))
    assert paths, "no check files"

    def rule() -> Iterator[str]:
        for path in paths:
            source = Source(path, "checks", ast.parse(path.read_text("utf-8"), str(path)))
            for module, name, line in source.imports():
                if module == "__future__" or (module == "tr03108" and name in public):
                    continue
                yield f"{source.at(line)}: checks import public names of tr03108 alone, not {module}.{name}"

    broken(rule())


@pytest.mark.parametrize("limit", [400])
def test_modules_stay_small(limit: int) -> None:
    def rule() -> Iterator[str]:
        for path in [*PACKAGE.rglob("*.py"), *(CHECKOUT / "checks").glob("*.py")]:
            length = len(path.read_text("utf-8").splitlines())
            if length > limit:
                yield f"{path.relative_to(CHECKOUT)} has {length} lines, more than {limit}"

    broken(rule())
