"""Whether a server takes MAIL without TLS: EHLO, MAIL FROM:<>, RSET, QUIT; never a recipient (RFC 3207 section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Line, Observation, SmtpSession
from .refusals import wants_tls
from .starttls import printable, reply_to


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
