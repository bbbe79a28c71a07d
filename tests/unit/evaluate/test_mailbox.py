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
        ((*MAIL, RCPT, "S 550 unknown", POSTMASTER, "S 250 ok"), Answered.REFUSED),
        ((*MAIL, RCPT, "S 550 unknown", POSTMASTER, "S 550 unknown"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 550 unknown"), Answered.UNSEEN),  # it broke off
        ((*MAIL, RCPT, "S 554 5.7.1 your address 5.1.1 is on a list", POSTMASTER, "S 554 no"), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 450 4.1.1 later", POSTMASTER, "S 250 ok"), Answered.UNSEEN),
        ((*MAIL, RCPT), Answered.UNSEEN),
        ((*MAIL, RCPT, "S 530 5.7.0 Must issue STARTTLS"), Answered.WANTS_TLS),
        ((*MAIL, RCPT, "S 554 5.7.1 TLS required"), Answered.WANTS_TLS),
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
