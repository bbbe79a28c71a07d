"""How many distinct signed zones a second this product validates on one core, and Unbound beside it.

python benchmarks/dnssec_zones.py [--zones N] [--rounds N]

One zone is six answers: DS, DNSKEY, MX, A, the denial of AAAA, and TLSA. Root and top-level domain are validated before
the clock starts. "offline" reads stored messages; "UDP" asks the lab's name server in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import multiprocessing
import os
import platform
import shutil
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

from unbound_server import Unbound, ask_all

from tr03108.evaluate.dnssec import Validator
from tr03108.evaluate.lookup import NotAsked
from tr03108.lab.nameserver import NameServer
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec
from tr03108.model import DnsMessage, Observation, ProbePlan
from tr03108.probe.net import Network
from tr03108.probe.resolver import Resolver
from tr03108.probe.store import observed
from tr03108.wire.dns_message import Message, read_message

ALGORITHMS = {"P-256": "ECDSAP256SHA256", "Ed25519": "ED25519", "RSA-2048": "RSASHA256"}
DENIALS = ("nsec", "nsec3")
TLD = "test"
IN_FLIGHT = 50  # zones at the same time over UDP
RECORDS = ("@ MX 10 mx", "mx A 192.0.2.1", f"_25._tcp.mx TLSA 3 1 1 {'ab' * 32}")
QUESTIONS = (("", "MX"), ("mx.", "A"), ("mx.", "AAAA"), ("_25._tcp.mx.", "TLSA"))
ABOVE = ((".", "DNSKEY"), (TLD, "DNSKEY"))

Question = tuple[str, str]
Parse = Callable[[bytes], Message]
Observed = dict[Question, Observation[DnsMessage]]


@dataclass(frozen=True)
class Kind:
    """Zones of one algorithm and one kind of denial."""

    label: str
    algorithm: str
    denial: str
    zones: tuple[str, ...]


@dataclass(frozen=True)
class Speed:
    """Zones a second: of processor time, and by the clock on the wall."""

    cpu: float
    wall: float


def kinds(zones: int) -> tuple[Kind, ...]:
    return tuple(
        Kind(f"{label} {denial.upper()}", algorithm, denial, tuple(f"{i}{denial}{n}.{TLD}" for n in range(zones)))
        for i, ((label, algorithm), denial) in enumerate(itertools.product(ALGORITHMS.items(), DENIALS))
    )


def questions(zone: str) -> Iterator[Question]:
    return ((f"{prefix}{zone}", rdtype) for prefix, rdtype in QUESTIONS)


# ------------------------------------------------------------------------------------------------- the name server


def serve(kind: Kind, pipe: Connection) -> None:
    """A process: says port and trust anchor, then answers until the pipe says that it is enough."""

    async def run() -> None:
        tree = Tree([ZoneSpec(z, RECORDS, kind.algorithm, kind.denial) for z in kind.zones], datetime.now(UTC))
        async with NameServer(tree) as server:
            pipe.send((server.port, tree.trust_anchor))
            await asyncio.to_thread(pipe.recv)

    asyncio.run(run())


@contextmanager
def name_server(kind: Kind) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Port and trust anchors of a name server for these zones."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(kind, there))
    process.start()
    there.close()
    try:
        port, anchor = here.recv()
        yield port, tuple(anchor.splitlines())
    finally:
        here.send("enough")
        process.join()


# ------------------------------------------------------------------------------------------------ what is measured


def prepared(seen: Observed, anchors: tuple[str, ...], parse: Parse = read_message) -> Validator:
    """A validator to which root and top-level domain are known."""
    validator = Validator(lambda name, rdtype: seen.get((name, rdtype)), anchors, parse)
    for question in ABOVE:
        if not validator.lookup(*question).secure:
            raise SystemExit(f"{question} is not secure")
    return validator


def validate(validator: Validator, zones: Sequence[str]) -> None:
    for zone in zones:
        for question in questions(zone):
            lookup = validator.lookup(*question)
            if not lookup.secure or lookup.exists == (question[1] == "AAAA"):
                raise SystemExit(f"{question} is {lookup.status}, {lookup.kind}: {lookup.detail}")


def offline(seen: Observed, anchors: tuple[str, ...], zones: Sequence[str]) -> Speed:
    validator = prepared(seen, anchors)
    with stopwatch() as spent:
        validate(validator, zones)
    return spent(len(zones))


async def over_udp(seen: Observed, anchors: tuple[str, ...], zones: Sequence[str], port: int) -> Speed:
    """Asks and validates as the probe does; `seen` is filled."""
    async with Network(ProbePlan(resolvers=(f"127.0.0.1:{port}",))) as network:
        resolver = Resolver(network)

        async def until_done(work: Callable[[], object]) -> None:
            while True:
                try:
                    work()
                    return
                except NotAsked as wanted:
                    key = (wanted.name, wanted.rdtype)
                    seen[key] = observed(f"dns/{wanted.name}/{wanted.rdtype}", await resolver.ask(*key))

        await until_done(lambda: prepared(seen, anchors))
        validator = prepared(seen, anchors, network.read_message)
        with stopwatch() as spent:
            await at_once(zones, lambda zone: until_done(lambda: validate(validator, (zone,))))
        return spent(len(zones))


async def at_once(zones: Sequence[str], work: Callable[[str], Awaitable[None]]) -> None:
    waiting = iter(zones)

    async def worker() -> None:
        for zone in waiting:
            await work(zone)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


async def unbound(anchors: tuple[str, ...], zones: Sequence[str], port: int) -> Speed:
    """A new Unbound, which knows root and top-level domain alone."""
    with tempfile.TemporaryDirectory() as folder:
        async with Unbound(Path(folder), anchors, port) as server:
            await ask_all(server.port, ABOVE, 1)
            before, started = server.cpu_seconds(), time.perf_counter()
            await ask_all(server.port, [question for zone in zones for question in questions(zone)], IN_FLIGHT)
            wall, cpu = time.perf_counter() - started, server.cpu_seconds() - before
    return Speed(len(zones) / cpu, len(zones) / wall)


def memory(seen: Observed, anchors: tuple[str, ...], zones: Sequence[str]) -> float:
    """KiB that a validator holds for each zone, without the messages as received."""
    validator = prepared(seen, anchors)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    validate(validator, zones)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(zones) / 1024


@contextmanager
def stopwatch() -> Iterator[Callable[[int], Speed]]:
    gc.collect()
    started, busy = time.perf_counter(), time.process_time()
    yield lambda number: Speed(number / (time.process_time() - busy), number / (time.perf_counter() - started))


# ------------------------------------------------------------------------------------------------------- the table


def median(speeds: Sequence[Speed]) -> Speed:
    return Speed(statistics.median(s.cpu for s in speeds), statistics.median(s.wall for s in speeds))


def measure(kind: Kind, rounds: int, with_unbound: bool) -> None:
    with name_server(kind) as (port, anchors):
        seen: Observed = {}
        asyncio.run(over_udp(seen, anchors, kind.zones, port))  # fills `seen`, and the server's cache of answers
        stored: list[Speed] = []
        asked: list[Speed] = []
        peer: list[Speed] = []
        for _ in range(rounds):
            stored.append(offline(seen, anchors, kind.zones))
            asked.append(asyncio.run(over_udp({}, anchors, kind.zones, port)))
            if with_unbound:
                peer.append(asyncio.run(unbound(anchors, kind.zones, port)))
    ours, udp = median(stored), median(asked)
    line = f"{kind.label:<15} {ours.cpu:8.0f} {udp.cpu:8.0f} {udp.wall:8.0f}"
    if peer:
        theirs = median(peer)
        line += f" {theirs.cpu:9.0f} {theirs.wall:8.0f} {udp.cpu / theirs.cpu:9.2f} {udp.wall / theirs.wall:9.2f}"
    else:
        line += f" {'-':>9} {'-':>8} {'-':>9} {'-':>9}"
    print(f"{line} {memory(seen, anchors, kind.zones):9.1f}", flush=True)


def main(zones: int, rounds: int, only: str) -> None:
    program = shutil.which("unbound", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load before: {load}")
    print(f"zones a second, medians of {rounds} rounds of {zones} zones; cpu: of processor time, wall: of the clock")
    if program is None:
        print("unbound is not installed: its columns stay empty")
    print(f"{'':<15}  offline      UDP      UDP   Unbound  Unbound       UDP : Unbound     KiB a")
    print(f"{'':<15}      cpu      cpu     wall       cpu     wall       cpu      wall      zone")
    for kind in kinds(zones):
        if only in kind.label:
            measure(kind, rounds, program is not None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zones", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of a row's label, such as NSEC3 or P-256")
    options = parser.parse_args()
    main(options.zones, options.rounds, options.only)
