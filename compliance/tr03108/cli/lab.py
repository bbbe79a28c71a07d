"""The command lab: serves every scenario until stopped, and says how to audit it."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tr03108.front.outputs import write_all
from tr03108.lab.scenarios import Scenario, load_scenarios
from tr03108.lab.world import World
from tr03108.model import UsageError

SECOND_LOOK = 0.2  # seconds; the lab's servers do not change their minds
TIMEOUT = 2.0  # seconds; on loopback nothing takes long


def lab(given: Mapping[str, Any]) -> int:
    """Serves until SIGINT or SIGTERM, which end it with status 0."""
    with ExitStack() as stack:
        if given.get("folder") is not None:
            folder = Path(given["folder"])
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tr03108-lab-")))
        asyncio.run(_serve(folder.absolute()))
    return 0


async def _serve(folder: Path) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    scenarios = load_scenarios()
    try:
        world = await World(scenarios).__aenter__()
    except OSError as error:
        raise UsageError(f"cannot serve the lab: {error}") from None
    try:
        sys.stdout.write(_announcement(world, folder, scenarios))
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await world.__aexit__(None, None, None)


def _announcement(world: World, folder: Path, scenarios: tuple[Scenario, ...]) -> str:
    width = max(len(scenario.domain) for scenario in scenarios)
    lines = ["The lab serves these domains:", ""]
    for scenario in scenarios:
        lines.append(f"{scenario.domain:<{width}}  {scenario.title['en']}{_peculiar(world, folder, scenario)}")
    command = [*audit_command(world, folder, scenarios[0].domain), "--profile", "inbound-dane"]
    lines += ["", "Audit any of them from another terminal with", "", shlex.join(command)]
    return "\n".join([*lines, "", "Ctrl-C stops the lab.", ""])


def _peculiar(world: World, folder: Path, scenario: Scenario) -> str:
    """What an audit of this one domain has to be told otherwise."""
    told = []
    if world.resolver_of(scenario) != world.resolver:
        told.append(f"--resolver {world.resolver_of(scenario)}")
    if world.trust_anchor_of(scenario) != world.trust_anchor:
        file = folder / f"{scenario.id}-anchor.txt"
        write_all({file: world.trust_anchor_of(scenario)})
        told.append(f"--trust-anchor {file}")
    return f" (with {' '.join(told)} instead)" if told else ""


def audit_command(world: World, folder: Path, domain: str) -> list[str]:
    """The command that audits a domain of the lab; writes the files it names into `folder`."""
    files = write_lab_files(world, folder)
    return [
        *("tr03108", "audit", domain),
        *("--resolver", world.resolver),
        *("--trust-anchor", str(files["trust_anchor"])),
        *("--ca-file", str(files["ca_file"])),
        *("--connect", f"@{files['connect']}"),
        *("--timeout", f"{TIMEOUT:g}", "--second-look", f"{SECOND_LOOK:g}"),
    ]


def write_lab_files(world: World, folder: Path) -> dict[str, Path]:
    """Trust anchor, PKIX root and redirections of a lab as files, by option key. Raises UsageError."""
    files = {
        "trust_anchor": folder / "root-anchor.txt",
        "ca_file": folder / "ca.pem",
        "connect": folder / "connect.txt",
    }
    redirections = "".join(f"{line}\n" for line in world.connect)
    texts = {"trust_anchor": world.trust_anchor, "ca_file": world.ca_pem, "connect": redirections}
    write_all({files[key]: text for key, text in texts.items()})
    return files
