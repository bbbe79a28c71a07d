"""The protocols of mail clients as data: no credentials, and dialogues read again from what was kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.model import MAIL_SERVICE, SERVICE_KINDS
from tr03108.wire.languages import LANGUAGES, answer_to_injected, exchanges
from tr03108.wire.smtp import Reply, announced

Lines = list[tuple[str, bytes]]


def lines(text: str) -> Lines:
    """ "C: QUIT" and "S: 221 bye", one a line."""
    return [(each[0], each[3:].encode()) for each in text.splitlines()]


def test_no_language_ever_sends_a_password_or_an_initial_response() -> None:
    for language in LANGUAGES.values():
        for text in language.login:
            words = text.split()
            assert len(words) == 2
            assert words[0] in ("AUTH", "AUTHENTICATE") or text == "USER nobody"


def test_every_service_has_its_language_port_and_farewell() -> None:
    assert {kind.name: kind.port for kind in SERVICE_KINDS.values()} == {
        **{"submission": 587, "submissions": 465, "imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995},
        **{"smtp": 25, "sieve": 4190, "https": 443},
    }
    for kind in SERVICE_KINDS.values():
        if not kind.language:
            assert (kind.implicit, kind.farewell, kind.srv) == (True, b"", "")
            continue
        language = LANGUAGES[kind.language]
        assert kind.farewell.decode() == language.command(language.farewell, 1) + "\r\n"
        assert kind.srv == ("" if kind is MAIL_SERVICE else f"_{kind.name}._tcp")


def test_tags_are_for_imap_and_not_for_what_cancels() -> None:
    assert LANGUAGES["imap"].command("NOOP", 3) == "a3 NOOP"
    assert LANGUAGES["imap"].command("*", 3) == "*"
    assert LANGUAGES["pop3"].command("CAPA", 3) == "CAPA"


DIALOGUES = {
    "imap": """S: * OK ready
C: a1 CAPABILITY
S: * CAPABILITY IMAP4rev1
S: a1 OK done
C: a2 AUTHENTICATE PLAIN
S: + x
C: *
S: a2 BAD cancelled
C: a3 LOGOUT""",
    "pop3": """S: +OK ready
C: CAPA
S: +OK list
S: STLS
S: .
C: AUTH PLAIN
S: + x
C: *
S: -ERR cancelled
C: QUIT""",
    "sieve": """S: "SASL" ""
S: OK
C: AUTHENTICATE "PLAIN"
S: ""
C: "*"
S: NO "cancelled"
C: LOGOUT""",
    "smtp": """S: 220 mx
C: EHLO [192.0.2.1]
S: 250-mx
S: 250 AUTH PLAIN
C: AUTH PLAIN
S: 334 x
C: *
S: 501 cancelled
C: QUIT""",
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_dialogues_are_read_again(name: str) -> None:
    found = exchanges(LANGUAGES[name], lines(DIALOGUES[name]))
    by_command = {each.command.split()[-1]: each.reply for each in found[1:]}
    assert found[0].command == b""
    assert found[0].reply is not None
    assert found[0].reply.positive
    challenge, cancelled = found[-3].reply, found[-2].reply
    assert challenge is not None
    assert challenge.continues
    assert cancelled is not None
    assert cancelled.unknown or cancelled.permanent
    assert by_command[found[-1].command.split()[-1]] is None, "nothing answered it"


def test_two_commands_in_one_segment_are_the_first() -> None:
    found = exchanges(LANGUAGES["imap"], lines("C: a2 STARTTLS\nC: a3 NOOP\nS: a2 OK go"))
    assert [each.command for each in found] == [b"a2 STARTTLS"]
    assert found[0].reply is not None


@pytest.mark.parametrize("name", LANGUAGES)
@given(kept=st.lists(st.tuples(st.sampled_from("CS"), st.binary(max_size=20)), max_size=12))
def test_hostile_dialogues_raise_nothing(name: str, kept: Lines) -> None:
    exchanges(LANGUAGES[name], kept)
    answer_to_injected(LANGUAGES[name], kept)


@pytest.mark.parametrize(
    ("name", "inside", "answer"),
    [
        ("smtp", "C: QUIT\nS: 221 bye", None),
        ("smtp", "C: QUIT", None),
        ("smtp", "C: QUIT\nS: 250 2.0.0 Ok\nS: 221 bye", b"250 2.0.0 Ok"),
        ("imap", "C: a4 LOGOUT\nS: * BYE\nS: a4 OK", None),
        ("imap", "C: a4 LOGOUT\nS: a3 OK NOOP\nS: * BYE\nS: a4 OK", b"a3 OK NOOP"),
        ("imap", "C: a4 LOGOUT\nS: a3 OK NOOP", b"a3 OK NOOP"),
        ("pop3", "C: QUIT\nS: +OK bye", None),
        ("pop3", "C: QUIT\nS: +OK list\nS: STLS\nS: .\nS: +OK bye", b"+OK list"),
        ("pop3", "C: QUIT\nS: -ERR no\nS: +OK bye", b"-ERR no"),
        ("sieve", 'C: LOGOUT\nS: "SASL" ""\nS: OK "TLS"\nS: OK "bye"', None),
        (
            "sieve",
            'C: LOGOUT\nS: OK "TLS"\nS: OK (TAG "sent-behind-starttls") "x"',
            b'OK (TAG "sent-behind-starttls") "x"',
        ),
        ("sieve", 'C: LOGOUT\nS: OK "TLS"\nS: NO "what?"\nS: OK "bye"', b'NO "what?"'),
    ],
)
def test_answers_to_what_was_injected(name: str, inside: str, answer: bytes | None) -> None:
    assert answer_to_injected(LANGUAGES[name], lines(inside)) == answer


def test_mechanisms_of_smtp_in_both_forms() -> None:
    found = announced(Reply(250, (b"250-mx", b"250-AUTH PLAIN login", b"250 AUTH=LOGIN CRAM-MD5")))
    assert found is not None
    assert found.mechanisms == ("PLAIN", "LOGIN", "CRAM-MD5")
    assert announced(Reply(220, (b"220 mx", b"220 STARTTLS"))) is None
