"""MTA-STS: the TXT record and the policy body, read to the letter of RFC 8461 sections 3.1 and 3.2."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAXIMUM_AGE = 31557600  # seconds, about a year (RFC 8461 section 3.2)
MAXIMUM_POLICY = 65536  # octets (section 3.3 suggests this limit)
MODES = ("enforce", "testing", "none")

_PREFIX = b"v=STSv1"
_ID = re.compile(r"[A-Za-z0-9]{1,32}\Z")
_EXTENSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z")
_RECORD_VALUE = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]+\Z")
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_MX = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\Z")
_POLICY_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class StsRecord:
    """A TXT record at `_mta-sts.<domain>`. It is valid where `errors` is empty."""

    id: str | None
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """A policy body. `mode` and `max_age` (seconds) are None where missing or unreadable; `mx` are lower case.

    It is valid where `errors` is empty; texts are in English and for the evidence.
    """

    mode: str | None
    max_age: int | None
    mx: tuple[str, ...]
    errors: tuple[str, ...]


def sts_records(texts: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those of the TXT records (strings joined) that count: others must be discarded (section 3.1)."""
    return tuple(text for text in texts if re.match(rb"v=STSv1[ \t]*(?:;|\Z)", text))


def parse_record(text: bytes) -> StsRecord:
    """Reads one TXT record (its strings joined)."""
    try:
        fields = [field.strip(" \t") for field in text.decode("ascii").split(";")]
    except UnicodeDecodeError:
        return StsRecord(None, ("octets outside ASCII",))
    errors = []
    if fields[0] != _PREFIX.decode():
        errors.append("does not begin with v=STSv1;")
    if fields[-1] == "" and len(fields) > 1:
        fields.pop()  # one delimiter may end the record
    found: str | None = None
    for field in fields[1:]:
        name, equals, value = field.partition("=")
        if not equals or not _EXTENSION_NAME.match(name):
            errors.append(f"not a field: {field[:80]!r}")
        elif name == "id":
            if found is not None:
                errors.append("more than one id")
            elif not _ID.match(value):
                errors.append("id is not 1 to 32 letters and digits")
            found = found or value[:80]
        elif not _RECORD_VALUE.match(value):
            errors.append(f"value of {name} is malformed")
    if found is None:
        errors.append("no id")
    return StsRecord(found, tuple(errors))


def parse_policy(body: bytes) -> StsPolicy:
    """Reads a policy body. Of a repeated field other than mx only the first counts (section 3.2)."""
    errors: list[str] = []
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return StsPolicy(None, None, (), ("not UTF-8",))
    if len(body) > MAXIMUM_POLICY:
        errors.append(f"longer than {MAXIMUM_POLICY} octets")
    fields, patterns = _policy_fields(text, errors)
    if fields.get("version") != "STSv1":
        errors.append("version is not STSv1")
    mode = fields.get("mode")
    if mode not in MODES:
        errors.append("no mode" if mode is None else "mode is none of enforce, testing, none")
        mode = None
    if mode in ("enforce", "testing") and not patterns:
        errors.append("no mx")
    return StsPolicy(mode, _max_age(fields.get("max_age"), errors), patterns, tuple(errors))


def _policy_fields(text: str, errors: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    fields: dict[str, str] = {}
    patterns: list[str] = []
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and lines[-1] == "":
        lines.pop()  # the last line may be ended; that more empty ones follow harms no sender
    for number, line in enumerate(lines, 1):
        match = _POLICY_LINE.match(line)
        if match is None or _CONTROL.search(line):
            errors.append(f"line {number} is not a field")
        elif match[1] != "mx":
            fields.setdefault(match[1], match[2])
        elif _MX.match(match[2]) and len(match[2]) <= 255:
            patterns.append(match[2].lower())
        else:
            errors.append(f"line {number}: mx is not a host name or *.host name")
    return fields, tuple(dict.fromkeys(patterns))


def _max_age(value: str | None, errors: list[str]) -> int | None:
    if value is None or not re.match(r"[0-9]{1,10}\Z", value):
        errors.append("no max_age" if value is None else "max_age is not a number of 1 to 10 digits")
        return None
    if int(value) > MAXIMUM_AGE:
        errors.append(f"max_age is greater than {MAXIMUM_AGE}")
    return int(value)


def covers(pattern: str, host: str) -> bool:
    """Whether an mx pattern matches a mail host: `*.` stands for exactly one label (RFC 8461 section 4.1)."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if pattern.startswith("*."):
        first, dot, parent = host.partition(".")
        return bool(first and dot) and parent == pattern[2:]
    return pattern == host
