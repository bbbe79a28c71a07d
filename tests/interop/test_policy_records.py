"""TLSRPT and MTA-STS records at NSD, Knot and BIND, through Unbound: the same verdicts, whoever serves them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tr03108
from interop.certificates import Authority
from interop.mail_servers import Listener, postfix
from interop.name_servers import bind, knot, name_server_addresses, nsd, unbound
from interop.policy_probe import Policies, probe_policies
from interop.programs import free_port, run, server_folder
from interop.world import LISTED_GROUPS
from interop.zones import Zone, write_tree

NAME_SERVERS = ("nsd", "knot", "bind")
TLSRPT, STS = "tlsrpt.record", "mta-sts.record"
RPT, POLICY = "v=TLSRPTv1; rua=mailto:tlsrpt@reports.example", "v=STSv1; id=20260101T000000;"
FOREIGN = "v=spf1 -all"
LARGE = 60_000  # octets of text, of the 65,535 that a DNS message over TCP holds
OK, MISSING = ("MET OK", "MET OK"), ("UNMET TLSRPT_MISSING", "NOT_OFFERED MTA_STS_MISSING")
INSECURE = ("UNMET TLSRPT_INSECURE", "UNMET MTA_STS_INSECURE")


def txt(*texts: str) -> str:
    """A TXT record of these strings, each cut to the 255 octets that a string may have."""
    cut = (text[at : at + 255] for text in texts for at in range(0, max(len(text), 1), 255))
    return "IN TXT " + " ".join(f'"{text}"' for text in cut)


def many(record: str) -> tuple[str, ...]:
    """One record among so many foreign ones that they only just fit into a message."""
    return (txt(record), *(txt(f"{number:03} {'x' * 240}") for number in range(LARGE // 256)))


def long(beginning: str) -> str:
    """A record of one mailbox or id and extension fields without end."""
    fields = (f"; x{number}={'y' * 240}" for number in range(LARGE // 246))
    return beginning.rstrip("; ") + "".join(fields)


@dataclass(frozen=True)
class Case:
    """Records at _smtp._tls and _mta-sts of one domain, or at its wildcard, and what the two checks must say."""

    expected: tuple[str, str]
    tlsrpt: tuple[str, ...] = ()
    sts: tuple[str, ...] = ()
    wildcard: tuple[str, ...] = ()


# "{other}" is a signed zone of the same servers, "{unsigned}" one that is not.
CASES = {
    "one": Case(OK, (txt(RPT),), (txt(POLICY),)),
    "none": Case(MISSING),
    "strings": Case(
        OK,
        (txt("v=TLSR", "PTv1", "; rua=mai", "lto:tlsrpt@reports", ".example"),),
        (txt("v", "=STSv1; ", "id=20260101", "T000000;"),),
    ),
    "beside-others": Case(OK, (txt(FOREIGN), txt(RPT), txt("")), (txt(POLICY), txt(FOREIGN), txt("v=STSv10; id=1;"))),
    "several": Case(
        ("UNMET TLSRPT_MULTIPLE", "UNMET MTA_STS_MULTIPLE"),
        (txt(RPT), txt(f"{RPT}.")),
        (txt(POLICY), txt("v=STSv1; id=2;")),
    ),
    "joined-with-space": Case(  # the strings are joined as they are, so the version ends in a blank
        OK,
        (txt("v=TLSRPTv1 ", ";rua=mailto:tlsrpt@reports.example"),),
        (txt("v=STSv1 ", ";id=1;"),),
    ),
    "many": Case(OK, many(RPT), many(POLICY)),
    "long": Case(OK, (txt(long(RPT)),), (txt(long(POLICY)),)),
    "alias": Case(OK, ("IN CNAME rpt.{other}.",), ("IN CNAME sts.{other}.",)),
    "alias-chain": Case(OK, ("IN CNAME chain-rpt.{other}.",), ("IN CNAME chain-sts.{other}.",)),
    "alias-insecure": Case(INSECURE, ("IN CNAME rpt.{unsigned}.",), ("IN CNAME sts.{unsigned}.",)),
    "alias-through-insecure": Case(INSECURE, ("IN CNAME back-rpt.{unsigned}.",), ("IN CNAME back-sts.{unsigned}.",)),
    "alias-nowhere": Case(MISSING, ("IN CNAME nobody.{other}.",), ("IN CNAME nobody.{other}.",)),
    "alias-without-text": Case(MISSING, ("IN CNAME {other}.",), ("IN CNAME {other}.",)),
    "alias-wildcard": Case(OK, ("IN CNAME any.rpt-wild.{other}.",), ("IN CNAME any.sts-wild.{other}.",)),
    "wildcard-foreign": Case(MISSING, wildcard=(txt(FOREIGN),)),
    "wildcard-both": Case(OK, wildcard=(txt(FOREIGN), txt(RPT), txt(POLICY))),
    "wildcard-alias": Case(INSECURE, wildcard=("IN CNAME both.{unsigned}.",)),
    "wildcard-hidden": Case(  # nothing at _smtp._tls, but a name below it: the wildcard does not count there
        ("UNMET TLSRPT_MISSING", "MET OK"), wildcard=(txt(RPT), txt(POLICY))
    ),
}
TARGETS = [
    f"rpt {txt(RPT)}",
    f"sts {txt(POLICY)}",
    f"both {txt(RPT)}",
    f"both {txt(POLICY)}",
    "chain-rpt IN CNAME rpt",
    "chain-sts IN CNAME sts",
    f"*.rpt-wild {txt(RPT)}",
    f"*.sts-wild {txt(POLICY)}",
]


def domain_of(server: str) -> str:
    return f"{server}.example"


def records(server: str) -> list[str]:
    """All cases as names below one domain."""
    lines = []
    names = {"other": f"other-{server}.example", "unsigned": f"unsigned-{server}.example"}
    for label, case in CASES.items():
        lines.append(f"{label} IN MX 0 .")
        for owner, found in (("_smtp._tls", case.tlsrpt), ("_mta-sts", case.sts), ("*", case.wildcard)):
            lines += [f"{owner}.{label} {each.format(**names)}" for each in found]
    lines.append(f"below._smtp._tls.wildcard-hidden {txt(FOREIGN)}")
    return lines


def zones_of(server: str, address: str, mail: list[str]) -> list[Zone]:
    """The domain, with NSEC, another signed zone, with NSEC3, and one without signatures."""
    back = [f"back-{kind} IN CNAME {kind}.other-{server}.example." for kind in ("rpt", "sts")]
    return [
        Zone(domain_of(server), address, [*mail, *records(server)]),
        Zone(f"other-{server}.example", address, TARGETS, denial="nsec3"),
        Zone(f"unsigned-{server}.example", address, [*TARGETS, *back], algorithm=None),
    ]


@dataclass(frozen=True)
class Servers:
    """The resolver, what an audit has to be told, and where each name server listens."""

    resolver: str
    trust_anchor: Path
    ca_file: Path
    connect: tuple[str, ...]
    places: Mapping[str, tuple[str, int]]

    def probe(self, server: str) -> dict[str, Policies]:
        targets = [f"{label}.{domain_of(server)}" for label in CASES]
        probing = probe_policies(targets, self.resolver, self.trust_anchor, policies=("mta-sts", "tlsrpt"))
        return dict(zip(CASES, asyncio.run(probing), strict=True))


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Root and top level at NSD, the domains at each of the three, and Postfix as their mail host."""
    at_root, at_top, *others = name_server_addresses(2 + len(NAME_SERVERS))
    addresses = dict(zip(NAME_SERVERS, others, strict=True))
    with server_folder() as folder, ExitStack() as stack:
        authority = Authority(folder / "pki")
        listeners, connect, domains = [], [], []
        for number, (server, address) in enumerate(addresses.items(), 1):
            host, public = f"mx1.{domain_of(server)}", f"192.0.2.{number}"
            certificate = authority.issue(host)
            listeners.append(Listener(host, free_port(), "encrypt", certificate, LISTED_GROUPS))
            connect.append(f"{public}:25=127.0.0.1:{listeners[-1].port}")
            mail = [
                f"@ IN MX 10 {host}.",
                f"mx1 IN A {public}",
                f"_25._tcp.mx1 IN TLSA 3 1 1 {certificate.spki_sha256}",
            ]
            domains += zones_of(server, address, mail)
        top = Zone("example", at_top, [f"ns.root-servers IN A {at_root}"])
        root_file, top_file, *files = write_tree(Zone(".", at_root, []), top, domains, folder / "zones")
        trust_anchor = folder / "root.ds"
        trust_anchor.write_text("".join(f"{line}\n" for line in root_file.ds))
        stack.enter_context(nsd(at_root, [root_file], folder / "nsd-root"))
        stack.enter_context(nsd(at_top, [top_file], folder / "nsd-top"))
        served = {name: [file for file in files if file.zone.address == at] for name, at in addresses.items()}
        stack.enter_context(nsd(addresses["nsd"], served["nsd"], folder / "nsd"))
        stack.enter_context(knot(addresses["knot"], served["knot"], folder / "knot"))
        elsewhere = ("127.0.0.1", free_port())  # an address of an interface
        stack.enter_context(bind(elsewhere[0], served["bind"], folder / "bind", elsewhere[1]))
        connect.append(f"{addresses['bind']}:53={elsewhere[0]}:{elsewhere[1]}")
        places = {**{name: (address, 53) for name, address in addresses.items()}, "bind": elsewhere}
        stubs = {file.zone.absolute: elsewhere for file in served["bind"]}
        resolver, port = unbound(root_file, trust_anchor, folder / "unbound", stubs)
        stack.enter_context(resolver)
        stack.enter_context(postfix(listeners, folder / "postfix"))
        yield Servers(f"127.0.0.1:{port}", trust_anchor, authority.root_file, tuple(connect), places)


@pytest.mark.parametrize("server", NAME_SERVERS)
def test_verdicts(servers: Servers, server: str) -> None:
    found = servers.probe(server)
    said = {label: tuple(policies.said(TLSRPT, STS)) for label, policies in found.items()}
    assert said == {label: case.expected for label, case in CASES.items()}


@pytest.mark.parametrize("server", NAME_SERVERS)
def test_the_large_answers_need_tcp(servers: Servers, server: str) -> None:
    address, port = servers.places[server]
    for label in ("many", "long"):
        question = (f"@{address}", "-p", str(port), f"_smtp._tls.{label}.{domain_of(server)}", "TXT", "+dnssec")
        assert " tc" in run("dig", *question, "+notcp", "+ignore", "+bufsize=1232").split(";; flags:")[1].split(";")[0]
        assert len(run("dig", *question, "+tcp")) > LARGE


def audit(servers: Servers, domain: str, folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "tr03108", "audit", domain, "--second-look", "1", "--quiet", "--json", "-"]
    command += ["--resolver", servers.resolver, "--trust-anchor", str(servers.trust_anchor)]
    command += ["--ca-file", str(servers.ca_file), *more]
    command += [word for redirection in servers.connect for word in ("--connect", redirection)]
    environment = os.environ | {"PYTHONPATH": str(Path(tr03108.__file__).parents[1])}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
    )
    assert done.stdout, done.stderr[-3000:]
    (target,) = json.loads(done.stdout)["targets"]
    return done.returncode, target


@pytest.mark.parametrize("server", NAME_SERVERS)
def test_an_ordinary_audit_passes(servers: Servers, tmp_path: Path, server: str) -> None:
    status, target = audit(servers, domain_of(server), tmp_path, "--profile", "inbound-dane")
    assert (status, target["verdict"]) == (0, "compliant")
    assert {each["code"] for each in target["findings"] if each["verdict"] == "fail"} == set()


@pytest.mark.parametrize("server", NAME_SERVERS)
def test_every_authoritative_server_is_asked_and_agrees(servers: Servers, tmp_path: Path, server: str) -> None:
    _, target = audit(servers, domain_of(server), tmp_path, "--allow-private")
    checks = ("inbound-dane.all-servers", "dnssec.algorithms", "dnssec.nsec3-parameters")
    found = {each["check"]: f"{each['outcome']} {each['code']}" for each in target["findings"]}
    assert {check: found[check] for check in checks} == dict.fromkeys(checks, "MET OK")
