"""POP3 before login (RFC 1939, 2449, 2595 section 4, 5034): how its replies are read, and what CAPA says."""

from __future__ import annotations

import re

from .replies import Capabilities, NotAReply, ReplyForm, Status, StatusReply, words

_STATUS = re.compile(rb"(\+OK|-ERR)(?:\s+(?:\[([A-Za-z0-9/_.-]+)\])?.*|)\Z", re.IGNORECASE | re.DOTALL)
_END = b"."


class Pop3Reply(ReplyForm[StatusReply]):
    """One line; or a request to continue (RFC 5034 section 4), where it may come."""

    def __init__(self, continues: bool = False) -> None:
        super().__init__()
        self._continues = continues

    def _read(self, line: bytes) -> StatusReply | None:
        if self._continues and (line.startswith(b"+ ") or line == b"+"):
            return StatusReply(Status.CONTINUE, "", tuple(self._lines))
        return _status_reply(line, tuple(self._lines))


class Pop3Listing(ReplyForm[StatusReply]):
    """A line of status and, where it is positive, lines up to a full stop (RFC 1939 section 3)."""

    def _read(self, line: bytes) -> StatusReply | None:
        if len(self._lines) == 1:
            reply = _status_reply(line, (line,))
            return None if reply.positive else reply
        if line != _END:
            return None
        return StatusReply(Status.OK, _status_reply(self._lines[0], ()).code, tuple(self._lines))


def form_of(command: bytes) -> ReplyForm[StatusReply]:
    """What the reply to `command` looks like; the empty command stands for the greeting."""
    verb = command.upper().strip()
    if verb == b"CAPA":
        return Pop3Listing()
    return Pop3Reply(continues=verb.startswith(b"AUTH ") or verb == b"*")


def announced(reply: StatusReply) -> Capabilities | None:
    """What the reply to CAPA announces; None for any other reply."""
    if not reply.positive or len(reply.lines) < 2 or reply.lines[-1] != _END:
        return None
    names: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[1:-1]:
        found = words(line[1:] if line.startswith(b"..") else line)
        if found:
            names.setdefault(found[0].upper(), found[1:])
    mechanisms = tuple(word.upper() for word in names.get("SASL", ()))
    return Capabilities(names, "STLS" in names, mechanisms, "USER" in names)


def _status_reply(line: bytes, lines: tuple[bytes, ...]) -> StatusReply:
    match = _STATUS.match(line)
    if match is None:
        raise NotAReply(line)
    status = Status.OK if match[1].upper() == b"+OK" else Status.NO
    return StatusReply(status, (match[2] or b"").decode("ascii").upper(), lines)
