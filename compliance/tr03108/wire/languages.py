"""The four text protocols of mail clients as data: what a client says before login, and how the answers are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import imap, managesieve, pop3, smtp
from .replies import Answer, Capabilities, ReplyForm

_SYNC = "sent-behind-starttls"  # the tag by which an answer to the harmless command of ManageSieve is known


@dataclass(frozen=True, slots=True)
class Language:
    """One protocol. `capabilities` is empty where the server announces them unasked, as greeting and inside TLS;
    "{client}" in it is our name. `login` asks for a login without giving a name or password that exists; `cancel` ends
    an exchange of SASL (RFC 4422 section 3). `harmless` changes nothing. `tagged`: commands carry a tag.
    `form_of` tells by a command, as sent, what its reply looks like; the empty command stands for the greeting.
    """

    name: str
    capabilities: str
    starttls: str
    harmless: str
    login: tuple[str, ...]
    cancel: str
    farewell: str
    tagged: bool
    form_of: Callable[[bytes], ReplyForm[Any]]
    announced: Callable[[Any], Capabilities | None]

    def command(self, text: str, number: int) -> str:
        """The command as it is sent, as the `number`th of a connection."""
        return f"a{number} {text}" if self.tagged and text != self.cancel else text


LANGUAGES: Mapping[str, Language] = {
    each.name: each
    for each in (
        Language(
            "smtp", "EHLO {client}", "STARTTLS", "NOOP", ("AUTH PLAIN",), "*", "QUIT", False,
            lambda _: smtp.SmtpReply(), smtp.announced,
        ),
        Language(
            "imap", "CAPABILITY", "STARTTLS", "NOOP", ("AUTHENTICATE PLAIN",), "*", "LOGOUT", True, imap.form_of,
            imap.announced,
        ),
        Language(
            "pop3", "CAPA", "STLS", "CAPA", ("AUTH PLAIN", "USER nobody"), "*", "QUIT", False, pop3.form_of,
            pop3.announced,
        ),
        Language(
            "sieve", "", "STARTTLS", f'NOOP "{_SYNC}"', ('AUTHENTICATE "PLAIN"',), '"*"', "LOGOUT", False,
            managesieve.form_of, managesieve.announced,
        ),
    )
}  # fmt: skip

_LEAVES = b"* BYE"
_STATUS_LINES = {
    "smtp": re.compile(rb"[2-5][0-9]{2}(?: |\Z)"),
    "imap": re.compile(rb"a[0-9]+ (?:OK|NO|BAD)\b", re.IGNORECASE),
    "pop3": re.compile(rb"(?:\+OK|-ERR)(?:\s|\Z)", re.IGNORECASE),
    "sieve": re.compile(rb"(?:OK|NO|BYE)\b", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One command as sent (empty: the server spoke first), the lines that followed, and the reply, if complete."""

    command: bytes
    heard: tuple[bytes, ...]
    reply: Answer | None


def exchanges(language: Language, lines: Sequence[tuple[str, bytes]]) -> tuple[Exchange, ...]:
    """A dialogue that was kept line by line (sender "C" or "S", line), read again. Never raises.

    Of two commands in one segment the first one counts.
    """
    found: list[Exchange] = []
    command, heard = b"", list[bytes]()
    for sender, line in (*lines, ("C", b"")):
        if sender == "S":
            heard.append(line)
            continue
        if command and line and not heard:
            continue
        if command or heard:
            found.append(Exchange(command, tuple(heard), _reply(language, command, heard)))
        command, heard = line, []
    return tuple(found)


def answer_to_injected(language: Language, inside: Sequence[tuple[str, bytes]]) -> bytes | None:
    """The line inside TLS that answers the command sent in the clear behind STARTTLS, or None.

    `inside` is what was said inside TLS, where we did nothing but take leave. There each status answers a command, so
    one too many answers the injected one, which came before ours. IMAP and NOOP of ManageSieve name it by a tag.
    """
    said = [line for sender, line in inside if sender == "C"]
    statuses = [line for sender, line in inside if sender == "S" and _STATUS_LINES[language.name].match(line)]
    if language.tagged:
        own = {line.split(b" ")[0] for line in said}
        return next((line for line in statuses if line.split(b" ")[0] not in own), None)
    synchronised = next((line for line in statuses if _SYNC.encode() in line), None)
    expected = len(said) + (0 if language.capabilities else 1)  # capabilities that come unasked
    if synchronised is not None or len(statuses) <= expected:
        return synchronised
    return statuses[expected - 1]


def farewell_answered(language: Language, inside: Sequence[tuple[str, bytes]]) -> bool:
    """Whether what was heard inside TLS, where we did nothing but take leave, ends with the answer to that.

    It cannot be taken for an answer to the harmless command: 221 and BYE answer nothing else; of POP3, where all
    answers look alike, it is the only line; of ManageSieve the second status, behind capabilities that come unasked.
    """
    heard = [line for sender, line in inside if sender == "S"]
    statuses = [line for line in heard if _STATUS_LINES[language.name].match(line)]
    if language.name == "pop3":
        return len(heard) == len(statuses) == 1
    if language.name == "sieve":
        return len(statuses) > 1
    left = _LEAVES if language.tagged else b"221"
    own = {line.split(b" ")[0] for sender, line in inside if sender == "C"} if language.tagged else set()
    return any(line.upper().startswith(left) or line.split(b" ")[0] in own for line in heard)


def _reply(language: Language, command: bytes, heard: Sequence[bytes]) -> Answer | None:
    form = language.form_of(command)
    for line in heard:
        try:
            reply: Answer | None = form.take(line)
        except (smtp.NotAReply, smtp.ReplyOverflow):
            return None
        if reply is not None:
            return reply
    return None
