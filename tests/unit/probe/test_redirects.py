"""`--connect`: what is accepted, what wins, and where a connection goes."""

from __future__ import annotations

import pytest

from tr03108.model import UsageError
from tr03108.probe.redirects import Endpoint, Redirects, parse_endpoint

HOST, V4, V6 = "mx.example.org", "192.0.2.1", "2001:db8::1"


@pytest.mark.parametrize(
    ("text", "address", "goal"),
    [
        ("mx.example.org:25=127.0.0.1:2525", V4, "127.0.0.1:2525"),
        ("MX.Example.ORG.:25=127.0.0.1:2525", V6, "127.0.0.1:2525"),
        ("192.0.2.1:25=127.0.0.1:2525", V4, "127.0.0.1:2525"),
        ("[2001:db8::1]:25=127.0.0.1:2525", V6, "127.0.0.1:2525"),
        ("[2001:DB8:0::1]:25=[::1]:2525", V6, "[::1]:2525"),
        (":25=127.0.0.1:2525", V6, "127.0.0.1:2525"),
        (":25=:2525", V6, "[2001:db8::1]:2525"),
        ("192.0.2.1:25=:2525", V4, "192.0.2.1:2525"),
    ],
)
def test_forms(text: str, address: str, goal: str) -> None:
    to = Redirects.parse([text]).resolve(HOST, address, 25)
    assert to is not None
    assert to.text == goal


def test_what_is_not_named_is_not_redirected() -> None:
    redirects = Redirects.parse(["192.0.2.1:25=:1", "mx.example.org:465=:2", ":443=:3"])
    assert redirects.resolve(HOST, "192.0.2.2", 25) is None
    assert redirects.resolve("mx2.example.org", V4, 465) is None
    assert redirects.resolve(HOST, V4, 80) is None


def test_address_wins_over_host_over_port() -> None:
    texts = [":25=:1", "mx.example.org:25=:2", "192.0.2.1:25=:3"]
    redirects = Redirects.parse(texts)
    assert redirects == Redirects.parse(reversed(texts))
    ports = [redirects.resolve(*who, 25) for who in ((HOST, V4), (HOST, V6), ("other.example", V6))]
    assert ports == [Endpoint(V4, 3), Endpoint(V6, 2), Endpoint(V6, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "mx.example.org:25",
        "mx.example.org=127.0.0.1:25",
        "mx.example.org:25=mx2.example.org:25",
        "mx.example.org:25=127.0.0.1",
        "mx.example.org:0=:25",
        "mx.example.org:65536=:25",
        "mx.example.org:x=:25",
        "2001:db8::1:25=:2525",
        "[192.0.2.1]:25=:2525",
        "a b:25=:2525",
        "192.0.2.1:25=127.0.0.1:2525=x",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Redirects.parse([text])
    assert "\n" not in str(caught.value)


def test_contradictions_are_an_error_and_repetitions_are_not() -> None:
    Redirects.parse([":25=:1", ":25=:1"])
    with pytest.raises(UsageError, match="already goes elsewhere"):
        Redirects.parse([":25=:1", ":25=:2"])


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1", Endpoint("127.0.0.1", 53)),
        ("127.0.0.1:5353", Endpoint("127.0.0.1", 5353)),
        ("::1", Endpoint("::1", 53)),
        ("[::1]", Endpoint("::1", 53)),
        ("[::1]:5353", Endpoint("::1", 5353)),
    ],
)
def test_resolver_endpoints(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text, 53) == endpoint


@pytest.mark.parametrize(
    "text", ["", "dns.example.org", "127.0.0.1:", "127.0.0.1:0", "dns.example.org:53", "127.0.0.256"]
)
def test_malformed_endpoints(text: str) -> None:
    with pytest.raises(UsageError):
        parse_endpoint(text, 53)
