"""A validator on the lab's signed tree, without a socket: each question is answered in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dns.flags
import dns.message
import pytest

from tr03108.evaluate.dnssec import Validator
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec
from tr03108.model import DnsMessage, Failure, Observation, Reason

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


class Offline:
    """Answers questions from a tree and counts them; `edit` may replace an observation."""

    def __init__(self, tree: Tree, now: datetime = NOW) -> None:
        self.tree = tree
        self.now = now
        self.asked: list[tuple[str, str]] = []

    def __call__(self, name: str, rdtype: str) -> Observation[DnsMessage]:
        self.asked.append((name, rdtype))
        query = dns.message.make_query(name, rdtype, want_dnssec=True)
        query.flags |= dns.flags.CD | dns.flags.RD
        wire = self.tree.answer(query.to_wire(), udp=False)
        key = f"dns/{name}/{rdtype}"
        if wire is None:
            return Observation(key, self.now, None, Failure(Reason.TIMEOUT, "no answer"))
        return Observation(key, self.now, DnsMessage(name, rdtype, wire, "lab", "tcp"), None)

    def validator(self) -> Validator:
        return Validator(self, tuple(self.tree.trust_anchor.strip().splitlines()))


@pytest.fixture
def offline() -> Callable[[Sequence[ZoneSpec]], Offline]:
    """Makes an Offline from zones."""
    return lambda zones: Offline(Tree(zones, NOW))
