"""The line between fact and blindness at E-12 (contract, "Fact or blindness"), and MAIL without TLS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tr03108.evaluate.plaintext import plaintext_mail
from tr03108.evaluate.starttls import conclude, got_through, reply_to
from tr03108.model import Failure, Handshake, Line, Observation, Reason, SmtpSession

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
APART = 30.0
EHLO = ("S220 mx ESMTP", "CEHLO [192.0.2.9]")
OFFER = (*EHLO, "S250-mx", "S250-SIZE 100", "S250 STARTTLS")
ACCEPTED = (*OFFER, "CSTARTTLS", "S220 go ahead")


def lines(texts: tuple[str, ...]) -> tuple[Line, ...]:
    return tuple(Line(text[0], text[1:].encode(), 0.1 * number) for number, text in enumerate(texts))


def handshake(ended: str) -> Handshake:
    return Handshake("mx", {}, b"", b"", ended, None, None, None, (), None, None, 0.1)


def session(dialogue: tuple[str, ...], state: str, ended: str, tls: str | None = None) -> SmtpSession:
    return SmtpSession("192.0.2.1:25", False, lines(dialogue), state, ended, handshake(tls) if tls else None)


def look(seen: SmtpSession | Failure, seconds: float = 0) -> Observation[SmtpSession]:
    time = NOW + timedelta(seconds=seconds)
    if isinstance(seen, Failure):
        return Observation("smtp", time, None, seen)
    return Observation("smtp", time, seen, None)


REFUSED = session((), "connect", "refused")
MISSING = session((*EHLO, "S250-mx", "S250 SIZE 100", "CQUIT", "S221 bye"), "ehlo", "done")
THROUGH = session(ACCEPTED, "quit", "done", "completed")
DEFERRED = Failure(Reason.DEFERRED, "greeting answered 421", (), "greeting")
FACTS = {
    "refused": (REFUSED, "PORT_REFUSED"),
    "no keyword": (MISSING, "STARTTLS_MISSING"),
    "one line": (session((*EHLO, "S250 mx"), "ehlo", "closed"), "STARTTLS_MISSING"),
    "keyword in the greeting line": (session((*EHLO, "S250 STARTTLS"), "ehlo", "done"), "STARTTLS_MISSING"),
    "another keyword": (session((*EHLO, "S250-mx", "S250 XSTARTTLS"), "ehlo", "done"), "STARTTLS_MISSING"),
    "no ESMTP": (session((*EHLO, "S502 what"), "ehlo", "done"), "STARTTLS_MISSING"),
    "454": (session((*OFFER, "CSTARTTLS", "S454 not now"), "starttls", "done"), "STARTTLS_REFUSED"),
    "502": (session((*OFFER, "CSTARTTLS", "S502 no"), "starttls", "done"), "STARTTLS_REFUSED"),
    "421": (session((*OFFER, "CSTARTTLS", "S421 later"), "starttls", "done"), "STARTTLS_REFUSED"),
    "alert": (session(ACCEPTED, "handshake", "closed", "alert"), "HANDSHAKE_ALERT"),
    "silent": (session(ACCEPTED, "handshake", "silent", "silent"), "STARTTLS_SILENT"),
    "garbage": (session(ACCEPTED, "handshake", "garbage", "garbage"), "STARTTLS_GARBAGE"),
    "closed": (session(ACCEPTED, "handshake", "closed", "closed"), "STARTTLS_CLOSED"),
    "reset": (session(ACCEPTED, "handshake", "reset", "reset"), "STARTTLS_CLOSED"),
}
BLIND = {
    "TIMEOUT": "SERVICE_TIMEOUT",
    "UNREACHABLE": "SERVICE_UNREACHABLE",
    "DEFERRED": "SERVICE_DEFERRED",
    "REJECTED": "SERVICE_REJECTED",
    "ABORTED": "SERVICE_ABORTED",
    "BUDGET": "BUDGET_EXHAUSTED",
    "VANTAGE": "SERVICE_UNREACHABLE",
    "NOT_GLOBAL": "ADDRESS_NOT_GLOBAL",
    "NOT_PROBED": "NOT_PROBED",
}


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_takes_two_looks_apart(name: str) -> None:
    seen, code = FACTS[name]
    twice = conclude([look(seen), look(seen, APART)], APART)
    assert (twice.code, twice.unseen, twice.works) == (code, False, False)
    for once in ([look(seen)], [look(seen), look(seen, APART - 0.001)]):
        assert (conclude(once, APART).code, conclude(once, APART).unseen) == ("STARTTLS_INCONSISTENT", True)


@pytest.mark.parametrize("name", FACTS)
def test_one_success_overrides_every_fact(name: str) -> None:
    seen = FACTS[name][0]
    for order in ([seen, seen, THROUGH], [THROUGH, seen, seen], [seen, THROUGH]):
        found = conclude([look(s, APART * n) for n, s in enumerate(order)], APART)
        assert (found.code, found.unseen, found.works, found.inconsistent) == ("OK", False, True, True)


@pytest.mark.parametrize("name", FACTS)
def test_success_under_another_host_name_overrides_too(name: str) -> None:
    """The contract speaks of the address and port, not of the name."""
    looks = [look(FACTS[name][0]), look(FACTS[name][0], APART)]
    assert got_through([look(THROUGH)])
    assert not got_through(looks)
    found = conclude(looks, APART, elsewhere=True)
    assert (found.code, found.unseen) == ("STARTTLS_INCONSISTENT", True)


@pytest.mark.parametrize("reason", Reason)
def test_blindness_is_never_a_fact(reason: Reason) -> None:
    failure = Failure(reason, "because", (), "connect")
    found = conclude([look(failure), look(failure, APART), look(failure, 2 * APART)], APART)
    assert (found.code, found.unseen, found.detail) == (BLIND[reason], True, "because")


def test_success_is_clean_where_the_rest_was_blindness() -> None:
    found = conclude([look(DEFERRED), look(THROUGH, APART)], APART)
    assert (found.code, found.inconsistent) == ("OK", False)


def test_a_reply_without_starttls_after_a_421_needs_a_second_look() -> None:
    assert conclude([look(DEFERRED), look(MISSING, APART)], APART).code == "SERVICE_DEFERRED"
    again = [look(DEFERRED), look(MISSING, APART), look(MISSING, 2 * APART)]
    assert conclude(again, APART).code == "STARTTLS_MISSING"


def test_two_different_facts_are_none() -> None:
    mixed = [look(FACTS["silent"][0]), look(MISSING, APART), look(REFUSED, 2 * APART)]
    found = conclude(mixed, APART)
    assert (found.code, found.unseen) == ("STARTTLS_INCONSISTENT", True)
    assert conclude([*mixed, look(FACTS["silent"][0], 3 * APART)], APART).code == "STARTTLS_SILENT"


def test_no_connection_is_not_probed() -> None:
    assert (conclude([], APART).code, conclude([], APART).unseen) == ("NOT_PROBED", True)


@pytest.mark.parametrize(
    ("dialogue", "state", "ended"),
    [
        ((), "greeting", "closed"),
        (("S220 mx", "CEHLO x"), "ehlo", "reset"),
        ((*EHLO, "S250-mx", "S250-SIZE"), "ehlo", "closed"),  # the reply is not complete
        ((*EHLO, "S250-mx", "nonsense"), "ehlo", "garbage"),
        ((*EHLO, "S550 go away"), "ehlo", "done"),
        ((*EHLO, "S421 busy"), "ehlo", "done"),
        (ACCEPTED, "handshake", "done"),
    ],
)
def test_what_shows_nothing(dialogue: tuple[str, ...], state: str, ended: str) -> None:
    seen = session(dialogue, state, ended)
    found = conclude([look(seen), look(seen, APART)], APART)
    assert (found.code, found.unseen) == ("SERVICE_ABORTED", True)


def test_only_the_reply_right_after_the_command_answers_it() -> None:
    talk = lines((*EHLO, "CQUIT", "S221 bye"))
    assert reply_to(b"EHLO", talk) is None
    assert reply_to(b"MAIL", talk) is None
    answered = reply_to(b"QUIT", talk)
    assert answered is not None
    assert answered.code == 221


def test_evidence_shows_what_was_said() -> None:
    hostile = session((*EHLO, "S250 <b>\x1b[31m\xff"), "ehlo", "done")
    attempts = conclude([look(hostile)], APART).evidence()["attempts"]
    assert isinstance(attempts, list)
    assert attempts[0]["shows"] == "STARTTLS_MISSING"
    assert all(text.isascii() and text.isprintable() for text in attempts[0]["dialogue"])


# MAIL FROM:<> without TLS


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("530 5.7.0 Must issue a STARTTLS command first", "OK"),
        ("530 no", "OK"),
        ("550 5.7.1 TLS required", "OK"),
        ("554 5.7.10 Encryption needed", "OK"),
        ("450 4.7.1 Session encryption is required", "OK"),  # Postfix, reject_plaintext_session
        ("550 5.7.1 <tls-scan.example[192.0.2.9]>: Client host rejected", "PLAINTEXT_UNCLEAR"),
        ("554 5.7.1 tls-scan.example must not connect here", "PLAINTEXT_UNCLEAR"),
        ("530 5.7.0 Authentication required", "PLAINTEXT_UNCLEAR"),
        ("250 2.1.0 Ok", "PLAINTEXT_ACCEPTED"),
        ("250 TLS required 5.7.0 TLS", "PLAINTEXT_ACCEPTED"),
        ("450 5.7.0 TLS later", "PLAINTEXT_UNCLEAR"),
        ("550 5.7.1 you are on a list", "PLAINTEXT_UNCLEAR"),
        ("451 4.7.1 greylisted", "PLAINTEXT_UNCLEAR"),
        ("503 5.5.1 sequence", "PLAINTEXT_UNCLEAR"),
        # RFC 4954 section 6: the same code, but TLS is not what is missing
        ("530 5.7.0 Authentication required", "PLAINTEXT_UNCLEAR"),
        ("530 5.7.57 Client was not authenticated to send anonymous mail", "PLAINTEXT_UNCLEAR"),
        ("530 5.7.0 Authentication required, issue STARTTLS first", "OK"),
    ],
)
def test_mail_without_tls(reply: str, code: str) -> None:
    seen = session((*OFFER, "CMAIL FROM:<>", f"S{reply}", "CRSET", "S250 ok"), "quit", "done")
    assert plaintext_mail(look(seen)).code == code


@pytest.mark.parametrize(
    "seen",
    [
        DEFERRED,
        session((*OFFER, "CMAIL FROM:<>"), "mail", "closed"),
        session((*OFFER, "CMAIL FROM:<>", "S250-half"), "mail", "closed"),
        session(OFFER, "ehlo", "done"),
    ],
)
def test_mail_without_an_answer_is_unclear(seen: SmtpSession | Failure) -> None:
    assert plaintext_mail(look(seen)).code == "PLAINTEXT_UNCLEAR"
