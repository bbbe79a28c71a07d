"""URLs and where a response sends us, against RFC 3986; host names and ports as strangers write them."""

from __future__ import annotations

import pytest

from tr03108.wire.host_name import host_name, port_number
from tr03108.wire.web_address import MAXIMUM_OCTETS, WebAddress, header, parse, redirected

LONG_LABEL = "a" * 63
LONGEST = f"{LONG_LABEL}.{LONG_LABEL}.{LONG_LABEL}.{'a' * 61}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mail.example.org", "mail.example.org"),
        ("MAIL.Example.ORG", "mail.example.org"),
        ("mail.example.org.", "mail.example.org"),
        ("mail", "mail"),
        ("xn--mller-kva.example", "xn--mller-kva.example"),
        ("müller.example", "xn--mller-kva.example"),
        ("MÜLLER.example", "xn--mller-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("1and1.example", "1and1.example"),
        ("0x.example", "0x.example"),
        (LONGEST, LONGEST),
        (f"{LONGEST}.", LONGEST),
    ],
)
def test_host_names(text: str, name: str) -> None:
    assert host_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "mail..example",
        ".example",
        "mail.example..",
        "-mail.example",
        "mail-.example",
        "ma_il.example",
        "mail example",
        " mail.example",
        "mail.example\n",
        "mail:993",
        "a/b.example",
        "%EMAILDOMAIN%",
        "192.0.2.1",
        "[2001:db8::1]",
        "2001:db8::1",
        "\uff11\uff19\uff12.0.2.1",  # full-width digits are mapped to a literal address
        "127.1",
        "mail.0x7f",
        "0x7f000001",
        "2130706433",
        "\u2100.example",  # mapped to "a/c"
        "\u0301.example",
        "\ud800.example",
        "ü" * 70 + ".example",
        "ü" * 300,
        f"{LONG_LABEL}a.example",
        f"{LONGEST}a",
        f"{LONGEST}a.",
    ],
)
def test_no_host_names(text: str) -> None:
    assert host_name(text) == ""


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("1", 1),
        ("993", 993),
        ("0993", 993),
        ("65535", 65535),
        ("0", None),
        ("65536", None),
        ("000993", None),
        ("", None),
        ("+993", None),
        ("-1", None),
        ("9 93", None),
        ("993\n", None),
        ("9.93e2", None),
        ("٩٩٣", None),  # digits, but not plain ones
        ("9" * 5000, None),
    ],
)
def test_ports(text: str, port: int | None) -> None:
    assert port_number(text) == port


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://example.org", WebAddress("https", "example.org", 443, "/")),
        ("HTTPS://Example.ORG/", WebAddress("https", "example.org", 443, "/")),
        ("http://example.org", WebAddress("http", "example.org", 80, "/")),
        ("https://example.org:8443/a", WebAddress("https", "example.org", 8443, "/a")),
        ("https://example.org:/a", WebAddress("https", "example.org", 443, "/a")),
        ("https://example.org.:443/a", WebAddress("https", "example.org", 443, "/a")),
        ("https://example.org?q=1", WebAddress("https", "example.org", 443, "/?q=1")),
        ("https://example.org/a?q=/../b?c#f?g", WebAddress("https", "example.org", 443, "/a?q=/../b?c")),
        ("https://example.org#f", WebAddress("https", "example.org", 443, "/")),
        ("https://example.org/a/./b/../../c/..", WebAddress("https", "example.org", 443, "/")),
        ("https://example.org/../../a/.", WebAddress("https", "example.org", 443, "/a/")),
        ("https://example.org//a//", WebAddress("https", "example.org", 443, "//a//")),
        ("https://example.org/%2e%2E/ü?ü", WebAddress("https", "example.org", 443, "/%2e%2E/%C3%BC?%C3%BC")),
        ("https://müller.example/", WebAddress("https", "xn--mller-kva.example", 443, "/")),
        ("https://localhost/", WebAddress("https", "localhost", 443, "/")),
    ],
)
def test_urls(url: str, address: WebAddress) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/mail",
        "example.org",
        "//example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https:example.org",
        "https:/example.org",
        "https:///mail",
        "https://",
        "https://:443/",
        "https://user@example.org/",
        "https://user:password@example.org/",
        "https://example.org:443@evil.example/",
        "https://example.org\\@evil.example/",
        "https://192.0.2.1/",
        "https://[2001:db8::1]/",
        "https://[::1",
        "https://example.org:0/",
        "https://example.org:65536/",
        "https://example.org:4a/",
        "https://example.org:443:443/",
        "https://ex ample.org/",
        "https://example.org/a b",
        "https://example.org/a\r\nX: y",
        "https://example.org/\x00",
        "https://example.org/\x7f",
        " https://example.org/",
        "https://example.org/\n",
        "https://example.org/\ud800",
        "http\u017f://example.org/",  # a long s, which is an s to who ignores case
    ],
)
def test_no_urls(url: str) -> None:
    assert parse(url) is None


def test_a_url_is_bounded() -> None:
    start = "https://example.org/"
    longest = start + "a" * (MAXIMUM_OCTETS - len(start))
    kept = parse(longest)
    assert kept is not None
    assert kept.text == longest
    assert parse(longest + "a") is None
    assert parse(start + "ü" * 400) is None  # 2,400 octets when encoded


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (WebAddress("https", "a.example", 443, "/b?c"), "https://a.example/b?c"),
        (WebAddress("https", "a.example", 80, "/"), "https://a.example:80/"),
        (WebAddress("http", "a.example", 80, "/"), "http://a.example/"),
        (WebAddress("http", "a.example", 8080, "/"), "http://a.example:8080/"),
    ],
)
def test_the_text_of_an_address_is_read_as_that_address(address: WebAddress, text: str) -> None:
    assert address.text == text
    assert parse(text) == address


def test_headers_are_found_whatever_their_case() -> None:
    headers = (("Server", "x"), ("LOCATION", "first"), ("location", "second"))
    assert header(headers, "Location") == "first"
    assert header(headers, "server") == "x"
    assert header(headers, "Refresh") is None
    assert header((), "Location") is None


BASE = WebAddress("http", "a.example", 8080, "/b/c/d?q")


# RFC 3986 section 5.4, with the parts that a page has; None: nothing that can be asked.
@pytest.mark.parametrize(
    ("location", "text"),
    [
        ("https://b.example/x#y", "https://b.example/x"),
        ("HTTPS://b.example", "https://b.example/"),
        ("//b.example/x", "http://b.example/x"),
        ("//b.example", "http://b.example/"),
        ("/g", "http://a.example:8080/g"),
        ("/../g", "http://a.example:8080/g"),
        ("g", "http://a.example:8080/b/c/g"),
        ("./g/", "http://a.example:8080/b/c/g/"),
        ("..", "http://a.example:8080/b/"),
        ("../../../g", "http://a.example:8080/g"),
        ("g?y#s", "http://a.example:8080/b/c/g?y"),
        ("g?y/../x", "http://a.example:8080/b/c/g?y/../x"),
        ("?y", "http://a.example:8080/b/c/d?y"),
        ("#s", "http://a.example:8080/b/c/d?q"),
        ("  /g\t", "http://a.example:8080/g"),
        ("/\u00c3\u00bc", "http://a.example:8080/%C3%BC"),  # UTF-8, read as Latin-1 from the header
        ("/\u00fc", "http://a.example:8080/%C3%BC"),  # Latin-1 indeed
        ("", None),
        ("http:g", None),
        ("mailto:postmaster@a.example", None),
        ("a:b", None),
        ("///g", None),
        ("https://user@b.example/", None),
        ("https://192.0.2.1/", None),
        ("/a b", None),
        ("/a\x00b", None),
        ("/" + "a" * MAXIMUM_OCTETS, None),
        ("/" + "a" * (MAXIMUM_OCTETS - 5), None),  # too long with the host before it
    ],
)
def test_where_a_location_leads(location: str, text: str | None) -> None:
    to = redirected(BASE, 302, (("Content-Type", "text/html"), ("location", location)))
    assert (to.text if to else None) == text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects(status: int) -> None:
    to = redirected(BASE, status, (("Location", "https://b.example/"),))
    assert to == WebAddress("https", "b.example", 443, "/")


@pytest.mark.parametrize("status", [None, 200, 201, 300, 304, 305, 306, 309, 401, 404, 500])
def test_what_is_no_redirect(status: int | None) -> None:
    assert redirected(BASE, status, (("Location", "https://b.example/"),)) is None


def test_a_redirect_without_location_leads_nowhere() -> None:
    assert redirected(BASE, 302, (("Server", "x"),)) is None


def test_several_locations_lead_somewhere_only_where_they_agree() -> None:
    one, other = ("Location", "https://b.example/"), ("location", "https://c.example/")
    assert redirected(BASE, 302, (one, one)) == WebAddress("https", "b.example", 443, "/")
    assert redirected(BASE, 302, (one, other)) is None
