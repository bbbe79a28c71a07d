"""Zones signed by BIND's tools: written, signed bottom up, each one's DS handed to its parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from interop.programs import run


@dataclass(frozen=True)
class Zone:
    """A zone to be: records in zone-file lines, relative to `origin`.

    `algorithm` None leaves it unsigned; `validity` are dnssec-signzone's start and end of all signatures; `denial` is
    "nsec" or "nsec3".
    """

    origin: str  # "." or without trailing dot
    address: str  # where its name server listens
    records: Sequence[str]
    algorithm: str | None = "ECDSAP256SHA256"
    denial: str = "nsec"
    validity: tuple[str, str] = ("now-3600", "now+2592000")

    @property
    def absolute(self) -> str:
        return "." if self.origin == "." else f"{self.origin}."

    @property
    def server(self) -> str:
        return "ns.root-servers.example." if self.origin == "." else f"ns.{self.absolute}"


@dataclass(frozen=True)
class ZoneFile:
    """A zone ready to be served, and the DS records that its parent has to publish."""

    zone: Zone
    path: Path
    ds: tuple[str, ...]


def write_zone(zone: Zone, children: Sequence[ZoneFile], folder: Path) -> ZoneFile:
    """Write and sign one zone that delegates to `children`, whose name servers are glue."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "$TTL 300",
        f"{zone.absolute} IN SOA {zone.server} hostmaster.{zone.server} 1 3600 900 604800 300",
        f"{zone.absolute} IN NS {zone.server}",
        f"{zone.server} IN A {zone.address}",
    ]
    for child in children:
        lines += [f"{child.zone.absolute} IN NS {child.zone.server}", *child.ds]
        lines += [f"{child.zone.server} IN A {child.zone.address}"]
    name = "root" if zone.origin == "." else zone.origin
    plain = folder / f"{name}.zone"
    plain.write_text("\n".join([f"$ORIGIN {zone.absolute}", *lines, *zone.records, ""]))
    if zone.algorithm is None:
        return ZoneFile(zone, plain, ())
    bits = ("-b", "2048") if zone.algorithm.startswith("RSA") else ()
    for flags in (("-f", "KSK"), ()):
        run("dnssec-keygen", "-q", "-K", folder, "-a", zone.algorithm, *bits, *flags, zone.absolute)
    signed = folder / f"{name}.signed"
    start, end = zone.validity
    denial = ("-3", "-", "-H", "0") if zone.denial == "nsec3" else ()
    times = ("-s", start, "-e", end)
    output = ("-f", signed, "-d", folder, "-K", folder)
    run("dnssec-signzone", "-q", "-S", "-P", *times, *denial, *output, "-o", zone.absolute, plain, folder=folder)
    ds = (folder / f"dsset-{zone.absolute}").read_text().splitlines()
    return ZoneFile(zone, signed, tuple(line for line in ds if line.strip()))


def write_tree(root: Zone, top: Zone, domains: Sequence[Zone], folder: Path) -> list[ZoneFile]:
    """Root, top level and domains, each in a folder of its own, root first."""
    leaves = [write_zone(zone, (), folder / zone.origin) for zone in domains]
    middle = write_zone(top, leaves, folder / top.origin)
    return [write_zone(root, [middle], folder / "root"), middle, *leaves]
