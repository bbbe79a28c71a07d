"""What one audit of the lab's flawless domain costs: wall time of the whole command, and connections by kind.

python benchmarks/one_audit.py [--runs N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import tr03108
from tr03108.lab.scenarios import load_scenarios
from tr03108.lab.world import World

SCENARIO = "flawless"
PROFILES = ("inbound-dane", "tr-03108-2.0")


async def measure(world: World, folder: Path, profile: str) -> tuple[float, Counter[str]]:
    """Seconds from start to end of one `tr03108 audit`, and the dossier's observations by kind."""
    anchor, roots, dossier = folder / "root.ds", folder / "ca.pem", folder / "dossier.json"
    anchor.write_text(world.trust_anchor)
    roots.write_text(world.ca_pem)
    options = ["--resolver", world.resolver, "--trust-anchor", str(anchor), "--ca-file", str(roots)]
    options += [word for redirection in world.connect for word in ("--connect", redirection)]
    options += ["--profile", profile, "--gate", "none", "--quiet", "--dossier", str(dossier)]
    options += ["--html", str(folder / "audit.html")]
    environment = os.environ | {"PYTHONPATH": str(Path(tr03108.__file__).parents[1])}
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tr03108", "audit", world.domains[0], *options, env=environment, cwd=folder
    )
    status = await process.wait()
    seconds = time.perf_counter() - started
    if status != 0:
        raise SystemExit(f"the audit ended with {status}")
    kinds = Counter(key.split("/")[0] for key in json.loads(dossier.read_text())["observations"])
    return seconds, kinds


async def main(runs: int) -> None:
    scenarios = [scenario for scenario in load_scenarios() if scenario.id == SCENARIO]
    with tempfile.TemporaryDirectory() as name:
        async with World(scenarios) as world:
            for profile in PROFILES:
                seconds, kinds = zip(*[await measure(world, Path(name), profile) for _ in range(runs)], strict=True)
                asked = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds[-1].items()))
                print(f"{profile}: median {statistics.median(seconds):.2f} s, best {min(seconds):.2f} s ({runs} runs)")
                print(f"{'':{len(profile)}}  questions: {asked}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    asyncio.run(main(parser.parse_args().runs))
