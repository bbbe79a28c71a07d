"""Unbound's validator is the judge of the lab's DNS: AD for what is sound, SERVFAIL for what is broken on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from tr03108.lab.faults import Fault, FaultKind
from tr03108.lab.nameserver import NameServer
from tr03108.lab.tree import Tree
from tr03108.lab.zone import ZoneSpec

UNBOUND = shutil.which("unbound") or shutil.which("unbound", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
pytestmark = pytest.mark.skipif(UNBOUND is None, reason="unbound is not installed")

RECORDS = (
    "@ MX 10 mx",
    "mx A 192.0.2.1",
    "mx AAAA 2001:db8::1",
    "_25._tcp.mx TLSA 3 1 1 " + "ab" * 32,
    "deep.empty.name A 192.0.2.2",
    "*.wild TXT expanded",
    "*.wildalias CNAME mx",
    "alias CNAME mx",
    "away CNAME mx.nsec3.test.",
    "tree DNAME nsec.test.",
)
# Each question covers one kind of answer or denial.
QUESTIONS = (
    ("@", "DNSKEY"),
    ("@", "DS"),
    ("@", "MX"),
    ("mx", "A"),
    ("mx", "TXT"),  # NODATA
    ("_25._tcp.mx", "TLSA"),
    ("_tcp.mx", "TLSA"),  # NODATA at an empty non-terminal
    ("name", "A"),
    ("missing", "A"),  # NXDOMAIN
    ("missing.empty.name", "A"),
    ("one.wild", "TXT"),
    ("two.labels.wild", "TXT"),
    ("one.wild", "A"),  # NODATA at a wildcard
    ("one.wildalias", "A"),
    ("alias", "AAAA"),
    ("alias", "TXT"),
    ("away", "A"),
    ("mx.tree", "A"),
)
MISSING = {("missing", "A"), ("missing.empty.name", "A")}
EXPANDED = {("one.wild", "TXT"), ("two.labels.wild", "TXT"), ("one.wild", "A"), ("one.wildalias", "A")}
SOUND = (
    ZoneSpec("nsec.test", RECORDS),
    ZoneSpec("nsec3.test", RECORDS, denial="nsec3"),
    ZoneSpec("salted.test", RECORDS, denial="nsec3", nsec3_iterations=10, nsec3_salt="aabbccdd"),
    ZoneSpec("optout.test", RECORDS, denial="nsec3-optout"),
    ZoneSpec("rsa.test", RECORDS, algorithm="RSASHA256"),
    ZoneSpec("ed.test", RECORDS, algorithm="ED25519", denial="nsec3"),
    ZoneSpec("child.optout.test", RECORDS),
    ZoneSpec("bare.example", RECORDS),
)
# Provably insecure: under a parent with NSEC, NSEC3 and opt-out, below an empty non-terminal, with unknown algorithm.
INSECURE = (
    ZoneSpec("plain.nsec.test", RECORDS, denial="none"),
    ZoneSpec("plain.nsec3.test", RECORDS, denial="none"),
    ZoneSpec("plain.optout.test", RECORDS, denial="none"),
    ZoneSpec("deep.plain2.optout.test", RECORDS, denial="none"),
    ZoneSpec("unknown.test", RECORDS, faults=(Fault(FaultKind.ALGORITHM_UNKNOWN),)),
)
SIGNATURES = ("expired", "future", "corrupt", "unsigned", "wrong-tag", "wrong-key", "wrong-signer")
# Zone, its fault, and the question that must fail.
BROKEN = (
    *((f"{kind}.test", Fault(FaultKind(kind), "mx", "A"), "mx", "A") for kind in SIGNATURES),
    *((f"{kind}-dnskey.test", Fault(FaultKind(kind), "@", "DNSKEY"), "mx", "A") for kind in SIGNATURES),
    *((f"{kind}-ds.test", Fault(FaultKind(kind), "@", "DS"), "mx", "A") for kind in SIGNATURES),
    ("expired-zone.test", Fault(FaultKind.EXPIRED), "mx", "A"),
    ("unsigned-zone.test", Fault(FaultKind.UNSIGNED), "mx", "A"),
    ("algorithm-set.test", Fault(FaultKind.ALGORITHM_UNKNOWN, "mx", "A"), "mx", "A"),
    ("mismatch.test", Fault(FaultKind.DS_MISMATCH), "mx", "A"),
    ("no-denial.test", Fault(FaultKind.NO_DENIAL, "mx", "TXT"), "mx", "TXT"),
    ("no-denial-name.test", Fault(FaultKind.NO_DENIAL, "missing", "A"), "missing", "A"),
    ("no-denial-wild.test", Fault(FaultKind.NO_DENIAL, "one.wild", "TXT"), "one.wild", "TXT"),
    ("corrupt-denial.test", Fault(FaultKind.CORRUPT_DENIAL, "mx", "TXT"), "mx", "TXT"),
    ("servfail.test", Fault(FaultKind.SERVFAIL, "mx", "A"), "mx", "A"),
    ("refused.test", Fault(FaultKind.REFUSED, "mx", "A"), "mx", "A"),
    ("nxdomain.test", Fault(FaultKind.NXDOMAIN, "mx", "A"), "mx", "A"),
    ("empty.test", Fault(FaultKind.EMPTY, "mx", "A"), "mx", "A"),
    ("garbage.test", Fault(FaultKind.GARBAGE, "mx", "A"), "mx", "A"),
)
FAULTY = tuple(
    ZoneSpec(origin, RECORDS, denial=denial, faults=(fault,))
    for denial, (origin, fault, _, _) in ((("nsec", "nsec3")[n % 2], row) for n, row in enumerate(BROKEN))
)
TRUNCATED = ZoneSpec("truncated.test", RECORDS, faults=(Fault(FaultKind.TRUNCATE_ALWAYS, "mx", "A"),))

Verdicts = dict[tuple[str, str], tuple[str, bool]]


@pytest.fixture(scope="module", params=["forward", "stub"])
def verdicts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """Response code and AD of Unbound for every question; a forwarder is asked with RD, a stub's server without."""
    return asyncio.run(_collect(request.param, tmp_path_factory.mktemp("unbound")))


async def _collect(upstream: str, folder: Path) -> Verdicts:
    zones = (*SOUND, *INSECURE, *FAULTY, TRUNCATED)
    tree = Tree(zones, datetime.now(UTC))
    wanted = [(_full(q, zone.origin), t) for zone in (*SOUND, *INSECURE) for q, t in QUESTIONS]
    wanted += [(f"{name}.{origin}", rdtype) for origin, _, name, rdtype in BROKEN]
    wanted += [("mx.truncated.test", "A"), ("missing-tld", "A"), ("missing.test", "A")]
    # A forwarder serves all names; stubs are needed for every zone, or Unbound would follow the published NS records.
    served = [".", "test", "example", *(zone.origin for zone in zones)] if upstream == "stub" else ["."]
    async with NameServer(tree) as server:
        clauses = "".join(
            f'{upstream}-zone:\n  name: "{n}"\n  {upstream}-addr: 127.0.0.1@{server.port}\n' for n in served
        )
        async with _unbound(folder, tree.trust_anchor, clauses) as port:
            return {question: await _ask(port, *question) for question in wanted}


async def _ask(port: int, name: str, rdtype: str) -> tuple[str, bool]:
    query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=4096)
    response, _ = await dns.asyncquery.udp_with_fallback(query, "127.0.0.1", timeout=20, port=port)
    return dns.rcode.to_text(response.rcode()), bool(response.flags & dns.flags.AD)


@contextlib.asynccontextmanager
async def _unbound(folder: Path, trust_anchor: str, upstream: str) -> AsyncIterator[int]:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = int(chosen.getsockname()[1])
    anchors = "".join(f'  trust-anchor: "{line}"\n' for line in trust_anchor.splitlines())
    config = folder / "unbound.conf"
    config.write_text(f"""server:
  interface: 127.0.0.1@{port}
  port: {port}
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: "{folder / "unbound.log"}"
  val-log-level: 2
  do-not-query-localhost: no
  do-not-query-address: 192.0.2.0/24
  do-not-query-address: 2001:db8::/32
  local-zone: "test." nodefault
  module-config: "validator iterator"
{anchors}remote-control:
  control-enable: no
{upstream}""")
    process = await asyncio.create_subprocess_exec(str(UNBOUND), "-d", "-c", str(config))
    try:
        await _ready(port)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(port: int) -> None:
    # Answered by Unbound itself.
    query = dns.message.make_query("version.bind", "TXT", "CH")
    async with asyncio.timeout(20):
        while True:
            try:
                await dns.asyncquery.tcp(query, "127.0.0.1", timeout=5, port=port)
            except (OSError, EOFError, dns.exception.DNSException):
                await asyncio.sleep(0.05)
            else:
                return


def _full(name: str, origin: str) -> str:
    return origin if name == "@" else f"{name}.{origin}"


def _expected(origin: str, question: tuple[str, str], authenticated: bool) -> tuple[str, bool]:
    rcode = "NXDOMAIN" if question in MISSING else "NOERROR"
    # RFC 5155 section 9.2: no AD where the proof covers the next closer name with an opt-out NSEC3.
    opted_out = origin == "optout.test" and (question in MISSING or question in EXPANDED)
    return rcode, authenticated and not opted_out


@pytest.mark.parametrize("origin", [zone.origin for zone in SOUND])
def test_sound_answers_and_denials_are_authenticated(verdicts: Verdicts, origin: str) -> None:
    seen = {(q, t): verdicts[_full(q, origin), t] for q, t in QUESTIONS}
    assert seen == {question: _expected(origin, question, authenticated=True) for question in QUESTIONS}


@pytest.mark.parametrize("origin", [zone.origin for zone in INSECURE])
def test_insecure_delegations_are_proven(verdicts: Verdicts, origin: str) -> None:
    asked = [(q, t) for q, t in QUESTIONS if t != "DS"]  # the DS or its absence is the parent's, and secure
    seen = {(q, t): verdicts[_full(q, origin), t] for q, t in asked}
    assert seen == {question: _expected(origin, question, authenticated=False) for question in asked}


@pytest.mark.parametrize(("origin", "fault", "name", "rdtype"), BROKEN, ids=[row[0] for row in BROKEN])
def test_faults_are_seen(verdicts: Verdicts, origin: str, fault: Fault, name: str, rdtype: str) -> None:
    assert verdicts[f"{name}.{origin}", rdtype] == ("SERVFAIL", False)


def test_truncated_answers_are_fetched_over_tcp(verdicts: Verdicts) -> None:
    assert verdicts["mx.truncated.test", "A"] == ("NOERROR", True)


@pytest.mark.parametrize("name", ["missing-tld", "missing.test"])
def test_names_without_zone_are_denied_with_proof(verdicts: Verdicts, name: str) -> None:
    assert verdicts[name, "A"] == ("NXDOMAIN", True)
