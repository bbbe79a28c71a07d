"""Domains of one run that want to know the same, and the deadline that ends one of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tr03108.model import Failure, Reason
from tr03108.probe import Network, Probe
from unit.probe.test_plan import NO_ROOTS, World

KEY = "smtp/mx.b.example/192.0.2.1/25/1"


@dataclass
class Gated(World):
    """A mail server that greets when it is told to."""

    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.set()
        await self.go.wait()
        await super()._serve(reader, writer)


@pytest.fixture
def gated(tmp_path: Path) -> Gated:
    return Gated(tmp_path, {"a.example": ("@ MX 10 mx.b.example.",), "b.example": ("@ MX 10 mx", "mx A 192.0.2.1")})


def probe(made: World, network: Network, domain: str, deadline: float) -> Probe:
    return Probe(domain, replace(network.plan, deadline=deadline), network, made.anchors, NO_ROOTS, made.said.append)


@pytest.mark.parametrize("first_asks", ["a.example", "b.example"])
def test_the_end_of_one_deadline_leaves_the_answer_to_the_other(gated: Gated, first_asks: str) -> None:
    """Also where it is the question of the one whose time is up, and the other only waits for it."""

    async def run() -> None:
        async with gated.network(plaintext_mail=False, greeting_timeout=20, timeout=20) as network:
            hasty, patient = probe(gated, network, "a.example", 0.4), probe(gated, network, "b.example", 60)
            order = [hasty, patient] if first_asks == "a.example" else [patient, hasty]
            tasks = [asyncio.create_task(order[0].run())]
            await gated.connected.wait()
            tasks.append(asyncio.create_task(order[1].run()))
            await tasks[order.index(hasty)]
            gated.go.set()
            await tasks[order.index(patient)]
            seen, cut = patient.dossier(complete=True), hasty.dossier(complete=True)
            assert cut.observations[KEY].failure == Failure(Reason.BUDGET, "deadline of 0.4 s")
            assert seen.observations[KEY].value is not None

    asyncio.run(run())


def test_a_deadline_starts_with_its_domain_not_with_the_run(gated: Gated) -> None:
    """What was asked before a domain's turn came is an answer to it too, whatever time that took."""

    async def run() -> None:
        async with gated.network(plaintext_mail=False, greeting_timeout=20, timeout=20) as network:
            late = probe(gated, network, "a.example", 60)
            made = late.dossier(complete=False).started
            first = probe(gated, network, "b.example", 60)
            task = asyncio.create_task(first.run())
            await gated.connected.wait()
            gated.go.set()
            await task
            await late.run()
            seen = late.dossier(complete=True)
            assert seen.started > seen.observations[KEY].time > made
            assert seen.observations[KEY] is first.dossier(complete=True).observations[KEY]

    asyncio.run(run())
