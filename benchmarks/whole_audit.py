"""What the audit of a provider without a flaw costs at real servers, beside the peers needed for the same questions.

PYTHONPATH=tests python benchmarks/whole_audit.py [--rtt MS ...] [--rounds N ...] [--testssl]

Two MX hosts, seven services of mail clients, webmail, Autoconfig, Autodiscover, MTA-STS and TLSRPT below a signed
private root: tests/interop/provider_world.py. The benchmark runs in a network of its own (whole_audit_network.py), in
which every server, name servers and resolver too, is a round-trip time away. Needs root, what the interop tests need,
and the peers of benchmarks/tls/peers.sh; README.md says more.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tls"))

import pytest
from whole_audit_network import DNS, GLUE, RESOLVER, Counting, Tally, arrange, far_away, isolate
from whole_audit_peers import CHECKDMARC, MORE, PLACES, SSLYZE, Step, Used, measured, steps, testssl
from whole_audit_questions import lines

import tr03108
from interop.programs import server_folder
from interop.provider_world import DOMAIN, HOST_PORTS, HOSTS, Provider, running_provider

MODES = ("verdict", "full")
OURS, SUM = "ours, {}", "sum of the peers"
HTTP = 80
COLUMNS = ("runs", "connections", "wall s", "(from - to)", "cpu s", "to the resolver", "to name servers")


@dataclass
class Cost:
    """What one program took in one round, over all its runs."""

    runs: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    tally: Tally = field(default_factory=Counter)

    def add(self, used: Used, tally: Tally) -> None:
        self.runs += 1
        self.wall += used.wall
        self.cpu += used.cpu
        self.tally += tally

    def plus(self, other: Cost) -> Cost:
        both = (self.runs + other.runs, self.wall + other.wall, self.cpu + other.cpu)
        return Cost(*both, self.tally + other.tally)

    @property
    def by_port(self) -> Counter[int]:
        """Connections to all but name servers and resolver."""
        counted: Counter[int] = Counter()
        for (_, port), number in self.tally.items():
            if port != DNS:
                counted[port] += number
        return counted

    def questions(self, resolver: bool) -> int:
        return sum(n for (at, port), n in self.tally.items() if port == DNS and (at == RESOLVER) is resolver)


Costs = dict[str, Cost]


@contextmanager
def provider(folder: Path, rtt: float) -> Iterator[tuple[Provider, Counting]]:
    """New servers with empty caches, as far away as that."""
    folder.mkdir(mode=0o755)
    with running_provider(folder, glue=GLUE) as running:
        address, port = running.resolver.split(":")
        routes = {(RESOLVER, DNS): (address, int(port))}
        routes |= {(seen, DNS): (own, DNS) for seen, own in zip(GLUE, running.name_servers, strict=True)}
        for host, ports in HOST_PORTS.items():
            routes |= {(running.public[host], port): (running.addresses[host], port) for port in ports}
        with far_away(routes, rtt) as counting:
            yield running, counting


def audit(running: Provider, mode: str, folder: Path) -> Step:
    """Our command, with nothing redirected: documentation's addresses are what `--allow-private` is for here."""
    command: list[str | Path] = [sys.executable, "-m", "tr03108", "audit", DOMAIN, "--profile", "tr-03108-2.0"]
    command += ["--mode", mode, "--allow-private", "--resolver", RESOLVER, "--trust-anchor", running.trust_anchor]
    command += ["--ca-file", running.ca_file, "--service", f"webmail={running.webmail}"]
    command += ["--html", folder / "audit.html", "--json", folder / "audit.json"]
    environment = {"PYTHONPATH": str(Path(tr03108.__file__).parents[1])}
    return Step(OURS.format(mode), command, ["No deviation found"], environment=environment)


def verdicts(file: Path) -> str:
    """How the audit ended."""
    (target,) = json.loads(file.read_text())["targets"]
    counted = Counter(finding["verdict"] for finding in target["findings"])
    passed = sum(case["verdict"] == "pass" for case in target["cases"])
    told = ", ".join(f"{number} {verdict}" for verdict, number in counted.most_common())
    return f"{target['verdict']}; {passed} cases pass; findings: {told}"


def one_round(folder: Path, rtt: float, number: int) -> tuple[Costs, list[str]]:
    """Each mode of ours and the peers together, at servers of their own, so that no cache is warm for anybody."""
    costs: Costs = {}
    ends = []
    for mode in MODES if number % 2 == 0 else reversed(MODES):
        with provider(folder / f"{rtt}-{number}-{mode}", rtt) as (running, counting):
            step = audit(running, mode, running.ca_file.parent)
            used = measured(step)
            costs[step.peer] = Cost()
            costs[step.peer].add(used, counting.tally())
            ends.append(f"{step.peer}: exit 0, {verdicts(running.ca_file.parent / 'audit.json')}")
    with provider(folder / f"{rtt}-{number}-peers", rtt) as (running, counting):
        for step in steps(running, running.ca_file.parent):
            used = measured(step)
            costs.setdefault(step.peer, Cost()).add(used, counting.tally())
    total = Cost()
    for name, cost in costs.items():
        if name not in (MORE, *map(OURS.format, MODES)):
            total = total.plus(cost)
    costs[SUM] = total
    return costs, ends


def row(name: str, rounds: Sequence[Cost]) -> str:
    walls = [cost.wall for cost in rounds]
    numbers = sorted({sum(cost.by_port.values()) for cost in rounds})
    cells = (
        str(rounds[-1].runs),
        str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}",
        f"{statistics.median(walls):.2f}",
        f"{min(walls):.2f} - {max(walls):.2f}",
        f"{statistics.median(cost.cpu for cost in rounds):.2f}",
        *(f"{statistics.median(cost.questions(resolver) for cost in rounds):g}" for resolver in (True, False)),
    )
    return f"| {name} | {' | '.join(cells)} |"


def show(rtt: float, rounds: Sequence[Costs]) -> None:
    print(f"\nRTT {rtt:g} ms, medians of {len(rounds)}, {load()}\n")
    print(f"| | {' | '.join(COLUMNS)} |\n|{' --- |' * (len(COLUMNS) + 1)}")
    names = [OURS.format(mode) for mode in MODES]
    names += [SUM, *(name for name in rounds[-1] if name not in names and name != SUM)]
    of = {name: [costs[name] for costs in rounds] for name in names}
    for name in names:
        print(row(name, of[name]))
    print()
    for name in names[:3]:
        ports = ", ".join(f"{port} {number}" for port, number in sorted(of[name][-1].by_port.items()))
        print(f"{name}, connections by port: {ports}")
    for mode in MODES:
        ours = of[OURS.format(mode)]
        ratios = []
        for what, value in (("wall", lambda cost: cost.wall), ("cpu", lambda cost: cost.cpu)):
            ratio = statistics.median(map(value, of[SUM])) / statistics.median(map(value, ours))
            ratios.append(f"{ratio:.1f} times the {what} time")
        connections = [statistics.median(sum(cost.by_port.values()) for cost in each) for each in (of[SUM], ours)]
        ratios.append(f"{connections[0] / connections[1]:.1f} times the connections")
        print(f"the sum of the peers takes {', '.join(ratios)} of ours, {mode}", flush=True)


def alternative(folder: Path, rtt: float) -> None:
    """testssl.sh at one service with STARTTLS and one without."""
    print(f"\ntestssl.sh, RTT {rtt * 1000:g} ms, instead of sslyze, at some of the services; not in the sum")
    with provider(folder / f"{rtt}-testssl", rtt) as (running, counting):
        for step in testssl((PLACES[0], PLACES[3]), running.ca_file):
            used = measured(step)
            cost = Cost()
            cost.add(used, counting.tally())
            ports = sum(cost.by_port.values())
            print(f"{step.command[-1]}: {used.wall:.1f} s, cpu {used.cpu:.1f} s, {ports} connections", flush=True)


def load() -> str:
    return f"load {' '.join(f'{each:.1f}' for each in os.getloadavg())}"


def main(rtts: Sequence[float], rounds: Sequence[int], with_testssl: bool) -> None:
    isolate()
    with server_folder() as folder:
        arrange([*GLUE, RESOLVER, *(f"192.0.2.{number}" for number in range(1, len(HOSTS) + 1))], folder)
        print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {load()}", flush=True)
        present: set[str] = set()
        for index, rtt in enumerate(rtts):
            wanted = rounds[min(index, len(rounds) - 1)]
            measured_rounds = [one_round(folder, rtt / 1000, number) for number in range(wanted)]
            costs = [each for each, _ in measured_rounds]
            present |= set(costs[-1])
            show(rtt, costs)
            print("\n".join(sorted(measured_rounds[-1][1])), flush=True)
            if with_testssl:
                alternative(folder, rtt / 1000)
        for name in {SSLYZE, CHECKDMARC} - present:
            print(f"\n{name} is not here, and its questions are nobody's: README.md")
        print("\n" + "\n".join(lines(present)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rtt", type=float, nargs="+", default=[0, 30])
    parser.add_argument("--rounds", type=int, nargs="+", default=[3, 1], help="one number for each round-trip time")
    parser.add_argument("--testssl", action="store_true", help="testssl.sh at two services, too: minutes")
    given = parser.parse_args()
    try:
        main(given.rtt, given.rounds, given.testssl)
    except pytest.skip.Exception as missing:
        raise SystemExit(f"no server to measure against: {missing.msg}") from None
