"""How one domain's questions are asked: each once, whatever was answered kept, and what was not reached said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from ..evaluate.dnssec import Validator
from ..evaluate.host import Host
from ..evaluate.lookup import Lookup, NotAsked, fits
from ..evaluate.routing import tlsa_names
from ..model import DnsMessage, Failure, Observation, ProbePlan, Reason
from .net import Network
from .resolver import Resolver
from .store import observed

MOST_QUESTIONS = 1500  # DNS questions for one domain: 20 hosts in 20 distant zones need about half

T = TypeVar("T")


class Questions:
    """The observations of one domain's probe, as they come in. `say` gets short lines for whoever waits."""

    def __init__(
        self, plan: ProbePlan, network: Network, anchors: tuple[str, ...], say: Callable[[str], None]
    ) -> None:  # fmt: skip
        self.plan = plan
        self.network = network
        self.say = say
        self.seen: dict[str, Observation[Any]] = {}
        self.validator = Validator(
            lambda name, rdtype: self.seen.get(f"dns/{name}/{rdtype}"), anchors, network.read_message
        )
        self._resolver = Resolver(network)
        self._wanted: dict[str, None] = {}
        self._asked = 0

    async def ask(self, key: str, ask: Callable[[], Awaitable[T | Failure]]) -> Observation[T]:
        """The observation of a key, by `ask` where nobody in this run has it yet."""
        self._wanted[key] = None
        observation = await self.network.store.once(key, ask)
        self.seen[key] = observation
        return observation

    async def dns(self, name: str, rdtype: str) -> Observation[DnsMessage]:
        """What the resolver answers."""
        key = f"dns/{name}/{rdtype}"
        if key not in self._wanted:
            self._asked += 1
        if self._asked > MOST_QUESTIONS and key not in self._wanted:
            self.give_up((key,), f"only {MOST_QUESTIONS} DNS questions are asked for a domain")
            return self.seen[key]
        return await self.ask(key, lambda: self._resolver.ask(name, rdtype))

    async def until(self, judge: Callable[[], T]) -> T:
        """What a judgement says that raises NotAsked while it lacks answers."""
        while True:
            try:
                return judge()
            except NotAsked as question:
                await self.dns(question.name, question.rdtype)

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        """The judged answer; asks whatever the validator still needs to know."""
        return await self.until(lambda: self.validator.lookup(name, rdtype))

    async def host(self, name: str) -> Host:
        """What DNS says of a host's addresses."""
        a, aaaa = await asyncio.gather(self.lookup(name, "A"), self.lookup(name, "AAAA"))
        return Host(name=name, a=a, aaaa=aaaa, families=self.plan.families)

    async def tlsa(self, host: Host, port: int) -> None:
        """The TLSA records of a host's port, below each base domain that counts."""
        bases = tlsa_names(host.name, *host.lookups) if len(host.lookups) == 2 else ()
        names = (f"_{port}._tcp.{base}" for base in bases)
        await asyncio.gather(*(self.lookup(name, "TLSA") for name in names if fits(name)))

    def give_up(self, keys: Iterable[str], why: str) -> None:
        """Says of questions that they will not be asked."""
        for key in keys:
            self.seen.setdefault(key, observed(key, Failure(Reason.BUDGET, why)))

    def give_up_missing(self, why: str) -> None:
        """The same of all that are still without an answer."""
        self.give_up([key for key in self._wanted if key not in self.seen], why)
