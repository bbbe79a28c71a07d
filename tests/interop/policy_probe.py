"""A probe for a domain's policies in DNS alone, in this process, and what the checks say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tr03108 import dossier as dossier_file
from tr03108.anchors import trust_anchors
from tr03108.catalogue import Catalogue, load_catalogue
from tr03108.judge import Check, judge_target, load_checks
from tr03108.model import Dossier, Finding, ProbePlan, SmtpSession
from tr03108.probe import Network, RootStore
from tr03108.probe.plan import probe_domain
from tr03108.profile import Profile, load_profile


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()


@cache
def _profile() -> Profile:
    return load_profile("tr-03108-2.0", _catalogue())


@cache
def _checks() -> tuple[Check, ...]:
    return load_checks()


@dataclass(frozen=True)
class Policies:
    """What was seen of one domain, and the findings about the domain as a whole, by the checks' ids."""

    dossier: Dossier
    findings: Mapping[str, Finding]

    def said(self, *checks: str) -> list[str]:
        """Outcome and code of these checks: "MET OK"."""
        return [f"{self.findings[check].outcome} {self.findings[check].code}" for check in checks]

    @property
    def sessions(self) -> list[SmtpSession]:
        values = (observation.value for observation in self.dossier.observations.values())
        return [value for value in values if isinstance(value, SmtpSession)]


async def probe_policies(
    domains: Sequence[str],
    resolver: str,
    trust_anchor: Path,
    connect: Sequence[str] = (),
    *,
    policies: Sequence[str] = ("tlsrpt",),
    report_mailbox: bool = False,
) -> list[Policies]:
    """Probes these domains in one network. Nobody is asked about mail but, with `report_mailbox`, for that mailbox."""
    plan = ProbePlan(
        services=(),
        policies=tuple(policies),
        connect=tuple(connect),
        resolvers=(resolver,),
        report_mailbox=report_mailbox,
        second_look=0.0,
    )
    anchors, roots = trust_anchors(trust_anchor), RootStore.load(None)
    async with Network(plan) as network:
        probes = (probe_domain(domain, plan, network, anchors, roots, lambda _: None) for domain in domains)
        seen = await asyncio.gather(*probes)
    read = [dossier_file.decode(dossier_file.encode(dossier)) for dossier in seen]
    return [await asyncio.to_thread(_judged, dossier) for dossier in read]


def _judged(dossier: Dossier) -> Policies:
    target = judge_target(dossier, "", _profile(), _catalogue(), _checks(), dossier.started, "must", ())
    whole = {each.check: each for each in target.findings if each.check and each.subject.name == dossier.domain}
    return Policies(dossier, whole)
