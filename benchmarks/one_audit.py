"""What one audit of the lab's flawless domain costs: wall time of the whole command, and connections by kind.

The domain has two addresses for mail, seven services for mail clients, Autoconfig, Autodiscover and webmail. With --rtt
every TCP connection to one of its servers goes through a proxy that answers as late as a server that far away, and is
counted there.

python benchmarks/one_audit.py [--runs N] [--rtt MILLISECONDS] [--mode full|verdict]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tls"))

from delaying_proxy import DelayingProxy, delaying_proxy

import tr03108
from tr03108.lab.scenarios import Scenario, load_scenarios
from tr03108.lab.world import World

SCENARIO = "flawless"
PROFILES = ("inbound-dane", "tr-03108-2.0")
DNS_PORT = "53"


async def measure(
    world: World, scenario: Scenario, folder: Path, profile: str, connect: Sequence[str], mode: str | None
) -> tuple[float, Counter[str]]:
    """Seconds from start to end of one `tr03108 audit`, and the dossier's observations by kind."""
    anchor, roots, dossier = folder / "root.ds", folder / "ca.pem", folder / "dossier.json"
    anchor.write_text(world.trust_anchor)
    roots.write_text(world.ca_pem)
    options = ["--resolver", world.resolver, "--trust-anchor", str(anchor), "--ca-file", str(roots)]
    options += [word for redirection in connect for word in ("--connect", redirection)]
    options += ["--profile", profile, "--gate", "none", "--quiet", "--dossier", str(dossier)]
    options += ["--html", str(folder / "audit.html")]
    options += ["--mode", mode] if mode else []
    if profile != "inbound-dane":
        options += [word for url in scenario.plan.get("webmail", ()) for word in ("--service", f"webmail={url}")]
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


@contextmanager
def delayed(connect: Sequence[str], rtt: float) -> Iterator[tuple[list[str], Mapping[str, list[DelayingProxy]]]]:
    """The redirections by way of proxies, and these by service port. Ports where nobody listens stay as they are."""
    with ExitStack() as stack:
        found: dict[str, DelayingProxy] = {}  # by the target
        by_port: dict[str, list[DelayingProxy]] = {}
        redirections = []
        for each in connect:
            source, _, target = each.partition("=")
            address, _, to = target.rpartition(":")
            port = source.rpartition(":")[2]
            if port == DNS_PORT or not _listens(address, int(to)):
                redirections.append(each)
                continue
            if target not in found:
                found[target] = stack.enter_context(delaying_proxy(int(to), rtt, address))
                by_port.setdefault(port, []).append(found[target])
            redirections.append(f"{source}=127.0.0.1:{found[target].port}")
        yield redirections, by_port


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


async def main(runs: int, rtt: float | None, mode: str | None) -> None:
    scenario = next(scenario for scenario in load_scenarios() if scenario.id == SCENARIO)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        async with World([scenario]) as world:
            connect: Sequence[str] = world.connect
            by_port: Mapping[str, list[DelayingProxy]] = {}
            if rtt is not None:
                connect, by_port = await asyncio.to_thread(stack.enter_context, delayed(connect, rtt / 1000))
            for profile in PROFILES:
                for proxies in by_port.values():
                    [proxy.tally() for proxy in proxies]
                each = [await measure(world, scenario, Path(name), profile, connect, mode) for _ in range(runs)]
                seconds, kinds = zip(*each, strict=True)
                asked = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds[-1].items()))
                print(f"{profile}: median {statistics.median(seconds):.2f} s, best {min(seconds):.2f} s ({runs} runs)")
                print(f"{'':{len(profile)}}  questions: {asked}")
                counted = {
                    port: sum(proxy.tally().connections for proxy in proxies) / runs
                    for port, proxies in by_port.items()
                }
                if counted:
                    shown = ", ".join(f"{port} {number:g}" for port, number in sorted(counted.items()) if number)
                    print(f"{'':{len(profile)}}  connections: {sum(counted.values()):g} (by port: {shown})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rtt", type=float)
    parser.add_argument("--mode", choices=("full", "verdict"))
    given = parser.parse_args()
    asyncio.run(main(given.runs, given.rtt, given.mode))
