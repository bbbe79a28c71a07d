"""SMTP replies (RFC 5321 section 4.2) and EHLO keywords (4.1.1.1) read from bytes, with limits for hostile servers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAXIMUM_LINE = 4096  # octets; RFC 5321 section 4.5.3.1.5 demands only 512 of a server, extensions may lengthen it
MAXIMUM_LINES = 100  # in one reply (section 4.5.3.1.7 asks for no more)
MAXIMUM_REPLY = 65536  # octets in one reply

_REPLY_LINE = re.compile(rb"[2-5][0-9]{2}(?:[ -].*)?\Z", re.DOTALL)
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")


class ReplyOverflow(Exception):
    """The server sent more than a reply may have; the message says what."""


class NotAReply(Exception):
    """A line that is no SMTP reply line: `line`, without its end."""

    def __init__(self, line: bytes) -> None:
        super().__init__(repr(line[:200]))
        self.line = line


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


class ReplyParser:
    """Takes bytes in, gives lines and replies out. No I/O, no clock.

    After `feed`, call `next_line` until it answers None; after each line `take_reply` tells whether it ended a reply.
    Nothing after that reply is looked at until `next_line` is called again, so `rest` holds what came too early.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # octets of the buffer known to hold no line end, so that a drip-feed stays cheap
        self._lines: list[bytes] = []
        self._octets = 0
        self._reply: Reply | None = None

    def feed(self, data: bytes) -> None:
        """Adds received bytes."""
        self._buffer += data

    def next_line(self) -> bytes | None:
        """The next complete line without its end, or None. Raises ReplyOverflow and NotAReply."""
        end = self._buffer.find(b"\n", self._scanned)
        self._scanned = len(self._buffer) if end < 0 else 0
        if end > MAXIMUM_LINE or (end < 0 and len(self._buffer) > MAXIMUM_LINE):
            raise ReplyOverflow(f"a line longer than {MAXIMUM_LINE} octets")
        if end < 0:
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        if not _REPLY_LINE.match(line):
            self._lines = []
            raise NotAReply(line)
        self._lines.append(line)
        self._octets += end + 1
        if line[3:4] != b"-":
            self._reply = Reply(int(line[:3]), tuple(self._lines))
            self._lines, self._octets = [], 0
        elif len(self._lines) >= MAXIMUM_LINES:
            raise ReplyOverflow(f"a reply of more than {MAXIMUM_LINES} lines")
        elif self._octets > MAXIMUM_REPLY:
            raise ReplyOverflow(f"a reply of more than {MAXIMUM_REPLY} octets")
        return line

    def take_reply(self) -> Reply | None:
        """The reply that the last line completed, once."""
        reply, self._reply = self._reply, None
        return reply

    @property
    def rest(self) -> bytes:
        """Received bytes that belong to no line yet taken."""
        return bytes(self._buffer)

    def take_rest(self) -> bytes:
        """The same, and forgets them."""
        rest = self.rest
        self._buffer.clear()
        self._scanned = 0
        return rest


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
