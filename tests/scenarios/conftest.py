"""One lab with every scenario, probed once: all domains at the same time, as an auditor does it, over the network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from tr03108 import dossier as dossier_file
from tr03108.anchors import trust_anchors
from tr03108.catalogue import load_catalogue
from tr03108.front.hello_sets import hello_sets
from tr03108.lab.scenarios import Scenario, load_scenarios
from tr03108.lab.web_bodies import gzip_bomb
from tr03108.lab.world import World
from tr03108.model import Dossier, HelloSets, ProbePlan
from tr03108.probe import Network, Probe, RootStore
from tr03108.profile import load_profile

CONCURRENT = 6
DEFAULT = "tr-03108-2.0"
FEW = 3  # hosts of a scenario that are asked with single hellos; where there are more, it is about something else
YEAR = 2026  # for which the hellos are made up
# Loopback answers at once; times are long enough for a machine that is busy otherwise.
PLAN = ProbePlan(all_servers=True, revocation=True, timeout=1.5, greeting_timeout=1.0, second_look=0.1, deadline=60.0)


@cache
def _hello_sets(profile: str, year: int) -> HelloSets:
    return hello_sets(load_profile(profile, load_catalogue()).tls, year)


def plan_of(scenario: Scenario) -> ProbePlan:
    """The plan of the scenario's profile: hellos where it has them, few where the scenario does not want all."""
    profile = load_profile(scenario.profile, load_catalogue())
    if profile.unused_domain:  # DNS alone is asked
        own = profile.plan
        return replace(PLAN, services=own.services, policies=own.policies, all_servers=False, revocation=False)
    tls = scenario.profile == DEFAULT and len(scenario.hosts) <= FEW
    clients = scenario.clients.hosts or scenario.clients.web or scenario.clients.srv
    services = profile.plan.services if clients else PLAN.services
    return replace(
        PLAN,
        services=services,
        clear_text=True,
        tls=tls,
        mode="verdict" if tls else PLAN.mode,
        hellos=_hello_sets(scenario.profile, YEAR),
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What the probe brought: the dossiers by scenario id, and what it sent that an auditor must never send."""

    dossiers: Mapping[str, Dossier]
    violations: tuple[str, ...]


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return asyncio.run(_probe_all(load_scenarios(), tmp_path_factory.mktemp("lab")))


async def _probe_all(scenarios: tuple[Scenario, ...], folder: Path) -> Seen:
    gzip_bomb()  # kept from here on; made later it would keep the name server, on the same loop, from answering in time
    async with World(scenarios) as world:
        ca_file = folder / "ca.pem"
        ca_file.write_text(world.ca_pem, "ascii")
        roots = RootStore.load(ca_file)
        anchor_files = {scenario.anchor: folder / f"anchor-{scenario.anchor}.txt" for scenario in scenarios}
        for scenario in scenarios:
            anchor_files[scenario.anchor].write_text(world.trust_anchor_of(scenario), "ascii")
        turn = asyncio.Semaphore(CONCURRENT)

        async with AsyncExitStack() as stack:
            networks: dict[str, Network] = {}  # by the plan, spelt out

            async def probe(scenario: Scenario) -> Dossier:
                resolver = world.resolver_of(scenario)
                plan = replace(plan_of(scenario), connect=world.connect, resolvers=(resolver,), **scenario.plan)
                async with turn:
                    if repr(plan) not in networks:
                        networks[repr(plan)] = await stack.enter_async_context(Network(plan))
                    anchors = trust_anchors(anchor_files[scenario.anchor])
                    one = Probe(scenario.domain, plan, networks[repr(plan)], anchors, roots, lambda _: None)
                    await one.run()
                # What is judged is what a file would bring back.
                return dossier_file.decode(dossier_file.encode(one.dossier(complete=True)))

            dossiers = await asyncio.gather(*(probe(scenario) for scenario in scenarios))
        return Seen(
            {scenario.id: one for scenario, one in zip(scenarios, dossiers, strict=True)},
            world.violations,
        )
