"""How values are written everywhere: times, certificates; and the error for bad user input."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime


def rfc3339(time: datetime) -> str:
    """A time in UTC as RFC 3339 with microseconds where there are any."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def pem(der: bytes) -> str:
    """One DER certificate as PEM."""
    base64 = b64encode(der).decode()
    lines = "\n".join(base64[i : i + 64] for i in range(0, len(base64), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


class UsageError(Exception):
    """Bad user input: the message is one clear line that says what to do; front doors exit with status 2."""
