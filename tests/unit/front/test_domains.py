"""Domains as users write them."""

from __future__ import annotations

import pytest

from tr03108.front.domains import normalise, normalise_all
from tr03108.model import UsageError

LONGEST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.org", "example.org"),
        ("Example.ORG.", "example.org"),
        (" example.org ", "example.org"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("MÜNCHEN.example.", "xn--mnchen-3ya.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例え。example", "xn--r8jz45g.example"),
        ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("r3---sn-abc.example", "r3---sn-abc.example"),
        ("1.2.3.example", "1.2.3.example"),
        ("de", "de"),
        (LONGEST, LONGEST),
        (f"{LONGEST}.", LONGEST),
    ],
)
def test_normal_form(text: str, name: str) -> None:
    assert normalise(text) == name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("  ", "empty"),
        (".", "label is empty"),
        ("a..b", "label is empty"),
        (".example.org", "label is empty"),
        ("example.org..", "label is empty"),
        ("a" * 64 + ".example", "longer than 63"),
        (f"{LONGEST}x", "longer than 253"),
        ("exa mple.org", "letters, digits"),
        ("exa_mple.org", "letters, digits"),
        ("-a.example", "letters, digits"),
        ("a-.example", "letters, digits"),
        ("a\x00b.example", "letters, digits"),
        ("exa\nmple.org", "letters, digits"),
        ("mail@example.org", "without the part before the @"),
        ("https://example.org/", "not a URL"),
        ("example.org:25", "letters, digits"),
        ("192.0.2.1", "IP address"),
        ("[2001:db8::1]", "IP address"),
        ("2001:db8::1", "IP address"),
        ("256.1.1.1", "last label"),
        ("mü_nchen.example", "malformed"),
        ("\u202eexample.org", "malformed"),
        ("ü" * 64 + ".example", "malformed"),
    ],
)
def test_malformed(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        normalise(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


def test_each_domain_once_in_the_order_given() -> None:
    assert normalise_all(["b.example", "A.example.", "B.EXAMPLE"]) == ("b.example", "a.example")
