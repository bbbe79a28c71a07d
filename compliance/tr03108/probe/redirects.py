"""`--connect FROM=TO`: connections that go elsewhere (staging, CI, the lab), and the endpoints they are made of."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..model import UsageError, bracketed

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?\Z")
_FORMS = "HOST:PORT, ADDRESS:PORT or :PORT"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address (canonical text, without brackets) and a port."""

    address: str
    port: int

    @property
    def text(self) -> str:
        """`192.0.2.1:25`, `[2001:db8::1]:25`."""
        return f"{bracketed(self.address)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Redirects:
    """The map of one run. An ADDRESS:PORT entry wins over HOST:PORT over :PORT."""

    by_address: Mapping[tuple[str, int], tuple[str | None, int]]
    by_host: Mapping[tuple[str, int], tuple[str | None, int]]
    by_port: Mapping[int, tuple[str | None, int]]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Redirects:
        """Reads FROM=TO texts. Raises UsageError on anything malformed or contradictory."""
        by_address: dict[tuple[str, int], tuple[str | None, int]] = {}
        by_host: dict[tuple[str, int], tuple[str | None, int]] = {}
        by_port: dict[int, tuple[str | None, int]] = {}
        for text in texts:
            source, equals, goal = text.strip().partition("=")
            if not equals:
                raise UsageError(f"--connect {text!r}: write FROM=TO, FROM being {_FORMS}, TO ADDRESS:PORT or :PORT")
            host, port = _split(source, text)
            name, to_port = _split(goal, text)
            to = (None if name == "" else _address(name), to_port)
            if name and to[0] is None:
                raise UsageError(f"--connect {text!r}: TO must be ADDRESS:PORT or :PORT, not a host name")
            address = _address(host)
            if host == "":
                clash = by_port.setdefault(port, to) != to
            elif address is not None:
                clash = by_address.setdefault((address, port), to) != to
            else:
                clash = by_host.setdefault((_host(host, text), port), to) != to
            if clash:
                raise UsageError(f"--connect {text!r}: {source} already goes elsewhere")
        return cls(by_address, by_host, by_port)

    def resolve(self, host: str, address: str, port: int) -> Endpoint | None:
        """Where a connection to `address`:`port` of `host` goes instead, or None when it is not redirected."""
        plain = _address(address) or address
        to = (
            self.by_address.get((plain, port))
            or self.by_host.get((host.lower().rstrip("."), port))
            or self.by_port.get(port)
        )
        return None if to is None else Endpoint(to[0] or plain, to[1])


def parse_endpoint(text: str, default_port: int) -> Endpoint:
    """ADDRESS or ADDRESS:PORT, IPv6 in brackets where a port follows. Raises UsageError."""
    address = _address(text.strip("[]")) if text.count(":") != 1 else None
    if address is not None:
        return Endpoint(address, default_port)
    name, port = _split(text, text) if ":" in text else (text, default_port)
    address = _address(name)
    if address is None:
        raise UsageError(f"{text!r}: write ADDRESS or ADDRESS:PORT, an IPv6 address in brackets")
    return Endpoint(address, port)


def _split(part: str, whole: str) -> tuple[str, int]:
    """Name (brackets off, may be empty) and port."""
    name, colon, digits = part.strip().rpartition(":")
    if not colon or not re.match(r"[0-9]{1,5}\Z", digits) or not 1 <= int(digits) <= 65535:
        raise UsageError(f"{whole!r}: {part!r} does not end in :PORT (1 to 65535)")
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
        if ":" not in name:
            raise UsageError(f"{whole!r}: brackets are for IPv6 addresses")
    elif ":" in name:
        raise UsageError(f"{whole!r}: write the IPv6 address in brackets")
    return name, int(digits)


def _address(text: str) -> str | None:
    try:
        return ipaddress.ip_address(text).compressed
    except ValueError:
        return None


def _host(text: str, whole: str) -> str:
    host = text.lower().rstrip(".")
    if not _HOST.match(host):
        raise UsageError(f"{whole!r}: {text!r} is neither an address nor a host name")
    return host
