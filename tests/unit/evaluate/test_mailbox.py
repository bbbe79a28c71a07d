"""What a server's answers to RCPT say of a mailbox, and what may be said of us only."""

from __future__ import annotations

import pytest

from tr03108.evaluate.mailbox import Answered, MailboxLook, answered, mailbox_key
from tr03108.model import Failure, Line, Observation, Reason, SmtpSession
from tr03108.wire.tlsrpt import Mailbox
from unit.evaluate.conftest import NOW


def session(*talk: str) -> Observation[SmtpSession]:
    lines = tuple(Line(text[0], text[2:].encode(), 0.0) for text in ("S 220 mx", "C EHLO x", "S 250 mx", *talk))
    return Observation("k", NOW, SmtpSession("192.0.2.1:25", False, lines, "quit", "done", None), None)


MAIL = ("C MAIL FROM:<>", "S 250 ok")
RCPT, POSTMASTER = "C RCPT TO:<r@example.org>", "C RCPT TO:<postmaster@example.org>"


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        ((*MAIL, RCPT, "S 250 ok"), Answered.ACCEPTED),
        ((*MAIL, RCPT, "S 251 forwarded"), Answered.ACCEPTED),
        ((*MAIL, RCPT, "S 550 5.1.1 unknown", POSTMASTER, "S 550 5.1.1 unknown"), Answered.REFUSED),
        ((*MAIL, RCPT, "S 550-5.1.1 unknown", "S 550 5.1.1 more", POSTMASTER, "S 554 no"), Answered.REFUSED),
        ((*MAIL, RCPT, "S 550 unknown user", POSTMASTER, "S 250 ok"), Answered.REFUSED),
        ((*MAIL, RCPT, "S 550 unknown user", POSTMASTER, "S 550 unknown user"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 unknown user"), Answered.UNSEEN),  # it broke off
        ((*MAIL, RCPT, "S 550 5.2.1 disabled", POSTMASTER, "S 550 no"), Answered.REFUSED),
        # Words of real servers: Exim, OpenSMTPD, vpopmail.
        ((*MAIL, RCPT, "S 550 Unrouteable address", POSTMASTER, "S 250 Accepted"), Answered.REFUSED),
        ((*MAIL, RCPT, "S 550 Invalid recipient: <r@example.org>", POSTMASTER, "S 250 ok"), Answered.REFUSED),
        ((*MAIL, RCPT, "S 550 sorry, no mailbox here by that name (#5.1.1)", POSTMASTER, "S 250 ok"), Answered.REFUSED),
        (
            (*MAIL, RCPT, "S 524 5.2.4 Mailing list expansion problem: <r@example.org>", POSTMASTER, "S 250 ok"),
            Answered.REFUSED,
        ),
        (
            (*MAIL, RCPT, "S 524 5.2.4 Mailing list expansion problem: <r@example.org>", POSTMASTER, "S 524 5.2.4 x"),
            Answered.UNSEEN,
        ),
        # Postmasters take mail from those whom all others block.
        ((*MAIL, RCPT, "S 554 5.7.1 Client host [192.0.2.9] blocked", POSTMASTER, "S 250 ok"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 192.0.2.9 is in a black list", POSTMASTER, "S 250 ok"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 Administrative prohibition", POSTMASTER, "S 250 ok"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 no-such-user@x is listed", POSTMASTER, "S 250 ok"), Answered.UNSEEN),
        # The sender's address, not the recipient's.
        ((*MAIL, RCPT, "S 550 5.1.0 <>: Sender rejected: User unknown", POSTMASTER, "S 250 ok"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 5.1.7 <>: Sender rejected", POSTMASTER, "S 550 5.1.7 <>: rejected"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 5.1.8 bad sender", POSTMASTER, "S 250 ok"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 Sender is unknown user", POSTMASTER, "S 250 ok"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 554 5.7.1 your address 5.1.1 is on a list", POSTMASTER, "S 554 no"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 450 4.1.1 later", POSTMASTER, "S 250 ok"), Answered.UNSEEN),
        ((*MAIL, RCPT), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 530 5.7.0 Must issue STARTTLS"), Answered.WANTS_TLS),
        ((*MAIL, RCPT, "S 554 5.7.1 TLS required"), Answered.WANTS_TLS),
        ((*MAIL, RCPT, "S 450 4.7.1 Session encryption is required"), Answered.WANTS_TLS),
        ((*MAIL, RCPT, "S 550-Sorry,", "S 550 encryption required"), Answered.WANTS_TLS),
        ((*MAIL, RCPT, "S 530 5.7.0 STARTTLS before authentication"), Answered.WANTS_TLS),
        ((*MAIL, RCPT, "S 530 no"), Answered.WANTS_TLS),
        ((*MAIL, RCPT, "S 550 TLS/SSL required."), Answered.WANTS_TLS),
        ((*MAIL, RCPT, "S 530 5.7.0 Authentication required", POSTMASTER, "S 530 5.7.0 x"), Answered.UNSEEN),
        # A name is no wish.
        ((*MAIL, RCPT, "S 554 5.7.1 <tlsrpt@example.org>: Relay access denied"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 554 5.7.1 tls@example.org must log in first"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 5.7.1 You must see http://www.example/tls first"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 5.7.1 mx.tls.example must have a name"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 5.7.1 only TLS reports, please"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 454 4.7.0 TLS is not available"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 250 TLS is required from tomorrow on"), Answered.ACCEPTED),
        (("C MAIL FROM:<>", "S 530 5.7.0 Must issue STARTTLS"), Answered.WANTS_TLS),
        (("C MAIL FROM:<>", "S 550 5.1.1 no null senders"), Answered.UNSEEN),
        (("C MAIL FROM:<>", "S 451 later"), Answered.UNSEEN),
        ((), Answered.UNSEEN),
    ],
)
def test_answers(talk: tuple[str, ...], expected: Answered) -> None:
    assert answered(session(*talk)) is expected


def test_blindness() -> None:
    seen: Observation[SmtpSession] = Observation("k", NOW, None, Failure(Reason.TIMEOUT, "no answer"))
    assert answered(seen) is Answered.UNSEEN
    assert MailboxLook("mx", "192.0.2.1", False, seen).said == "TIMEOUT: no answer"


def test_a_server_that_wants_tls_within_tls_says_nothing() -> None:
    look = MailboxLook("mx", "192.0.2.1", True, session("C MAIL FROM:<>", "S 530 5.7.0 Authentication required"))
    assert look.answered is Answered.UNSEEN
    assert look.said == "530 5.7.0 Authentication required"


def test_keys_of_mailboxes_are_distinct_and_harmless() -> None:
    boxes = [Mailbox("a/b", "x.example"), Mailbox("a", "x.example"), Mailbox("a%2Fb", "x.example")]
    keys = {mailbox_key(box, "mx.x.example", "192.0.2.1", 25, secured=False) for box in boxes}
    assert len(keys) == 3
    assert all(key.count("/") == 4 for key in keys)
