"""Whether a server takes MAIL without TLS: EHLO, MAIL FROM:<>, RSET, QUIT; never a recipient (RFC 3207 section 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..model import Line, Observation, SmtpSession
from ..wire.smtp import Reply
from .starttls import printable, reply_to

_MUST_STARTTLS = 530
# The same code says that a login is missing (RFC 4954 section 6), with TLS or without.
_WANTS_LOGIN = re.compile(rb"authenti|\bAUTH\b", re.IGNORECASE)
_NAMES_TLS = re.compile(rb"TLS|encrypt", re.IGNORECASE)
_SAYS_TLS = re.compile(rb"5\.7\.\d+.*(TLS|encrypt)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PlaintextMail:
    """`code`: "OK" (refused for lack of TLS), "PLAINTEXT_ACCEPTED", or "PLAINTEXT_UNCLEAR"."""

    code: str
    reply: str
    detail: str
    lines: tuple[Line, ...]

    @property
    def dialogue(self) -> tuple[str, ...]:
        return tuple(f"{line.at:7.3f} {line.sender}: {printable(line.data)}" for line in self.lines[:60])


def plaintext_mail(observation: Observation[SmtpSession]) -> PlaintextMail:
    """Judges the reply to MAIL FROM:<> outside TLS."""
    if observation.value is None:
        failure = observation.failure
        detail = failure.detail if failure is not None else ""
        return PlaintextMail("PLAINTEXT_UNCLEAR", "", detail, failure.lines if failure is not None else ())
    lines = observation.value.lines
    reply = reply_to(b"MAIL", lines)
    if reply is None:
        detail = f"ended at {observation.value.state}: {observation.value.ended}"
        return PlaintextMail("PLAINTEXT_UNCLEAR", "", detail, lines)
    said = printable(b" / ".join(reply.lines))
    if reply.positive:
        return PlaintextMail("PLAINTEXT_ACCEPTED", said, "", lines)
    return PlaintextMail("OK" if wants_tls(reply) else "PLAINTEXT_UNCLEAR", said, "", lines)


def wants_tls(reply: Reply) -> bool:
    """Whether a command was refused for lack of TLS (RFC 3207 section 4, RFC 3463 section 3.8)."""
    if reply.code == _MUST_STARTTLS:
        said = b" ".join(reply.lines)
        return _NAMES_TLS.search(said) is not None or _WANTS_LOGIN.search(said) is None
    return reply.permanent and any(_SAYS_TLS.search(line) for line in reply.lines)
