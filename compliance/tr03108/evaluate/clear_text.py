"""What a server does without TLS that it should only do within: take a login, obey a command sent before the handshake.

Sources: TR-03108 v2.0 section 4.1.1; RFC 3207 section 4.2, RFC 9051 section 6.2.3, RFC 2595, RFC 4954, RFC 5804.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..model import SERVICE_KINDS, ClientSession, Line, Observation
from ..wire.languages import LANGUAGES, Exchange, Language, answer_to_injected, exchanges, farewell_answered
from ..wire.replies import Capabilities
from .starttls import FAILURE_CODES, printable

# How servers say that it is TLS they miss: RFC 3207, 4954 and 2554 (530, 538), RFC 5530, RFC 5804 section 1.3.
_WANTS_TLS = re.compile(
    rb"\A5(?:30|38|23)\b|\[(?:PRIVACYREQUIRED|ENCRYPT-NEEDED)\]|\(ENCRYPT-NEEDED\)|\b5\.7\.(?:10|11)\b", re.IGNORECASE
)
_BROKEN_OFF = ("closed", "reset", "alert", "garbage")


@dataclass(frozen=True, slots=True)
class ClearLogin:
    """`code`: "OK", "LOGIN_IN_CLEAR" (a server asks for the password), "LOGIN_ANNOUNCED", or "LOGIN_UNSEEN".

    `announced` are the ways that the server names; `refused` whether it says that they need TLS; `because` a code.
    """

    code: str
    announced: tuple[str, ...] = ()
    refused: bool = False
    reply: str = ""
    because: str | None = None
    dialogue: tuple[str, ...] = ()


def clear_login(observation: Observation[ClientSession]) -> ClearLogin:
    """Judges the connection on which a login was asked for without TLS."""
    session = observation.value
    if session is None:
        failure = observation.failure
        because = FAILURE_CODES[failure.reason] if failure is not None else None
        lines = failure.lines if failure is not None else ()
        return ClearLogin("LOGIN_UNSEEN", because=because, dialogue=told(lines))
    language = LANGUAGES[SERVICE_KINDS[session.protocol].language]
    said = exchanges(language, [(line.sender, line.data) for line in session.lines])
    announced = _announced(language, said)
    asked = [each for each in said if _command(language, each) in language.login]
    shown = told(session.lines)
    for each in asked:
        if each.reply is not None and (each.reply.continues or each.reply.positive):
            return ClearLogin("LOGIN_IN_CLEAR", announced, False, _last(each), None, shown)
    if len(asked) < len(language.login) or any(each.reply is None for each in asked):
        return ClearLogin("LOGIN_UNSEEN", announced, because="SERVICE_ABORTED", dialogue=shown)
    reply = _last(asked[0])
    if announced:
        wants_tls = all(_WANTS_TLS.search(each.heard[-1]) for each in asked)
        # Of IMAP's LOGIN, which is a command of its own and never tried, a refusal of AUTHENTICATE says nothing.
        wants_tls = wants_tls and not (language.tagged and "LOGIN" in announced)
        refused = wants_tls or _all_refused(language, announced)
        return ClearLogin("LOGIN_ANNOUNCED", announced, refused, reply, None, shown)
    deferred = next((each for each in asked if each.reply is not None and each.reply.transient), None)
    if deferred is not None and not _WANTS_TLS.search(deferred.heard[-1]):
        return ClearLogin("LOGIN_UNSEEN", (), False, _last(deferred), "SERVICE_DEFERRED", shown)
    if language.tagged and not any(_capabilities(language, each) for each in said):
        # RFC 9051 section 6.2.3: LOGIN is allowed where LOGINDISABLED is not announced, and it was not tried.
        return ClearLogin("LOGIN_UNSEEN", (), True, reply, "SERVICE_REJECTED", shown)
    return ClearLogin("OK", (), True, reply, None, shown)


def _announced(language: Language, said: Sequence[Exchange]) -> tuple[str, ...]:
    """SASL mechanisms and login commands that the greeting or the capabilities name."""
    found: dict[str, None] = {}
    for each in said:
        capabilities = _capabilities(language, each)
        if capabilities is not None:
            found |= dict.fromkeys(capabilities.mechanisms)
            if capabilities.login:
                found["USER" if language.name == "pop3" else "LOGIN"] = None
    return tuple(found)


def _capabilities(language: Language, each: Exchange) -> Capabilities | None:
    return language.announced(each.reply) if each.reply is not None and _lists(language, each) else None


def _lists(language: Language, each: Exchange) -> bool:
    """Whether this reply is one in which capabilities are announced: the greeting, or the answer to the question."""
    question = language.capabilities.split(" ")[0]
    return not each.command or (bool(question) and _command(language, each).split(" ")[0] == question)


def _command(language: Language, each: Exchange) -> str:
    """The command without its tag."""
    text = each.command.decode("ascii", "replace")
    return text.partition(" ")[2] if language.tagged else text


def _all_refused(language: Language, announced: Sequence[str]) -> bool:
    """Whether each announced way was tried, and so refused. A LOGIN with its password is never tried."""
    return set(announced) <= ({"PLAIN", "USER"} if language.name == "pop3" else {"PLAIN"})


def _last(each: Exchange) -> str:
    return printable(each.heard[-1]) if each.heard else ""


@dataclass(frozen=True, slots=True)
class Injection:
    """`code`: "OK", "COMMAND_INJECTION" (`reply` answers it) or "INJECTION_UNSEEN". `reason` why it is well: the
    command was "FORGOTTEN", STARTTLS was "STARTTLS_REFUSED", or the server went "BROKEN_OFF"."""

    code: str
    reason: str | None = None
    reply: str = ""
    because: str | None = None
    dialogue: tuple[str, ...] = ()


def injection(observation: Observation[ClientSession]) -> Injection:
    """Judges the connection on which a command came behind STARTTLS in the same segment."""
    session = observation.value
    if session is None:
        failure = observation.failure
        because = FAILURE_CODES[failure.reason] if failure is not None else None
        return Injection("INJECTION_UNSEEN", because=because, dialogue=told(failure.lines if failure else ()))
    language = LANGUAGES[SERVICE_KINDS[session.protocol].language]
    shown = told((*session.lines, *session.inside))
    if session.handshake is None:
        if session.state == "starttls" and session.ended == "done":
            return Injection("OK", "STARTTLS_REFUSED", dialogue=shown)
        broken = session.state == "starttls" and session.ended in _BROKEN_OFF
        return (
            _broken_off(shown) if broken else Injection("INJECTION_UNSEEN", because="SERVICE_ABORTED", dialogue=shown)
        )
    if session.handshake.ended in _BROKEN_OFF:
        return _broken_off(shown)
    inside = [(line.sender, line.data) for line in session.inside]
    answer = answer_to_injected(language, inside)
    if answer is not None:
        return Injection("COMMAND_INJECTION", None, printable(answer), None, shown)
    # Answers come in the order of commands: with that to our farewell, no other one can be to come.
    if session.handshake.ended != "completed" or not farewell_answered(language, inside):
        return Injection("INJECTION_UNSEEN", because="SERVICE_ABORTED", dialogue=shown)
    return Injection("OK", "FORGOTTEN", dialogue=shown)


def _broken_off(shown: tuple[str, ...]) -> Injection:
    return Injection("OK", "BROKEN_OFF", dialogue=shown)


def told(lines: Sequence[Line]) -> tuple[str, ...]:
    """A dialogue, readable, at most 60 lines."""
    return tuple(f"{line.at:7.3f} {line.sender}: {printable(line.data)}" for line in lines[:60])
