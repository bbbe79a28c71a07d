"""Text from outside made harmless: hidden characters shown, long values cut.

A target chooses its host names, records, banners and certificates. None of that may steer a terminal (control
characters), turn the order of a line around (bidirectional overrides), break a file format or fill a report.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from enum import Enum
from typing import Any

from tr03108.model import rfc3339

LINE_LIMIT = 300  # characters of one value inside a sentence or a table
BLOCK_LIMIT = 20_000  # characters of one value in the evidence
ITEM_LIMIT = 500  # entries of one list or table in the evidence
DEPTH_LIMIT = 12

# Controls, line and paragraph separators, bidirectional and other invisible formatting, surrogates, noncharacters
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_BREAKS = frozenset("\n\t")


def line(text: object, limit: int = LINE_LIMIT) -> str:
    """`text` on one line: hidden characters as escapes such as `\\x1b`, cut with the number of lost characters."""
    return _show(_cut(str(text), limit), frozenset())


def block(text: object, limit: int = BLOCK_LIMIT) -> str:
    """Like `line`, but line feeds and tabs stand."""
    return _show(_cut(str(text).replace("\r\n", "\n"), limit), _BREAKS)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… (+{len(text) - limit})"


def _show(text: str, kept: Set[str]) -> str:
    return _HIDDEN.sub(lambda match: match[0] if match[0] in kept else _escape(match[0]), text)


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def plain(value: Any, depth: int = DEPTH_LIMIT) -> Any:
    """A JSON-able copy of evidence with long strings, long lists and deep nesting cut; bytes are hex."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if isinstance(value, bytes):
        return _cut(value[: BLOCK_LIMIT + 1].hex(), BLOCK_LIMIT)
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping | Sequence | Set) and not isinstance(value, str):
        return _plain_container(value, depth) if depth > 0 else "…"
    return _cut(str(value), BLOCK_LIMIT)


def _plain_container(value: Mapping[Any, Any] | Sequence[Any] | Set[Any], depth: int) -> Any:
    lost = len(value) - ITEM_LIMIT
    if isinstance(value, Mapping):
        items = [(_cut(str(key), LINE_LIMIT), plain(item, depth - 1)) for key, item in list(value.items())[:ITEM_LIMIT]]
        return dict([*items, ("…", f"(+{lost})")] if lost > 0 else items)
    entries = [plain(item, depth - 1) for item in list(value)[:ITEM_LIMIT]]
    return [*entries, f"… (+{lost})"] if lost > 0 else entries


def json_text(value: Any) -> str:
    """JSON, readable in any language, but with every hidden character as an escape: safe to show on a terminal."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    return _HIDDEN.sub(lambda match: match[0] if match[0] == "\n" else _json_escape(match[0]), text) + "\n"


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
