"""MTA-STS record and policy, against RFC 8461 sections 3 and 4.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.wire.mta_sts import parse_policy, parse_record, patterns_for, sts_records

POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    "text",
    [
        *(b"v=STSv1; id=20160831085700Z;", b"v=STSv1;id=1", b"v=STSv1 ; id=a ; ext=x", b"v=STSv1;\tid=" + b"a" * 32),
        b"v=STSv1; id=1 ; ",
        b"v=STSv1; id=1; id=2; id=!",  # of a repeated field only the first counts
        b"v=STSv1; new.field-1_=~:value; id=1",
    ],
)
def test_valid_records(text: bytes) -> None:
    record = parse_record(text)
    assert record.errors == ()
    assert record.id


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"v=STSv1", "no id"),
        (b"v=STSv1; id=", "1 to 32"),
        (b"v=STSv1; id=2016-08", "1 to 32"),
        (b"v=STSv1; id=" + b"a" * 33, "1 to 32"),
        (b"v=STSv1; id=; id=2", "1 to 32"),
        (b"v=STSv1; ID=1", "no id"),
        (b"v=STSv1; id=1; _x=1", "not a field"),
        (b"v=STSv1; id=1; x=a=b", "malformed"),
        (b"v=STSv1; id=1; x=", "malformed"),
        (b"v=STSv1; id=1;" + b" " * 60000 + b"x", "not a field"),
        (b"v=STSv1; id=1;;", "not a field"),
        (b"v=STSv1; id=1 ", "white space at the end"),
        (b"v=STSv1; id=1\t", "white space at the end"),
        (b"v=STSv1; id=1; what", "not a field"),
        (b"v=STSv1; id=1; x=a b", "malformed"),
        (b"v=STSv2; id=1", "does not begin"),
        (b"v=STSv1; id=\xff", "outside ASCII"),
    ],
)
def test_records_with_errors(text: bytes, error: str) -> None:
    assert any(error in found for found in parse_record(text).errors)


def test_only_records_of_the_version_count() -> None:
    texts = [b"v=spf1 -all", b"v=STSv1; id=1", b"v=STSv10; id=2", b"V=STSv1; id=3", b"v=STSv1"]
    assert sts_records(texts) == (b"v=STSv1; id=1",)
    assert sts_records(texts[2:]) == (b"v=STSv1",)  # meant to announce a policy, and there is nothing better


def test_among_several_records_senders_look_at_the_first_octets_alone() -> None:
    """Section 3.1: of several TXT records those are discarded that do not begin with "v=STSv1;"."""
    blank = b"v=STSv1 ; id=2"
    assert sts_records([b"v=STSv1; id=1", blank]) == (b"v=STSv1; id=1",)
    assert sts_records([b"v=spf1 -all", blank]) == (blank,)
    assert parse_record(blank).errors == ()
    assert any("discard" in error for error in parse_record(blank, alone=False).errors)
    assert parse_record(b"v=STSv1; id=1", alone=False).errors == ()


def test_a_valid_policy() -> None:
    policy = parse_policy(POLICY.encode())
    assert (policy.mode, policy.max_age, policy.mx, policy.errors) == (
        "enforce",
        604800,
        ("mail.example.com", "*.example.net"),
        (),
    )


@pytest.mark.parametrize(
    "change",
    [
        *(("\r\n", "\n"), (": ", ":"), (": ", ": \t")),
        *(("mode", "x-new: field\r\nmode"), ("800\r\n", "800")),
        *(("enforce\r\n", "enforce \t\r\n"), ("version", "mx: a.example\r\nversion"), ("604800", "0000000000")),
        *(("604800", "31557600"), ("604800", "0000604800"), ("mode", "x: d\u00e9j\u00e0 vu \u4f60\r\nmode")),
        *(("mail.example.com", "localhost"), ("*.example.net", "*.net")),
        *(("mode: enforce", "mode: enforce\r\nmode: no mode"), ("604800", "604800\nmax_age: -1")),
    ],
)
def test_forms_of_a_valid_policy(change: tuple[str, str]) -> None:
    assert parse_policy(POLICY.replace(*change).encode()).errors == ()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("STSv1", "STSv2"), "version"),
        (("version: STSv1\r\n", ""), "version"),
        (("mode: enforce\r\n", ""), "no mode"),
        (("enforce", "Enforce"), "mode is none of"),
        (("max_age: 604800\r\n", ""), "no max_age"),
        (("604800", "-1"), "max_age is not"),
        (("604800", "31557601"), "greater than 31557600"),
        (("604800", "99999999999"), "max_age is not"),
        (("604800", "00000604800"), "max_age is not"),
        (("604800", "6e5"), "max_age is not"),
        (("604800", "\u0661"), "max_age is not"),
        (("max_age: 604800", "max_age:"), "line 5 is not a field"),
        (("mode: enforce", " mode: enforce"), "line 2 is not a field"),
        (("mode: enforce", "mode : enforce"), "line 2 is not a field"),
        (("mode: enforce", "Mode: enforce"), "no mode"),
        (("version", "\ufeffversion"), "line 1 is not a field"),
        (("mode: enforce", "x: a\tb\r\nmode: enforce"), "line 2 is not a field"),
        (("mode: enforce\r\n", "mode: enforce\r"), "line 2 is not a field"),
        (("mail.example.com", "mail.example.com."), "line 3: mx"),
        (("mail.example.com", "m\u00e4il.example.com"), "line 3: mx"),
        (("mail.example.com", "a." * 127 + "ab"), "line 3: mx"),
        (("mail.example.com", "-mail.example.com"), "line 3: mx"),
        (("*.example.net", "*."), "line 4: mx"),
        (("*.example.net", "*.*.net"), "line 4: mx"),
        (("mail.example.com", "mail_example.com"), "line 3: mx"),
        (("*.example.net", "a.*.example.net"), "line 4: mx"),
        (("*.example.net", "*"), "line 4: mx"),
        (("mode: enforce", "mode enforce"), "line 2 is not a field"),
        (("mode: enforce\r\n", "mode: enforce\r\n\r\n"), "line 3 is empty"),
        (("800\r\n", "800\r\n\r\n"), "line 6 is empty"),
        (("800\r\n", "800\n\n\n"), "line 7 is empty"),
        (("800\r\n", "800\r\n "), "line 6 is not a field"),
        (("mode: enforce", "x: a\x00b\r\nmode: enforce"), "line 2 is not a field"),
    ],
)
def test_policies_with_errors(change: tuple[str, str], error: str) -> None:
    policy = parse_policy(POLICY.replace(*change).encode())
    assert any(error in found for found in policy.errors), policy.errors


def test_mx_is_needed_unless_the_mode_is_none() -> None:
    bare = "version: STSv1\nmode: {}\nmax_age: 1\n"
    assert parse_policy(bare.format("none").encode()).errors == ()
    assert parse_policy(bare.format("testing").encode()).errors == ("no mx",)


def test_the_first_of_a_repeated_field_counts() -> None:
    policy = parse_policy(POLICY.replace("max_age", "mode: none\r\nmax_age").encode())
    assert (policy.mode, policy.errors) == ("enforce", ())


def test_many_lines_and_long_ones() -> None:
    """Ten thousand lines, none of which is told for itself, and lines that would keep a careless pattern busy."""
    many = POLICY.encode() + b"".join(b"mx: m%d.a.example\n" % number for number in range(10000))
    policy = parse_policy(many)
    assert len(policy.mx) == 10002
    assert policy.errors == ("longer than 65536 octets",)
    assert parse_policy(POLICY.encode() + b"\x00\n" * 10000).errors[-1] == "9980 more"
    spaces = POLICY.encode() + b"x: a" + b" " * 60000 + b"b" + b" \t" * 1000 + b"\n"
    assert parse_policy(spaces).errors == ()
    assert parse_policy(POLICY.encode() + b"mx: " + b"a." * 30000 + b"_").errors == (
        "line 6: mx is not a host name or *.host name",
    )


def test_size_at_the_limit() -> None:
    body = POLICY.encode() + b"x: "
    assert parse_policy(body.ljust(65536, b"y")).errors == ()
    assert parse_policy(body.ljust(65537, b"y")).errors == ("longer than 65536 octets",)


def test_not_text_and_too_long() -> None:
    assert parse_policy(b"\xff\xfe").errors == ("not UTF-8",)
    assert any("longer than" in e for e in parse_policy(POLICY.encode() + b"x: y\r\n" * 11000).errors)


@given(st.binary(max_size=200))
def test_junk_is_an_error_and_never_an_exception(data: bytes) -> None:
    assert parse_policy(data).errors
    parse_record(data)


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("mail.example.com", "MAIL.example.com", True),
        ("mail.example.com", "mail.example.com.", True),
        ("*.example.com", "mail.example.com", True),
        ("*.example.com", "a.mail.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("example.com", "mail.example.com", False),
    ],
)
def test_patterns(pattern: str, host: str, matches: bool) -> None:
    assert (pattern in patterns_for(host)) is matches
