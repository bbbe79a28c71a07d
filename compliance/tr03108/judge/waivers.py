"""Waivers: deviations an operator has accepted, with reason and end date. They change the gate, never a verdict."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ..model import UsageError, Waiver

_KEYS = {"check", "case", "subject", "reason", "until"}
_MAXIMUM_BYTES = 1024 * 1024


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Reads a waiver file: `[[waiver]]` tables with check or case, subject, reason, until. Raises UsageError."""
    try:
        if path.stat().st_size > _MAXIMUM_BYTES:
            raise UsageError(f"{path}: too large for a waiver file")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, not TOML, no possible path
        raise UsageError(f"{_shown(str(path))}: cannot read the waivers: {_shown(str(error))}") from None
    items = data.get("waiver", [])
    if set(data) - {"waiver"} or not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UsageError(f"{_shown(str(path))}: only [[waiver]] tables are known here")
    return tuple(_waiver(path, number, item) for number, item in enumerate(items, 1))


def _shown(text: str) -> str:
    """A text from outside on one line."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _waiver(path: Path, number: int, item: dict[str, Any]) -> Waiver:
    place = f"{_shown(str(path))}: waiver {number}"
    unknown = sorted(set(item) - _KEYS)
    if unknown:
        raise UsageError(f"{place}: unknown key {unknown[0]!r} (known: {', '.join(sorted(_KEYS))})")
    if ("check" in item) == ("case" in item):
        raise UsageError(f"{place}: give either check or case")
    until = item.get("until")
    if isinstance(until, str):
        try:
            until = date.fromisoformat(until)
        except ValueError:
            raise UsageError(f"{place}: until is not a date (YYYY-MM-DD)") from None
    if isinstance(until, datetime) or not isinstance(until, date):
        raise UsageError(f"{place}: until is missing or not a date (YYYY-MM-DD)")
    texts = {key: item.get(key) for key in ("subject", "reason")} | {"finding": item.get("check", item.get("case"))}
    for key, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{place}: {key} is missing or empty")
    return Waiver(str(texts["finding"]), str(texts["subject"]), str(texts["reason"]), until.isoformat())


def expired(waiver: Waiver, as_of: datetime) -> bool:
    """A waiver holds to the end of its last day (UTC)."""
    return date.fromisoformat(waiver.until) < as_of.astimezone(UTC).date()


def waiver_for(waivers: Sequence[Waiver], check: str, case: str | None, subject: str, as_of: datetime) -> Waiver | None:
    """The first waiver in force for a finding; subject "*" means any."""
    for waiver in waivers:
        named = waiver.finding == check or (case is not None and waiver.finding == case)
        if named and waiver.subject in (subject, "*") and not expired(waiver, as_of):
            return waiver
    return None
