"""The TLSRPT record, against RFC 8460 section 3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.wire.tlsrpt import Mailbox, mailbox_of, parse_record, tlsrpt_records


@pytest.mark.parametrize(
    ("text", "rua"),
    [
        (b"v=TLSRPTv1;rua=mailto:reports@example.com", ("mailto:reports@example.com",)),
        (b"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", ("https://reporting.example.com/v1/tlsrpt",)),
        (b"v=TLSRPTv1; rua=mailto:a@b.example , https://c.example/;", ("mailto:a@b.example", "https://c.example/")),
        (b"v=TLSRPTv1; rua=ftp://a.example/,mailto:a@b.example", ("ftp://a.example/", "mailto:a@b.example")),
        (b"v=TLSRPTv1; rua=MAILTO:a@b.example?subject=x; ext=1", ("MAILTO:a@b.example?subject=x",)),
    ],
)
def test_valid_records(text: bytes, rua: tuple[str, ...]) -> None:
    record = parse_record(text)
    assert (record.rua, record.errors) == (rua, ())


def test_schemes_are_lower_case() -> None:
    assert parse_record(b"v=TLSRPTv1; rua=MailTo:a@b.example,HTTPS://c.example").schemes == ("mailto", "https")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"v=TLSRPTv1", "no rua"),
        (b"v=TLSRPTv1; rua=", "not a URI"),
        (b"v=TLSRPTv1; rua=mailto:", "not a URI"),
        (b"v=TLSRPTv1; rua=mailto:nobody", "without an address"),
        (b"v=TLSRPTv1; rua=https:/x", "without a host"),
        (b"v=TLSRPTv1; rua=http://a.example/", "neither mailto nor https"),
        (b"v=TLSRPTv1; rua=ftp://a.example/,sip:a@b.example", "neither mailto nor https"),
        (b"v=TLSRPTv1; rua= mailto:a@b.example", "white space before"),
        (b"v=TLSRPTv1; rua=mailto:a@b.example!10m", "not a URI"),
        (b"v=TLSRPTv1; rua=mailto:a@b.example,", "not a URI"),
        (b"v=TLSRPTv1; rua=mailto:a@b.example rua=x", "not a URI"),
        (b"v=TLSRPTv1; rua=mailto:a@b.example; rua=mailto:c@d.example", "more than one rua"),
        (b"v=TLSRPTv1; a b=c; rua=mailto:a@b.example", "not a field"),
        (b"v=TLSRPTv1; rua=mailto:a@b.example ", "white space at the end"),
        (b"v=TLSRPTv1; x=; rua=mailto:a@b.example", "value of x"),
        (b"v=tlsrptv1; rua=mailto:a@b.example", "does not begin"),
        (b"v=TLSRPTv1; rua=mailto:\xc3\xa4@b.example", "outside ASCII"),
    ],
)
def test_records_with_errors(text: bytes, error: str) -> None:
    errors = parse_record(text).errors
    assert any(error in found for found in errors), errors


def test_only_records_of_the_version_count() -> None:
    texts = [b"v=TLSRPTv1; rua=x", b"v=TLSRPTv2; rua=x", b"other", b"v=TLSRPTv1"]
    assert tlsrpt_records(texts) == (b"v=TLSRPTv1; rua=x",)
    assert tlsrpt_records(texts[1:]) == (b"v=TLSRPTv1",)  # meant to be one, and there is nothing better


def test_among_several_records_senders_look_at_the_first_octets_alone() -> None:
    """Section 3: of several TXT records those are discarded that do not begin with "v=TLSRPTv1;"."""
    blank = b"v=TLSRPTv1 ; rua=mailto:a@b.example"
    assert tlsrpt_records([b"other", blank]) == (blank,)
    assert parse_record(blank).errors == ()
    assert any("discard" in error for error in parse_record(blank, alone=False).errors)
    assert parse_record(b"v=TLSRPTv1; rua=mailto:a@b.example", alone=False).errors == ()


@given(st.binary(max_size=200))
def test_junk_is_an_error_and_never_an_exception(data: bytes) -> None:
    assert parse_record(b"v=TLSRPTv1;" + data).errors or b"rua=" in data


@pytest.mark.parametrize(
    ("uri", "mailbox"),
    [
        ("mailto:a@b.example", Mailbox("a", "b.example")),
        ("MAILTO:a.b%2btls@B.Example.?subject=x", Mailbox("a.b+tls", "b.example")),
        ("mailto:a%21b@b.example", Mailbox("a!b", "b.example")),
        ("https://b.example/", None),
        ("mailto:a@b.example%0d%0aDATA", None),
        ("mailto:a%0d%0aRSET@b.example", None),
        ("mailto:a%3e%3cb@b.example", None),
        ("mailto:a%20b@b.example", None),
        ("mailto:%22a%20b%22@b.example", None),
        ("mailto:a@b@c.example", None),
        ("mailto:a@", None),
        ("mailto:@b.example", None),
        ("mailto:.a@b.example", None),
        ("mailto:a@b.example%2Cc@d.example", None),
        ("mailto:%ff@b.example", None),
        ("mailto:a@192.0.2.1", None),
        ("mailto:" + "a" * 65 + "@b.example", None),
        ("mailto:a@" + "b" * 64 + ".example", None),
    ],
)
def test_mailboxes_that_may_stand_in_a_command(uri: str, mailbox: Mailbox | None) -> None:
    assert mailbox_of(uri) == mailbox


@given(st.text(max_size=80))
def test_no_uri_leads_to_a_second_command(text: str) -> None:
    found = mailbox_of(f"mailto:{text}")
    assert found is None or not set(found.text) & set("\r\n <>,:")
