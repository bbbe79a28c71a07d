"""SMTP replies: complete ones, in any pieces; and limits that a hostile server meets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.wire.smtp import (
    MAXIMUM_LINE,
    MAXIMUM_LINES,
    NotAReply,
    Reply,
    ReplyOverflow,
    ReplyParser,
    ehlo_keywords,
    offers_starttls,
)


def first_reply(data: bytes) -> Reply | None:
    parser = ReplyParser()
    parser.feed(data)
    while parser.next_line() is not None:
        if (reply := parser.take_reply()) is not None:
            return reply
    return None


def test_a_reply_of_one_line() -> None:
    reply = first_reply(b"220 mx.example.org ESMTP\r\n")
    assert reply == Reply(220, (b"220 mx.example.org ESMTP",))
    assert reply.positive
    assert not reply.transient
    assert not reply.permanent


def test_a_reply_of_several_lines_ends_at_the_space() -> None:
    reply = first_reply(b"250-mx.example.org\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")
    assert reply is not None
    assert reply.lines == (b"250-mx.example.org", b"250-SIZE 1000", b"250 STARTTLS")


def test_a_bare_code_and_a_bare_line_feed_are_accepted() -> None:
    assert first_reply(b"250\n") == Reply(250, (b"250",))


def test_the_last_line_gives_the_code() -> None:
    reply = first_reply(b"250-mx.example.org\r\n421 closing\r\n")
    assert reply is not None
    assert reply.transient


def test_an_unfinished_reply_is_no_reply() -> None:
    assert first_reply(b"250-mx.example.org\r\n250 STARTT") is None


def test_what_follows_the_reply_is_kept_for_tls() -> None:
    parser = ReplyParser()
    parser.feed(b"220 go ahead\r\n250 injected\r\n")
    assert parser.next_line() == b"220 go ahead"
    assert parser.take_reply() is not None
    assert parser.take_rest() == b"250 injected\r\n"
    assert parser.next_line() is None


@pytest.mark.parametrize(
    "line", [b"", b"hello", b"20 short", b"100 too small", b"600 too big", b"250_x", b"\x16\x03\x01"]
)
def test_lines_that_are_no_reply(line: bytes) -> None:
    with pytest.raises(NotAReply) as caught:
        first_reply(line + b"\r\n")
    assert caught.value.line == line


def test_a_line_that_never_ends_is_bounded() -> None:
    parser = ReplyParser()
    parser.feed(b"220 " + b"a" * MAXIMUM_LINE)
    with pytest.raises(ReplyOverflow, match="longer than 4096"):
        parser.next_line()


def test_a_long_line_that_ends_is_bounded_too() -> None:
    with pytest.raises(ReplyOverflow, match="longer than 4096"):
        first_reply(b"220 " + b"a" * MAXIMUM_LINE + b"\r\n")


def test_a_reply_that_never_ends_is_bounded() -> None:
    with pytest.raises(ReplyOverflow, match="more than 100 lines"):
        first_reply(b"220-again\r\n" * MAXIMUM_LINES)


def test_a_reply_of_ninety_nine_continuations_is_fine() -> None:
    reply = first_reply(b"220-again\r\n" * (MAXIMUM_LINES - 1) + b"220 end\r\n")
    assert reply is not None
    assert len(reply.lines) == MAXIMUM_LINES


def test_octets_of_a_reply_are_bounded() -> None:
    with pytest.raises(ReplyOverflow, match="more than 65536 octets"):
        first_reply((b"220-" + b"a" * 4000 + b"\r\n") * 20)


@given(st.lists(st.integers(0, 40), max_size=8))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    data = b"250-mx.example.org\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
    parser, replies, at = ReplyParser(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        parser.feed(data[at:cut])
        at = max(at, cut)
        while parser.next_line() is not None:
            if (reply := parser.take_reply()) is not None:
                replies.append(reply)
    assert replies == [first_reply(data)]


@given(st.binary(max_size=300))
def test_junk_raises_nothing_else(data: bytes) -> None:
    try:
        reply = first_reply(data)
    except (NotAReply, ReplyOverflow):
        return
    assert reply is None or 200 <= reply.code <= 599


def test_ehlo_keywords() -> None:
    reply = Reply(
        250,
        (b"250-STARTTLS is my name", b"250-size 1000", b"250-AUTH PLAIN LOGIN", b"250-=odd", b"250-", b"250 8BITMIME"),
    )
    assert ehlo_keywords(reply) == {"SIZE": ("1000",), "AUTH": ("PLAIN", "LOGIN"), "8BITMIME": ()}
    assert not offers_starttls(reply)


def test_starttls_in_any_case() -> None:
    assert offers_starttls(Reply(250, (b"250-mx", b"250 StartTLS")))
    assert not offers_starttls(Reply(250, (b"250-mx", b"250 XSTARTTLS")))
