"""What the connections to one service address show of how TLS begins there: fact or blindness (RFC 3207, RFC 8314).

A fact against the target needs two connections that show the same, `second_look` seconds apart, and no connection that
got through TLS. Everything else that is not success is blindness: our not having seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..model import SERVICE_KINDS, ClientSession, Failure, Handshake, Line, Observation, Reason, SmtpSession
from ..wire.smtp import NotAReply, Reply, ReplyOverflow, ReplyParser, offers_starttls

Seen = Observation[SmtpSession] | Observation[ClientSession]

FAILURE_CODES = {
    Reason.TIMEOUT: "SERVICE_TIMEOUT",
    Reason.UNREACHABLE: "SERVICE_UNREACHABLE",
    Reason.DEFERRED: "SERVICE_DEFERRED",
    Reason.REJECTED: "SERVICE_REJECTED",
    Reason.ABORTED: "SERVICE_ABORTED",
    Reason.BUDGET: "BUDGET_EXHAUSTED",
    Reason.VANTAGE: "SERVICE_UNREACHABLE",
    Reason.NOT_GLOBAL: "ADDRESS_NOT_GLOBAL",
    Reason.NOT_PROBED: "NOT_PROBED",
}
_HANDSHAKE_CODES = {
    "alert": "HANDSHAKE_ALERT",
    "silent": "STARTTLS_SILENT",
    "garbage": "STARTTLS_GARBAGE",
    "closed": "STARTTLS_CLOSED",
    "reset": "STARTTLS_CLOSED",
}
# With TLS from the first octet on, silence and a close without a word are no facts: nobody has said that he is there.
_IMPLICIT_CODES = {"alert": "HANDSHAKE_ALERT", "garbage": "TLS_GARBAGE", "closed": "TLS_CLOSED", "reset": "TLS_CLOSED"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection: when it ended, the fact it shows ("TLS" or a reason code), or the failure that blinded us."""

    time: datetime
    fact: str | None
    session: SmtpSession | ClientSession | None
    failure: Failure | None

    @property
    def lines(self) -> tuple[Line, ...]:
        if self.session is not None:
            return self.session.lines
        return self.failure.lines if self.failure is not None else ()


@dataclass(frozen=True, slots=True)
class Starttls:
    """The conclusion over all attempts on one service address.

    `code` is "OK" (`handshake` is there), a fact's code (`unseen` False), or the code of our blindness (`unseen`
    True). `inconsistent` when some connection showed a fact although another got through TLS.
    """

    code: str
    unseen: bool
    detail: str
    handshake: Handshake | None
    inconsistent: bool
    attempts: tuple[Attempt, ...]

    @property
    def works(self) -> bool:
        return self.handshake is not None

    def evidence(self) -> dict[str, object]:
        """The dialogues, readable, with the time of each line in seconds since connect."""
        return {
            "attempts": [
                {
                    "time": attempt.time.isoformat().replace("+00:00", "Z"),
                    "shows": attempt.fact or (str(attempt.failure.reason) if attempt.failure else "-"),
                    "connected_to": attempt.session.connected_to if attempt.session else None,
                    "redirected": attempt.session.redirected if attempt.session else None,
                    "detail": attempt.failure.detail if attempt.failure else "",
                    "dialogue": [f"{x.at:7.3f} {x.sender}: {printable(x.data)}" for x in attempt.lines[:60]],
                }
                for attempt in self.attempts
            ]
        }


def printable(data: bytes) -> str:
    """Bytes of a dialogue as visible text, at most 500 characters."""
    return data[:500].decode("ascii", "backslashreplace").encode("unicode_escape").decode("ascii")[:500]


def got_through(observations: Iterable[Seen]) -> bool:
    """Some connection completed its handshake."""
    return any(_attempt(o).fact == "TLS" for o in observations)


def conclude(observations: Sequence[Seen], second_look: float, elsewhere: bool = False) -> Starttls:
    """Draws the line between fact and blindness over all connections to one service address.

    `elsewhere`: under another host name a connection to the same address and port got through TLS, so that nothing
    seen here counts as a fact.
    """
    attempts = tuple(_attempt(o) for o in observations)
    facts = [a for a in attempts if a.fact is not None and a.fact != "TLS"]
    through = [a for a in attempts if a.fact == "TLS"]
    if through:
        session = through[-1].session
        assert session is not None
        return Starttls("OK", False, "", session.handshake, bool(facts), attempts)
    for earlier in facts if not elsewhere else ():
        for later in facts:
            apart = (later.time - earlier.time).total_seconds()
            if later.fact == earlier.fact and later is not earlier and apart >= second_look:
                return Starttls(str(later.fact), False, _detail(later), None, False, attempts)
    if not attempts:
        return Starttls("NOT_PROBED", True, "no connection was made", None, False, attempts)
    blind = [a.failure for a in attempts if a.failure is not None]
    if blind:
        return Starttls(FAILURE_CODES[blind[-1].reason], True, blind[-1].detail, None, False, attempts)
    shown = ", ".join(str(a.fact) for a in facts)
    detail = f"seen: {shown}; a fact counts when two connections at least {second_look:g} s apart show the same"
    if elsewhere:
        detail = f"seen: {shown}; under another host name this address got through TLS"
    return Starttls("STARTTLS_INCONSISTENT", True, detail, None, False, attempts)


def blindness(observation: Seen) -> tuple[str, str]:
    """Code and detail of a connection that did not come to its handshake, whatever else it shows."""
    attempt = _attempt(observation)
    if attempt.failure is not None:
        return FAILURE_CODES[attempt.failure.reason], attempt.failure.detail
    return attempt.fact or "SERVICE_ABORTED", _detail(attempt)


def _attempt(observation: Seen) -> Attempt:
    session = observation.value
    fact = None if session is None else _client_fact(session) if isinstance(session, ClientSession) else _fact(session)
    failure = observation.failure
    if session is not None and fact is None:
        reason = Reason.TIMEOUT if session.ended == "silent" else Reason.ABORTED
        failure = Failure(reason, f"ended at {session.state}: {session.ended}", session.lines, session.state)
    return Attempt(observation.time, fact, session, failure)


def _fact(session: SmtpSession) -> str | None:
    """The fact a session shows: "TLS", a reason code, or None where it shows nothing."""
    if session.handshake is not None:
        return "TLS" if session.handshake.ended == "completed" else _HANDSHAKE_CODES.get(session.handshake.ended)
    if (session.state, session.ended) == ("connect", "refused"):
        return "PORT_REFUSED"
    ehlo = reply_to(b"EHLO", session.lines)
    if ehlo is None:
        return None
    if ehlo.positive and not offers_starttls(ehlo):
        return "STARTTLS_MISSING"
    if ehlo.code in (500, 502, 504):  # no ESMTP, so no extensions
        return "STARTTLS_MISSING"
    starttls = reply_to(b"STARTTLS", session.lines)
    if starttls is not None:
        return None if starttls.positive else "STARTTLS_REFUSED"
    if session.state == "starttls":
        return _HANDSHAKE_CODES.get(session.ended)
    return None


def _client_fact(session: ClientSession) -> str | None:
    """The same of a session with a service of mail clients."""
    handshake = session.handshake
    if handshake is not None and handshake.ended == "completed":
        return "TLS"
    if (session.state, session.ended) == ("connect", "refused"):
        return "PORT_REFUSED"
    if SERVICE_KINDS[session.protocol].implicit:
        if handshake is None or (handshake.ended in ("closed", "reset") and not handshake.received):
            return None
        return _IMPLICIT_CODES.get(handshake.ended)
    if handshake is not None:
        return _HANDSHAKE_CODES.get(handshake.ended)
    if session.state == "starttls":
        return "STARTTLS_REFUSED" if session.ended == "done" else _HANDSHAKE_CODES.get(session.ended)
    # Whoever took leave after the capabilities was not offered TLS, or is counted as logged in already (PREAUTH).
    return "STARTTLS_MISSING" if session.ended == "done" and session.state in ("greeting", "capabilities") else None


def reply_to(command: bytes, lines: Sequence[Line]) -> Reply | None:
    """The first complete reply that followed a command of ours; None where none came or none was sent."""
    parser: ReplyParser | None = None
    for line in lines:
        if line.sender == "C":
            if parser is not None:
                return None
            if line.data.upper().split(b" ")[0].strip() == command:
                parser = ReplyParser()
        elif parser is not None:
            parser.feed(line.data + b"\r\n")
            try:
                parser.next_line()
            except (NotAReply, ReplyOverflow):
                return None
            reply = parser.take_reply()
            if reply is not None:
                return reply
    return None


def _detail(attempt: Attempt) -> str:
    """What the server said last, for the message."""
    lines = attempt.lines
    if attempt.session is not None and attempt.session.ended == "done":  # the reply to our leave says nothing
        lines = lines[: max((at for at, line in enumerate(lines) if line.sender == "C"), default=len(lines))]
    heard = [line.data for line in lines if line.sender == "S"]
    handshake = attempt.session.handshake if attempt.session else None
    if handshake is not None:
        return handshake.error or handshake.ended
    return printable(heard[-1]) if heard else ""
