"""One web page: address after address, redirect after redirect, and nothing on the way taken on trust."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tr03108.evaluate.web import MOST_ADDRESSES, MOST_REDIRECTS, Visit, visit
from tr03108.model import Failure, HttpExchange, Reason
from tr03108.wire.web_address import parse
from unit.evaluate.chains import Maker, der
from unit.evaluate.conftest import NOW
from unit.evaluate.web_pages import TIMEOUT, V4, V4_OTHER, V6, Dns, exchange, handshake, refused, seen

HOST, PAGE = "web.example", "https://web.example/page"
OTHER = "other.example"


def key(host: str = HOST, address: str = V4, port: int = 443, number: int = 1) -> str:
    return f"web/{host}/{address}/{port}/q.{number}"


def visited(
    dns: Dns, values: dict[str, object], url: str = PAGE, families: tuple[int, ...] = (4, 6), posts: str = ""
) -> Visit:
    page = parse(url)
    assert page is not None
    return visit("q", page, families, dns, seen(values).get, posts=posts)


def at(*addresses: str) -> Dns:
    return Dns().host(HOST, *addresses)


def to(place: str, status: int = 302, url: str = PAGE) -> HttpExchange:
    return exchange(url, status, Location=place)


def test_what_was_not_asked_is_wanted() -> None:
    found = visited(at(V4, V4_OTHER), {})
    assert found.end == "wanted"
    assert found.wanted is not None
    assert (found.wanted.key, found.wanted.address, found.wanted.page.text, found.wanted.posts) == (
        *(key(), V4, PAGE, ""),
    )


@pytest.mark.parametrize("first", [TIMEOUT, refused()])
def test_the_next_address_is_asked_where_the_first_is_dead(first: object) -> None:
    found = visited(at(V4, V4_OTHER), {key(): first})
    assert found.wanted is not None
    assert found.wanted.address == V4_OTHER
    found = visited(at(V4, V4_OTHER), {key(): first, key(address=V4_OTHER): exchange()})
    assert found.end == "answered"


def test_an_answer_ends_the_search_for_addresses() -> None:
    assert visited(at(V4, V4_OTHER), {key(): exchange(status=404)}).end == "answered"
    assert visited(at(V4, V4_OTHER), {key(): exchange(ended="garbage", status=None)}).end == "garbage"


@pytest.mark.parametrize("order", [(TIMEOUT, refused()), (refused(), TIMEOUT)])
def test_silence_at_one_address_is_not_refused_by_the_other(order: tuple[object, object]) -> None:
    assert visited(at(V4, V4_OTHER), {key(): order[0], key(address=V4_OTHER): order[1]}).end == "unseen"


def test_refused_everywhere() -> None:
    values: dict[str, object] = {key(): refused(), key(address=V6): refused()}
    assert visited(at(V4, V6), values).end == "refused"


def test_no_address_at_all() -> None:
    assert visited(Dns(), {}).end == "no-address"


@pytest.mark.parametrize("rdtype", ["A", "AAAA"])
def test_addresses_that_nobody_saw(rdtype: str) -> None:
    found = visited(Dns().hide(HOST, rdtype), {})
    assert (found.end, f"{HOST} {rdtype}" in found.detail) == ("unseen", True)


def test_refused_at_one_family_while_the_other_was_not_seen() -> None:
    """Somebody may listen at the addresses that nobody knows."""
    assert visited(at(V4).hide(HOST, "AAAA"), {key(): refused()}).end == "unseen"
    assert visited(at(V6).hide(HOST, "A"), {key(address=V6): refused()}).end == "unseen"


def test_refused_at_one_family_while_the_other_is_out_of_scope() -> None:
    assert visited(at(V4, V6), {key(): refused()}, families=(4,)).end == "unseen"


def test_addresses_out_of_scope_are_not_no_address() -> None:
    assert visited(at(V6), {}, families=(4,)).end == "unseen"


def test_a_denial_that_nobody_can_believe() -> None:
    assert visited(Dns().put(HOST, "A", status="bogus"), {}).end == "unseen"


def test_more_addresses_than_are_tried() -> None:
    many = [f"192.0.2.{number}" for number in range(1, MOST_ADDRESSES + 2)]
    values: dict[str, object] = {key(address=address): refused() for address in many[:-1]}
    found = visited(at(*many), values)
    assert (found.end, found.wanted) == ("unseen", None), "what was not tried did not refuse"


ENDS = {
    "alert": (exchange(tls=handshake("alert"), status=None, ended="closed"), "no-tls"),
    "garbage for TLS": (exchange(tls=handshake("garbage"), status=None, ended="garbage"), "no-tls"),
    "silence for TLS": (exchange(tls=handshake("silent"), status=None, ended="silent"), "unseen"),
    "garbage": (exchange(status=None, ended="garbage"), "garbage"),
    "headers without end": (exchange(status=None, ended="overflow"), "garbage"),
    "silent": (exchange(status=None, ended="silent"), "unseen"),
    "half a body": (exchange(status=200, ended="closed"), "unseen"),
    "reset": (exchange(status=None, ended="reset"), "unseen"),
    "404": (exchange(status=404), "answered"),
    "budget": (Failure(Reason.BUDGET, "used up"), "unseen"),
}


@pytest.mark.parametrize("name", ENDS)
def test_how_an_exchange_ended(name: str) -> None:
    value, end = ENDS[name]
    assert visited(at(V4), {key(): value}).end == end


def test_https_without_a_handshake_is_no_answer() -> None:
    """Only a dossier that was made up can have it; it must not count as protected."""
    bare = HttpExchange(PAGE, "127.0.0.1:1", True, None, "answered", 200, (), b"", False)
    assert visited(at(V4), {key(): bare}).end == "unseen"


def test_a_redirect_is_followed() -> None:
    dns = at(V4).host(OTHER, V4_OTHER)
    values: dict[str, object] = {key(): to("https://other.example:8443/else")}
    found = visited(dns, values)
    assert found.wanted is not None
    assert found.wanted.key == key(OTHER, V4_OTHER, 8443, 2)
    found = visited(dns, {**values, found.wanted.key: exchange()})
    assert (found.end, [hop.page.text for hop in found.hops]) == (
        *("answered", [PAGE, "https://other.example:8443/else"]),
    )
    assert found.page.text == PAGE


def test_a_redirect_to_a_host_that_nobody_saw() -> None:
    found = visited(at(V4).hide(OTHER, "A"), {key(): to(f"https://{OTHER}/")})
    assert (found.end, found.exchange) == ("unseen", None)


@pytest.mark.parametrize("place", [f"http://{OTHER}/", f"HTTP://{OTHER}/", "http:page", f"http://{HOST}/page"])
def test_from_https_to_plain_http(place: str) -> None:
    assert visited(at(V4).host(OTHER, V4), {key(): to(place)}).end == "redirect"


def test_from_plain_http_to_https_and_back() -> None:
    values: dict[str, object] = {
        key(port=80): to(PAGE, url="http://web.example/"),
        key(number=2): to("http://web.example/"),
    }
    found = visited(at(V4), values, "http://web.example/")
    assert (found.end, len(found.hops)) == ("redirect", 2)


@pytest.mark.parametrize(
    "place",
    ["https://192.0.2.7/", "ftp://other.example/", "https://a@other.example/", "https://", "//", "javascript:1", ""],
)
def test_redirects_to_nowhere(place: str) -> None:
    assert visited(at(V4), {key(): to(place)}).end == "redirect"


def test_a_redirect_without_place() -> None:
    assert visited(at(V4), {key(): exchange(status=301)}).end == "redirect"


def test_redirects_in_a_circle_and_too_many() -> None:
    assert visited(at(V4), {key(): to("/page")}).end == "redirect"
    values: dict[str, object] = {key(number=n): to(f"/{n}") for n in range(1, MOST_REDIRECTS + 2)}
    found = visited(at(V4), values)
    assert (found.end, len(found.hops)) == ("redirect", MOST_REDIRECTS + 1)
    values[key(number=MOST_REDIRECTS + 1)] = exchange()
    assert visited(at(V4), values).end == "answered"


def test_questions_are_posted_over_https_alone() -> None:
    address = "postmaster@web.example"
    plain = visited(at(V4), {}, "http://web.example/", posts=address)
    assert plain.wanted is not None
    assert plain.wanted.posts == ""
    later = visited(at(V4), {key(port=80): to(PAGE, url="http://web.example/")}, "http://web.example/", posts=address)
    assert later.wanted is not None
    assert later.wanted.posts == address


MAKER = Maker(NOW)
ROOTS = (der(MAKER.root),)


def served(*names: str, **shape: object) -> tuple[bytes, ...]:
    leaf = MAKER.leaf(MAKER.intermediate, names=names, **shape)  # type: ignore[arg-type]
    return (der(leaf), der(MAKER.intermediate))


CHAINS = {
    "OK": served(HOST, OTHER),
    "CERTIFICATE_NAME_MISMATCH": served("else.example"),
    "CERTIFICATE_EXPIRED": served(HOST, OTHER, days=(-9, -1)),
    "CERTIFICATE_CHAIN_INCOMPLETE": served(HOST, OTHER)[:1],
    "CERTIFICATE_INVALID": (),
}


@pytest.mark.parametrize("code", CHAINS)
@pytest.mark.parametrize("bad", [1, 2])
def test_the_certificate_of_every_hop_counts(code: str, bad: int) -> None:
    first, second = (handshake(chain=CHAINS[code if number == bad else "OK"]) for number in (1, 2))
    values: dict[str, object] = {
        key(): exchange(status=302, tls=first, Location=f"https://{OTHER}/"),
        key(OTHER, V4_OTHER, number=2): exchange(tls=second),
    }
    found = visited(at(V4).host(OTHER, V4_OTHER), values)
    assert (found.end, found.untrusted(ROOTS, NOW)) == ("answered", None if code == "OK" else code)
    assert found.untrusted((), NOW) is not None
    assert found.untrusted(ROOTS, NOW + timedelta(days=11)) is not None


def test_a_certificate_that_names_only_where_it_leads() -> None:
    chain = served(OTHER)
    values: dict[str, object] = {
        key(): exchange(status=302, tls=handshake(chain=chain), Location=f"https://{OTHER}/"),
        key(OTHER, V4_OTHER, number=2): exchange(tls=handshake(chain=chain)),
    }
    found = visited(at(V4).host(OTHER, V4_OTHER), values)
    assert found.untrusted(ROOTS, NOW) == "CERTIFICATE_NAME_MISMATCH"
