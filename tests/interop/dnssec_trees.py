"""Random signed name spaces with questions, one a seed: what the validators of test_dnssec_differential are asked.

A case is a pure function of its seed and owns the top-level domain `t<seed>`, so that many cases live side by side
below one root and behind one resolver, and any of them can be made again alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from interop.dnssec_keys import KEY_PLANS, PLAIN_KEYS, KeyPlan
from tr03108.lab.faults import SIGNATURE_FAULTS, Fault, FaultKind
from tr03108.lab.zone import ZoneSpec

# Silence is left out: every resolver waits for many seconds, and then shuns the one address that all zones share.
FAULTS = tuple(kind for kind in FaultKind if kind is not FaultKind.TIMEOUT)
# Faults of the delegation or of all keys are those of the lab's own KSK, so they do not go with other sets of keys.
KEY_FAULTS = frozenset({FaultKind.DS_MISMATCH, FaultKind.ALGORITHM_UNKNOWN})
QUESTIONS = 12  # for each case

ADDRESS = "192.0.2.1"
TLSA = "3 1 1 " + "ab" * 32
NAMES = (
    "@", "@", "mx", "mx", "_25._tcp.mx", "_tcp.mx", "txt", "name", "empty.name", "deep.empty.name", "missing",
    "a.b.missing", "below.mx", "below.empty.name", "one.wild", "two.one.wild", "*.wild", "x.*.wild", "wild",
    "near.wild", "below.near.wild", "one.under.void", "two.one.under.void", "under.void", "void", "one.aliases",
    "two.one.aliases", "alias", "alias", "hop", "hop", "away", "away", "below.alias", "tree", "mx.tree", "mx.tree",
    "missing.tree", "one.wild.tree", "alias.tree", "lost", "below.alone", "alone", r"a\.b", r"\000", r"\000.mx", "zzz",
)  # fmt: skip
TYPES = ("A", "A", "AAAA", "MX", "TXT", "TLSA", "DS", "DS", "CNAME", "NS", "SOA", "DNSKEY", "DNAME", "SRV")


@dataclass(frozen=True, slots=True)
class Question:
    """A name (no trailing dot) and a type."""

    name: str
    rdtype: str

    def __str__(self) -> str:
        return f"{self.name} {self.rdtype}"


@dataclass(frozen=True, slots=True)
class Case:
    """One tree: zones from the top down, the keys of each by origin, and what to ask."""

    seed: int
    zones: tuple[ZoneSpec, ...]
    keys: tuple[tuple[str, KeyPlan], ...]
    questions: tuple[Question, ...]

    def describe(self) -> str:
        """The case in words, for the report of a disagreement."""
        plans = dict(self.keys)
        lines = [f"seed {self.seed}"]
        for zone in self.zones:
            salted = f" {zone.nsec3_iterations}/{zone.nsec3_salt or '-'}" if "nsec3" in zone.denial else ""
            lines.append(f"  {zone.origin}: {zone.algorithm} {zone.denial}{salted}, keys {plans[zone.origin].title}")
            lines += [f"    {record}" for record in zone.records]
            lines += [f"    FAULT {fault.kind} at {fault.name} {fault.rdtype}" for fault in zone.faults]
        return "\n".join(lines)


def generate(seed: int) -> Case:
    """The case of a seed."""
    rng = Random(seed)
    origins = _origins(rng, f"t{seed}")
    zones = [_zone(rng, origin, origins) for origin in origins]
    plans = [rng.choice(KEY_PLANS) if zone.denial != "none" and rng.random() < 0.35 else PLAIN_KEYS for zone in zones]
    plans[0] = PLAIN_KEYS if plans[0].ds == () and rng.random() < 0.8 else plans[0]
    asked: list[Question] = []
    if rng.random() < 0.6:
        place = rng.randrange(len(zones))
        zones[place], asked = _with_fault(rng, zones[place])
        if zones[place].faults[0].kind in KEY_FAULTS:
            plans[place] = PLAIN_KEYS
    while len(asked) < QUESTIONS:
        question = _question(rng, rng.choice(zones))
        if question not in asked:
            asked.append(question)
    return Case(seed, tuple(zones), tuple(zip(origins, plans, strict=True)), tuple(asked))


def _origins(rng: Random, top: str) -> list[str]:
    """Two to six zones, most of them in a line, some below an empty non-terminal."""
    origins = [top]
    for number in range(1, rng.randint(2, 6)):
        parent = origins[-1] if rng.random() < 0.6 else rng.choice(origins)
        label = f"z{number}" if rng.random() < 0.75 else f"z{number}.e{number}"
        if parent.count(".") < 6:
            origins.append(f"{label}.{parent}")
    return origins


def _zone(rng: Random, origin: str, origins: Sequence[str]) -> ZoneSpec:
    top = "." not in origin
    algorithm = rng.choices(("ECDSAP256SHA256", "ED25519", "RSASHA256"), (6, 3, 1))[0]
    # A top that is unsigned makes everything below it an island.
    denial = rng.choices(("nsec", "nsec3", "nsec3-optout", "none"), (3, 3, 2, 0.5 if top else 1.5))[0]
    iterations = rng.choices((0, 1, 5, 150, 151), (10, 3, 3, 1, 1))[0]
    salt = rng.choice(("", "", "ab", "aabbccdd00112233"))
    alone = not any(other.endswith(f".{origin}") for other in origins) and rng.random() < 0.06
    records = _apex_dname(rng, origin, origins) if alone else _records(rng, origin, origins)
    return ZoneSpec(
        origin,
        tuple(records),
        algorithm=algorithm,
        denial=denial,
        nsec3_iterations=iterations,
        nsec3_salt=salt,
        ends=timedelta(days=rng.choice((2, 14, 40))),
    )


def _apex_dname(rng: Random, origin: str, origins: Sequence[str]) -> list[str]:
    others = [other for other in origins if other != origin and not other.endswith(f".{origin}")]
    return [f"@ DNAME {rng.choice(others)}."] if others else []


def _records(rng: Random, origin: str, origins: Sequence[str]) -> list[str]:
    """Records of about every second kind, so that most names asked for sometimes exist and sometimes do not."""
    kinds = (
        ["@ MX 10 mx"],
        [f"mx A {ADDRESS}", "mx AAAA 2001:db8::1"],
        [f"_25._tcp.mx TLSA {TLSA}"],
        ["txt TXT first", "txt TXT second"],
        [f"deep.empty.name A {ADDRESS}"],
        ["*.wild TXT expanded", f"*.wild A {ADDRESS}"],
        [f"near.wild A {ADDRESS}"],
        [f"*.under.void A {ADDRESS}"],
        [f"*.aliases CNAME {_target(rng, origin, origins)}"],
        [f"alias CNAME {_target(rng, origin, [origin])}"],
        [f"hop CNAME alias.{rng.choice(origins)}."],
        [f"away CNAME {_target(rng, origin, origins)}"],
        [f"tree DNAME {_tree(rng, origin, origins)}"],
        ["lost NS dns-lab."],
        [f"below.alone MX 10 {_target(rng, origin, origins)}"],
    )
    lines = [line for kind in kinds if rng.random() < 0.6 for line in kind]
    rare = (
        ["* TXT everywhere"],
        [f"* CNAME mx.{rng.choice(origins)}."],
        [rf"a\.b A {ADDRESS}"],
        [rf"\000 A {ADDRESS}", rf"\000.mx A {ADDRESS}"],
        *([f"glue.{child} A {ADDRESS}"] for child in _children(origin, origins)),
    )
    chosen = [line for kind in rare if rng.random() < 0.1 for line in kind]
    both = sum(line.startswith("* ") for line in chosen) > 1
    return lines + [line for line in chosen if not (both and "CNAME" in line)]


def _children(origin: str, origins: Sequence[str]) -> list[str]:
    """Origins below `origin`, relative to it."""
    return [other.removesuffix(f".{origin}") for other in origins if other.endswith(f".{origin}")]


def _target(rng: Random, origin: str, origins: Sequence[str]) -> str:
    """Where an alias leads: often to data, sometimes to nothing, to a wildcard's expansion or to another alias."""
    host = rng.choices(
        ("mx", "txt", "missing", "one.wild", "name", "@", "hop", "mx.tree", "MX"), (6, 2, 2, 2, 1, 1, 1, 1, 1)
    )[0]
    zone = rng.choice(origins)
    return f"{zone}." if host == "@" else f"{host}.{zone}."


def _tree(rng: Random, origin: str, origins: Sequence[str]) -> str:
    zone = rng.choice(origins)
    return rng.choice((f"{zone}.", f"wild.{zone}.", f"name.{zone}."))


def _question(rng: Random, zone: ZoneSpec) -> Question:
    if rng.random() < 0.5 and zone.records:
        name, rdtype = rng.choice(zone.records).split()[:2]
        rdtype = rdtype if rng.random() < 0.6 else rng.choice(TYPES)
    else:
        name, rdtype = rng.choice(NAMES), rng.choice(TYPES)
    labels = zone.origin.split(".")
    if rng.random() < 0.08 and len(labels) > 2:
        return Question(".".join(labels[1:]), rdtype)  # perhaps an empty non-terminal above a delegation
    if name == "lost":
        rdtype = "DS"  # nobody serves that zone: only what its parent says of it can be known
    return Question(zone.origin if name == "@" else f"{name}.{zone.origin}", rdtype)


def _with_fault(rng: Random, zone: ZoneSpec) -> tuple[ZoneSpec, list[Question]]:
    """The zone with one fault, and a question that meets it."""
    signed = zone.denial != "none"
    kind = rng.choice(FAULTS if signed else [kind for kind in FAULTS if kind not in SIGNATURE_FAULTS | KEY_FAULTS])
    sets = sorted({(line.split()[0], line.split()[1]) for line in zone.records if not line.startswith("lost")})
    sets = [each for each in sets if not each[0].startswith("glue.")]
    somewhere = _question(rng, zone)
    if kind is FaultKind.DS_MISMATCH:
        fault = Fault(kind)
    elif kind in SIGNATURE_FAULTS:
        apex = [
            ("@", "DNSKEY"),
            ("@", "DS"),
            ("@", "SOA"),
            ("*", "NSEC3" if "nsec3" in zone.denial else "NSEC"),
            ("*", "*"),
        ]
        name, rdtype = rng.choice(apex if rng.random() < 0.4 or not sets else sets)
        fault = Fault(kind, name, rdtype)
    else:
        name, rdtype = (somewhere.name, somewhere.rdtype) if rng.random() < 0.7 or not sets else rng.choice(sets)
        fault = Fault(kind, name, rdtype)
    faulty = replace(zone, faults=(fault,))
    if fault.name in ("*", "@") or fault.rdtype in ("NSEC", "NSEC3"):
        return faulty, [somewhere]
    name = fault.name
    full = name if name == zone.origin or name.endswith(f".{zone.origin}") else f"{name}.{zone.origin}"
    return faulty, [Question(full, fault.rdtype)]
