"""What one handshake settled on, read again from the raw records (RFC 8446, RFC 5246)."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Handshake
from ..wire.tls.names import suite_name
from ..wire.tls.records import clear_flight


@dataclass(frozen=True, slots=True)
class Negotiated:
    """Version, suite (code and IANA name) and group (code and name; `dh_bits` for a server's own prime)."""

    version: str
    suite: int
    suite_name: str
    group: int | None
    group_name: str | None
    dh_bits: int | None

    @property
    def ephemeral(self) -> bool:
        """The suite uses (EC)DHE, so there is a group to judge (every TLS 1.3 suite does)."""
        return self.version == "TLSv1.3" or "_DHE_" in self.suite_name or "_ECDHE_" in self.suite_name


def negotiated(handshake: Handshake) -> Negotiated | None:
    """None where the server's choice cannot be read."""
    hello = clear_flight(handshake.received)
    if hello.version is None or hello.suite is None:
        return None
    name = suite_name(hello.suite)
    return Negotiated(hello.version, hello.suite, name, hello.group, hello.group_name, hello.dh_bits)
