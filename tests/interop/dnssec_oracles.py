"""Other people's validators, asked about the lab's DNS: Unbound as a resolver on loopback, and BIND's delv."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from interop.dnssec_trees import Question
from interop.programs import Daemon, find, free_port
from tr03108.evaluate.lookup import Status

HOST = "127.0.0.1"
SECONDS = 20.0  # for one answer: Unbound asks a faulty server again and again first


@dataclass(frozen=True, slots=True)
class Verdict:
    """What another validator says: our words for its status, the kind of answer where it tells, and its own words."""

    status: Status
    kind: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Unbound:
    """A running Unbound."""

    port: int
    log: Path

    async def response(self, question: Question, *, checking: bool) -> dns.message.Message:
        """Its response with DO; without `checking` CD is set."""
        query = dns.message.make_query(question.name, question.rdtype, want_dnssec=True, payload=4096)
        if not checking:
            query.flags |= dns.flags.CD
        response, _ = await dns.asyncquery.udp_with_fallback(query, HOST, timeout=SECONDS, port=self.port)
        return response

    async def verdict(self, question: Question) -> Verdict:
        """Secure: AD. Bogus: SERVFAIL, yet an answer with CD. No answer even with CD: nothing to judge."""
        response = await self.response(question, checking=True)
        rcode = response.rcode()
        words = dns.rcode.to_text(rcode)
        if rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            secure = bool(response.flags & dns.flags.AD)
            return Verdict(Status.SECURE if secure else Status.INSECURE, _kind(response), words + " AD" * secure)
        unchecked = await self.response(question, checking=False)
        words += f", with CD {dns.rcode.to_text(unchecked.rcode())}" + " AD" * bool(unchecked.flags & dns.flags.AD)
        seen = unchecked.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
        return Verdict(Status.BOGUS if seen else Status.INDETERMINATE, None, words)

    def said(self, question: Question) -> str:
        """Its log's last line on why the question failed."""
        name = dns.name.from_text(question.name)
        printed = ".".join(re.sub(rb"[^\w*-]", b"?", label).decode() for label in name.labels)
        start = f"<{printed} {question.rdtype} IN>"
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if start in line]
        return lines[-1].partition("info: ")[2] if lines else "(no line in its log)"


def _kind(response: dns.message.Message) -> str:
    if response.rcode() == dns.rcode.NXDOMAIN:
        return "nxdomain"
    name, rdtype = response.question[0].name, response.question[0].rdtype
    targets = {rrset.name: rrset[0].target for rrset in response.answer if rrset.rdtype == dns.rdatatype.CNAME}
    while name in targets and rdtype != dns.rdatatype.CNAME:
        name = targets.pop(name)
    return "answer" if any((rrset.name, rrset.rdtype) == (name, rdtype) for rrset in response.answer) else "nodata"


@contextlib.asynccontextmanager
async def unbound(folder: Path, trust_anchor: str, upstream: int, stubs: Iterable[str] = ()) -> AsyncIterator[Unbound]:
    """Unbound before the name server at port `upstream`: as its forwarder, or with a stub for each zone of `stubs`."""
    port = free_port()
    anchors = "".join(f'  trust-anchor: "{line}"\n' for line in trust_anchor.splitlines())
    kind, served = ("stub", [".", *stubs]) if stubs else ("forward", ["."])
    clauses = "".join(f'{kind}-zone:\n  name: "{name}"\n  {kind}-addr: {HOST}@{upstream}\n' for name in served)
    config, log = folder / f"unbound-{port}.conf", folder / f"unbound-{port}.log"
    # One question must not answer another: neither from cached denials nor by a server written off.
    config.write_text(f"""server:
  interface: {HOST}@{port}
  port: {port}
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  val-log-level: 2
  aggressive-nsec: no
  qname-minimisation: no
  do-not-query-localhost: no
  do-not-query-address: 192.0.2.0/24
  do-not-query-address: 2001:db8::/32
  module-config: "validator iterator"
{anchors}remote-control:
  control-enable: no
{clauses}""")
    with Daemon("unbound", "-d", "-c", config, ports=[(HOST, port)], log=log):
        yield Unbound(port, log)


@dataclass(frozen=True, slots=True)
class Delv:
    """BIND's delv, a process for each question, asking the name server at `upstream` itself."""

    anchors: Path
    upstream: int

    @staticmethod
    def prepare(folder: Path, trust_anchor: str, upstream: int) -> Delv:
        """Writes the trust anchor in BIND's form."""
        path = folder / "delv.anchors"
        lines = [line.split("DS ", 1)[1].split(None, 3) for line in trust_anchor.splitlines()]
        text = "".join(f'. static-ds {tag} {algorithm} {kind} "{digest}";\n' for tag, algorithm, kind, digest in lines)
        path.write_text(f"trust-anchors {{\n{text}}};\n")
        return Delv(path, upstream)

    async def verdict(self, question: Question) -> Verdict:
        """The worst of what it says of each record set."""
        process = await asyncio.create_subprocess_exec(
            *(find("delv"), f"@{HOST}", "-p", str(self.upstream), "-a", str(self.anchors), "+root=."),
            *("-q", f"{question.name}.", "-t", question.rdtype),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(SECONDS):
            output, _ = await process.communicate()
        return _read(output.decode(errors="replace"))


def _read(output: str) -> Verdict:
    said = re.findall(r"^;+ ?(.*)$", output, re.MULTILINE)
    words = "; ".join(said)
    failed = [line for line in said if line.startswith("resolution failed:") and "ncache" not in line]
    if failed:
        return Verdict(Status.BOGUS, None, words)
    if any("pending validation" in line for line in said):
        return Verdict(Status.INDETERMINATE, None, words)  # it could not validate, and says no more
    # An empty answer without SOA is "additional data" to it.
    unsigned = [line for line in said if "unsigned answer" in line or "unsigned additional data" in line]
    if not unsigned and not any("fully validated" in line for line in said):
        return Verdict(Status.INDETERMINATE, None, words or output)
    return Verdict(Status.INSECURE if unsigned else Status.SECURE, None, words)
