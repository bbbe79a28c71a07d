"""Whether a mail server takes mail for a mailbox: MAIL FROM:<>, RCPT TO, RSET, QUIT; never any DATA (RFC 5321)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from ..model import Observation, SmtpSession
from ..wire.smtp import Reply
from ..wire.tlsrpt import Mailbox
from .refusals import own_words, wants_tls
from .starttls import printable, reply_to

# Of RFC 3463's sections 3.2 (addresses) and 3.3 (mailboxes), and of RFC 7505 (5.1.10), those that say that this one
# mailbox takes no mail, and those that speak of the recipient at all: 5.1.7 and 5.1.8 are about the sender, and 5.1.0
# says Postfix of senders, too.
_NO_SUCH_MAILBOX = re.compile(rb"[0-9]{3}[ -]5\.(?:1\.(?:1|3|6|10)|2\.1)(?: |\Z)")
_ABOUT_RECIPIENT = re.compile(rb"[0-9]{3}[ -]5\.(?:1\.(?:[1-6]|10)|2\.[0-4])(?: |\Z)")
_ENHANCED = re.compile(rb"[0-9]{3}[ -][245]\.[0-9]+\.[0-9]+(?: |\Z)")
_WHO = rb"(?:user|mailbox|recipient|account)"
_SAYS_UNKNOWN = re.compile(
    rb"\bno such " + _WHO + rb"|\b(?:unknown|invalid) (?:local )?" + _WHO + rb"|\bunrouteable address"
    rb"|\b"
    + _WHO
    + rb"(?: is)? (?:unknown|not found|does not exist|doesn't exist)|\bno mailbox (?:here )?by that name",
    re.IGNORECASE,
)
_SENDER = re.compile(rb"\bsender", re.IGNORECASE)


class Answered(StrEnum):
    """What a server said to RCPT."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # there is no such mailbox
    WANTS_TLS = "wants-tls"  # said outside TLS
    UNSEEN = "unseen"  # put off, broken off, or refused for a reason that may be ours


def mailbox_key(mailbox: Mailbox, host: str, address: str, port: int, *, secured: bool) -> str:
    """The key of the observation."""
    kind = "mailbox-tls" if secured else "mailbox"
    return f"{kind}/{host}/{address}/{port}/{quote(mailbox.text, safe='')}"


@dataclass(frozen=True, slots=True)
class MailboxLook:
    """One session about one mailbox: where, and what came of it. `secured`: inside TLS."""

    host: str
    address: str
    secured: bool
    seen: Observation[SmtpSession]

    @property
    def answered(self) -> Answered:
        found = answered(self.seen)
        return Answered.UNSEEN if self.secured and found is Answered.WANTS_TLS else found

    @property
    def said(self) -> str:
        """The reply that decided, or why there is none."""
        if self.seen.value is None:
            failure = self.seen.failure
            return f"{failure.reason}: {failure.detail}" if failure is not None else ""
        replies = _replies(self.seen.value)
        if not replies:
            return f"ended at {self.seen.value.state}: {self.seen.value.ended}"
        return printable(b" / ".join(replies[0].lines))

    def evidence(self) -> dict[str, object]:
        lines = self.seen.value.lines if self.seen.value is not None else ()
        return {
            "host": self.host,
            "address": self.address,
            "tls": self.secured,
            "answered": self.answered.value,
            "said": self.said,
            "dialogue": [f"{line.at:7.3f} {line.sender}: {printable(line.data)}" for line in lines[:60]],
        }


def answered(seen: Observation[SmtpSession]) -> Answered:
    """Judges the reply to RCPT, or to MAIL where that was refused.

    A refusal counts against the mailbox only where its status code says so of this mailbox, or where the same server
    takes mail for the domain's postmaster and the refusal speaks of the recipient: else it may be for us. The
    postmaster alone proves nothing, since servers often take his mail even from those whom they block.
    """
    replies = _replies(seen.value) if seen.value is not None else []
    if not replies:
        return Answered.UNSEEN
    reply, *control = replies
    if wants_tls(reply):
        return Answered.WANTS_TLS
    if reply_to(b"RCPT", seen.value.lines if seen.value is not None else ()) is None:
        return Answered.UNSEEN  # MAIL was not taken
    if reply.positive:
        return Answered.ACCEPTED
    told = any(_NO_SUCH_MAILBOX.match(line) for line in reply.lines)
    told = told or (_about_recipient(reply) and any(other.positive for other in control))
    return Answered.REFUSED if reply.permanent and told else Answered.UNSEEN


def _about_recipient(reply: Reply) -> bool:
    """Whether a refusal speaks of the recipient, in its status code, or where it has none in words."""
    if any(_ENHANCED.match(line) for line in reply.lines):
        return any(_ABOUT_RECIPIENT.match(line) for line in reply.lines)
    words = own_words(reply)
    return bool(_SAYS_UNKNOWN.search(words)) and not _SENDER.search(words)


def _replies(session: SmtpSession) -> list[Reply]:
    """The replies to RCPT, in order; that to MAIL where there was no RCPT."""
    found: list[Reply] = []
    lines = list(session.lines)
    while (reply := reply_to(b"RCPT", tuple(lines))) is not None:
        found.append(reply)
        first = next(i for i, line in enumerate(lines) if line.sender == "C" and line.data.startswith(b"RCPT"))
        del lines[: first + 1]
    mail = reply_to(b"MAIL", session.lines)
    return found or ([mail] if mail is not None else [])
