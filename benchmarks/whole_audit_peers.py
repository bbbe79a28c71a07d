"""The programs that somebody would need beside one another for what one audit asks, called as their users call them.

Each runs to its end and has to say what shows that it did its work; otherwise there are no numbers.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peers import peers_folder

from interop.client_servers import DIRECT, PORTS
from interop.client_world import MAILBOXES, MOZILLA, POX, SUBMISSIONS
from interop.programs import find
from interop.provider_world import DOMAIN, MAIL, MX, SMTP, SMTP_PORT, STS_PATH, WEB, Provider

LIMIT = 1800  # seconds for one run of one program
HTTPS = 443
WEBMAIL = f"webmail.{DOMAIN}"
SSLYZE, TESTSSL, S_CLIENT, CHECKDMARC = "sslyze", "testssl.sh", "openssl s_client", "checkdmarc"
POSTTLS, LDNS, DELV, DIG, CURL = "posttls-finger", "ldns-dane", "delv", "dig", "curl"
MORE = "sslyze, other web hosts"  # their TLS is not surveyed by ours: nobody logs in there
_LANGUAGES = {"submission": "smtp", "imap": "imap", "pop3": "pop3", "sieve": "sieve"}
_REQUEST = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
    f"<EMailAddress>somebody@{DOMAIN}</EMailAddress><AcceptableResponseSchema>"
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    "</AcceptableResponseSchema></Request></Autodiscover>"
)


@dataclass(frozen=True)
class Place:
    """One service with TLS; `starttls` is the protocol's name for openssl, "" for TLS from the first octet on."""

    host: str
    port: int
    starttls: str = ""

    @property
    def text(self) -> str:
        return f"{self.host}:{self.port}"


PLACES = (
    *(Place(host, SMTP_PORT, "smtp") for host in MX),
    *(Place(SMTP, PORTS[kind], _LANGUAGES.get(kind, "")) for kind in SUBMISSIONS),
    *(Place(MAIL, PORTS[kind], _LANGUAGES.get(kind, "")) for kind in MAILBOXES),
    Place(WEBMAIL, HTTPS),
)
OTHER_WEB = tuple(Place(host, HTTPS) for host in WEB if host != WEBMAIL)


@dataclass(frozen=True)
class Step:
    """One run of one program, which ends with one of `statuses` and prints each of `expected`."""

    peer: str
    command: Sequence[str | Path]
    expected: Sequence[str]
    statuses: Sequence[int] = (0,)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Used:
    """Seconds by the clock, and of the processor for the process and what it waited for."""

    wall: float
    cpu: float


def measured(step: Step) -> Used:
    """Run it; ends the benchmark where it did not do what it should."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            ["/usr/bin/timeout", str(LIMIT), *map(str, step.command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(step.environment),
        )
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.terminate()  # timeout passes it on
            raise
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    missing = [text for text in step.expected if text not in said]
    if process.returncode not in step.statuses or missing:
        words = " ".join(map(str, step.command))
        raise SystemExit(f"{words}\n{said[-3000:]}\nstatus {process.returncode}, and it does not say {missing}")
    return Used(wall, used.ru_utime + used.ru_stime)


def steps(provider: Provider, folder: Path) -> list[Step]:
    """All runs, program after program; what is not installed is left out. `folder` is for their own files."""
    root = provider.ca_file
    found = [*_sslyze(PLACES, SSLYZE, root), *_sslyze(OTHER_WEB, MORE, root)]
    found += [*_openssl(root), *_dane(folder), *_delv(provider, folder), *_dig(), *_curl(root)]
    checkdmarc = peers_folder() / "checkdmarc/bin/checkdmarc"
    if checkdmarc.exists():
        own = {"REQUESTS_CA_BUNDLE": str(root), "SSL_CERT_FILE": str(root)}
        expected = ['"dnssec": true', '"mode": "enforce"', '"smtp_tls_reporting": {\n    "valid": true']
        found.append(Step(CHECKDMARC, [checkdmarc, DOMAIN], expected, environment=own))
    return found


def _sslyze(places: Sequence[Place], name: str, root: Path) -> Iterator[Step]:
    """All that it does by default (status 1: not as Mozilla recommends), and early data. It knows no ManageSieve."""
    python = peers_folder() / "sslyze/bin/python"
    if not python.exists():
        return
    options = ["--mozilla_config", "intermediate", "--early_data", "--certinfo_ca_file", str(root)]
    for place in places:
        if place.starttls != "sieve":
            begin = ["--starttls", place.starttls] if place.starttls else []
            expected = ["Supplied CA file CA Store (N/A):   OK", "accepted the following 6 cipher suites", "Early Data"]
            yield Step(name, [python, "-m", "sslyze", *options, *begin, place.text], expected, (0, 1))


def testssl(places: Sequence[Place], root: Path) -> Iterator[Step]:
    """All that it does by default. Debian's 3.0.8 knows no ManageSieve."""
    program = peers_folder() / "testssl/usr/bin/testssl"
    own = {"TESTSSL_INSTALL_DIR": str(peers_folder() / "testssl/etc/testssl")}
    for place in places:
        if place.starttls != "sieve" and program.exists():
            begin = ["-t", place.starttls] if place.starttls else []
            options: list[str | Path] = ["--quiet", "--color", "0", "--warnings", "off", "--add-ca", root]
            expected = ["Has server cipher order?", " Done "]
            yield Step(TESTSSL, [program, *options, *begin, place.text], expected, range(256), own)


def _openssl(root: Path) -> Iterator[Step]:
    """Path, name and revocation of the server's certificate (with -crl_check_all it wants a CRL of the root, too)."""
    for place in PLACES:
        begin = ["-starttls", place.starttls] if place.starttls else []
        checks: list[str | Path] = ["-CAfile", root, "-verify_hostname", place.host, "-verify_return_error"]
        checks += ["-crl_check", "-crl_download", "-servername", place.host]
        command = [find("openssl"), "s_client", "-connect", place.text, *begin, *checks]
        yield Step(S_CLIENT, command, ["Verify return code: 0 (ok)"])


def _dane(folder: Path) -> Iterator[Step]:
    """TLSA records: posttls-finger knows SMTP only, ldns-dane no STARTTLS."""
    configuration = folder / "posttls-finger"
    configuration.mkdir()
    (configuration / "main.cf").touch()
    own = {"MAIL_CONFIG": str(configuration)}
    for host in MX:
        expected = ["Verified TLS connection established", "Matched DANE"]
        yield Step(POSTTLS, [find(POSTTLS), "-c", "-l", "dane", f"[{host}]"], expected, environment=own)
    for place in PLACES:
        if not place.starttls:
            command = [find(LDNS), "verify", place.host, str(place.port)]
            yield Step(LDNS, command, ["dane-validated successfully"])


def _delv(provider: Provider, folder: Path) -> Iterator[Step]:
    """Each answer that has to be secure, validated by delv itself below the root."""
    keys = folder / "delv.keys"
    (ds,) = provider.trust_anchor.read_text().splitlines()
    tag, algorithm, kind, *digest = ds.partition(" DS ")[2].split()
    keys.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{"".join(digest)}"; }};\n')
    questions = [(DOMAIN, "MX"), (f"_mta-sts.{DOMAIN}", "TXT"), (f"_smtp._tls.{DOMAIN}", "TXT")]
    questions += [(name, rdtype) for host in MX for name, rdtype in ((host, "A"), (f"_25._tcp.{host}", "TLSA"))]
    for name, rdtype in questions:
        yield Step(DELV, [find(DELV), "-a", keys, "+root=.", name, rdtype], ["; fully validated"])
    for host in MX:  # proofs that there is none
        yield Step(DELV, [find(DELV), "-a", keys, "+root=.", host, "AAAA"], ["; negative response, fully validated"])


def _dig() -> Iterator[Step]:
    for kind, port in PORTS.items():
        host = SMTP if kind in SUBMISSIONS else MAIL
        command = [find(DIG), "+dnssec", f"_{kind}._tcp.{DOMAIN}", "SRV"]
        yield Step(DIG, command, [f"{0 if kind in DIRECT else 10} 1 {port} {host}.", " ad;"])


def _curl(root: Path) -> Iterator[Step]:
    """The documents that lead senders and clients, and what webmail says over HTTP and HTTPS."""
    quiet = [find(CURL), "-sS", "--fail", "--cacert", root]
    yield Step(CURL, [*quiet, f"https://mta-sts.{DOMAIN}{STS_PATH}"], ["mode: enforce"])
    yield Step(CURL, [*quiet, f"https://autoconfig.{DOMAIN}{MOZILLA}"], ["<socketType>SSL</socketType>"])
    post = ["-H", "Content-Type: text/xml", "--data", _REQUEST, f"https://autodiscover.{DOMAIN}{POX}"]
    yield Step(CURL, [*quiet, *post], ["<SSL>on</SSL>"])
    yield Step(CURL, [*quiet, "-i", f"https://{WEBMAIL}/"], ["Strict-Transport-Security"])
    yield Step(CURL, [*quiet, "-i", f"http://{WEBMAIL}/"], ["301 Moved"])
