"""SMTP replies (RFC 5321 section 4.2) and EHLO keywords (4.1.1.1) read from bytes, with limits for hostile servers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .replies import (
    MAXIMUM_LINE,
    MAXIMUM_LINES,
    MAXIMUM_REPLY,
    Capabilities,
    LineBuffer,
    NotAReply,
    ReplyForm,
    ReplyOverflow,
)

__all__ = [
    "MAXIMUM_LINE",
    "MAXIMUM_LINES",
    "MAXIMUM_REPLY",
    "NotAReply",
    "Reply",
    "ReplyOverflow",
    "ReplyParser",
    "SmtpReply",
    "announced",
    "ehlo_keywords",
    "offers_starttls",
]

_REPLY_LINE = re.compile(rb"[2-5][0-9]{2}(?:[ -].*)?\Z", re.DOTALL)
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")
_OLD_AUTH = "AUTH="  # as some servers wrote it before RFC 2554, and some clients still read it
_UNKNOWN = (500, 502, 504)  # RFC 5321 section 4.2.4: the command is not known or not implemented


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete reply: the code of its last line, and all lines as received without line ends."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        return 500 <= self.code < 600

    @property
    def continues(self) -> bool:
        return 300 <= self.code < 400

    @property
    def unknown(self) -> bool:
        return self.code in _UNKNOWN


class SmtpReply(ReplyForm[Reply]):
    """One reply: lines with a hyphen behind the code, and a last one without."""

    def _read(self, line: bytes) -> Reply | None:
        if not _REPLY_LINE.match(line):
            raise NotAReply(line)
        return None if line[3:4] == b"-" else Reply(int(line[:3]), tuple(self._lines))


class ReplyParser:
    """Takes bytes in, gives lines and replies out. No I/O, no clock.

    After `feed`, call `next_line` until it answers None; after each line `take_reply` tells whether it ended a reply.
    Nothing after that reply is looked at until `next_line` is called again, so `rest` holds what came too early.
    """

    def __init__(self) -> None:
        self._buffer = LineBuffer()
        self._form = SmtpReply()
        self._reply: Reply | None = None

    def feed(self, data: bytes) -> None:
        """Adds received bytes."""
        self._buffer.feed(data)

    def next_line(self) -> bytes | None:
        """The next complete line without its end, or None. Raises ReplyOverflow and NotAReply."""
        line = self._buffer.next_line(self._form)
        if line is None:
            return None
        form, self._form = self._form, SmtpReply()
        self._reply = form.take(line)
        if self._reply is None:
            self._form = form
        return line

    def take_reply(self) -> Reply | None:
        """The reply that the last line completed, once."""
        reply, self._reply = self._reply, None
        return reply

    @property
    def rest(self) -> bytes:
        """Received bytes that belong to no line yet taken."""
        return self._buffer.rest

    def take_rest(self) -> bytes:
        """The same, and forgets them."""
        return self._buffer.take_rest()


def ehlo_keywords(reply: Reply) -> Mapping[str, tuple[str, ...]]:
    """Keywords (upper case) and parameters of an EHLO reply. The first line names the server."""
    keywords: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[1:]:
        words = line[4:].decode("ascii", "replace").split()
        if words and _KEYWORD.match(words[0]):
            keywords.setdefault(words[0].upper(), tuple(words[1:]))
    return keywords


def offers_starttls(reply: Reply) -> bool:
    """Whether the EHLO reply announces STARTTLS (RFC 3207 section 4)."""
    return "STARTTLS" in ehlo_keywords(reply)


def announced(reply: Reply) -> Capabilities | None:
    """What a positive reply to EHLO announces (RFC 4954 section 3 for AUTH); None for any other reply."""
    if reply.code != 250:
        return None
    keywords = ehlo_keywords(reply)
    mechanisms = [word.upper() for word in keywords.get("AUTH", ())]
    for line in reply.lines[1:]:
        text = line[4:].decode("ascii", "replace").upper()
        if text.startswith(_OLD_AUTH):
            mechanisms += text.removeprefix(_OLD_AUTH).split()
    return Capabilities(keywords, "STARTTLS" in keywords, tuple(dict.fromkeys(mechanisms)), False)
