"""The dossier as a file (schema `tr03108.dossier/1`): every byte needed to judge again.

Bytes are hex, certificates PEM, times RFC 3339. The codec follows the field types of `model`, so a new field needs no
code here. A dossier is input from outside: whatever does not fit ends in one `UsageError`.
"""

from __future__ import annotations

import hashlib
import json
import math
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .evaluate.anchors import parse_anchors
from .model import DnsMessage, Dossier, Failure, HttpExchange, Observation, SmtpSession, UsageError, pem, rfc3339

SCHEMA = "tr03108.dossier/1"
_CERTIFICATES = {"chain", "roots"}  # fields of DER certificates: PEM in the file
_KINDS: dict[str, type[Any]] = {"dns": DnsMessage, "smtp": SmtpSession, "http": HttpExchange}
_PEM_HEAD, _PEM_TAIL = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def digest(text: str) -> str:
    """SHA-256 of the dossier's file, in hex, as `sha256sum` prints it."""
    return hashlib.sha256(text.encode()).hexdigest()


def encode(dossier: Dossier) -> str:
    """The dossier as JSON text; the same dossier gives the same text."""
    body: dict[str, Any] = {"schema": SCHEMA, "tool": {"name": "tr03108", "version": dossier.tool_version}}
    for field in fields(dossier):
        if field.name not in ("observations", "tool_version"):
            body[field.name] = _encode(getattr(dossier, field.name), field.name)
    body["observations"] = {key: _encode_observation(dossier.observations[key]) for key in sorted(dossier.observations)}
    return json.dumps(body, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def decode(text: str) -> Dossier:
    """The dossier in `text`. Raises UsageError when it is not one of this schema."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not a dossier: not JSON ({error})") from None
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        found = body.get("schema") if isinstance(body, dict) else None
        raise UsageError(f"not a dossier of schema {SCHEMA} (found {str(found)[:60]!r}): probe again with this version")
    try:
        values: dict[str, Any] = {"tool_version": str(body["tool"]["version"])}
        hints = get_type_hints(Dossier)
        for field in fields(Dossier):
            if field.name == "observations":
                values[field.name] = {key: _decode_observation(key, item) for key, item in body[field.name].items()}
            elif field.name != "tool_version":
                values[field.name] = _decode(hints[field.name], body[field.name], field.name)
        if not parse_anchors("\n".join(values["trust_anchors"])):
            raise ValueError("trust_anchors: none")
        return Dossier(**values)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UsageError(f"malformed dossier: {type(error).__name__}: {str(error)[:120]}") from None


def _der(text: str) -> bytes:
    body = text.strip().removeprefix(_PEM_HEAD).removesuffix(_PEM_TAIL)
    return b64decode("".join(body.split()), validate=True)


def _encode_observation(observation: Observation[Any]) -> dict[str, Any]:
    item: dict[str, Any] = {"time": rfc3339(observation.time)}
    if observation.failure is not None:
        item["failure"] = _encode(observation.failure)
    else:
        item["kind"] = next(kind for kind, cls in _KINDS.items() if isinstance(observation.value, cls))
        item["value"] = _encode(observation.value)
    return item


def _decode_observation(key: str, item: dict[str, Any]) -> Observation[Any]:
    time = _decode(datetime, item["time"], "time")
    if "failure" in item:
        return Observation(key, time, None, _decode(Failure, item["failure"], key))
    return Observation(key, time, _decode(_KINDS[item["kind"]], item["value"], key), None)


def _encode(value: Any, name: str = "") -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _encode(getattr(value, field.name), field.name) for field in fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [pem(item) if name in _CERTIFICATES else _encode(item) for item in value]
    return value


def _decode(hint: Any, value: Any, name: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        if value is None:
            return None
        (hint,) = (arg for arg in get_args(hint) if arg is not NoneType)
        return _decode(hint, value, name)
    if origin is tuple:
        args = get_args(hint)
        items = _expect(list, value, name)
        if name in _CERTIFICATES:
            return tuple(_der(_expect(str, item, name)) for item in items)
        kinds = [args[0]] * len(items) if len(args) == 2 and args[1] is Ellipsis else list(args)
        if len(kinds) != len(items):
            raise ValueError(f"{name}: wrong length")
        return tuple(_decode(kind, item, "") for kind, item in zip(kinds, items, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {str(key): _decode(get_args(hint)[1], item, name) for key, item in _expect(dict, value, name).items()}
    return _decode_plain(hint, value, name)


def _decode_plain(hint: Any, value: Any, name: str) -> Any:
    if is_dataclass(hint):
        return _decode_dataclass(hint, _expect(dict, value, name))
    if hint is bytes:
        return bytes.fromhex(_expect(str, value, name))
    if hint is datetime:
        time = datetime.fromisoformat(_expect(str, value, name))
        if time.tzinfo is None:
            raise ValueError(f"{name}: time without zone")
        return time.astimezone(UTC)
    if issubclass(hint, Enum):
        return hint(value)
    if hint is float:
        number = float(_expect((int, float), value, name))
        if not math.isfinite(number):
            raise ValueError(f"{name}: not a finite number")
        return number
    return _expect(hint, value, name)


def _decode_dataclass(cls: Any, value: dict[str, Any]) -> Any:
    hints = get_type_hints(cls)
    values = {}
    for field in fields(cls):
        if field.name in value or (field.default is MISSING and field.default_factory is MISSING):
            values[field.name] = _decode(hints[field.name], value[field.name], field.name)
    return cls(**values)


def _expect(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name or 'item'}: {type(value).__name__} found")
    return value
