"""The ground truth: BIND's and OpenSSL's own tools find the services of mail clients where audits have to find them."""

from __future__ import annotations

import pytest

from interop.client_servers import DIRECT, PORTS
from interop.client_world import FAULTY, FLAWLESS, ClientWorld
from interop.programs import run

SOUND = (FLAWLESS, FAULTY)  # what is wrong there is not their TLS
LANGUAGES = {"submission": "smtp", "imap": "imap", "pop3": "pop3", "sieve": "sieve"}


def dig(world: ClientWorld, *question: str) -> list[str]:
    """The records of a secure answer."""
    address, port = world.resolver.split(":")
    said = run("dig", f"@{address}", "-p", port, "+dnssec", "+tries=2", "+noall", "+comments", "+answer", *question)
    flags = next(line for line in said.splitlines() if line.startswith(";; flags:"))
    assert " ad" in flags.partition("QUERY")[0], said
    return [line for line in said.splitlines() if line and not line.startswith(";") and "RRSIG" not in line]


@pytest.mark.parametrize(("domain", "kind"), [(domain, kind) for domain in SOUND for kind in PORTS])
def test_every_service_that_dns_names_shows_a_fitting_certificate(
    client_world: ClientWorld, domain: str, kind: str
) -> None:
    records = dig(client_world, f"_{kind}._tcp.{domain}", "SRV")
    if domain == FAULTY and kind in DIRECT:
        assert records == []
        return
    (record,) = records
    port, target = record.split()[-2:]
    (address,) = [line.split()[-1] for line in dig(client_world, target, "A")]
    places = dict(redirection.split("=") for redirection in client_world.connect)
    begin = () if kind in DIRECT else ("-starttls", LANGUAGES[kind])
    host = target.rstrip(".")
    checks = ("-CAfile", client_world.ca_file, "-verify_return_error", "-verify_hostname", host)
    connect = ("-connect", places[f"{address}:{port}"], "-servername", host)
    assert "Verify return code: 0 (ok)" in run("openssl", "s_client", *connect, *begin, *checks)


@pytest.mark.parametrize("domain", SOUND)
@pytest.mark.parametrize("label", ["autoconfig", "autodiscover", "webmail"])
def test_every_site_shows_a_fitting_certificate(client_world: ClientWorld, domain: str, label: str) -> None:
    host = f"{label}.{domain}"
    (address,) = [line.split()[-1] for line in dig(client_world, host, "A")]
    places = dict(redirection.split("=") for redirection in client_world.connect)
    checks = ("-CAfile", client_world.ca_file, "-verify_return_error", "-verify_hostname", host)
    connect = ("-connect", places[f"{address}:443"], "-servername", host, "-quiet", "-no_ign_eof")
    run("openssl", "s_client", *connect, *checks)
