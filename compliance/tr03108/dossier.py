"""The dossier as a file (schema `tr03108.dossier/1`): every byte needed to judge again.

Bytes are hex, certificates PEM, times RFC 3339. The codec follows the field types of `model`, so a new field needs no
code here. A dossier is input from outside: whatever does not fit ends in one `UsageError`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from ipaddress import ip_address
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .evaluate.anchors import parse_anchors
from .evaluate.places import webmail_page
from .model import (
    SERVICE_KINDS,
    ClientSession,
    DnsMessage,
    Dossier,
    Failure,
    Fetch,
    HelloExchange,
    HttpExchange,
    Observation,
    Renegotiation,
    SmtpSession,
    UsageError,
    pem,
    rfc3339,
)

SCHEMA = "tr03108.dossier/1"
_CERTIFICATES = {"chain", "roots"}  # fields of DER certificates: PEM in the file
_KINDS: dict[str, type[Any]] = {
    "dns": DnsMessage,
    "smtp": SmtpSession,
    "client": ClientSession,
    "http": HttpExchange,
    "hello": HelloExchange,
    "renegotiation": Renegotiation,
    "fetch": Fetch,
}
_PEM_HEAD, _PEM_TAIL = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

# Observation keys (docs of `model.Dossier`): which kind of value each holds.
_KEY_KINDS: dict[str, type[Any]] = {
    "dns": DnsMessage,
    "dns-at": DnsMessage,
    "dns-at-tcp": DnsMessage,
    "smtp": SmtpSession,
    "smtp-plain": SmtpSession,
    "mailbox": SmtpSession,
    "mailbox-tls": SmtpSession,
    "smtp-other": SmtpSession,
    "smtp-curve": SmtpSession,
    "client": ClientSession,
    "client-plain": ClientSession,
    "client-injection": ClientSession,
    "client-other": ClientSession,
    "client-curve": ClientSession,
    "https": HttpExchange,
    "web": HttpExchange,
    "hello": HelloExchange,
    "renegotiation": Renegotiation,
    "fetch": Fetch,
}
_NAME = re.compile(r"(?:[!-\-/-\[\]-~]|\\[0-9]{3}|\\[!-/:-~])+(?:\.(?:[!-\-/-\[\]-~]|\\[0-9]{3}|\\[!-/:-~])+)*")
_ESCAPED = re.compile(r"\\(?:[0-9]{3}|.)")
_LONGEST_LABEL, _LONGEST_NAME = 63, 253  # octets; a name of 253 is 255 on the wire (RFC 1035 section 2.3.4)
_TYPE = re.compile(r"[A-Z0-9]{1,20}")
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_QUESTION = re.compile(r"[a-z][A-Za-z0-9.+-]{0,79}")
_MAILBOX = re.compile(r"[A-Za-z0-9._~%-]{1,500}")  # percent-encoded
# Observations that end in a question: what a hello offers, what a web page is wanted for, a mailbox.
_QUESTIONS = {"hello": _QUESTION, "web": _QUESTION, "mailbox": _MAILBOX, "mailbox-tls": _MAILBOX}
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Times that leave room for the arithmetic of judging: margins, validity periods.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


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
        raise UsageError(f"not a dossier: not JSON ({_line(error)})") from None
    schema = body.get("schema") if isinstance(body, dict) else None
    if schema != SCHEMA:
        found = repr(schema[:60]) if isinstance(schema, str) else "none"
        raise UsageError(f"not a dossier of schema {SCHEMA} (found {found}): probe again with this version")
    try:
        return _decode_dossier(body)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise UsageError(f"malformed dossier: {type(error).__name__}: {_line(error)}") from None


def _decode_dossier(body: dict[str, Any]) -> Dossier:
    values: dict[str, Any] = {"tool_version": _text(body["tool"]["version"], "version")}
    hints = get_type_hints(Dossier)
    for field in fields(Dossier):
        if field.name == "observations":
            values[field.name] = {key: _decode_observation(key, item) for key, item in body[field.name].items()}
        elif field.name != "tool_version":
            values[field.name] = _decode(hints[field.name], body[field.name], field.name)
    dossier = Dossier(**values)
    _check_name(dossier.domain)
    if not parse_anchors("\n".join(dossier.trust_anchors)):
        raise ValueError("trust_anchors: none")
    families = dossier.plan.families
    if not families or len(set(families)) != len(families) or not set(families) <= {4, 6}:
        raise ValueError("families: not 4, 6 or both")
    for place in dossier.plan.named:
        _check_name(place.host)
        if place.kind not in SERVICE_KINDS or not 1 <= place.port <= 65535:
            raise ValueError("named: not a place of a service")
    if not all(map(webmail_page, dossier.plan.webmail or ())):
        raise ValueError("webmail: not an https URL")
    return dossier


def _line(error: Exception) -> str:
    """What an error says, on one line of visible characters: the words may come from the file."""
    return ascii(str(error)[:120])[1:-1]


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
    if ("failure" in item) == ("value" in item):
        raise ValueError(f"{key}: needs exactly one of value and failure")
    if "failure" in item:
        _check_key(key, None)
        return Observation(key, time, None, _decode(Failure, item["failure"], key))
    value = _decode(_KINDS[item["kind"]], item["value"], key)
    _check_key(key, value)
    return Observation(key, time, value, None)


def _check_key(key: str, value: Any) -> None:
    """The key has the form of its kind and names what the value is about. Raises ValueError."""
    kind, _, rest = key.partition("/")
    if kind not in _KEY_KINDS:
        raise ValueError(f"{key}: unknown kind of observation")
    if value is not None and not isinstance(value, _KEY_KINDS[kind]):
        raise ValueError(f"{key}: holds {type(value).__name__}")
    # A name may hold a slash (RFC 2317), so the parts are counted from the end.
    if kind in ("dns", "dns-at", "dns-at-tcp"):
        address, rest = ("", rest) if kind == "dns" else rest.split("/", 1)
        name, _, rdtype = rest.rpartition("/")
        sound = _TYPE.fullmatch(rdtype) is not None and (kind == "dns" or _is_address(address))
        if isinstance(value, DnsMessage) and (value.name, value.rdtype) != (name, rdtype):
            raise ValueError(f"{key}: holds the answer to another question")
    elif kind == "fetch":  # the SHA-256 of method, URL and request
        if _DIGEST.fullmatch(rest) is None:
            raise ValueError(f"{key}: not the key of an observation")
        return
    elif kind in _QUESTIONS:
        name, address, port, question = ("", "", "", "", *rest.rsplit("/", 3))[-4:]
        sound = _NUMBER.fullmatch(port) is not None and _QUESTIONS[kind].fullmatch(question) is not None
        sound = sound and _is_address(address)
    else:
        if _KEY_KINDS[kind] is ClientSession:
            protocol, _, rest = rest.partition("/")
            if protocol not in SERVICE_KINDS:
                raise ValueError(f"{key}: unknown service")
            if isinstance(value, ClientSession) and value.protocol != protocol:
                raise ValueError(f"{key}: holds a session with another service")
        numbers = 1 if kind == "https" else 2
        name, address, *counts = ("", "", *rest.rsplit("/", numbers + 1))[-numbers - 2 :]
        sound = len(counts) == numbers and all(_NUMBER.fullmatch(count) for count in counts)
        sound = sound and _is_address(address)
    if not sound:
        raise ValueError(f"{key}: not the key of an observation")
    _check_name(name)


def _is_address(text: str) -> bool:
    """An address in canonical form, without a zone. Raises ValueError where it is none at all."""
    return "%" not in text and str(ip_address(text)) == text


def _check_name(name: str) -> None:
    """A DNS name in presentation form that DNS can hold. Raises ValueError."""
    if name == ".":
        return
    sound = len(name) <= 4 * _LONGEST_NAME and _NAME.fullmatch(name) is not None
    sound = sound and all(int(escape[1:]) <= 255 for escape in _ESCAPED.findall(name) if escape[1:].isdigit())
    plain = _ESCAPED.sub("x", name) if sound else ""
    if not sound or len(plain) > _LONGEST_NAME or max(map(len, plain.split("."))) > _LONGEST_LABEL:
        raise ValueError(f"{name[:60]}: not a DNS name")


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
        items = _expect(dict, value, name).items()
        return {_text(key, name): _decode(get_args(hint)[1], item, name) for key, item in items}
    return _decode_plain(hint, value, name)


def _decode_plain(hint: Any, value: Any, name: str) -> Any:
    if is_dataclass(hint):
        return _decode_dataclass(hint, _expect(dict, value, name))
    if hint is str:
        return _text(value, name)
    if hint is bytes:
        return bytes.fromhex(_expect(str, value, name))
    if hint is datetime:
        time = datetime.fromisoformat(_expect(str, value, name))
        if time.tzinfo is None:
            raise ValueError(f"{name}: time without zone")
        if not _EARLIEST <= time < _LATEST:
            raise ValueError(f"{name}: time out of range")
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


def _text(value: Any, name: str) -> str:
    """A string that can be written again: JSON can carry halves of surrogate pairs, UTF-8 cannot."""
    text: str = _expect(str, value, name)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{name}: not Unicode text")
    return text
