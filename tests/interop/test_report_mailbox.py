"""Postfix, Exim and OpenSMTPD are asked for a report mailbox: what they say is judged for what it is, and no more."""

from __future__ import annotations

import asyncio
import re
import smtplib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from interop.name_servers import name_server_addresses, nsd, unbound
from interop.policy_probe import Policies, probe_policies
from interop.programs import free_port, server_folder
from interop.report_servers import FAMILIES, MAILBOX, PLAIN, ReportServer
from interop.zones import Zone, write_tree

ZONE = "mailbox.example"
UNKNOWN = "gone-tls"  # a mailbox that no server has; that its name speaks of TLS must not matter
FOREIGN = "foreign"  # the report domain whose MX is the plain listener, which does not serve it
MAILTO, IN_CLEAR, UNENFORCED = "tlsrpt.mailto", "tlsrpt.mailbox-without-tls", "tlsrpt.mailbox-unenforced"


@dataclass(frozen=True)
class Case:
    """Whom the record names, and what G-03 and the check in the clear have to say."""

    listener: str
    mailto: str
    in_clear: str
    mailbox: str = MAILBOX
    domain: str = ""  # the first label of the report domain; the listener's

    @property
    def label(self) -> str:
        return self.domain or self.listener


# What each server's log has of a session, and what it would have of a message.
SESSION_LOGGED = {"postfix": "rset=1 quit=1", "exim": "rejected RCPT", "opensmtpd": "smtp disconnected reason=quit"}
MESSAGE_LOGGED = {
    "postfix": re.compile(r" data=|message-id="),
    "exim": re.compile(r" <= |DATA"),
    "opensmtpd": re.compile(r" smtp (?:message|data)|DATA"),
}
OK = ("MET OK", "MET OK")
CLOSED = ("UNMET REPORT_MAILBOX_CLOSED", "UNSEEN REPORT_MAILBOX_UNSEEN")
UNSEEN = ("UNSEEN REPORT_MAILBOX_UNSEEN", "UNSEEN REPORT_MAILBOX_UNSEEN")
TLS_ONLY = ("MET OK", "UNMET REPORT_MAILBOX_WANTS_TLS")
EVERYWHERE = {
    "accepted": Case(PLAIN, *OK),
    "unknown": Case(PLAIN, *CLOSED, mailbox=UNKNOWN),
    "relay-denied": Case(PLAIN, *UNSEEN, domain=FOREIGN),
    "tls-required": Case("tls", *TLS_ONLY),
    "deferred": Case("deferred", *UNSEEN),
    "null-sender": Case("null-sender", *UNSEEN),
    "client-rejected": Case("client", *UNSEEN),
    "client-listed": Case("listed", *UNSEEN),  # whose mail to the postmaster is taken all the same
}
CASES: Mapping[str, Mapping[str, Case]] = {
    "postfix": {
        **EVERYWHERE,
        "tls-for-recipients": Case("session", *TLS_ONLY),
        "tls-for-recipients-for-good": Case("session-for-good", *TLS_ONLY),
        "cannot-say": Case("cannot-say", *UNSEEN),
        "null-sender-at-once": Case("null-sender-at-once", *UNSEEN),
        "client-at-once": Case("client-at-once", *UNSEEN),
        "client-name": Case("name", *UNSEEN),
        "unknown-to-all": Case("without-postmaster", *CLOSED, mailbox=UNKNOWN),
        "relay-deferred": Case("relay-deferred", *UNSEEN, domain=f"{FOREIGN}-deferred"),
    },
    "exim": {
        **EVERYWHERE,
        "encryption-required": Case("encryption", *TLS_ONLY),
        "tls-required-without-a-word": Case("wordless", *UNSEEN),
        "greylisted": Case("greylisted", *UNSEEN),
        "unknown-verified": Case("strict", *CLOSED, mailbox=UNKNOWN),
        "dropped": Case("dropped", *UNSEEN),
    },
    "opensmtpd": {
        **EVERYWHERE,
        "client-at-once": Case("client-at-once", *UNSEEN),
    },
}
LISTENERS = [(server, listener) for server, family in FAMILIES.items() for listener in family.listeners]
PUBLIC = {place: f"192.0.2.{number}" for number, place in enumerate(LISTENERS, 1)}


def audited(server: str, name: str) -> str:
    return f"{name}.{server}.audited.{ZONE}"


def records() -> list[str]:
    """All audited and all report domains, as names of one zone."""
    lines = []
    for server, cases in CASES.items():
        for listener in FAMILIES[server].listeners:
            lines += [f"mx.{listener}.{server} IN A {PUBLIC[server, listener]}"]
            lines += [f"{listener}.{server} IN MX 10 mx.{listener}.{server}"]
        for name, case in cases.items():
            if case.domain:
                lines.append(f"{case.domain}.{server} IN MX 10 mx.{case.listener}.{server}")
            rua = f"mailto:{case.mailbox}@{case.label}.{server}.{ZONE}"
            lines += [f"{audited(server, name)}. IN MX 0 ."]
            lines += [f'_smtp._tls.{audited(server, name)}. IN TXT "v=TLSRPTv1; rua={rua}"']
    return lines


Probed = tuple[str, ReportServer, Mapping[str, Policies]]  # the server's name, the server, what was seen by case


@dataclass(frozen=True)
class Names:
    resolver: str
    trust_anchor: Path


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    """One signed zone with all domains, and the resolver."""
    at_root, at_top, at_zone = name_server_addresses(3)
    top = Zone("example", at_top, [f"ns.root-servers IN A {at_root}"])
    with server_folder() as folder, ExitStack() as stack:
        zones = write_tree(Zone(".", at_root, []), top, [Zone(ZONE, at_zone, records())], folder / "zones")
        trust_anchor = folder / "root.ds"
        trust_anchor.write_text("".join(f"{line}\n" for line in zones[0].ds))
        for zone, address in zip(zones, (at_root, at_top, at_zone), strict=True):
            stack.enter_context(nsd(address, [zone], folder / f"nsd-{address}"))
        resolver, port = unbound(zones[0], trust_anchor, folder / "unbound")
        stack.enter_context(resolver)
        yield Names(f"127.0.0.1:{port}", trust_anchor)


@contextmanager
def running(server: str, *listeners: str) -> Iterator[ReportServer]:
    ports = {listener: free_port() for listener in listeners}
    domains = {listener: f"{listener}.{server}.{ZONE}" for listener in listeners}
    with server_folder() as folder:
        daemon, described = FAMILIES[server].launch(ports, domains, folder)
        with daemon:
            yield described


@pytest.fixture(scope="module", params=CASES)
def probed(request: pytest.FixtureRequest, names: Names) -> Iterator[Probed]:
    """One server, asked by the probe of each case's domain."""
    name = request.param
    with running(name, *FAMILIES[name].listeners) as server:
        connect = [f"{PUBLIC[name, listener]}:25=127.0.0.1:{port}" for listener, port in server.ports.items()]
        targets = [audited(name, case) for case in CASES[name]]
        probing = probe_policies(targets, names.resolver, names.trust_anchor, connect, report_mailbox=True)
        yield name, server, dict(zip(CASES[name], asyncio.run(probing), strict=True))


def test_verdicts(probed: Probed) -> None:
    server, _, found = probed
    said = {name: tuple(policies.said(MAILTO, IN_CLEAR)) for name, policies in found.items()}
    expected = {name: (case.mailto, case.in_clear) for name, case in CASES[server].items()}
    wrong = {name: found[name].findings[MAILTO].evidence for name in said if said[name] != expected[name]}
    assert said == expected, wrong


def test_what_is_behind_no_policy_is_said_to_be_so(probed: Probed) -> None:
    _, _, found = probed
    assert {tuple(policies.said(UNENFORCED)) for policies in found.values()} == {("MET OK",)}


def test_a_mailbox_that_wants_tls_is_asked_for_within_tls(probed: Probed) -> None:
    server, _, found = probed
    for name, case in CASES[server].items():
        secured = [session for session in found[name].sessions if session.handshake is not None]
        assert bool(secured) is (case.in_clear == TLS_ONLY[1]), name


def test_no_server_is_given_a_message(probed: Probed) -> None:
    """Neither by our own record of the dialogues nor by what the server kept and logged."""
    name, server, found = probed
    said = [line for each in found.values() for session in each.sessions for line in session.lines]
    commands = {line.data.split()[0].upper() for line in said if line.sender == "C"}
    assert commands == {b"EHLO", b"STARTTLS", b"MAIL", b"RCPT", b"RSET", b"QUIT"}
    log = server.log.read_text()
    assert SESSION_LOGGED[name] in log
    assert MESSAGE_LOGGED[name].search(log) is None
    assert server.messages == []


@pytest.mark.parametrize("name", CASES)
def test_a_message_would_have_been_seen(name: str) -> None:
    with running(name, PLAIN) as server:
        with smtplib.SMTP("127.0.0.1", server.ports[PLAIN], timeout=30) as client:
            recipient = f"{MAILBOX}@{PLAIN}.{name}.{ZONE}"
            client.sendmail("somebody@mailbox.example", recipient, "Subject: a message\r\n\r\nText\r\n")
        assert MESSAGE_LOGGED[name].search(server.log.read_text())
        assert server.messages
