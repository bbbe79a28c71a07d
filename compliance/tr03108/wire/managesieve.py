"""ManageSieve before login (RFC 5804): how its replies are read, and what its capabilities say."""

from __future__ import annotations

import re

from .replies import Capabilities, NotAReply, ReplyForm, Status, StatusReply

_STATUS = re.compile(rb"(OK|NO|BYE)(?:\s+\(([^\s)]*)[^)]*\))?(?:\s.*)?\Z", re.IGNORECASE | re.DOTALL)
_STRING = re.compile(rb'"((?:[^"\\\r\n]|\\.)*)"|\{([0-9]{1,10})\}\r?\n', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class SieveReply(ReplyForm[StatusReply]):
    """Lines of strings, then OK, NO or BYE (section 1.3); or one string, where a challenge may come (section 2.1)."""

    def __init__(self, challenge: bool = False) -> None:
        super().__init__()
        self._challenge = challenge

    def literal(self, line: bytes) -> bool:
        return True

    def _read(self, line: bytes) -> StatusReply | None:
        match = _STATUS.match(line)
        if match is not None:
            status = Status(match[1].decode("ascii").upper())
            return StatusReply(status, (match[2] or b"").decode("ascii", "replace").upper(), tuple(self._lines))
        if not strings(line):
            raise NotAReply(line)
        if self._challenge and len(strings(line)) == 1:
            return StatusReply(Status.CONTINUE, "", tuple(self._lines))
        return None


def form_of(command: bytes) -> ReplyForm[StatusReply]:
    """What the reply to `command` looks like; the empty command stands for the greeting."""
    return SieveReply(challenge=command.upper().startswith((b"AUTHENTICATE", b'"')))


def announced(reply: StatusReply) -> Capabilities | None:
    """What a greeting or the reply to CAPABILITY announces; None where it has no line of capabilities."""
    names: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[:-1]:
        name, *values = (text.decode("utf-8", "replace") for text in strings(line) or (b"",))
        names.setdefault(name.upper(), tuple(word for value in values for word in value.split()))
    if not reply.positive or not names:
        return None
    mechanisms = tuple(word.upper() for word in names.get("SASL", ()))
    return Capabilities(names, "STARTTLS" in names, mechanisms, False)


def strings(line: bytes) -> tuple[bytes, ...]:
    """The strings of a line that has nothing else, quoted ones and literals; none where it is no such line."""
    found: list[bytes] = []
    at = 0
    while at < len(line):
        match = _STRING.match(line, at)
        if match is None:
            return ()
        at = match.end()
        if match[2] is None:
            found.append(_ESCAPED.sub(rb"\1", match[1]))
        else:
            found.append(line[at : at + int(match[2])])
            at += int(match[2])
        if at < len(line) and line[at : at + 1] != b" ":
            return ()
        at += 1
    return tuple(found)
