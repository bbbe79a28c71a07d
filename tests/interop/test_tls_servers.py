"""The ground truth: `openssl s_client` completes with the real servers what their configurations say, and no more."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from interop.programs import find
from interop.tls_expected import ALL_VERSIONS, ECDSA, FFDHE, FFDHE_BITS, RSA, TLS10, TLS11, TLS12, TLS13, Expected
from interop.tls_servers import PACKAGED, SCENARIOS, STARTTLS_SMTP, Server, expected, running

INTERNAL_ERROR = 80
DHE_RSA_AES128_GCM = 0x009E
OPTIONS = {TLS10: "-tls1", TLS11: "-tls1_1", TLS12: "-tls1_2", TLS13: "-tls1_3"}
# How s_client names the curves that it can offer, in its options and in its report.
CURVES: Mapping[int, str] = {
    19: "prime192v1",
    21: "secp224r1",
    22: "secp256k1",
    23: "prime256v1",
    24: "secp384r1",
    25: "secp521r1",
    26: "brainpoolP256r1",
    27: "brainpoolP384r1",
    28: "brainpoolP512r1",
    29: "X25519",
    30: "X448",
}
FFDHE_NAMES = {code: f"ffdhe{bits}" for code, bits in FFDHE_BITS.items()}


@dataclass(frozen=True)
class Seen:
    """The end of one handshake: `suite` is None unless it was completed."""

    suite: str | None
    temporary_key: str
    alert: int | None


def shake(server: Server, version: int, *options: str) -> Seen:
    command = [find("openssl"), "s_client", "-connect", f"{server.address}:{server.port}", OPTIONS[version], *options]
    if server.kind == STARTTLS_SMTP:
        command += ["-starttls", "smtp"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")
    alert = re.search(r"SSL alert number (\d+)", said)
    suite = re.search(r"Cipher is ([\w-]+)", said)
    key = re.search(r"Server Temp Key: (.*)", said)
    completed = suite is not None and alert is None and ":error:" not in said
    return Seen(suite[1] if suite and completed else None, key[1] if key else "", int(alert[1]) if alert else None)


def any_suite(version: int, ciphers: str) -> tuple[str, ...]:
    return () if version == TLS13 else ("-cipher", f"{ciphers}:@SECLEVEL=0")


def accepted_groups(server: Server, version: int, truth: Expected) -> set[int]:
    """Groups of completed handshakes; TLS 1.2 asks for the certificate's curve beside an offered one (RFC 8422)."""
    found = set()
    if version == TLS13:
        for code, name in {**CURVES, **FFDHE_NAMES}.items():
            if shake(server, version, "-groups", name).suite is not None:
                found.add(code)
        return found
    kind, beside = ("aRSA", "") if RSA in truth.certificates else ("aECDSA", ":prime256v1")
    for code, name in CURVES.items():
        groups = name if name in beside else name + beside
        seen = shake(server, version, *any_suite(version, f"ECDHE+{kind}"), "-groups", groups)
        if seen.suite is not None and name in seen.temporary_key:
            found.add(code)
    return found


@pytest.mark.parametrize(("name", "configuration"), SCENARIOS)
def test_openssl_agrees_with_the_expectation(name: str, configuration: str) -> None:
    truth = expected(name, configuration)
    assert truth.certificates <= {RSA, ECDSA}
    with running(name, configuration) as server:
        seen = {version: shake(server, version, *any_suite(version, "ALL")) for version in ALL_VERSIONS}
        assert {version for version in seen if seen[version].suite is not None} == truth.versions, seen
        for version in sorted({TLS12, TLS13} & truth.versions):
            unasked = FFDHE if version == TLS12 else frozenset()  # s_client offers them in TLS 1.3 only
            assert accepted_groups(server, version, truth) == truth.groups[version] - unasked, version
        bits = truth.dh_bits.get(DHE_RSA_AES128_GCM)
        seen_dh = shake(server, TLS12, *any_suite(TLS12, "DHE-RSA-AES128-GCM-SHA256"), "-groups", "P-256")
        assert seen_dh.temporary_key == (f"DH, {bits} bits" if bits else "")


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_opensmtpd_as_packaged_breaks_every_handshake(version: int) -> None:
    with running(*PACKAGED) as server:
        seen = shake(server, version)
        assert (seen.suite, seen.alert) == (None, INTERNAL_ERROR)
