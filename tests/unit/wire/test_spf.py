"""The SPF record, against RFC 7208 sections 4.5, 4.6, 5, 6, 7.1 and 12."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tr03108.wire.spf import has_macro, parse_record, spf_records


def test_only_records_of_the_version_count() -> None:
    texts = [
        b"v=spf1 -all",
        b"v=spf10 -all",
        b"v=spf1",
        b"V=SPF1 -all",
        b" v=spf1 -all",
        b"v=spf1-all",
        b"v=spf2.0/pra",
    ]
    assert spf_records(texts) == (b"v=spf1 -all", b"v=spf1", b"V=SPF1 -all")


@pytest.mark.parametrize(
    "text",
    [
        b"v=spf1",
        b"v=spf1  -all ",
        b"v=spf1 +mx a:colo.example.com/28 -all",
        b"v=spf1 a mx/24//64 a//64 a/0 ~all",
        b"v=spf1 include:example.com include:example.org. -all",
        b"v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d} -all",
        b"v=spf1 exists:_h.%{h}._l.%{l} ptr ptr:example.com ?all",
        b"v=spf1 ip4:192.0.2.128/28 ip4:192.0.2.1 ip6:2001:db8::cd30/96 ip6:::/0 -all",
        b"v=spf1 redirect=_spf.example.com",
        b"v=spf1 mx -all exp=explain._spf.%{d}",
        b"v=spf1 moo.cow-far_out=man:dog/cat ip4:1.2.3.4 -ALL",
        b"v=spf1 a:xn--bcher-kva.xn--p1ai -all",
        b"v=spf1 include:example.1-2 empty= -all",
    ],
)
def test_valid_records(text: bytes) -> None:
    assert parse_record(text).errors == ()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"v=spf1 ipv4:192.0.2.1 -all", "neither a known mechanism"),
        (b"v=spf1 -all all:x", "all takes nothing"),
        (b"v=spf1 all/8", "all takes nothing"),
        (b"v=spf1 -all foo", "neither a known mechanism"),  # behind all, too
        (b"v=spf1 ip4:192.0.2.256", "not a network"),
        (b"v=spf1 ip4:192.0.2.1/33", "not a network"),
        (b"v=spf1 ip4:192.0.2.1/08", "not a network"),
        (b"v=spf1 ip4", "not a network"),
        (b"v=spf1 ip4:2001:db8::", "not a network"),
        (b"v=spf1 ip6:192.0.2.1", "not a network"),
        (b"v=spf1 ip6:2001:db8::/129", "not a network"),
        (b"v=spf1 a:/24", "not a domain"),
        (b"v=spf1 a/33", "prefix"),
        (b"v=spf1 a//129", "prefix"),
        (b"v=spf1 mx:", "not a domain"),
        (b"v=spf1 include", "no domain"),
        (b"v=spf1 include:", "not a domain"),
        (b"v=spf1 include:localhost", "not a domain"),
        (b"v=spf1 include:example.123", "not a domain"),
        (b"v=spf1 include:example.c-", "not a domain"),
        (b"v=spf1 exists:%{c}.example", "not a domain"),  # c, r and t are for explanations
        (b"v=spf1 exists:%{i", "not a domain"),
        (b"v=spf1 exists:%{l0}.example", "not a domain"),
        (b"v=spf1 exists:a%b.example", "not a domain"),
        (b"v=spf1 redirect=a.example redirect=b.example", "a second redirect"),
        (b"v=spf1 exp=a.example exp=b.example", "a second exp"),
        (b"v=spf1 redirect=", "not a domain"),
        (b"v=spf1 redirect:a.example", "neither a known mechanism"),
        (b"v=spf1 -\tall", "neither a known mechanism"),
        (b"v=spf1 x=%y", "not a value"),
        (b"v=spf1 !all", "neither a known mechanism"),
        (b"v=spf1 a:\xc3\xa4.example -all", "outside ASCII"),
        (b"v=spf1 include:" + b"a." * 300 + b"example", "not a domain"),
    ],
)
def test_records_with_errors(text: bytes, error: str) -> None:
    assert any(error in found for found in parse_record(text).errors)


def test_what_is_read() -> None:
    record = parse_record(b"v=spf1 a ~MX:mail.example/24 ?include:x.example -all +ip4:192.0.2.1 redirect=y.example")
    assert [(d.qualifier, d.mechanism, d.spec) for d in record.directives] == [
        *(("+", "a", ""), ("~", "mx", "mail.example"), ("?", "include", "x.example"), ("-", "all", "")),
        ("+", "ip4", ""),
    ]
    assert [d.text for d in record.reached] == ["a", "~MX:mail.example/24", "?include:x.example", "-all"]
    assert record.redirect == "y.example"
    assert parse_record(b"v=spf1 a").reached == parse_record(b"v=spf1 a").directives


def test_macros_are_told() -> None:
    assert has_macro("%{d}.example")
    assert not has_macro("_spf.example")


def test_errors_are_bounded() -> None:
    assert 0 < len(parse_record(b"v=spf1 " + b"x " * 30_000).errors) <= 20


# A pattern that tries every split of such a term would not come back.
@pytest.mark.parametrize("filling", [b"9", b"9-", b"a.", b"%%", b".", b"/", b"%{i}", b"a="])
@pytest.mark.parametrize("head", [b"include:", b"a:", b"exists:a.", b"x=", b"ip6:", b"exp="])
def test_a_term_as_long_as_a_record_can_be_is_read(head: bytes, filling: bytes) -> None:
    text = b"v=spf1 " + head + filling * (60_000 // len(filling)) + b"\x01"
    assert parse_record(text).errors


@given(st.binary(max_size=200))
def test_junk_never_raises(data: bytes) -> None:
    for text in (data, b"v=spf1 " + data, b"v=spf1 a:" + data + b" -all"):
        record = parse_record(text)
        assert len(record.directives) <= text.count(b" ")


@given(st.text("+-~?almxinclude:ptr4601./%{}sd=r ", max_size=60))
def test_what_has_no_error_is_made_of_known_terms(text: str) -> None:
    record = parse_record(f"v=spf1 {text}".encode())
    if not record.errors:
        modifiers = sum("=" in term.partition(":")[0].partition("/")[0] for term in text.split())
        assert len(record.directives) + modifiers == len(text.split())
