"""MTA-STS: the TXT record and the policy body, read to the letter of RFC 8461 sections 3.1 and 3.2."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAXIMUM_AGE = 31557600  # seconds, about a year (RFC 8461 section 3.2)
MAXIMUM_POLICY = 65536  # octets (section 3.3 suggests this limit)
MODES = ("enforce", "testing", "none")

_PREFIX = b"v=STSv1"
_BEGINNING = _PREFIX + b";"
_ID = re.compile(r"[A-Za-z0-9]{1,32}\Z")
_EXTENSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z")
_RECORD_VALUE = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]+\Z")
_MX_LENGTH = 255  # octets (RFC 5321 section 4.5.3.1.2)
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_MX = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SPACE = " \t"  # WSP of RFC 5234
_MOST_ERRORS = 20  # that are told of one record or policy


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
    """Those of the TXT records (strings joined) that count: others must be discarded (section 3.1).

    The version is a word of its own, in just this case. Among several TXT records only those count that begin with
    "v=STSv1;"; without one of these all count that were meant to, so that what is wrong with them is told.
    """
    found = tuple(text for text in texts if re.match(rb"v=STSv1[ \t]*(?:;|\Z)", text))
    return tuple(text for text in found if text.startswith(_BEGINNING)) or found


def parse_record(text: bytes, *, alone: bool = True) -> StsRecord:
    """Reads one TXT record (its strings joined). Of a repeated field only the first counts (section 3.2).

    `alone`: the name has no other TXT record. Beside one, senders discard what does not begin with "v=STSv1;".
    """
    try:
        fields = [field.strip(_SPACE) for field in text.decode("ascii").split(";")]
    except UnicodeDecodeError:
        return StsRecord(None, ("octets outside ASCII",))
    errors = []
    if fields[0] != _PREFIX.decode():
        errors.append("does not begin with v=STSv1;")
    elif not alone and not text.startswith(_BEGINNING):
        errors.append("does not begin with v=STSv1; and is not the only TXT record, so senders discard it")
    if fields[-1] == "" and len(fields) > 1:
        fields.pop()  # one delimiter may end the record
    elif text.endswith((b" ", b"\t")):
        errors.append("white space at the end")
    found: str | None = None
    for field in fields[1:]:
        name, equals, value = field.partition("=")
        if not equals or not _EXTENSION_NAME.match(name):
            errors.append(f"not a field: {field[:80]!r}")
        elif name == "id":
            if found is None and not _ID.match(value):
                errors.append("id is not 1 to 32 letters and digits")
            found = value[:80] if found is None else found
        elif not _RECORD_VALUE.match(value):
            errors.append(f"value of {name} is malformed")
    if found is None:
        errors.append("no id")
    return StsRecord(found, _told(errors))


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
    max_age = _max_age(fields.get("max_age"), errors)
    return StsPolicy(mode, max_age, patterns, _told(errors))


def _policy_fields(text: str, errors: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    fields: dict[str, str] = {}
    patterns: list[str] = []
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()  # the last line may be ended; another, empty one is no field, and some senders refuse it
    for number, line in enumerate(lines, 1):
        name, _, value = line.partition(":")
        value = value.strip(_SPACE)
        # An empty value is none, and that of an extension may hold single spaces but no tab.
        if not _EXTENSION_NAME.match(name) or not value or _CONTROL.search(value):
            errors.append(f"line {number} is not a field" if line else f"line {number} is empty")
        elif name != "mx":
            fields.setdefault(name, value)
        elif len(value) <= _MX_LENGTH and _MX.match(value):
            patterns.append(value.lower())
        else:
            errors.append(f"line {number}: mx is not a host name or *.host name")
    return fields, tuple(dict.fromkeys(patterns))


def _told(errors: list[str]) -> tuple[str, ...]:
    """The first of many errors, and how many more there are."""
    more = len(errors) - _MOST_ERRORS
    return tuple(errors) if more <= 0 else (*errors[:_MOST_ERRORS], f"{more} more")


def _max_age(value: str | None, errors: list[str]) -> int | None:
    if value is None or not re.match(r"[0-9]{1,10}\Z", value):
        errors.append("no max_age" if value is None else "max_age is not a number of 1 to 10 digits")
        return None
    if int(value) > MAXIMUM_AGE:
        errors.append(f"max_age is greater than {MAXIMUM_AGE}")
    return int(value)


def patterns_for(host: str) -> tuple[str, ...]:
    """The mx patterns that match a mail host: its name, and `*.` for exactly one label (RFC 8461 section 4.1)."""
    host = host.lower().rstrip(".")
    first, dot, parent = host.partition(".")
    return (host, f"*.{parent}") if first and dot else (host,)
