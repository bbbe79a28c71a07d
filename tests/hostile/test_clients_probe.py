"""Web pages and client services that mean harm, through the whole probe: bounded, nothing raised, the right reason."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tr03108.anchors import trust_anchors
from tr03108.dossier import decode, encode
from tr03108.evaluate.views import Views
from tr03108.lab.web_server import WebFault
from tr03108.lab.world import World
from tr03108.model import Dossier, ProbePlan
from tr03108.probe import Network, Probe, RootStore
from unit.lab.one_scenario import read

KEPT = 70000  # octets of one page that a dossier holds at most
SECONDS = 1.0


def probed(folder: Path, text: str, **changes: Any) -> Dossier:
    """A dossier of the lab's only domain. Far more time than all timeouts together ends the test."""
    scenario = read(folder, text)

    async def run() -> Dossier:
        async with World((scenario,), patience=5) as world:
            (folder / "anchor").write_text(world.trust_anchor_of(scenario), "ascii")
            (folder / "ca.pem").write_text(world.ca_pem, "ascii")
            given: dict[str, Any] = {
                "services": ("imaps",),
                "policies": (),
                "connect": world.connect,
                "resolvers": (world.resolver_of(scenario),),
                "timeout": SECONDS,
                "greeting_timeout": SECONDS,
                "second_look": 0.01,
            }
            async with Network(ProbePlan(**(given | changes))) as network:
                roots = RootStore.load(folder / "ca.pem")
                anchors = trust_anchors(folder / "anchor")
                probe = Probe(scenario.domain, network.plan, network, anchors, roots, lambda _: None)
                async with asyncio.timeout(100):
                    await probe.run()
                dossier = probe.dossier(complete=True)
            assert world.violations == (), "something was fetched or said that must not be"
        return dossier

    dossier = asyncio.run(run())
    assert decode(encode(dossier)) == dossier
    return dossier


FAULTS = {
    WebFault.XML_BOMB: ("broken", "CONFIGURATION_INVALID"),
    WebFault.EXTERNAL_ENTITY: ("broken", "CONFIGURATION_INVALID"),
    WebFault.MALFORMED: ("broken", "CONFIGURATION_INVALID"),
    WebFault.GZIP_BOMB: ("broken", "CONFIGURATION_INVALID"),
    WebFault.OVERSIZED: ("broken", "CONFIGURATION_INVALID"),
    WebFault.ENDLESS: ("broken", "CONFIGURATION_INVALID"),
    WebFault.HEADERS_ENDLESS: ("broken", "CONFIGURATION_INVALID"),
    WebFault.REDIRECT_LOOP: ("broken", "CONFIGURATION_REDIRECT"),
    WebFault.REDIRECT_CHAIN: ("broken", "CONFIGURATION_REDIRECT"),
    WebFault.REDIRECT_HTTP: ("broken", "CONFIGURATION_REDIRECT"),
    WebFault.SLOW: ("unseen", ""),
    WebFault.TRUNCATED: ("unseen", ""),
    WebFault.CLOSE: ("unseen", ""),
    WebFault.SILENT: ("unseen", ""),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["autoconfig", "autodiscover"])
def test_configurations_that_mean_harm(tmp_path: Path, kind: str, fault: WebFault) -> None:
    dossier = probed(tmp_path, f'clients = [{{}}]\n{kind} = {{ fault = "{fault}" }}\n')
    pages = {key: seen.value for key, seen in dossier.observations.items() if key.startswith("web/")}
    assert all(len(page.body) <= KEPT for page in pages.values() if page is not None)
    assert len(pages) < 60
    found = getattr(Views(dossier).clients, kind).offered(dossier.roots, dossier.started)
    assert (found.state, found.code) == FAULTS[fault]
