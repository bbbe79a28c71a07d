"""Fact or blindness at the services of mail clients: with TLS from the first octet on, and with STARTTLS."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tr03108.evaluate.starttls import conclude
from tr03108.evaluate.vantage import reach
from tr03108.model import SERVICE_KINDS, ClientSession, Failure, Observation, Reason, Vantage
from unit.evaluate.conftest import NOW
from unit.evaluate.web_pages import TIMEOUT, V4, V6, handshake, observed

IMPLICIT = [kind.name for kind in SERVICE_KINDS.values() if kind.implicit]


def session(protocol: str, state: str, ended: str, tls: str = "", received: bytes = b"\x15") -> ClientSession:
    shown = handshake(tls, received=received) if tls else None
    return ClientSession(protocol, "", False, (), (), state, ended, shown)


def twice(seen: object, apart: float = 30.0) -> list[Observation[Any]]:
    return [observed("client", seen, NOW + timedelta(seconds=apart * number)) for number in range(2)]


FACTS: list[tuple[ClientSession, str]] = [
    *((session(name, "connect", "refused"), "PORT_REFUSED") for name in (*IMPLICIT, "imap")),
    *((session(name, "handshake", "closed", "alert"), "HANDSHAKE_ALERT") for name in (*IMPLICIT, "imap")),
    (session("imaps", "handshake", "garbage", "garbage"), "TLS_GARBAGE"),
    (session("imaps", "handshake", "closed", "closed"), "TLS_CLOSED"),
    (session("imaps", "handshake", "reset", "reset"), "TLS_CLOSED"),
    (session("imap", "handshake", "garbage", "garbage"), "STARTTLS_GARBAGE"),
    (session("imap", "handshake", "closed", "closed", b""), "STARTTLS_CLOSED"),
    (session("imap", "handshake", "silent", "silent", b""), "STARTTLS_SILENT"),
    (session("imap", "starttls", "done"), "STARTTLS_REFUSED"),
    (session("imap", "starttls", "silent"), "STARTTLS_SILENT"),
    (session("imap", "capabilities", "done"), "STARTTLS_MISSING"),
    (session("sieve", "greeting", "done"), "STARTTLS_MISSING"),
]


@pytest.mark.parametrize(("seen", "code"), FACTS)
def test_facts_are_seen_twice(seen: ClientSession, code: str) -> None:
    found = conclude(twice(seen), 30.0)
    assert (found.code, found.unseen, found.works) == (code, False, False)
    for looks in (twice(seen)[:1], twice(seen, 29.0)):
        assert conclude(looks, 30.0).unseen
    assert conclude(twice(seen), 30.0, elsewhere=True).unseen


BLIND: list[tuple[object, str]] = [
    (session("imaps", "handshake", "silent", "silent", b""), "SERVICE_TIMEOUT"),
    (session("imaps", "handshake", "closed", "closed", b""), "SERVICE_ABORTED"),
    (session("imaps", "handshake", "reset", "reset", b""), "SERVICE_ABORTED"),
    (session("imap", "greeting", "closed"), "SERVICE_ABORTED"),
    (session("imap", "capabilities", "silent"), "SERVICE_TIMEOUT"),
    (Failure(Reason.DEFERRED, "* BYE", (), "greeting"), "SERVICE_DEFERRED"),
    (TIMEOUT, "SERVICE_TIMEOUT"),
]


@pytest.mark.parametrize(("seen", "code"), BLIND)
def test_blindness_is_no_fact_however_often_seen(seen: object, code: str) -> None:
    found = conclude(twice(seen), 30.0)
    assert (found.code, found.unseen) == (code, True)


@pytest.mark.parametrize("protocol", ["imaps", "imap"])
def test_one_handshake_suffices(protocol: str) -> None:
    through = observed("client", session(protocol, "quit", "done", "completed"), NOW)
    found = conclude([*twice(session(protocol, "connect", "refused")), through], 30.0)
    assert (found.code, found.works, found.inconsistent) == ("OK", True, True)


def code(**seen: Observation[Any]) -> str | None:
    """What silence of port 993 at V6 means; `seen` by "v4_993", "v6_25" and the like."""
    places = {name: (V4 if name.startswith("v4") else V6, int(name.partition("_")[2])) for name in seen}
    everything = {places[name]: [observation] for name, observation in seen.items()}
    return reach(V6, 993, everything, Vantage((), None, None)).code


SILENT = observed("client", TIMEOUT)
GREETED = observed("client", session("imaps", "quit", "done", "completed"))


def test_other_ports_carry_the_family() -> None:
    """Only port 25 is often barred on the way out; silence of another one is the target's matter."""
    assert code(v6_993=SILENT, v6_25=GREETED) is None
    assert code(v6_993=SILENT, v6_25=SILENT, v4_993=GREETED) == "VANTAGE_NO_IPV6"
    assert code(v6_993=SILENT, v4_25=GREETED) == "VANTAGE_NO_IPV6"
    assert code(v6_993=SILENT) is None


def test_port_25_alone_is_barred() -> None:
    seen = {(V6, 25): [SILENT], (V6, 993): [GREETED]}
    assert reach(V6, 25, seen, Vantage((), None, None)).code == "VANTAGE_PORT_25"
