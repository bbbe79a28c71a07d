"""Asks for the revocation of the certificates that servers showed: OCSP by POST, else the CRL, over plain HTTP.

Who is asked next depends on what the last answer proves (evaluate/revocation.py); what is stored are the answers alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from typing import Protocol

from ..evaluate.certificate_path import ROOT, linked
from ..evaluate.pkix import load
from ..evaluate.revocation import judge
from ..evaluate.revocation_sources import Place, Question, questions
from ..model import Failure, Fetch, Observation, Reason
from .http import Request, Response, converse
from .net import Network, NotSeen, Refused

OCSP_BODY = 64 << 10  # octets of an OCSP response
CRL_BODY = 10 << 20  # octets of a CRL; large authorities divide theirs long before
CHAINS = 64  # different chains of one domain
FETCHES = 60  # questions for one domain
FETCHED = 32 << 20  # octets of all answers for one domain: its dossier has to hold them
SILENCES = 2  # questions that stay without answer until a responder is left alone
ADDRESSES = 3  # of one responder that are tried

Ask = Callable[[str, Callable[[], Awaitable[Fetch | Failure]]], Awaitable[Observation[Fetch]]]


class Addresses(Protocol):
    """Looks up the addresses, in scope, of a responder by name."""

    async def __call__(self, host: str) -> tuple[str, ...]: ...


class RevocationProbe:
    """The questions of one domain. `ask` stores an observation by its key, each once; `give_up` what was not asked."""

    def __init__(
        self, network: Network, addresses: Addresses, ask: Ask, give_up: Callable[[Iterable[str], str], None]
    ) -> None:
        self._network = network
        self._addresses = addresses
        self._ask = ask
        self._give_up = give_up
        self._silences: Counter[str] = Counter()
        self._asked: set[str] = set()
        self._octets = 0

    async def run(
        self, chains: Iterable[tuple[bytes, ...]], roots: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    ) -> None:
        """Everything about these chains; `roots` gives the roots that one of them may lead to."""
        pairs: dict[tuple[bytes, bytes], None] = {}
        for chain in list(dict.fromkeys(chains))[:CHAINS]:
            path = linked(chain, roots(chain))
            for position, certificate in enumerate(path.certificates):
                issuer = path.issuer(position)
                if issuer is not None and path.role(position) != ROOT:
                    pairs[certificate, issuer] = None
        for certificate, issuer in pairs:
            await self._certificate(certificate, issuer)

    async def _certificate(self, certificate: bytes, issuer: bytes) -> None:
        """One question after the other, until one brings an answer that counts."""
        mine, above = load(certificate), load(issuer)
        if mine is None or above is None:
            return
        for question in questions(mine, above):
            if question.place is None:
                continue
            seen = await self._question(question, question.place)
            if seen is not None and judge(question, seen, certificate, issuer).state != "unseen":
                return

    async def _question(self, question: Question, place: Place) -> Observation[Fetch] | None:
        """The answer, as this run already knows it or new; None where it is one question too many."""
        if question.key not in self._asked:
            if len(self._asked) >= FETCHES or self._octets >= FETCHED:
                self._give_up((question.key,), f"only {FETCHES} questions and {FETCHED >> 20} MiB for one domain")
                return None
            if self._silences[place.host] >= SILENCES:
                self._give_up((question.key,), f"{place.host} did not answer {SILENCES} times before")
                return None
        seen = await self._ask(question.key, lambda: self._fetch(question, place))
        if question.key not in self._asked:
            self._asked.add(question.key)
            self._octets += len(seen.value.body) if seen.value is not None else 0
            self._silences[place.host] += seen.value is None or seen.value.ended == "silent"
        return seen

    async def _fetch(self, question: Question, place: Place) -> Fetch | Failure:
        """From the first address where anybody listens."""
        addresses = await self._addresses(place.host)
        last: Fetch | Failure = Failure(Reason.UNREACHABLE, f"{place.host} has no address in scope", state="connect")
        for address in addresses[:ADDRESSES]:
            last = await self._from(question, place, address)
            if isinstance(last, Fetch) and last.ended != "refused":
                return last
        return last

    async def _from(self, question: Question, place: Place, address: str) -> Fetch | Failure:
        response = Response()
        try:
            async with self._network.connect(place.host, address, place.port) as stream:
                to, redirected = stream.connected_to, stream.redirected
                ended = await converse(stream, _request(question, place), response, self._network.plan.timeout)
        except Refused as refused:
            to, redirected, ended = refused.connected_to, refused.redirected, "refused"
        except NotSeen as unseen:
            return Failure(unseen.reason, unseen.detail, state="connect", connected_to=unseen.connected_to)
        return Fetch(
            question.url,
            question.method,
            to,
            redirected,
            question.request,
            response.status,
            bytes(response.body),
            response.truncated,
            ended,
        )


def _request(question: Question, place: Place) -> Request:
    host = f"[{place.host}]" if ":" in place.host else place.host
    host = host if place.port == 80 else f"{host}:{place.port}"
    if question.method == "POST":
        return Request(
            "POST",
            host,
            place.target,
            "application/ocsp-response",
            OCSP_BODY,
            "application/ocsp-request",
            question.request,
        )
    return Request("GET", host, place.target, "application/pkix-crl", CRL_BODY)


def literal(host: str) -> str | None:
    """The address that a host in a URL is itself."""
    try:
        return ip_address(host).compressed
    except ValueError:
        return None
