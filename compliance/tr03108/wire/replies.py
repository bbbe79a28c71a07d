"""Replies of text protocols, line by line: what they have in common, with limits for hostile servers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

MAXIMUM_LINE = 4096  # octets; RFC 5321 section 4.5.3.1.5 demands only 512 of a server, extensions may lengthen it
MAXIMUM_LINES = 100  # in one reply; nobody announces that many capabilities
MAXIMUM_REPLY = 65536  # octets in one reply
MAXIMUM_LITERAL = 4096  # octets of one literal (RFC 9051 section 4.3, RFC 5804 section 1.2)

_LITERAL = re.compile(rb"\{([0-9]+)\}\r?\Z")
_MAXIMUM_DIGITS = 10  # of a literal's length: 4 GiB has ten

R = TypeVar("R")


class ReplyOverflow(Exception):
    """The server sent more than a reply may have; the message says what."""


class NotAReply(Exception):
    """A line that is no reply line of the protocol: `line`, without its end."""

    def __init__(self, line: bytes) -> None:
        super().__init__(repr(line[:200]))
        self.line = line


class Answer(Protocol):
    """What replies of all protocols can be asked."""

    @property
    def lines(self) -> tuple[bytes, ...]: ...

    @property
    def positive(self) -> bool: ...

    @property
    def continues(self) -> bool:
        """The server waits for more: a challenge of SASL."""

    @property
    def transient(self) -> bool:
        """The client may come back later."""

    @property
    def permanent(self) -> bool:
        """The refusal is for good."""

    @property
    def unknown(self) -> bool:
        """The server does not know the command: a fact about what it can do, not about us."""


class Status(StrEnum):
    """How IMAP, POP3 and ManageSieve answer."""

    OK = "OK"
    NO = "NO"  # -ERR of POP3
    BAD = "BAD"
    BYE = "BYE"
    PREAUTH = "PREAUTH"
    CONTINUE = "+"


# Response codes that ask us to come back later (RFC 5530, 3206, 2449, 5804).
_TRANSIENT = {"UNAVAILABLE", "INUSE", "LIMIT", "SYS/TEMP", "IN-USE", "LOGIN-DELAY", "TRYLATER"}
_PERMANENT = {"SYS/PERM", "REFERRAL", "NOPERM"}


@dataclass(frozen=True, slots=True)
class StatusReply:
    """One complete reply: status and response code (upper case, without arguments) of its last line; all lines as
    received without line ends, untagged ones included."""

    status: Status
    code: str
    lines: tuple[bytes, ...]

    @property
    def positive(self) -> bool:
        return self.status in (Status.OK, Status.PREAUTH)

    @property
    def continues(self) -> bool:
        return self.status is Status.CONTINUE

    @property
    def transient(self) -> bool:
        """BYE says nothing about how long."""
        return self.code in _TRANSIENT or (self.status is Status.BYE and not self.permanent)

    @property
    def permanent(self) -> bool:
        return self.code in _PERMANENT

    @property
    def unknown(self) -> bool:
        return self.status in (Status.NO, Status.BAD) and not self.transient


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server announces: `names` in upper case with their arguments, and what matters here.

    `mechanisms` are SASL mechanisms (upper case). `login`: a command that takes a password without SASL is announced,
    or not ruled out (IMAP without LOGINDISABLED, POP3 with USER).
    """

    names: Mapping[str, tuple[str, ...]]
    starttls: bool
    mechanisms: tuple[str, ...]
    login: bool


class ReplyForm(ABC, Generic[R]):
    """What one reply looks like. Takes its lines one after another; used for one reply."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._octets = 0

    def take(self, line: bytes) -> R | None:
        """The reply that `line` completes, or None. Raises ReplyOverflow and NotAReply."""
        self._lines.append(line)
        self._octets += len(line) + 2
        reply = self._read(line)
        if reply is None and len(self._lines) >= MAXIMUM_LINES:
            raise ReplyOverflow(f"a reply of more than {MAXIMUM_LINES} lines")
        if reply is None and self._octets > MAXIMUM_REPLY:
            raise ReplyOverflow(f"a reply of more than {MAXIMUM_REPLY} octets")
        return reply

    def literal(self, line: bytes) -> bool:
        """Whether `{n}` at the end of `line` announces a literal, as only some lines of some protocols can."""
        return False

    @abstractmethod
    def _read(self, line: bytes) -> R | None: ...


class LineBuffer:
    """Takes bytes in, gives lines out. No I/O, no clock.

    Nothing behind the line given is looked at, so `rest` holds what came too early.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # octets known to hold no line end, or inside a literal: a drip-feed stays cheap
        self._part = 0  # where the line begins, or goes on behind a literal

    def feed(self, data: bytes) -> None:
        """Adds received bytes."""
        self._buffer += data

    def next_line(self, form: ReplyForm[R]) -> bytes | None:
        """The next line without its end, literals and what follows them included; or None. Raises ReplyOverflow."""
        while True:
            end = self._buffer.find(b"\n", self._scanned)
            if (len(self._buffer) if end < 0 else end) - self._part > MAXIMUM_LINE:
                raise ReplyOverflow(f"a line longer than {MAXIMUM_LINE} octets")
            if end < 0:
                self._scanned = max(self._scanned, len(self._buffer))
                return None
            announced = _LITERAL.search(self._buffer, self._part, end)
            if announced is None or not form.literal(bytes(self._buffer[:end])):
                break
            digits = announced[1].lstrip(b"0") or b"0"
            if len(digits) > _MAXIMUM_DIGITS or int(digits) > MAXIMUM_LITERAL:
                raise ReplyOverflow(f"a literal of more than {MAXIMUM_LITERAL} octets")
            self._scanned = self._part = end + 1 + int(digits)
            if self._part > MAXIMUM_REPLY:
                raise ReplyOverflow(f"a reply of more than {MAXIMUM_REPLY} octets")
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        self._scanned = self._part = 0
        return line

    @property
    def rest(self) -> bytes:
        """Received bytes that belong to no line yet taken."""
        return bytes(self._buffer)

    def take_rest(self) -> bytes:
        """The same, and forgets them."""
        rest = self.rest
        self._buffer.clear()
        self._scanned = self._part = 0
        return rest


def words(data: bytes) -> tuple[str, ...]:
    """Words of a line that hostile octets cannot break."""
    return tuple(data.decode("ascii", "replace").split())
