"""A signed private root, a top level, domains with known faults, their resolver and their mail servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from interop.certificates import Authority
from interop.mail_servers import Listener, postfix
from interop.name_servers import name_server_addresses, nsd, unbound
from interop.programs import free_port
from interop.zones import Zone, write_tree

FLAWLESS = "flawless.example"
HOSTED = "hosted.example"  # its MX is the flawless domain's
MISMATCH = "mismatch.example"
EXPIRED = "expired.example"
PLAIN = "plain.example"
UNSIGNED = "unsigned.example"
DOMAINS = (FLAWLESS, HOSTED, MISMATCH, EXPIRED, PLAIN, UNSIGNED)
PAST = ("now-5184000", "now-2592000")  # signed two months ago for one month
OTHER_KEY = "00" * 32
LISTED_GROUPS = "prime256v1,secp384r1"  # TR-02102-2 lists them, and not X25519


@dataclass(frozen=True)
class World:
    """What an audit needs to be told: resolver, trust anchor, PKIX root and redirections; `logs` for the curious."""

    resolver: str
    trust_anchor: Path
    ca_file: Path
    connect: tuple[str, ...]
    ports: dict[str, int]  # of the mail server, by domain
    folder: Path


@contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """All servers, started in order and stopped in the reverse one, whatever happens between."""
    authority = Authority(folder / "pki")
    levels = {FLAWLESS: "encrypt", MISMATCH: "may", EXPIRED: "may", PLAIN: "none", UNSIGNED: "may"}
    listeners = {}
    digests = {}
    for domain, level in levels.items():
        certificate = authority.issue(f"mx1.{domain}")
        digests[domain] = certificate.spki_sha256 if domain != MISMATCH else OTHER_KEY
        groups = None if domain == UNSIGNED else LISTED_GROUPS
        shown = None if level == "none" else certificate
        listeners[domain] = Listener(f"mx1.{domain}", free_port(), level, shown, groups)

    at_root, at_top, at_domains = name_server_addresses(3)
    addresses = {domain: f"192.0.2.{number}" for number, domain in enumerate(levels, 1)}
    records = {
        domain: [
            f"@ IN MX 10 mx1.{domain}.",
            f"mx1 IN A {addresses[domain]}",
            f"_25._tcp.mx1 IN TLSA 3 1 1 {digests[domain]}",
        ]
        for domain in levels
    }
    records[FLAWLESS].append("mx1 IN AAAA 2001:db8::1")
    zones = write_tree(
        Zone(".", at_root, [], algorithm="RSASHA256"),
        Zone("example", at_top, [f"ns.root-servers IN A {at_root}"], denial="nsec3"),
        [
            Zone(FLAWLESS, at_domains, records[FLAWLESS]),
            Zone(HOSTED, at_domains, [f"@ IN MX 10 mx1.{FLAWLESS}."], denial="nsec3"),
            Zone(MISMATCH, at_domains, records[MISMATCH], algorithm="ED25519"),
            Zone(EXPIRED, at_domains, records[EXPIRED], validity=PAST),
            Zone(PLAIN, at_domains, records[PLAIN], algorithm="RSASHA256", denial="nsec3"),
            Zone(UNSIGNED, at_domains, records[UNSIGNED], algorithm=None),
        ],
        folder / "zones",
    )
    trust_anchor = folder / "root.ds"
    trust_anchor.write_text("".join(f"{line}\n" for line in zones[0].ds))

    with ExitStack() as stack:
        stack.enter_context(nsd(at_root, zones[:1], folder / "nsd-root"))
        stack.enter_context(nsd(at_top, zones[1:2], folder / "nsd-top"))
        stack.enter_context(nsd(at_domains, zones[2:], folder / "nsd-domains"))
        resolver, port = unbound(zones[0], trust_anchor, folder / "unbound")
        stack.enter_context(resolver)
        stack.enter_context(postfix(list(listeners.values()), folder / "postfix"))
        ports = {domain: listener.port for domain, listener in listeners.items()}
        connect = [f"{addresses[domain]}:25=127.0.0.1:{ports[domain]}" for domain in levels]
        connect.append(f"[2001:db8::1]:25=127.0.0.1:{ports[FLAWLESS]}")
        yield World(f"127.0.0.1:{port}", trust_anchor, authority.root_file, tuple(connect), ports, folder)
