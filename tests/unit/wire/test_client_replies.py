"""Replies of IMAP, POP3 and ManageSieve: exact framing, in any pieces; and limits that a hostile server meets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.wire import imap, managesieve, pop3
from tr03108.wire.imap import ImapGreeting, ImapReply
from tr03108.wire.languages import LANGUAGES
from tr03108.wire.managesieve import SieveReply
from tr03108.wire.pop3 import Pop3Listing, Pop3Reply
from tr03108.wire.replies import (
    MAXIMUM_LINE,
    MAXIMUM_LINES,
    LineBuffer,
    NotAReply,
    ReplyForm,
    ReplyOverflow,
    Status,
    StatusReply,
)

Make = Callable[[], ReplyForm[StatusReply]]

IMAP_CAPABILITIES = b"* CAPABILITY IMAP4rev1 StartTLS LOGINDISABLED auth=plain\r\na1 OK done\r\n"
POP3_CAPABILITIES = b"+OK list\r\nUSER\r\nstls\r\nSASL PLAIN scram-sha-1\r\n..odd\r\n.\r\n"
SIEVE_CAPABILITIES = (
    b'"IMPLEMENTATION" "a \\"b\\" {5}"\r\n"SASL" {5}\r\nPLAIN\r\n"starttls"\r\n"VERSION" "1.0"\r\nOK "ready {3}"\r\n'
)


def read(form: ReplyForm[StatusReply], data: bytes) -> tuple[StatusReply | None, bytes]:
    """The first reply in `data`, and what is left."""
    buffer = LineBuffer()
    buffer.feed(data)
    while (line := buffer.next_line(form)) is not None:
        reply = form.take(line)
        if reply is not None:
            return reply, buffer.rest
    return None, buffer.rest


def reply_to(form: ReplyForm[StatusReply], data: bytes) -> StatusReply:
    reply, rest = read(form, data)
    assert reply is not None
    assert rest == b""
    return reply


# IMAP


@pytest.mark.parametrize(
    ("line", "status", "code", "positive"),
    [
        (b"* OK ready", Status.OK, "", True),
        (b"* ok", Status.OK, "", True),
        (b"* OK [ALERT] x", Status.OK, "ALERT", True),
        (b"* PREAUTH hello", Status.PREAUTH, "", True),
        (b"* BYE [unavailable] later", Status.BYE, "UNAVAILABLE", False),
        (b"* OK it is text {4294967295}", Status.OK, "", True),
    ],
)
def test_imap_greetings(line: bytes, status: Status, code: str, positive: bool) -> None:
    reply = reply_to(ImapGreeting(), line + b"\r\n")
    assert (reply.status, reply.code, reply.positive) == (status, code, positive)


@pytest.mark.parametrize(
    "line", [b"", b"*", b"* ", b"* OKAY", b"* NO", b"* BAD x", b"*OK", b"OK", b"a1 OK", b"+ OK", b"* CAPABILITY x"]
)
def test_what_is_no_imap_greeting(line: bytes) -> None:
    with pytest.raises(NotAReply) as caught:
        read(ImapGreeting(), line + b"\r\n")
    assert caught.value.line == line


def test_the_tagged_line_completes_an_imap_reply() -> None:
    reply, rest = read(ImapReply(b"a1"), IMAP_CAPABILITIES + b"* 1 EXISTS\r\n")
    assert reply is not None
    assert (reply.status, len(reply.lines), rest) == (Status.OK, 2, b"* 1 EXISTS\r\n")


@pytest.mark.parametrize(
    "line", [b"a2 OK", b"A1 OK", b"a1", b"a1 PREAUTH x", b"a1 BYE", b"+ go on", b"a1OK", b"\x16\x03"]
)
def test_another_tag_or_none_is_no_imap_reply(line: bytes) -> None:
    with pytest.raises(NotAReply):
        read(ImapReply(b"a1"), line + b"\r\n")


@pytest.mark.parametrize("line", [b"+ ", b"+", b"+ UEFTUw=="])
def test_imap_continues_only_where_it_may(line: bytes) -> None:
    assert reply_to(ImapReply(b"a1", continues=True), line + b"\r\n").continues
    with pytest.raises(NotAReply):
        read(ImapReply(b"a1"), line + b"\r\n")


def test_imap_literals_belong_to_their_line() -> None:
    data = b'* LIST () "/" {12}\r\na1 OK fake\r\n {3}\r\nabc\r\na1 OK true\r\n'
    reply = reply_to(ImapReply(b"a1"), data)
    assert reply.lines == (b'* LIST () "/" {12}\r\na1 OK fake\r\n {3}\r\nabc', b"a1 OK true")


@pytest.mark.parametrize("number", ["4097", "4294967295", "9" * 4000, "0" * 50 + "4294967295"])
@pytest.mark.parametrize(
    ("form", "start"), [(ImapReply(b"a1"), "* CAPABILITY "), (SieveReply(), '"SASL" '), (SieveReply(), "NO ")]
)
def test_large_literals_are_refused_when_they_are_announced(
    form: ReplyForm[StatusReply], start: str, number: str
) -> None:
    with pytest.raises(ReplyOverflow, match="a literal of more than 4096 octets"):
        read(form, f"{start}{{{number}}}\r\n".encode())


def test_a_synchronised_literal_is_for_clients_only() -> None:
    assert reply_to(ImapReply(b"a1"), b"* X {5+}\r\na1 OK\r\n").lines == (b"* X {5+}", b"a1 OK")


def test_imap_capabilities_are_read_from_responses_and_codes() -> None:
    found = imap.announced(reply_to(ImapReply(b"a1"), IMAP_CAPABILITIES))
    assert found is not None
    assert (found.starttls, found.mechanisms, found.login) == (True, ("PLAIN",), False)
    found = imap.announced(reply_to(ImapGreeting(), b"* OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] x STARTTLS\r\n"))
    assert found is not None
    assert (found.starttls, found.mechanisms, found.login) == (False, ("LOGIN",), True)
    assert imap.announced(reply_to(ImapGreeting(), b"* OK ready STARTTLS\r\n")) is None
    assert imap.announced(reply_to(ImapReply(b"a1"), b"* CAPABILITY STARTTLS\r\na1 NO\r\n")) is None


# POP3


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (b"+OK", Status.OK, ""),
        (b"+ok ready <1@x>", Status.OK, ""),
        (b"-ERR", Status.NO, ""),
        (b"-err [sys/temp] later", Status.NO, "SYS/TEMP"),
        (b"-ERR [IN-USE]", Status.NO, "IN-USE"),
    ],
)
def test_pop3_status_lines(line: bytes, status: Status, code: str) -> None:
    reply = reply_to(Pop3Reply(), line + b"\r\n")
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize("line", [b"", b"+OKAY", b"-ERROR", b"OK", b"+", b"+ ", b"* OK", b" +OK", b"220 x", b"."])
def test_what_is_no_pop3_reply(line: bytes) -> None:
    with pytest.raises(NotAReply):
        read(Pop3Reply(), line + b"\r\n")


def test_pop3_continues_only_where_it_may() -> None:
    assert reply_to(Pop3Reply(continues=True), b"+ \r\n").continues
    assert not reply_to(Pop3Reply(continues=True), b"+OK\r\n").continues


def test_pop3_listings_end_at_the_full_stop() -> None:
    reply, rest = read(Pop3Listing(), POP3_CAPABILITIES + b"+OK injected\r\n")
    assert reply is not None
    assert rest == b"+OK injected\r\n"
    found = pop3.announced(reply)
    assert found is not None
    assert (found.starttls, found.mechanisms, found.login) == (True, ("PLAIN", "SCRAM-SHA-1"), True)
    assert ".ODD" in found.names


def test_a_refused_pop3_listing_is_one_line() -> None:
    reply = reply_to(Pop3Listing(), b"-ERR what?\r\n")
    assert reply.unknown
    assert pop3.announced(reply) is None


def test_an_unfinished_pop3_listing_is_none() -> None:
    assert read(Pop3Listing(), b"+OK\r\nSTLS\r\n") == (None, b"")


# ManageSieve


def test_sieve_capabilities() -> None:
    found = managesieve.announced(reply_to(SieveReply(), SIEVE_CAPABILITIES))
    assert found is not None
    assert (found.starttls, found.mechanisms, found.login) == (True, ("PLAIN",), False)
    assert found.names["IMPLEMENTATION"] == ("a", '"b"', "{5}")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"OK\r\n", Status.OK, ""),
        (b'ok "done"\r\n', Status.OK, ""),
        (b'NO (TRYLATER) "x"\r\n', Status.NO, "TRYLATER"),
        (b'BYE (referral "sieve://x") "x"\r\n', Status.BYE, "REFERRAL"),
        (b"NO {4}\r\nOK\r\n\r\n", Status.NO, ""),
        (b'OK (TAG {2}\r\nab) "x"\r\n', Status.OK, "TAG"),
    ],
)
def test_sieve_status_lines(data: bytes, status: Status, code: str) -> None:
    reply = reply_to(SieveReply(), data)
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize("line", [b"", b"OKAY", b"hello", b'"a', b'"a" b', b'"a""b"', b"* OK", b"{3", b"+OK"])
def test_what_is_no_sieve_line(line: bytes) -> None:
    with pytest.raises(NotAReply):
        read(SieveReply(), line + b"\r\n")


@pytest.mark.parametrize("data", [b'""\r\n', b"{0}\r\n\r\n", b'"UEFTUw=="\r\n'])
def test_sieve_challenges_only_where_they_may_come(data: bytes) -> None:
    assert reply_to(SieveReply(challenge=True), data).continues
    assert read(SieveReply(), data) == (None, b"")


# All of them


def test_waiting_longer_helps_only_where_the_server_says_so() -> None:
    transient = reply_to(ImapReply(b"a"), b"a NO [UNAVAILABLE] x\r\n")
    assert (transient.transient, transient.unknown, transient.permanent) == (True, False, False)
    for_good = reply_to(ImapGreeting(), b"* BYE [NOPERM]\r\n")
    assert (for_good.transient, for_good.unknown, for_good.permanent) == (False, False, True)
    unknown = reply_to(ImapReply(b"a"), b"a BAD x\r\n")
    assert (unknown.transient, unknown.unknown, unknown.permanent) == (False, True, False)


FORMS: dict[str, tuple[Make, bytes]] = {
    "imap greeting": (ImapGreeting, b"* OK x\r\n"),
    "imap": (lambda: ImapReply(b"a1", continues=True), b"* CAPABILITY {3}\r\nabc\r\n* X\r\na1 OK\r\n"),
    "pop3": (lambda: Pop3Reply(continues=True), b"+OK x\r\n"),
    "pop3 listing": (Pop3Listing, POP3_CAPABILITIES),
    "sieve": (SieveReply, SIEVE_CAPABILITIES),
}


@pytest.mark.parametrize("name", FORMS)
@given(data=st.data())
def test_pieces_do_not_matter(name: str, data: st.DataObject) -> None:
    make, wire = FORMS[name]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    buffer, form, replies = LineBuffer(), make(), list[StatusReply]()
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        buffer.feed(wire[start:end])
        while not replies and (line := buffer.next_line(form)) is not None:
            reply = form.take(line)
            replies += [reply] if reply is not None else []
    assert replies == [reply_to(make(), wire)]


@pytest.mark.parametrize("name", FORMS)
@given(data=st.binary(max_size=300) | st.text(alphabet='*+-OKNERA1 a{}"0123456789.\r\n[]()', max_size=200))
def test_junk_raises_nothing_else(name: str, data: bytes | str) -> None:
    try:
        reply, _ = read(FORMS[name][0](), data.encode() if isinstance(data, str) else data)
    except (NotAReply, ReplyOverflow):
        return
    if reply is not None:
        for language in LANGUAGES.values():
            if language.name != "smtp":
                language.announced(reply)


ENDLESS: dict[str, tuple[Make, bytes, bytes]] = {
    "imap": (lambda: ImapReply(b"a1"), b"* X", b""),
    "pop3 listing": (Pop3Listing, b"+OK ", b""),
    "sieve": (SieveReply, b'"X', b'"'),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_replies_are_bounded(name: str) -> None:
    make, start, end = ENDLESS[name]
    with pytest.raises(ReplyOverflow, match="more than 100 lines"):
        read(make(), (start + end + b"\r\n") * MAXIMUM_LINES)
    with pytest.raises(ReplyOverflow, match="more than 65536 octets"):
        read(make(), (start + b"a" * 4000 + end + b"\r\n") * 20)
    with pytest.raises(ReplyOverflow, match="longer than 4096"):
        read(make(), start + b"a" * MAXIMUM_LINE)


def test_many_small_literals_in_one_line_are_bounded() -> None:
    with pytest.raises(ReplyOverflow, match="more than 65536 octets"):
        read(ImapReply(b"a1"), b"* X" + (b"{4000}\r\n" + b"a" * 4000) * 20)
