"""NSD at port 53 of loopback addresses, and Unbound as the validating resolver in front of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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


def unbound(root: ZoneFile, trust_anchor: Path, folder: Path) -> tuple[Daemon, int]:
    """Unbound with the private root as root hints and trust anchor, and its port at 127.0.0.1."""
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
                "",
            ]
        )
    )
    daemon = Daemon("unbound", "-d", "-p", "-c", configuration, ports=[("127.0.0.1", port)], log=folder / "unbound.log")
    return daemon, port
