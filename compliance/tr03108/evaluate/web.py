"""One web page, asked for as a client does: address after address, redirect after redirect, whatever was seen kept.

The prober walks the same way: where a page was not asked for yet, `wanted` says what comes next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..model import Failure, HttpExchange, Observation, Reason
from ..wire.web_address import REDIRECTS, WebAddress, redirected
from .host import Host
from .lookup import Lookup
from .names import first_match
from .pkix import load, verify

MOST_ADDRESSES = 4  # of one host that are tried
MOST_REDIRECTS = 5

Find = Callable[[str, str], Lookup]  # a judged lookup by name and type
Get = Callable[[str], "Observation[Any] | None"]  # an observation by its key


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that was not made yet. `posts`: the mail address that the body asks for,
    "" where there is no body."""

    key: str
    address: str
    page: WebAddress
    posts: str


@dataclass(frozen=True, slots=True)
class Hop:
    """One page on the way: `host` is what DNS says of its host, `exchange` the answer that counts."""

    page: WebAddress
    host: Host
    exchange: HttpExchange | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """What became of one page.

    `end`: "answered" (the last hop has a response), "no-address", "refused" (nobody listens), "no-tls" (no handshake
    was completed), "garbage" (no response of HTTP, or one without end), "redirect" (in a circle, too often, to plain
    HTTP, or to nowhere), "not-global" (its addresses cannot be reached by the public, and were not contacted),
    "unseen", or "wanted".
    """

    question: str
    hops: tuple[Hop, ...]
    end: str
    detail: str = ""
    wanted: Wanted | None = None

    @property
    def page(self) -> WebAddress:
        """What was asked for at first."""
        return self.hops[0].page

    @property
    def exchange(self) -> HttpExchange | None:
        return self.hops[-1].exchange

    def untrusted(self, roots: tuple[bytes, ...], time: datetime) -> str | None:
        """The code of the first certificate on the way that a client would not take; None where it takes all."""
        for hop in self.hops:
            handshake = hop.exchange.handshake if hop.exchange is not None else None
            if handshake is None or handshake.ended != "completed":
                continue
            path = verify(handshake.chain, roots, time)
            if path.code != "OK":
                return path.code
            leaf = load(handshake.chain[0])
            if leaf is None or first_match(leaf, (hop.page.host,)) is None:
                return "CERTIFICATE_NAME_MISMATCH"
        return None

    def evidence(self) -> dict[str, object]:
        exchange = self.exchange
        return {
            "asked": [hop.page.text for hop in self.hops],
            "from": [hop.exchange.connected_to for hop in self.hops if hop.exchange is not None],
            "ended": self.end,
            "status": exchange.status if exchange is not None else None,
            "detail": self.detail,
        }


def visit(
    question: str, page: WebAddress, families: tuple[int, ...], find: Find, get: Get, *, posts: str = ""
) -> Visit:  # fmt: skip
    """Asks for a page and follows where the answers lead, but never from HTTPS to plain HTTP.

    `posts`: the question is sent in the body, over HTTPS alone.
    """
    hops: list[Hop] = []
    while True:
        host = Host(name=page.host, a=find(page.host, "A"), aaaa=find(page.host, "AAAA"), families=families)
        hops.append(Hop(page, host))
        end = _ask(f"{question}.{len(hops)}", hops, get, posts if page.scheme == "https" else "")
        exchange = hops[-1].exchange
        if end.end != "answered" or exchange is None:
            return Visit(question, tuple(hops), end.end, end.detail, end.wanted)
        following = redirected(page, exchange.status, exchange.headers)
        if following is None and exchange.status in REDIRECTS:
            return Visit(question, tuple(hops), "redirect", "to nowhere")
        if following is None:
            return Visit(question, tuple(hops), "answered")
        if page.scheme == "https" and following.scheme != "https":
            return Visit(question, tuple(hops), "redirect", f"to plain HTTP: {following.text}")
        if len(hops) > MOST_REDIRECTS or any(hop.page == following for hop in hops):
            return Visit(question, tuple(hops), "redirect", "in a circle, or too often")
        page = following


@dataclass(frozen=True, slots=True)
class _End:
    end: str
    detail: str = ""
    wanted: Wanted | None = None


def _ask(question: str, hops: list[Hop], get: Get, posts: str) -> _End:
    """Tries the addresses of the last hop and puts the answer that counts into it."""
    page, host = hops[-1].page, hops[-1].host
    left_out = _left_out(host)
    if not host.addresses:
        return _End("unseen", left_out) if left_out else _End("no-address", f"{page.host} has no address")
    # Whoever was not asked did not refuse.
    last = _End("unseen", left_out) if left_out else _End("refused", f"{page.host} refuses port {page.port}")
    for address in host.addresses[:MOST_ADDRESSES]:
        key = f"web/{page.host}/{address}/{page.port}/{question}"
        seen = get(key)
        if seen is None:
            return _End("wanted", f"{page.text} was not asked for", Wanted(key, address, page, posts))
        if seen.value is None:
            ours = seen.failure is not None and seen.failure.reason is Reason.NOT_GLOBAL
            if not ours or last.end == "refused":
                last = _End("not-global" if ours else "unseen", _why(seen.failure))
            continue
        exchange: HttpExchange = seen.value
        if exchange.ended == "refused":
            continue
        hops[-1] = Hop(page, host, exchange, seen.time)
        return _ended(page, exchange)
    return last


def _left_out(host: Host) -> str:
    """Which addresses of a host are not tried, because nobody knows them, or by our own choice; "" where all are."""
    if (hidden := host.addresses_unseen) is not None:
        return f"{hidden.name} {hidden.rdtype}: {hidden.detail or hidden.cause or 'not seen'}"
    if host.out_of_scope:
        return f"{host.name} has addresses of a family that is out of scope"
    return f"only {MOST_ADDRESSES} addresses of a host are tried" if len(host.addresses) > MOST_ADDRESSES else ""


def _ended(page: WebAddress, exchange: HttpExchange) -> _End:
    """How one exchange ended."""
    if page.scheme == "https" and exchange.handshake is None and exchange.ended == "answered":
        return _End("unseen", "an answer over HTTPS without a handshake")  # made up: no probe of ours wrote it
    if exchange.handshake is not None and exchange.handshake.ended != "completed":
        handshake = exchange.handshake
        unheard = handshake.ended == "silent" or (handshake.ended in ("closed", "reset") and not handshake.received)
        return _End("unseen" if unheard else "no-tls", handshake.error or handshake.ended)
    if exchange.ended == "answered":
        return _End("answered")
    if exchange.ended in ("garbage", "overflow"):
        return _End("garbage", f"the response ended in {exchange.ended}")
    return _End("unseen", f"the response ended: {exchange.ended}")


def _why(failure: Failure | None) -> str:
    return f"{failure.reason}: {failure.detail}" if failure is not None else ""
