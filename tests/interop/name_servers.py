"""NSD, Knot and BIND at port 53 of loopback addresses, and Unbound as the validating resolver in front of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from interop.jails import Jail
from interop.programs import Daemon, free_port, loopback_addresses
from interop.zones import ZoneFile


def name_server_addresses(count: int) -> list[str]:
    """Addresses for name servers: a delegation names no port, so it has to be 53."""
    return loopback_addresses(count, (53,))


def nsd(address: str, zones: Sequence[ZoneFile], folder: Path) -> Daemon:
    """One NSD that serves these zones at port 53 of one address."""
    folder.mkdir()
    parts = [
        "server:",
        f"  ip-address: {address}@53",
        "  server-count: 1",
        '  username: ""',
        '  chroot: ""',
        '  database: ""',
        f'  zonesdir: "{folder}"',
        f'  pidfile: "{folder}/nsd.pid"',
        f'  xfrdfile: "{folder}/xfrd.state"',
        f'  xfrdir: "{folder}"',
        f'  zonelistfile: "{folder}/zone.list"',
        "  rrl-ratelimit: 0",
        "remote-control:",
        "  control-enable: no",
    ]
    for zone in zones:
        parts += ["zone:", f'  name: "{zone.zone.absolute}"', f'  zonefile: "{zone.path}"']
    configuration = folder / "nsd.conf"
    configuration.write_text("\n".join([*parts, ""]))
    return Daemon("nsd", "-d", "-c", configuration, ports=[(address, 53)], log=folder / "nsd.log")


def knot(address: str, zones: Sequence[ZoneFile], folder: Path) -> Daemon:
    """The same with Knot, which serves what is signed already as it is."""
    jail = Jail(folder, "knot", "/usr/sbin/knotd", {})
    lines = [
        "server:",
        "  rundir: /run",
        f"  listen: {address}@53",
        "  udp-workers: 1",
        "  tcp-workers: 1",
        "  background-workers: 1",
        "log:",
        "  - target: stderr",
        "    any: info",
        "database:",
        "  storage: /var/db",
        "zone:",
    ]
    for name, file in _copied(zones, jail):
        lines += [f"  - domain: {name}", f"    file: {file}", "    journal-content: none", "    zonefile-sync: -1"]
    jail.write("etc/knot.conf", "\n".join([*lines, ""]))
    (jail.root / "var/db").mkdir()
    log = folder.with_name(f"{folder.name}.log")
    return jail.daemon("-c", "/etc/knot.conf", port=(address, 53), log=log)


def bind(address: str, zones: Sequence[ZoneFile], folder: Path, port: int = 53) -> Daemon:
    """The same with BIND's named. It listens at addresses of the system's interfaces only, asks nobody anything, and
    takes, as it would not by itself, more than 100 records of one name and type."""
    jail = Jail(folder, "bind9", "/usr/sbin/named", {})
    lines = [
        "options {",
        '  directory "/var/run";',
        f"  listen-on port {port} {{ {address}; }};",
        "  listen-on-v6 { none; };",
        "  recursion no;",
        "  dnssec-validation no;",
        "  notify no;",
        "  pid-file none;",
        "  session-keyfile none;",
        "  max-records-per-type 0;",
        "};",
        "controls { };",
        'zone "." { type hint; file "/etc/hints"; };',  # else it knows the real ones
    ]
    jail.write("etc/hints", f". 3600 IN NS here.\nhere. 3600 IN A {address}\n")
    lines += [f'zone "{name}" {{ type primary; file "{file}"; }};' for name, file in _copied(zones, jail)]
    jail.write("etc/named.conf", "\n".join([*lines, ""]))
    log = folder.with_name(f"{folder.name}.log")
    return jail.daemon("-g", "-n", "1", "-c", "/etc/named.conf", port=(address, port), log=log)


def _copied(zones: Sequence[ZoneFile], jail: Jail) -> Iterator[tuple[str, str]]:
    """Name and file of each zone, as seen from inside."""
    for number, zone in enumerate(zones):
        jail.write(file := f"etc/{number}.zone", zone.path.read_text())
        yield zone.zone.absolute, f"/{file}"


def unbound(
    root: ZoneFile, trust_anchor: Path, folder: Path, stubs: Mapping[str, tuple[str, int]] = MappingProxyType({})
) -> tuple[Daemon, int]:
    """Unbound with the private root as root hints and trust anchor, and its port at 127.0.0.1.

    `stubs` are address and port of the name server of a zone where it is not to be had at port 53.
    """
    folder.mkdir()
    port = free_port()
    hints = folder / "root.hints"
    hints.write_text(f". 3600000 IN NS {root.zone.server}\n{root.zone.server} 3600000 IN A {root.zone.address}\n")
    configuration = folder / "unbound.conf"
    configuration.write_text(
        "\n".join(
            [
                "server:",
                f"  interface: 127.0.0.1@{port}",
                "  access-control: 127.0.0.0/8 allow",
                "  do-not-query-localhost: no",
                "  do-ip6: no",
                "  do-daemonize: no",
                '  username: ""',
                '  chroot: ""',
                f'  directory: "{folder}"',
                f'  pidfile: "{folder}/unbound.pid"',
                f'  root-hints: "{hints}"',
                f'  trust-anchor-file: "{trust_anchor}"',
                "  use-syslog: no",
                '  logfile: ""',
                "  val-log-level: 2",
                "  num-threads: 1",
                "  qname-minimisation: yes",
                '  module-config: "validator iterator"',
                "remote-control:",
                "  control-enable: no",
                *(
                    f'stub-zone:\n  name: "{name}"\n  stub-addr: {address}@{stub}'
                    for name, (address, stub) in stubs.items()
                ),
                "",
            ]
        )
    )
    daemon = Daemon("unbound", "-d", "-p", "-c", configuration, ports=[("127.0.0.1", port)], log=folder / "unbound.log")
    return daemon, port
