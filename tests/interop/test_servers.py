"""The ground truth: BIND's and OpenSSL's own tools see the faults that the audits have to find, and no others."""

from __future__ import annotations

import re

import pytest

from interop.programs import run
from interop.world import DOMAINS, EXPIRED, FLAWLESS, HOSTED, MISMATCH, PLAIN, UNSIGNED, World


def dig(world: World, *question: str) -> str:
    address, port = world.resolver.split(":")
    return run("dig", f"@{address}", "-p", port, "+dnssec", "+tries=2", *question)


def status(output: str) -> str:
    found = re.search(r"status: (\w+)", output)
    assert found, output
    return found[1]


def flags(output: str) -> set[str]:
    found = re.search(r"flags: ([a-z ]+);", output)
    assert found, output
    return set(found[1].split())


@pytest.mark.parametrize("domain", [FLAWLESS, HOSTED, MISMATCH, PLAIN])
def test_unbound_calls_the_signed_domains_secure(world: World, domain: str) -> None:
    answer = dig(world, domain, "MX")
    assert status(answer) == "NOERROR"
    assert "ad" in flags(answer)
    assert "RRSIG" in answer


def test_unbound_calls_the_unsigned_domain_insecure(world: World) -> None:
    answer = dig(world, UNSIGNED, "MX")
    assert status(answer) == "NOERROR"
    assert "ad" not in flags(answer)


def test_unbound_refuses_the_expired_domain_unless_checking_is_disabled(world: World) -> None:
    assert status(dig(world, EXPIRED, "MX")) == "SERVFAIL"
    assert status(dig(world, "+cdflag", EXPIRED, "MX")) == "NOERROR"


@pytest.mark.parametrize("domain", [FLAWLESS, MISMATCH, PLAIN])
def test_delv_validates_the_tlsa_records_from_the_private_root(world: World, domain: str) -> None:
    address, port = world.resolver.split(":")
    words = world.trust_anchor.read_text().splitlines()[-1].split()
    tag, algorithm, kind, *digest = words[words.index("DS") + 1 :]
    anchors = world.folder / "delv.anchors"
    anchors.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{"".join(digest)}"; }};\n')
    options = (f"@{address}", "-p", port, "-a", anchors, "+root=.")
    assert "; fully validated" in run("delv", *options, f"_25._tcp.mx1.{domain}", "TLSA")


def s_client(world: World, domain: str) -> str:
    port = world.ports[domain]
    options = ("-connect", f"127.0.0.1:{port}", "-starttls", "smtp", "-servername", f"mx1.{domain}")
    checks = ("-CAfile", world.ca_file, "-verify_return_error", "-verify_hostname", f"mx1.{domain}")
    return run("openssl", "s_client", *options, *checks, stdin=b"QUIT\r\n")


@pytest.mark.parametrize("domain", [FLAWLESS, MISMATCH, EXPIRED, UNSIGNED])
def test_openssl_trusts_every_postfix_that_offers_starttls(world: World, domain: str) -> None:
    assert "Verify return code: 0 (ok)" in s_client(world, domain)


def test_the_plain_postfix_offers_no_starttls(world: World) -> None:
    with pytest.raises(AssertionError, match="s_client"):
        s_client(world, PLAIN)


def test_every_domain_has_a_mail_host(world: World) -> None:
    for domain in DOMAINS:
        assert "\tMX\t10 mx1." in dig(world, "+cdflag", domain, "MX")
