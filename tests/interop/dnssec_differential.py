"""Our validator beside Unbound and delv, lookup by lookup, on random trees; disagreements come with a reproduction."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import dns.flags
import dns.message

from interop.dnssec_keys import roll
from interop.dnssec_oracles import Delv, Unbound, unbound
from interop.dnssec_trees import Case, Question, generate
from interop.dnssec_verdicts import Compared, explanation
from tr03108.evaluate.dnssec import Validator
from tr03108.evaluate.lookup import Lookup, NotAsked, Status
from tr03108.lab.nameserver import NameServer
from tr03108.lab.signing import KeyRing
from tr03108.lab.tree import Tree
from tr03108.model import DnsMessage, Observation

BATCH = 60  # cases below one root, before one Unbound
AT_ONCE = 16  # lookups
DELV_AT_ONCE = 2  # processes
ASKED_ALONE = 20  # disagreements of a batch; were there more, it would not be for the cache


@dataclass(slots=True)
class Tally:
    """What a run came to."""

    compared: Counter[str] = field(default_factory=Counter)  # by judge
    statuses: Counter[Status] = field(default_factory=Counter)  # ours, by lookup
    explained: Counter[str] = field(default_factory=Counter)  # by title
    cached: int = 0  # disagreements that were gone when the question was asked of an Unbound that knew nothing yet
    disagreements: list[Compared] = field(default_factory=list)

    def add(self, compared: Compared) -> None:
        self.compared[compared.judge] += 1
        if compared.agreed:
            return
        reason = explanation(compared)
        if reason is None:
            self.disagreements.append(compared)
        else:
            self.explained[reason] += 1

    def line(self) -> str:
        """`720 lookups (secure 400, ...), compared unbound 720, delv 40; explained 3 (title 3), disagreements 0`."""
        statuses = ", ".join(f"{status.value} {self.statuses[status]}" for status in Status)
        judges = ", ".join(f"{judge} {count}" for judge, count in sorted(self.compared.items()))
        reasons = ", ".join(f"{title} {count}" for title, count in sorted(self.explained.items()))
        return (
            f"{self.statuses.total()} lookups ({statuses}), compared with {judges}; "
            f"explained {self.explained.total()}{f' ({reasons})' if reasons else ''}, "
            f"only from a cache {self.cached}, disagreements {len(self.disagreements)}"
        )


def run(seeds: Sequence[int], folder: Path, *, delv_every: int) -> Tally:
    """Compares all lookups of the cases of `seeds`; every `delv_every`-th with delv, too."""
    tally = Tally()
    keys = KeyRing()
    for number, start in enumerate(range(0, len(seeds), BATCH)):
        cases = [generate(seed) for seed in seeds[start : start + BATCH]]
        place = folder / f"batch-{number}"
        place.mkdir()
        known = len(tally.disagreements)
        asyncio.run(_batch(cases, keys, place, number % 2 == 1, delv_every, tally))
        for seen in tally.disagreements[known:][:ASKED_ALONE]:
            if seen.judge == "unbound" and asyncio.run(_agreed_alone(seen, keys, place, number % 2 == 1)):
                tally.disagreements.remove(seen)
                tally.cached += 1
    return tally


async def _agreed_alone(seen: Compared, keys: KeyRing, folder: Path, stubs: bool) -> bool:
    """Whether the question is no disagreement when it is the first that Unbound hears.

    It keeps denials from other answers, and may prove a delegation insecure whose own denial is missing.
    """
    case, question = seen.case, seen.question
    tree = grow([case], keys, datetime.now(UTC))
    origins = [zone.origin for zone in case.zones] if stubs else []
    async with NameServer(tree) as server, unbound(folder, tree.trust_anchor, server.port, origins) as resolver:
        theirs = await resolver.verdict(question)
        ours = await Asker(tree, resolver if case.seed % 2 else None).lookup(question)
        alone = Compared(case, question, ours, "unbound", theirs, lambda: resolver.said(question))
        return alone.agreed or explanation(alone) is not None


def grow(cases: Sequence[Case], keys: KeyRing, now: datetime) -> Tree:
    """One tree of all cases."""
    specs = [zone for case in cases for zone in case.zones]
    plans = [plan for case in cases for _, plan in case.keys]
    tree = Tree(specs, now, keys=keys)
    roll(tree._zones, zip(specs, plans, strict=True), keys, now)
    return tree


async def _batch(
    cases: Sequence[Case], keys: KeyRing, folder: Path, stubs: bool, delv_every: int, tally: Tally
) -> None:
    """Odd batches give Unbound a stub for each zone, even ones a forwarder; odd cases are asked through Unbound."""
    tree = grow(cases, keys, datetime.now(UTC))
    origins = [zone.origin for case in cases for zone in case.zones] if stubs else []
    lookups, programs = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(DELV_AT_ONCE)
    async with NameServer(tree) as server, unbound(folder, tree.trust_anchor, server.port, origins) as resolver:
        delv = Delv.prepare(folder, tree.trust_anchor, server.port)

        async def one(case: Case, asker: Asker, index: int) -> None:
            question = case.questions[index]
            async with lookups:
                theirs = await resolver.verdict(question)
                ours = await asker.lookup(question)
            tally.statuses[ours.status] += 1
            tally.add(Compared(case, question, ours, "unbound", theirs, lambda: resolver.said(question)))
            if (case.seed * len(case.questions) + index) % delv_every == 0:
                async with programs:
                    verdict = await delv.verdict(question)
                    ours = await Asker(tree, None).lookup(question)  # delv asks the lab itself, too
                tally.add(Compared(case, question, ours, "delv", verdict, str))

        askers = [Asker(tree, resolver if case.seed % 2 else None) for case in cases]
        async with asyncio.TaskGroup() as group:
            for case, asker in zip(cases, askers, strict=True):
                for index in range(len(case.questions)):
                    group.create_task(one(case, asker, index))


class Asker:
    """Our validator with the questions it asks: of the tree in memory, or of Unbound with CD as a prober does."""

    def __init__(self, tree: Tree, resolver: Unbound | None) -> None:
        self._tree = tree
        self._resolver = resolver
        self._seen: dict[tuple[str, str], Observation[DnsMessage]] = {}
        anchors = tuple(tree.trust_anchor.splitlines())
        self._validator = Validator(lambda name, rdtype: self._seen.get((name, rdtype)), anchors)

    async def lookup(self, question: Question) -> Lookup:
        """The judged answer."""
        while True:
            try:
                return self._validator.lookup(question.name, question.rdtype)
            except NotAsked as missing:
                asked = Question(missing.name, missing.rdtype)
            wire = await self._ask(asked)
            message = DnsMessage(asked.name, asked.rdtype, wire, "lab", "tcp")
            observed = Observation(f"dns/{asked.name}/{asked.rdtype}", datetime.now(UTC), message, None)
            self._seen[asked.name, asked.rdtype] = observed

    async def _ask(self, question: Question) -> bytes:
        if self._resolver is not None:
            response = await self._resolver.response(question, checking=False)
            assert response.wire is not None
            return response.wire
        query = dns.message.make_query(question.name, question.rdtype, want_dnssec=True)
        query.flags |= dns.flags.CD
        wire = self._tree.answer(query.to_wire(), udp=False)
        assert wire is not None, "only a fault that is left out here makes the lab silent"
        return wire
