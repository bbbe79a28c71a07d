"""nginx as MTA-STS policy host, well and badly set up: the findings are those that its configuration calls for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from interop.certificates import Authority
from interop.client_servers import client_addresses
from interop.programs import run, server_folder
from interop.web_servers import nginx
from tr03108.evaluate.mta_sts import StsFetch, sts_fetch
from tr03108.evaluate.policy_fetch import HTTPS_PORT, Looks, PolicyFetch, fetch_key
from tr03108.model import Failure, Observation, ProbePlan
from tr03108.probe import RootStore
from tr03108.probe.https import get
from tr03108.probe.net import Network

HOST = "mta-sts.interop.example"
PATH = "/.well-known/mta-sts.txt"
POLICY = "version: STSv1\nmode: enforce\nmx: mx1.interop.example\nmx: *.mail.interop.example\nmax_age: 604800\n"
PLAIN = "default_type text/plain;"
LONG_AGO = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
MODERN = "ssl_protocols TLSv1.2 TLSv1.3;"
OLD = ("ssl_protocols TLSv1 TLSv1.1;", "ssl_ciphers ALL:@SECLEVEL=0;")


@dataclass(frozen=True)
class Setup:
    """A server block: the certificate, what is said of TLS, the lines of the location, and the policy's text."""

    code: str
    certificate: str = "good"
    tls: Sequence[str] = (MODERN,)
    location: Sequence[str] = (PLAIN,)
    policy: str = POLICY
    wildcard: bool = False


SETUPS: Mapping[str, Setup] = {
    "good": Setup("OK"),
    "tls12": Setup("OK", tls=("ssl_protocols TLSv1.2;",)),
    "charset": Setup("OK", location=(PLAIN, "charset utf-8;", "charset_types text/plain;")),
    "gzip for those who ask": Setup("OK", location=(PLAIN, "gzip on;", "gzip_types text/plain;", "gzip_min_length 1;")),
    "wildcard": Setup("OK", certificate="wildcard", wildcard=True),
    "redirect": Setup("POLICY_REDIRECT", location=("return 301 https://www.interop.example$request_uri;",)),
    "not found": Setup("POLICY_STATUS", location=("return 404;",)),
    "forbidden": Setup("POLICY_STATUS", location=("deny all;",)),
    "busy": Setup("POLICY_STATUS", location=("return 503;",)),
    "closes": Setup("POLICY_HTTP", location=("return 444;",)),
    "nginx's own type": Setup("OK", location=()),  # text/plain, unless the configuration of a distribution is included
    "a distribution's type": Setup("POLICY_CONTENT_TYPE", location=("default_type application/octet-stream;",)),
    "no type": Setup("POLICY_CONTENT_TYPE", location=('default_type "";',)),
    "html": Setup("POLICY_CONTENT_TYPE", location=("default_type text/html;",)),
    "always encoded": Setup("POLICY_ENCODED", location=(PLAIN, "add_header Content-Encoding gzip;")),
    "expired": Setup("POLICY_CERTIFICATE", certificate="expired"),
    "self-signed": Setup("POLICY_CERTIFICATE", certificate="self-signed"),
    "other name": Setup("POLICY_CERTIFICATE", certificate="other"),
    "common name alone": Setup("POLICY_CERTIFICATE", certificate="common-name"),
    "old TLS": Setup("POLICY_TLS_VERSION", tls=OLD),
    "refuses handshakes": Setup("POLICY_TLS", tls=("ssl_reject_handshake on;",)),
    "malformed": Setup("POLICY_SYNTAX", policy=POLICY.replace("mode: enforce", "mode=enforce")),
    "too large": Setup("POLICY_TOO_LARGE", policy=POLICY + "mx: a.interop.example\n" * 10000),
    "testing": Setup("OK", policy=POLICY.replace("enforce", "testing")),
}


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def self_signed(folder: Path) -> Path:
    """A PEM file with key and a certificate that signs itself."""
    key, leaf, chain = (folder / f"self-signed.{kind}" for kind in ("key", "crt", "pem"))
    more = ("-subj", f"/CN={HOST}", "-days", "20", "-addext", f"subjectAltName=DNS:{HOST}")
    run("openssl", "req", "-x509", *NEW_KEY, "-keyout", key, "-out", leaf, *more)
    chain.write_text(key.read_text() + leaf.read_text())
    return chain


def issued(authority: Authority, folder: Path, name: str, extension: str, *dates: str) -> Path:
    """A PEM file with key and a certificate of the authority, with one extension and these dates."""
    home = folder / name
    home.mkdir()
    key, request, leaf, chain, config = (home / file for file in ("key", "csr", "crt", "pem", "cnf"))
    run("openssl", "req", "-new", *NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={HOST}")
    config.write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={home}/index\nserial={home}/serial\nnew_certs_dir={home}\n"
        f"default_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\n{extension}\n"
    )
    (home / "index").write_text("")
    (home / "serial").write_text("1000\n")
    signer = ("-cert", authority.root_file, "-keyfile", authority.root_file.with_name("root.key"))
    run("openssl", "ca", "-batch", "-config", config, *signer, *dates, "-in", request, "-out", leaf, "-notext")
    chain.write_text(key.read_text() + leaf.read_text())
    return chain


def server(setup: Setup, certificate: Path, address: str, root: Path) -> list[str]:
    file = root / PATH.lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_text(setup.policy)
    location = (f"location = {PATH} {{", "types { }", *setup.location, "}")
    secured = (f"listen {address}:{HTTPS_PORT} ssl;", f"ssl_certificate {certificate};")
    return [*secured, f"ssl_certificate_key {certificate};", *setup.tls, f"root {root};", *location]


@dataclass(frozen=True)
class Hosts:
    addresses: Mapping[str, str]
    roots: tuple[bytes, ...]

    def judge(self, *names: str) -> StsFetch:
        """Every address asked twice, a second apart by the clock of the observations, and judged."""

        async def looks(network: Network, address: str) -> Looks:
            found = []
            for number in (1, 2):
                result = await get(network, HOST, address, HTTPS_PORT, PATH)
                value, failure = (None, result) if isinstance(result, Failure) else (result, None)
                time = datetime(2026, 1, 1, 0, 0, number, tzinfo=UTC)
                found.append(Observation(fetch_key(HOST, address, number), time, value, failure))
            return Looks(address, tuple(found))

        async def fetch() -> PolicyFetch:
            async with Network(ProbePlan(allow_private=True, resolvers=("127.0.0.1:53",))) as network:
                asked = [await looks(network, self.addresses[name]) for name in names]
            return PolicyFetch(HOST, tuple(asked), second_look=1.0)

        return sts_fetch(asyncio.run(fetch()), self.roots, datetime.now(UTC))


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    """nginx with each setup at an address of its own; "nobody" is one where nothing listens."""
    given = client_addresses(len(SETUPS) + 1)
    addresses = dict(zip((*SETUPS, "nobody"), given, strict=True))
    with server_folder() as folder:
        authority = Authority(folder / "pki")
        pki = folder / "own"
        pki.mkdir()
        certificates = {
            "good": authority.issue(HOST).chain_file,
            "other": authority.issue("www.interop.example").chain_file,
            "wildcard": authority.issue("*.interop.example").chain_file,
            "self-signed": self_signed(pki),
            "common-name": issued(authority, pki, "common-name", "basicConstraints=CA:FALSE", "-days", "20"),
            "expired": issued(authority, pki, "expired", f"subjectAltName=DNS:{HOST}", *LONG_AGO),
        }
        web = folder / "nginx"
        web.mkdir()
        web.chmod(0o755)
        blocks = [
            server(setup, certificates[setup.certificate], addresses[name], web / str(number))
            for number, (name, setup) in enumerate(SETUPS.items())
        ]
        with nginx(blocks, [(addresses[name], HTTPS_PORT) for name in SETUPS], web):
            roots = RootStore.load(authority.root_file).by_subject.values()
            yield Hosts(addresses, tuple(der for group in roots for der in group))


@pytest.mark.parametrize("name", SETUPS)
def test_setup(hosts: Hosts, name: str) -> None:
    found = hosts.judge(name)
    assert (found.code, found.unseen) == (SETUPS[name].code, False), found.detail
    assert bool(found.wildcards) is SETUPS[name].wildcard


def test_what_is_read_of_a_good_policy(hosts: Hosts) -> None:
    policy = hosts.judge("good").policy
    assert policy is not None
    assert (policy.mode, policy.max_age) == ("enforce", 604800)
    assert policy.mx == ("mx1.interop.example", "*.mail.interop.example")


@pytest.mark.parametrize(
    ("other", "code", "remark"),
    [
        ("tls12", "OK", ""),
        ("nobody", "OK", "POLICY_ADDRESS_REFUSED"),
        ("not found", "POLICY_STATUS", ""),
        ("expired", "POLICY_CERTIFICATE", ""),
        ("testing", "POLICY_DIFFERS", ""),
    ],
)
def test_a_second_address(hosts: Hosts, other: str, code: str, remark: str) -> None:
    found = hosts.judge("good", other)
    assert (found.code, found.unseen, found.remark) == (code, False, remark)


def test_nobody_listens(hosts: Hosts) -> None:
    assert hosts.judge("nobody").code == "POLICY_UNREACHABLE"
