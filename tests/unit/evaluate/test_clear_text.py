"""What happens without TLS, read from dialogues: a login begun, announced or refused; a command behind STARTTLS."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tr03108.evaluate.clear_text import ClearLogin, Injection, clear_login, injection
from tr03108.model import SERVICE_KINDS, ClientSession, Failure, Line, Observation, Reason
from unit.evaluate.web_pages import handshake, observed

CLEAR = [kind.name for kind in SERVICE_KINDS.values() if not kind.implicit]


def lines(talk: str) -> tuple[Line, ...]:
    """A dialogue, line by line: "C: " or "S: " and what was said."""
    said = (line.strip() for line in talk.strip().splitlines())
    return tuple(Line(line[0], line[3:].encode(), 0.1) for line in said if line)


def session(kind: str, talk: str, inside: str = "", **changes: Any) -> Observation[ClientSession]:
    state = {"state": "quit", "ended": "done", "handshake": handshake() if inside else None} | changes
    return observed("client", ClientSession(kind, "127.0.0.1:1", True, lines(talk), lines(inside), **state))


def login(kind: str, talk: str) -> ClearLogin:
    return clear_login(session(kind, talk))


EHLO = "S: 220 mx\nC: EHLO me\nS: 250-mx\n"
IMAP = "S: * OK ready\nC: a1 CAPABILITY\nS: * CAPABILITY IMAP4rev1 {}\nS: a1 OK\nC: a2 AUTHENTICATE PLAIN\n"
POP3 = "S: +OK\nC: CAPA\nS: +OK\n{}S: .\nC: AUTH PLAIN\nS: {}\nC: USER nobody\nS: {}\n"
LOGINS: dict[str, tuple[str, str, str]] = {
    "smtp: unknown": ("submission", EHLO + "S: 250 STARTTLS\nC: AUTH PLAIN\nS: 502 what", "OK"),
    "smtp: TLS first": ("submission", EHLO + "S: 250 STARTTLS\nC: AUTH PLAIN\nS: 530 5.7.0 Must issue STARTTLS", "OK"),
    "smtp: challenge": ("submission", EHLO + "S: 250 STARTTLS\nC: AUTH PLAIN\nS: 334 ", "LOGIN_IN_CLEAR"),
    "smtp: at once": ("submission", EHLO + "S: 250 STARTTLS\nC: AUTH PLAIN\nS: 235 hi", "LOGIN_IN_CLEAR"),
    "smtp: announced": ("submission", EHLO + "S: 250 AUTH LOGIN\nC: AUTH PLAIN\nS: 504 no", "LOGIN_ANNOUNCED"),
    "smtp: later": ("submission", EHLO + "S: 250 STARTTLS\nC: AUTH PLAIN\nS: 454 not now", "LOGIN_UNSEEN"),
    "smtp: no answer": ("submission", EHLO + "S: 250 STARTTLS\nC: AUTH PLAIN", "LOGIN_UNSEEN"),
    "smtp: half an answer": ("submission", EHLO + "S: 250 X\nC: AUTH PLAIN\nS: 502-a", "LOGIN_UNSEEN"),
    "smtp: not asked": ("submission", EHLO + "S: 250 STARTTLS\nC: QUIT\nS: 221 bye", "LOGIN_UNSEEN"),
    "imap: refused": ("imap", IMAP.format("STARTTLS LOGINDISABLED") + "S: a2 NO [PRIVACYREQUIRED]", "OK"),
    "imap: LOGIN allowed": ("imap", IMAP.format("STARTTLS") + "S: a2 NO no", "LOGIN_ANNOUNCED"),
    "imap: challenge": ("imap", IMAP.format("LOGINDISABLED") + "S: + \nC: *\nS: a2 BAD", "LOGIN_IN_CLEAR"),
    "imap: accepted": ("imap", IMAP.format("LOGINDISABLED") + "S: a2 OK", "LOGIN_IN_CLEAR"),
    "imap: no capabilities": (
        "imap",
        "S: * OK ready\nC: a1 CAPABILITY\nS: a1 BAD what\nC: a2 AUTHENTICATE PLAIN\nS: a2 NO no",
        "LOGIN_UNSEEN",
    ),
    "pop3: refused": ("pop3", POP3.format("S: STLS\n", "-ERR", "-ERR TLS first"), "OK"),
    "pop3: no CAPA": (
        "pop3",
        "S: +OK\nC: CAPA\nS: -ERR\nC: AUTH PLAIN\nS: -ERR\nC: USER nobody\nS: -ERR",
        "OK",
    ),
    "pop3: name taken": ("pop3", POP3.format("S: STLS\n", "-ERR", "+OK password?"), "LOGIN_IN_CLEAR"),
    "pop3: challenge": ("pop3", POP3.format("S: STLS\n", "+ ", "-ERR"), "LOGIN_IN_CLEAR"),
    "pop3: announced": ("pop3", POP3.format("S: USER\n", "-ERR", "-ERR"), "LOGIN_ANNOUNCED"),
    "pop3: second not asked": ("pop3", "S: +OK\nC: CAPA\nS: -ERR\nC: AUTH PLAIN\nS: -ERR", "LOGIN_UNSEEN"),
    "sieve: refused": ("sieve", 'S: "STARTTLS"\nS: OK\nC: AUTHENTICATE "PLAIN"\nS: NO (ENCRYPT-NEEDED)', "OK"),
    "sieve: challenge": ("sieve", 'S: "STARTTLS"\nS: OK\nC: AUTHENTICATE "PLAIN"\nS: ""', "LOGIN_IN_CLEAR"),
    "sieve: announced": (
        "sieve",
        'S: "SASL" "PLAIN"\nS: OK\nC: AUTHENTICATE "PLAIN"\nS: NO (ENCRYPT-NEEDED) "x"',
        "LOGIN_ANNOUNCED",
    ),
}


@pytest.mark.parametrize("name", LOGINS)
def test_a_login_without_tls(name: str) -> None:
    kind, talk, code = LOGINS[name]
    assert login(kind, talk).code == code


def test_announced_ways_that_are_refused() -> None:
    """To say that TLS is needed softens it; another error does not."""
    announced = EHLO + "S: 250 AUTH PLAIN LOGIN\nC: AUTH PLAIN\nS: "
    found = login("submission", announced + "538 5.7.11 Encryption required")
    assert (found.code, found.announced, found.refused) == ("LOGIN_ANNOUNCED", ("PLAIN", "LOGIN"), True)
    assert not login("submission", announced + "535 5.7.8 no").refused


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("look", [clear_login, injection])
def test_failures_are_no_proof(look: Any, reason: Reason) -> None:
    found = look(observed("client", Failure(reason, "why", lines("S: 220 mx"))))
    assert found.code in ("LOGIN_UNSEEN", "INJECTION_UNSEEN")
    assert found.because
    assert found.dialogue


INSIDE: dict[str, tuple[str, str, str]] = {
    "smtp: forgotten": ("submission", "C: QUIT\nS: 221 bye", "OK"),
    "smtp: answered": ("submission", "C: QUIT\nS: 250 ok\nS: 221 bye", "COMMAND_INJECTION"),
    "smtp: answered before": ("submission", "S: 250 ok\nC: QUIT\nS: 221 bye", "COMMAND_INJECTION"),
    "smtp: answered, then gone": ("submission", "C: QUIT\nS: 250 ok", "INJECTION_UNSEEN"),
    "smtp: nothing": ("submission", "C: QUIT", "INJECTION_UNSEEN"),
    "imap: forgotten": ("imap", "C: a3 LOGOUT\nS: * BYE\nS: a3 OK", "OK"),
    "imap: BYE alone": ("imap", "C: a3 LOGOUT\nS: * BYE", "OK"),
    "imap: answered": ("imap", "C: a4 LOGOUT\nS: a3 OK NOOP\nS: * BYE\nS: a4 OK", "COMMAND_INJECTION"),
    "imap: answered, then gone": ("imap", "C: a4 LOGOUT\nS: a3 OK", "COMMAND_INJECTION"),
    "imap: something else": ("imap", "C: a4 LOGOUT\nS: * OK still here", "INJECTION_UNSEEN"),
    "pop3: forgotten": ("pop3", "C: QUIT\nS: +OK bye", "OK"),
    "pop3: answered": ("pop3", "C: QUIT\nS: +OK\nS: STLS\nS: .\nS: +OK bye", "COMMAND_INJECTION"),
    "pop3: answered, then gone": ("pop3", "C: QUIT\nS: +OK\nS: STLS\nS: .", "INJECTION_UNSEEN"),
    "sieve: forgotten": ("sieve", 'S: "SIEVE" "x"\nS: OK\nC: LOGOUT\nS: OK', "OK"),
    "sieve: tagged": (
        "sieve",
        'S: "SIEVE" "x"\nS: OK\nC: LOGOUT\nS: OK (TAG "sent-behind-starttls")',
        "COMMAND_INJECTION",
    ),
    "sieve: only capabilities": ("sieve", 'S: "SIEVE" "x"\nS: OK\nC: LOGOUT', "INJECTION_UNSEEN"),
}


@pytest.mark.parametrize("name", INSIDE)
def test_what_is_said_inside_tls(name: str) -> None:
    kind, inside, code = INSIDE[name]
    assert injection(session(kind, "S: 220 mx", inside)).code == code


ENDS: list[tuple[dict[str, Any], Injection | str, str | None]] = [
    ({"state": "starttls", "ended": "done"}, "OK", "STARTTLS_REFUSED"),
    ({"state": "starttls", "ended": "closed"}, "OK", "BROKEN_OFF"),
    ({"state": "starttls", "ended": "silent"}, "INJECTION_UNSEEN", None),
    ({"state": "capabilities", "ended": "done"}, "INJECTION_UNSEEN", None),
    ({"state": "connect", "ended": "refused"}, "INJECTION_UNSEEN", None),
    ({"state": "handshake", "ended": "closed", "handshake": handshake("alert")}, "OK", "BROKEN_OFF"),
    ({"state": "handshake", "ended": "silent", "handshake": handshake("silent")}, "INJECTION_UNSEEN", None),
]


@pytest.mark.parametrize(("changes", "code", "reason"), ENDS)
def test_where_it_did_not_come_to_tls(changes: dict[str, Any], code: str, reason: str | None) -> None:
    found = injection(session("submission", "S: 220 mx", **changes))
    assert (found.code, found.reason) == (code, reason)


WORDS = st.sampled_from(
    [b"250 ok", b"221 bye", b"+OK", b"-ERR", b"+ ", b"* BYE", b"a1 OK", b"a2 NO", b"OK", b"NO", b"334 ", b'"SASL" ""']
)
TALK = st.lists(st.tuples(st.sampled_from("CS"), WORDS | st.binary(max_size=40)), max_size=12)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(kind=st.sampled_from(CLEAR), talk=TALK, inside=TALK, ended=st.sampled_from(["done", "closed", "silent"]))
def test_any_dialogue_is_judged(
    kind: str, talk: list[tuple[str, bytes]], inside: list[tuple[str, bytes]], ended: str
) -> None:
    clear, secret = (tuple(Line(sender, data, 0.0) for sender, data in said) for said in (talk, inside))
    seen = observed("client", ClientSession(kind, "", False, clear, secret, "quit", ended, handshake()))
    assert clear_login(seen).code in ("OK", "LOGIN_IN_CLEAR", "LOGIN_ANNOUNCED", "LOGIN_UNSEEN")
    found = injection(seen)
    assert found.code in ("OK", "COMMAND_INJECTION", "INJECTION_UNSEEN")
    assert found.code != "OK" or any(sender == "S" for sender, _ in inside), "passed without a word from the server"
