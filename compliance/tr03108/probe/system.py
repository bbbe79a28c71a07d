"""The resolvers this machine is configured with (resolv.conf(5))."""

from __future__ import annotations

import ipaddress
from pathlib import Path

_MAXIMUM_FILE = 65536  # octets
_MAXIMUM_SERVERS = 3  # MAXNS of resolv.conf(5)
_DEFAULT = "127.0.0.1"  # what resolv.conf(5) says for an empty file


def system_resolvers(file: Path = Path("/etc/resolv.conf")) -> tuple[str, ...]:
    """Addresses of the system's recursive resolvers, in order; the local host where none is configured."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_MAXIMUM_FILE).decode("utf-8", "replace")
    except OSError:
        text = ""
    found: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                found.append(ipaddress.ip_address(words[1]).compressed)
            except ValueError:
                continue
    return tuple(dict.fromkeys(found[:_MAXIMUM_SERVERS])) or (_DEFAULT,)
