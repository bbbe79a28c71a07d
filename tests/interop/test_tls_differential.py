"""Versions, suites and groups that our survey finds at real servers, beside what sslyze and testssl.sh find there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from peers import Found, Target, Tool, tools

from interop.tls_differences import (
    DECISION,
    EXPLAINED,
    SSLYZE,
    TESTSSL,
    Difference,
    Explained,
    differences,
    explanation,
)
from interop.tls_servers import DIRECT, SCENARIOS, running

ROOT = Path(__file__).parents[2]
OURS = "ours, full"
# testssl.sh has one connection at a time and the pace of a shell, so that the shorter lists have to do.
SLOW = (("nginx", "bsi"), ("s_server", "default"))
PAIRS = (*((SSLYZE, *scenario) for scenario in SCENARIOS), *((TESTSSL, *scenario) for scenario in SLOW))


@cache
def _tool(name: str) -> Tool | None:
    found = {tool.name: tool for tool in tools() if isinstance(tool, Tool)}
    return found.get(name) or found.get(f"{name}, lists")


@cache
def _compared(peer: str, server: str, configuration: str) -> tuple[Found, Found, tuple[Difference, ...]]:
    """What we and the peer found, one after the other, and all differences."""
    ours, theirs = _tool(OURS), _tool(peer)
    if ours is None or theirs is None:
        pytest.skip(f"{peer} is not here: benchmarks/tls/peers.sh makes the peers' environment")
    with running(server, configuration) as here:
        target = Target(here.port, here.kind == DIRECT, here.max_connections)
        first, second = (tool.run(target).found for tool in (ours, theirs))
    return first, second, tuple(differences(peer, first, second))


@pytest.mark.parametrize(("peer", "server", "configuration"), PAIRS, ids=lambda value: value)
def test_each_difference_is_explained(peer: str, server: str, configuration: str) -> None:
    _, theirs, found = _compared(peer, server, configuration)
    assert theirs.failures == ()
    assert sum(map(len, theirs.suites.values())) > 1  # or there is nothing to compare
    assert [str(each) for each in found if explanation(each) is None] == []


@pytest.mark.parametrize("explained", EXPLAINED, ids=lambda each: each.title)
def test_each_explanation_is_needed(explained: Explained) -> None:
    found = [each for pair in PAIRS for each in _compared(*pair)[2]]
    assert any(explanation(each) is explained for each in found)


def test_the_decision_has_a_heading_for_each_explanation() -> None:
    headings = [line[3:] for line in (ROOT / DECISION).read_text("utf-8").splitlines() if line.startswith("## ")]
    assert headings == [each.title for each in EXPLAINED]
