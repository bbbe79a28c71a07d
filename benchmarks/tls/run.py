"""What it takes to see what a TLS server accepts: ours, sslyze and testssl.sh against the same server.

PYTHONPATH=tests python benchmarks/tls/run.py [--server NAME] [--configuration NAME] [--rounds N] [--rtt MS ...]

Needs root (Postfix), and the peers of benchmarks/tls/peers.sh; a tool that is not here has no row. The tools take
turns, each round in the opposite order; one of them runs twice in every round, which shows what chance does.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from delaying_proxy import DelayingProxy, Tally, delaying_proxy
from peers import Failed, Found, Run, Target, Tool, tools

from interop.certificates import Certificate
from interop.mail_servers import Listener, postfix
from interop.programs import free_port
from interop.tls_expected import RSA
from interop.tls_keys import HOST, key_pair
from interop.tls_servers import DIRECT, FAMILIES, STARTTLS_SMTP, Server, running
from interop.tls_settings import CONFIGURATIONS

POSTFIX_RSA = ("postfix", "rsa")
AGAIN = " (again)"
OURS = "ours, full"  # what the others are compared with, where it is there
AT_ONCE = 4  # connections at the same time, for each tool
QUICK = ["ours", "sslyze", "testssl.sh, lists"]  # all of testssl.sh takes minutes a run
SHOWN = 5  # of what a tool did not find
COLUMNS = ("connections", "at once", "wall s", "(from - to)", "scan s", "cpu s", "versions", "suites", "groups")


@dataclass
class Row:
    """All runs of one tool at one round-trip time."""

    tool: Tool
    runs: list[Run] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)

    def wall(self) -> float:
        return statistics.median(run.wall for run in self.runs)

    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)

    def found(self) -> Found:
        return self.runs[-1].found

    def cells(self) -> tuple[str, ...]:
        counts = sorted({tally.connections for tally in self.tallies})
        walls = [run.wall for run in self.runs]
        scans = [run.scan for run in self.runs if run.scan is not None]
        found = self.found()
        return (
            str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}",
            str(max(tally.most_at_once for tally in self.tallies)),
            f"{self.wall():.2f}",
            f"{min(walls):.2f} - {max(walls):.2f}",
            f"{statistics.median(scans):.2f}" if scans else "",
            f"{self.cpu():.2f}",
            str(len(found.suites)),
            str(sum(map(len, found.suites.values()))),
            str(len(found.groups)),
        )


@contextmanager
def served(server: str, configuration: str) -> Iterator[Server]:
    """One of the servers of the interop tests, or Postfix of default settings with an RSA certificate alone."""
    folder = Path(tempfile.mkdtemp(prefix="tr03108-benchmark-"))
    folder.chmod(0o755)  # servers enter it as users of their own
    try:
        if (server, configuration) == POSTFIX_RSA:
            pair, chain, port = key_pair(folder, RSA), folder / "chain.pem", free_port()
            chain.write_text(pair.key.read_text() + pair.certificate.read_text())
            with postfix([Listener(HOST, port, "may", Certificate(chain, ""))], folder / "server") as daemon:
                yield Server("127.0.0.1", port, STARTTLS_SMTP, AT_ONCE, daemon.log)
        else:
            with running(server, configuration) as here:
                yield here
    except pytest.skip.Exception as missing:
        raise SystemExit(f"no server to measure against: {missing.msg}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lateness(proxy: DelayingProxy) -> str:
    """What an SMTP client sees through the proxy: medians from connect to banner, and for one command's answer."""
    banners, answers = [], []
    for _ in range(20):
        started = time.perf_counter()
        with socket.create_connection(("127.0.0.1", proxy.port), 10) as stream:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream.recv(4096)
            greeted = time.perf_counter()
            stream.sendall(b"EHLO benchmark.test\r\n")
            stream.recv(4096)
            answers.append(time.perf_counter() - greeted)
            banners.append(greeted - started)
    banner, answer = (statistics.median(each) * 1000 for each in (banners, answers))
    return f"banner after {banner:.1f} ms, an answer after {answer:.1f} ms"


def one_round(proxy: DelayingProxy, target: Target, rows: list[Row]) -> None:
    """One run of each tool; the row of one that does not come to an end is taken out, and why is printed."""
    for row in list(rows):
        proxy.tally()
        try:
            row.runs.append(row.tool.run(target))
        except Failed as why:
            print(f"no row for {row.tool.name}: {why}", flush=True)
            rows.remove(row)
        else:
            row.tallies.append(proxy.tally())


def measure(server: str, configuration: str, wanted: Sequence[Tool], rounds: int, rtt: float) -> list[Row]:
    """The rows of all tools that came to an end, one of them twice. Each round has a server of its own."""
    rows = [Row(tool) for tool in wanted]
    for number in range(rounds):
        with served(server, configuration) as behind, delaying_proxy(behind.port, rtt / 1000) as proxy:
            direct = behind.kind == DIRECT
            target = Target(proxy.port, direct, min(AT_ONCE, behind.max_connections))
            if number == 0:
                print(f"\nRTT {rtt:g} ms{'' if direct else f' ({lateness(proxy)})'}", flush=True)
            one_round(proxy, target, rows)
            if number == 0 and rows:  # now it is known which tools work
                again = (compared(rows) or rows[0]).tool
                second = [Row(replace(again, name=again.name + AGAIN))]
                one_round(proxy, target, second)
                rows += second
            rows.reverse()
    return rows[::-1] if rounds % 2 else rows


def compared(rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if row.tool.name == OURS), None)


def table(rows: Sequence[Row]) -> None:
    base = compared(rows)
    columns = [*COLUMNS, f"wall : {OURS}", f"cpu : {OURS}"] if base else COLUMNS
    print(f"| {'tool':<26} | {' | '.join(columns)} |")
    print(f"| {'-' * 26} | {' | '.join('-' * len(column) for column in columns)} |")
    for row in rows:
        cells = [*row.cells()]
        if base:
            cells += [f"{row.wall() / base.wall():.2f}", f"{row.cpu() / base.cpu():.2f}"]
        aligned = (f"{cell:>{len(column)}}" for cell, column in zip(cells, columns, strict=True))
        print(f"| {row.tool.name:<26} | {' | '.join(aligned)} |")


def differences(rows: Sequence[Row]) -> None:
    """What each tool did not find that another did, and where a tool did not agree with itself."""
    everything = frozenset[str]().union(*(each.found.items() for row in rows for each in row.runs))
    for row in rows:
        if len({each.found.items() for each in row.runs}) > 1:
            print(f"{row.tool.name}: not the same in all rounds")
        missing = sorted(everything - row.found().items())
        first = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
        print(f"{row.tool.name} did not find {len(missing)} of {len(everything)}: {first or '-'}")
        for failure in row.found().failures:
            print(f"{row.tool.name} could not see: {failure}")


def lists(rows: Sequence[Row]) -> None:
    for row in (row for row in rows if not row.tool.name.endswith(AGAIN)):
        print(f"{row.tool.name}: groups {', '.join(sorted(row.found().groups)) or '-'}")
        for version, suites in sorted(row.found().suites.items()):
            print(f"{row.tool.name}: {version} ({len(suites)}): {', '.join(sorted(suites)) or '-'}")


def main(
    server: str, configuration: str, rounds: int, rtts: Sequence[float], only: Sequence[str], with_lists: bool
) -> None:
    here = list(tools())
    for absent in (each for each in here if isinstance(each, str)):
        print(absent)
    wanted = [each for each in here if isinstance(each, Tool) and any(part in each.name for part in only)]
    if not wanted:
        raise SystemExit("no tool to measure")
    versions = sorted({f"{each.name.partition(',')[0]} {each.version}" for each in wanted if each.version})
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.split()[1]
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load before: {load}")
    print(", ".join([f"{server} in configuration {configuration}", f"OpenSSL {openssl}", *versions]))
    print(f"medians of {rounds} rounds; cpu: of the tool's processes, not of proxy and server")
    for rtt in rtts:
        rows = measure(server, configuration, wanted, rounds, rtt)
        if rows:
            table(rows)
            differences(rows)
            if with_lists:
                lists(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="postfix", choices=tuple(FAMILIES))
    parser.add_argument("--configuration", default="rsa", choices=(*CONFIGURATIONS, "rsa"), help="rsa: Postfix only")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rtt", type=float, nargs="+", default=[0, 30], metavar="MS")
    parser.add_argument("--only", nargs="+", default=QUICK, metavar="PART", help="parts of tools' names")
    parser.add_argument("--lists", action="store_true", help="print everything that each tool found")
    options = parser.parse_args()
    if options.configuration == POSTFIX_RSA[1] and options.server != POSTFIX_RSA[0]:
        parser.error(f"{options.server} has no configuration {options.configuration}")
    main(options.server, options.configuration, options.rounds, options.rtt, options.only, options.lists)
