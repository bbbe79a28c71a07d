"""The command demo: the main job on the embedded lab, and whether every verdict is the one its scenario predicts."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tr03108 import audit as engine
from tr03108.cli.lab import SECOND_LOOK, TIMEOUT, write_lab_files
from tr03108.cli.run import progress_for, tell_bugs
from tr03108.front.options import AUDIT
from tr03108.front.progress import Progress
from tr03108.front.settings import Settings, read_settings
from tr03108.lab.scenarios import Scenario, load_scenarios
from tr03108.lab.world import World
from tr03108.model import Audit, UsageError

PROFILE = "inbound-dane"
FOLDER = "tr03108-report/demo"
_HEAD = {"en": ("domain", "verdict", "predicted"), "de": ("Domain", "Urteil", "vorhergesagt")}
_SURPRISE = {"en": "NOT AS PREDICTED", "de": "ANDERS ALS VORHERGESAGT"}


def demo(given: Mapping[str, Any]) -> int:
    """Exit status 0 when every verdict is the predicted one, else 1; 70 and signals as for audit."""
    scenarios = tuple(scenario for scenario in load_scenarios() if scenario.demo)
    folder = given.get("output") or FOLDER
    with tempfile.TemporaryDirectory(prefix="tr03108-demo-") as scratch:
        settings, probed = asyncio.run(_probe(scenarios, dict(given) | {"output": folder}, Path(scratch)))
    texts = {item.dossier.domain: item.text for item in probed.evidence}
    settings.destinations.write_dossiers(texts)
    run = engine.judge(probed, settings)
    tell_bugs(run.bugs, Progress(sys.stderr))
    settings.destinations.write_reports(run.audit, settings.catalogue, settings.texts)
    right = _compare(run.audit, scenarios, settings)
    sys.stdout.write(f"{settings.destinations.overview}\n")
    if run.bugs or probed.interrupted is not None:
        return run.status
    return 0 if right else 1


async def _probe(scenarios: Sequence[Scenario], given: dict[str, Any], scratch: Path) -> tuple[Settings, engine.Probed]:
    """One loop for the lab's servers and for the probe that looks at them."""
    try:
        world = await World(scenarios).__aenter__()
    except OSError as error:
        raise UsageError(f"cannot serve the lab: {error}") from None
    try:
        files = write_lab_files(world, scratch)
        lab: dict[str, Any] = {"profile": PROFILE, "resolver": [world.resolver], "connect": list(world.connect)}
        lab |= {"trust_anchor": str(files["trust_anchor"]), "ca_file": str(files["ca_file"])}
        lab |= {"timeout": str(TIMEOUT), "second_look": str(SECOND_LOOK)}
        settings = read_settings(given | lab, AUDIT)
        settings.destinations.check(world.domains)
        return settings, await engine.probe_domains(world.domains, settings, progress_for(settings))
    finally:
        await world.__aexit__(None, None, None)


def _compare(audit: Audit, scenarios: Sequence[Scenario], settings: Settings) -> bool:
    """Prints a line for each domain; True when all are as predicted."""
    lang = settings.texts.lang
    rows = [_HEAD[lang]]
    verdicts = {target.domain: target.verdict.value for target in audit.targets}
    right = True
    for scenario in scenarios:
        verdict = verdicts.get(scenario.domain, "-")
        surprise = "" if verdict == scenario.verdict else f"  {_SURPRISE[lang]}"
        right = right and not surprise
        rows.append((scenario.domain, verdict, f"{scenario.verdict}{surprise}"))
    if not settings.quiet:
        for domain, verdict, predicted in rows:
            sys.stdout.write(f"{domain:<34} {verdict:<18} {predicted}\n")
    return right
