"""Domains whose mail clients are served by Dovecot, Postfix and nginx, under a signed private root."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from interop.certificates import Authority
from interop.client_documents import PLAIN, STARTTLS, Account, autoconfig, autodiscover
from interop.client_servers import (
    DIRECT,
    OLD,
    PORTS,
    WEB_PORTS,
    Dovecot,
    client_addresses,
    dovecot,
    postfix_submission,
    postfix_with,
)
from interop.name_servers import name_server_addresses, nsd, unbound
from interop.web_servers import REDIRECT, SERVE, Site, web_sites
from interop.zones import Zone, write_tree

FLAWLESS = "flawless-clients.example"  # Dovecot for all but submission, which is Postfix's; TLS from the first octet
FAULTY = "faulty-clients.example"  # logins in the clear, no implicit TLS in DNS, documents that say so, clear webmail
WORN = "worn-clients.example"  # TLS 1.1 and below, a certificate for another host, and no documents
BARE = "bare-clients.example"  # no TLS
DOMAINS = (FLAWLESS, FAULTY, WORN, BARE)
WORN_KINDS = ("submission", "imaps", "pop3s")
BARE_KINDS = ("submission", "imap")
MAILBOXES = ("imap", "imaps", "pop3", "pop3s", "sieve")
SUBMISSIONS = ("submission", "submissions")
MOZILLA, POX = "/mail/config-v1.1.xml", "/autodiscover/autodiscover.xml"
FORM = '<form method="post"><input name="user"><input name="password" type="password"></form>\n'
HSTS = "max-age=31536000"


@dataclass(frozen=True)
class ClientWorld:
    """What an audit needs to be told: resolver, trust anchor, PKIX root and redirections."""

    resolver: str
    trust_anchor: Path
    ca_file: Path
    connect: tuple[str, ...]
    webmail: dict[str, str]  # URLs by domain


def _srv(kind: str, priority: int, host: str) -> str:
    return f"_{kind}._tcp IN SRV {priority} 1 {PORTS[kind]} {host}."


def _redirections(public: str, address: str, ports: Sequence[int]) -> list[str]:
    return [f"{public}:{port}={address}:{port}" for port in ports]


def _sites(authority: Authority, domain: str, accounts: Sequence[Account], clear: str, hsts: str) -> list[Site]:
    files = {
        "autoconfig": {MOZILLA: autoconfig(domain, accounts)},
        "autodiscover": {POX: autodiscover(accounts)},
        "webmail": {"/index.html": FORM},
    }
    return [
        Site(
            f"{label}.{domain}", authority.issue(f"{label}.{domain}"), texts, clear, hsts if label == "webmail" else ""
        )
        for label, texts in files.items()
    ]


@contextmanager
def running_client_world(folder: Path) -> Iterator[ClientWorld]:
    """All servers, started in order and stopped in the reverse one, whatever happens between."""
    authority = Authority(folder / "pki")
    mail, smtp = f"mail.{FLAWLESS}", f"smtp.{FLAWLESS}"
    faulty, worn, bare = (f"mail.{domain}" for domain in (FAULTY, WORN, BARE))
    public = {mail: "192.0.2.1", smtp: "192.0.2.2", faulty: "192.0.2.3", worn: "192.0.2.6", bare: "192.0.2.7"}
    web = {FLAWLESS: "192.0.2.4", FAULTY: "192.0.2.5"}
    names = (*public, *web)
    addresses = dict(zip(names, client_addresses(len(names)), strict=True))
    records = {
        FLAWLESS: [
            *(_srv(kind, 0 if kind in DIRECT else 10, mail) for kind in MAILBOXES),
            *(_srv(kind, 0 if kind in DIRECT else 10, smtp) for kind in SUBMISSIONS),
        ],
        FAULTY: [_srv(kind, 0, faulty) for kind in PORTS if kind not in DIRECT],
        WORN: [_srv(kind, 0, worn) for kind in WORN_KINDS],
        BARE: [_srv(kind, 0, bare) for kind in BARE_KINDS],
    }
    for host, address in public.items():
        label, _, domain = host.partition(".")
        records[domain].append(f"{label} IN A {address}")
    for domain, address in web.items():
        records[domain] += [f"{label} IN A {address}" for label in ("autoconfig", "autodiscover", "webmail")]
    accounts = {
        FLAWLESS: [Account("imap", mail, 993), Account("pop3", mail, 995), Account("smtp", smtp, 465)],
        FAULTY: [Account("imap", faulty, 143, PLAIN), Account("smtp", faulty, 587, STARTTLS)],
    }
    sites = {
        FLAWLESS: _sites(authority, FLAWLESS, accounts[FLAWLESS], REDIRECT, HSTS),
        FAULTY: _sites(authority, FAULTY, accounts[FAULTY], SERVE, ""),
    }
    at_root, at_top, at_domains = name_server_addresses(3)
    zones = write_tree(
        Zone(".", at_root, []),
        Zone("example", at_top, [f"ns.root-servers IN A {at_root}"]),
        [Zone(domain, at_domains, records[domain]) for domain in DOMAINS],
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
        good = Dovecot(mail, authority.issue(mail), kinds=MAILBOXES)
        bad = Dovecot(faulty, authority.issue(faulty), ssl="yes", disable_plaintext_auth=False)
        stack.enter_context(dovecot(good, addresses[mail], folder / "dovecot"))
        stack.enter_context(dovecot(bad, addresses[faulty], folder / "faulty"))
        old = Dovecot(worn, authority.issue(f"other.{WORN}"), tls=OLD, kinds=WORN_KINDS)
        open_to_all = Dovecot(bare, None, ssl="no", disable_plaintext_auth=False, kinds=BARE_KINDS)
        stack.enter_context(dovecot(old, addresses[worn], folder / "worn"))
        stack.enter_context(dovecot(open_to_all, addresses[bare], folder / "bare"))
        listeners = postfix_submission(smtp, addresses[smtp], authority.issue(smtp), folder / "dovecot" / "auth")
        stack.enter_context(postfix_with(listeners, folder / "postfix"))
        for domain, found in sites.items():
            stack.enter_context(web_sites(found, addresses[domain], folder / f"nginx-{domain}"))
        connect = [
            *(line for host, to in public.items() for line in _redirections(to, addresses[host], [*PORTS.values()])),
            *(line for domain, to in web.items() for line in _redirections(to, addresses[domain], WEB_PORTS)),
        ]
        webmail = {domain: f"https://webmail.{domain}/" for domain in web}
        yield ClientWorld(f"127.0.0.1:{port}", trust_anchor, authority.root_file, tuple(connect), webmail)
