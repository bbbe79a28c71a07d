"""Evidence as JSON: whatever a check hands over becomes plain data. Bytes are hex, times RFC 3339."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from enum import Enum
from typing import Any

from ..model import Failure, rfc3339

_MAXIMUM_TEXT = 4000  # characters of one string
_MAXIMUM_PEM = 100_000  # of a certificate, which is of no use in part; the probe takes chains up to 64 KiB
_PEM_HEAD = "-----BEGIN CERTIFICATE-----"
_MAXIMUM_ITEMS = 200  # of one list


def as_json(value: Any) -> Any:
    """`value` as JSON-able data; views describe themselves through `evidence()`."""
    if isinstance(value, Failure):
        return {"reason": str(value.reason), "detail": value.detail[:_MAXIMUM_TEXT]}
    if hasattr(value, "evidence"):
        return as_json(value.evidence())
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value[: _MAXIMUM_PEM if value.startswith(_PEM_HEAD) else _MAXIMUM_TEXT]
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return value.hex()[:_MAXIMUM_TEXT]
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, Sequence | Set):
        return [as_json(item) for item in list(value)[:_MAXIMUM_ITEMS]]
    return str(value)[:_MAXIMUM_TEXT]
