"""What an audit of six client services of real servers costs: Dovecot, Postfix's submission and nginx.

Wall time of the whole command and connections by port, in both modes, with the servers a round-trip time away. Needs
what the interop tests need.

PYTHONPATH=tests python benchmarks/client_services.py [--runs N] [--rtt MILLISECONDS ...]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from one_audit import delayed

from interop.client_world import FLAWLESS, ClientWorld, running_client_world
from interop.programs import server_folder


def audit(world: ClientWorld, connect: list[str], mode: str, folder: Path) -> float:
    """Seconds of one `tr03108 audit`."""
    command = [sys.executable, "-m", "tr03108", "audit", FLAWLESS, "--mode", mode, "--gate", "none", "--quiet"]
    command += [
        "--resolver",
        world.resolver,
        "--trust-anchor",
        str(world.trust_anchor),
        "--ca-file",
        str(world.ca_file),
    ]
    command += [word for redirection in connect for word in ("--connect", redirection)]
    command += ["--service", f"webmail={world.webmail[FLAWLESS]}", "--json", str(folder / "audit.json")]
    started = time.perf_counter()
    subprocess.run(command, check=True, cwd=folder)
    seconds = time.perf_counter() - started
    (target,) = json.loads((folder / "audit.json").read_text())["targets"]
    offered = [f["verdict"] for f in target["findings"] if f["check"] == "client-services.offered"]
    if offered.count("pass") < 6:
        raise SystemExit(f"not all services were seen: {offered}")
    return seconds


def main(runs: int, rtts: list[float]) -> None:
    with server_folder() as folder, running_client_world(folder) as world:
        for rtt in rtts:
            with delayed(world.connect, rtt / 1000) as (connect, by_port):
                for mode in ("verdict", "full"):
                    for proxies in by_port.values():
                        [proxy.tally() for proxy in proxies]
                    seconds = [audit(world, connect, mode, folder) for _ in range(runs)]
                    tallies = {
                        port: sum(proxy.tally().connections for proxy in proxies) / runs
                        for port, proxies in by_port.items()
                    }
                    shown = ", ".join(
                        f"{port} {n:g}" for port, n in sorted(tallies.items(), key=lambda t: int(t[0])) if n
                    )
                    print(
                        f"{rtt:g} ms, {mode}: median {statistics.median(seconds):.2f} s of {runs}; "
                        f"{sum(tallies.values()):g} connections ({shown})",
                        flush=True,
                    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rtt", type=float, nargs="+", default=[0, 30])
    given = parser.parse_args()
    main(given.runs, given.rtt)
