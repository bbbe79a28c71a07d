"""What an audit of many domains costs whose mail goes to the same hosts: in one run, beside a run for each domain.

The embedded lab has one provider with five mail hosts and a server for mail clients, and customers whose MX and SRV
records lead there; each customer has an MTA-STS policy and Autoconfig of its own. Connections are counted by proxies,
which also are the round-trip time. The runs of single domains are a sample, from which those of all domains are
extrapolated.

python benchmarks/shared_hosts.py [--domains N] [--hosts N] [--rtt MILLISECONDS ...] [--mode MODE ...] [--sample N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from one_audit import DelayingProxy, delayed

import tr03108
from tr03108.lab.scenarios import load_scenarios
from tr03108.lab.world import World

PROVIDER = "provider.example"
TITLE = 'title = { en = "", de = "" }\nverdict = "compliant"\n'


def scenarios(domains: int, hosts: int) -> str:
    """The provider, which is not audited, and its customers, in the form of scenarios.toml."""
    names = [f"mx{number}.{PROVIDER}" for number in range(1, hosts + 1)]
    server = 'hellos = "flawless"'
    own = ", ".join(f'{{ {server}, tlsa = ["3 1 1", "2 1 1"] }}' for _ in names)
    tables = [
        f'[[scenario]]\nid = "provider"\n{TITLE}hosts = [{own}]\n'
        f'clients = [{{ {server}, services = ["submissions", "imaps"] }}]\nmta_sts = false\n'
    ]
    routes = json.dumps([f"{10 * number} {name}." for number, name in enumerate(names, 1)])
    places = json.dumps([f"_submissions._tcp 0 1 465 mail.{PROVIDER}.", f"_imaps._tcp 0 1 993 mail.{PROVIDER}."])
    settings = json.dumps([f"imap SSL mail.{PROVIDER}. 993", f"smtp SSL mail.{PROVIDER}. 465"])
    tables += [
        f'[[scenario]]\nid = "customer{number}"\n{TITLE}hosts = []\nmx = {routes}\nsrv = {places}\n'
        f"mta_sts = {{ mx = {json.dumps(names)} }}\nautoconfig = {{ settings = {settings} }}\n"
        for number in range(1, domains + 1)
    ]
    return "\n".join(tables)


@dataclass(frozen=True)
class Cost:
    """Of one command: seconds by the clock and of the processor, MiB of memory and on disk, connections by port."""

    seconds: float
    processor: float
    memory: float
    dossiers: float
    report: float
    connections: Mapping[str, int]
    verdicts: tuple[str, ...]

    @property
    def total(self) -> int:
        return sum(self.connections.values())


def audit(
    world: World, domains: Sequence[str], connect: Sequence[str], proxies: Mapping[str, list[DelayingProxy]], mode: str
) -> Cost:
    """One `tr03108 audit` of these domains under the default profile."""
    for each in proxies.values():
        [proxy.tally() for proxy in each]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "root.ds").write_text(world.trust_anchor)
        (folder / "ca.pem").write_text(world.ca_pem)
        (folder / "connect").write_text("\n".join(connect))
        options = ["--resolver", world.resolver, "--trust-anchor", "root.ds", "--ca-file", "ca.pem"]
        options += ["--connect", "@connect", "--mode", mode, "--gate", "none", "--quiet", "--output", "out"]
        environment = os.environ | {"PYTHONPATH": str(Path(tr03108.__file__).parents[1])}
        command = [sys.executable, "-m", "tr03108", "audit", *domains, *options]
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode != 0:
            raise SystemExit(f"the audit ended with {process.returncode}")
        counted = {port: sum(proxy.tally().connections for proxy in each) for port, each in proxies.items()}
        targets = json.loads((folder / "out" / "audit.json").read_text())["targets"]
        return Cost(
            seconds,
            used.ru_utime + used.ru_stime,
            used.ru_maxrss / 1024,
            sum(file.stat().st_size for file in folder.glob("out/*/dossier.json")) / 2**20,
            (folder / "out" / "audit.html").stat().st_size / 2**20,
            counted,
            tuple(target["verdict"] for target in targets),
        )


def show(what: str, cost: Cost, domains: int) -> None:
    ports = ", ".join(f"{port} {n}" for port, n in sorted(cost.connections.items(), key=lambda item: int(item[0])) if n)
    print(
        f"  {what}: {cost.seconds:.1f} s ({cost.processor:.1f} s of processor), "
        f"{cost.total} connections (by port: {ports}), "
        f"per domain {cost.seconds / domains:.2f} s and {cost.total / domains:.1f}"
    )
    print(f"    {cost.memory:.0f} MiB of memory, dossiers {cost.dossiers:.1f} MiB, audit.html {cost.report:.1f} MiB")
    print(f"    {', '.join(f'{cost.verdicts.count(v)} {v}' for v in dict.fromkeys(cost.verdicts))}", flush=True)


async def main(domains: int, hosts: int, rtts: Sequence[float], modes: Sequence[str], sample: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "scenarios.toml"
        file.write_text(scenarios(domains, hosts))
        async with World(load_scenarios(file)) as world:
            customers = [domain for domain in world.domains if domain != PROVIDER]
            with ExitStack() as stack:  # a first run, not counted: the lab signs an answer when it is asked first
                connect, proxies = await asyncio.to_thread(stack.enter_context, delayed(world.connect, 0))
                await asyncio.to_thread(audit, world, customers, connect, proxies, "verdict")
            for rtt in rtts:
                with ExitStack() as stack:
                    connect, proxies = await asyncio.to_thread(stack.enter_context, delayed(world.connect, rtt / 1000))
                    for mode in modes:
                        load = os.getloadavg()[0]
                        print(
                            f"{rtt:g} ms, mode {mode}, {domains} domains, {hosts} mail hosts (load {load:.1f}):",
                            flush=True,
                        )
                        together = await asyncio.to_thread(audit, world, customers, connect, proxies, mode)
                        show("one run", together, domains)
                        alone = [
                            await asyncio.to_thread(audit, world, [each], connect, proxies, mode)
                            for each in customers[:sample]
                        ]
                        one = statistics.median(cost.seconds for cost in alone)
                        each_total = statistics.median(cost.total for cost in alone)
                        seconds, total = one * domains, each_total * domains
                        print(
                            f"  alone, median of {sample}: {one:.1f} s, {each_total:g} connections\n"
                            f"  {domains} one after the other (extrapolated): {seconds:.0f} s, {total:g} connections\n"
                            f"  one run: {seconds / together.seconds:.1f} times as fast, "
                            f"{together.total / total:.1%} of the connections",
                            flush=True,
                        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domains", type=int, default=50)
    parser.add_argument("--hosts", type=int, default=5)
    parser.add_argument("--rtt", type=float, nargs="+", default=[0, 30])
    parser.add_argument("--mode", nargs="+", choices=("verdict", "full"), default=["verdict", "full"])
    parser.add_argument("--sample", type=int, default=5)
    given = parser.parse_args()
    asyncio.run(main(given.domains, given.hosts, given.rtt, given.mode, given.sample))
