"""IMAP before login (RFC 9051, RFC 3501): how its replies are read, and what its capabilities say.

Status responses end in text for people (section 7.1): what looks like a literal there is none.
"""

from __future__ import annotations

import re

from .replies import Capabilities, NotAReply, ReplyForm, Status, StatusReply

_STATUS = rb"(OK|NO|BAD|BYE|PREAUTH)(?: (?:\[([^\]\s]*)(?: [^\]]*)?\])?.*)?\Z"
_UNTAGGED = re.compile(rb"\* " + _STATUS, re.IGNORECASE | re.DOTALL)
_TAGGED = re.compile(rb"([^\s+*(){%\"\\\x00-\x1f]+) " + _STATUS, re.IGNORECASE | re.DOTALL)
_CAPABILITY = re.compile(rb"\* CAPABILITY(?: (.*))?\Z", re.IGNORECASE | re.DOTALL)
_CAPABILITY_CODE = re.compile(rb"\S+ (?:OK|PREAUTH) \[CAPABILITY ([^\]]*)\]", re.IGNORECASE)
_GREETINGS = (Status.OK, Status.PREAUTH, Status.BYE)  # RFC 9051 section 7.1
_COMPLETIONS = (Status.OK, Status.NO, Status.BAD)  # section 2.2.2
_MECHANISM = "AUTH="


class ImapGreeting(ReplyForm[StatusReply]):
    """The greeting is one untagged line."""

    def _read(self, line: bytes) -> StatusReply | None:
        match = _UNTAGGED.match(line)
        if match is None or _status(match[1]) not in _GREETINGS:
            raise NotAReply(line)
        return StatusReply(_status(match[1]), _code(match[2]), (line,))


class ImapReply(ReplyForm[StatusReply]):
    """Untagged lines, then the tagged one that completes the command; or a request to continue, where it may come."""

    def __init__(self, tag: bytes | None = None, continues: bool = False) -> None:
        """`tag`: None takes any."""
        super().__init__()
        self._tag = tag
        self._continues = continues

    def literal(self, line: bytes) -> bool:
        return line.startswith(b"* ") and _UNTAGGED.match(line) is None

    def _read(self, line: bytes) -> StatusReply | None:
        if line.startswith(b"* ") and len(line) > 2:
            return None
        if self._continues and (line.startswith(b"+ ") or line == b"+"):
            return StatusReply(Status.CONTINUE, "", tuple(self._lines))
        match = _TAGGED.match(line)
        if match is None or _status(match[2]) not in _COMPLETIONS or self._tag not in (None, match[1]):
            raise NotAReply(line)
        return StatusReply(_status(match[2]), _code(match[3]), tuple(self._lines))


def form_of(command: bytes) -> ReplyForm[StatusReply]:
    """What the reply to `command` looks like; the empty command stands for the greeting."""
    if not command:
        return ImapGreeting()
    tag, _, rest = command.partition(b" ")
    if not rest:  # the client's part of an exchange, without a tag of its own
        return ImapReply(None, continues=True)
    return ImapReply(tag, continues=rest.upper().startswith(b"AUTHENTICATE"))


def announced(reply: StatusReply) -> Capabilities | None:
    """What a reply announces, in a CAPABILITY response or in a response code; None where it does not say."""
    if not reply.positive:
        return None
    names: dict[str, tuple[str, ...]] = {}
    found = False
    for line in reply.lines:
        match = _CAPABILITY.match(line) or _CAPABILITY_CODE.match(line)
        if match is not None:
            found = True
            names.update({word.upper(): () for word in (match[1] or b"").decode("ascii", "replace").split()})
    if not found:
        return None
    mechanisms = tuple(name.removeprefix(_MECHANISM) for name in names if name.startswith(_MECHANISM))
    return Capabilities(names, "STARTTLS" in names, mechanisms, "LOGINDISABLED" not in names)


def _status(word: bytes) -> Status:
    return Status(word.decode("ascii").upper())


def _code(word: bytes | None) -> str:
    return (word or b"").decode("ascii", "replace").upper()
