"""Reading TOML tables of scenarios: unknown keys and words are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")


def build(kind: type[T], table: Mapping[str, Any]) -> T:
    """A dataclass from the keys of `table`. Raises ValueError for unknown ones."""
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]  # always a dataclass
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(f"{kind.__name__}: unknown keys {unknown}, known are {sorted(known)}")
    return kind(**table)


def optional(kind: type[T], text: str | None) -> T | None:
    return None if text is None else kind(text)  # type: ignore[call-arg]  # StrEnums only


def one_of(text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise ValueError(f"{text!r} is not one of {', '.join(known)}")
    return text


def exhausted(what: str, table: Mapping[str, Any]) -> None:
    """Raises ValueError for the keys that nobody has taken out of `table`."""
    if table:
        raise ValueError(f"{what}: unknown keys {sorted(table)}")
