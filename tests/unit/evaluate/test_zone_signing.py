"""How zones are signed: key lengths, digests, algorithms that do not sign everything, NSEC3 parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from tr03108.evaluate.lookup import Status
from tr03108.evaluate.zone_signing import ZoneSigning, rsa_bits, zone_signing, zones_of
from tr03108.lab.zone import ZoneSpec

MakeOffline = Callable[[Sequence[ZoneSpec]], Any]
ASKED = (
    ("example.test", "MX"),
    ("example.test", "DNSKEY"),
    ("mx1.example.test", "AAAA"),
    ("example.test", "NSEC3PARAM"),
)
RECORDS = ("@ MX 10 mx1", "mx1 A 192.0.2.1")


def signing(offline: MakeOffline, **spec: Any) -> ZoneSigning:
    return zone_signing(offline((ZoneSpec("example.test", RECORDS, **spec),)).validator(), "example.test", ASKED)


@pytest.mark.parametrize(("denial", "nsec", "nsec3"), [("nsec", True, ()), ("nsec3", False, ((0, ""),))])
def test_a_zone_without_fault(
    offline: MakeOffline, denial: str, nsec: bool, nsec3: tuple[tuple[int, str], ...]
) -> None:
    seen = signing(offline, denial=denial)
    assert (seen.status, seen.nsec, seen.nsec3) == (Status.SECURE, nsec, nsec3)
    assert (seen.sha1, seen.incomplete, seen.digests) == (None, (), (2,))
    assert {(key.algorithm, key.bits) for key in seen.keys} == {(13, None)}


@pytest.mark.parametrize(("algorithm", "bits"), [("RSASHA256", 2048), ("RSASHA256-1024", 1024), ("RSASHA1", 2048)])
def test_rsa(offline: MakeOffline, algorithm: str, bits: int) -> None:
    seen = signing(offline, algorithm=algorithm)
    assert {key.bits for key in seen.keys} == {bits}
    assert (seen.sha1 is not None) == (algorithm == "RSASHA1")


def test_sha1_digest_alone(offline: MakeOffline) -> None:
    assert signing(offline, ds_digest="SHA1").sha1 == "DS records with SHA-1 digests alone"
    assert ZoneSigning("x", Status.SECURE, digests=(1, 2)).sha1 is None


def test_an_algorithm_that_signs_only_the_keys(offline: MakeOffline) -> None:
    seen = signing(offline, second_algorithm="ED25519")
    assert "example.test MX without ED25519 (15)" in seen.incomplete
    assert not any("DNSKEY" in text for text in seen.incomplete)


def test_iterations_and_salt(offline: MakeOffline) -> None:
    assert signing(offline, denial="nsec3", nsec3_iterations=7, nsec3_salt="5a17").nsec3 == ((7, "5a17"),)


def test_an_unsigned_zone(offline: MakeOffline) -> None:
    seen = signing(offline, denial="none")
    assert (seen.status, seen.cause, seen.keys) == (Status.INSECURE, "DNSSEC_INSECURE", ())


def test_zones_of_lookups(offline: MakeOffline) -> None:
    zones = (
        ZoneSpec("example.test", ("@ MX 10 a.sub", "a.sub CNAME b.other.test.")),
        ZoneSpec("other.test"),
    )
    validator = offline(zones).validator()
    lookups = [validator.lookup("example.test", "MX"), validator.lookup("a.sub.example.test", "A")]
    assert zones_of(lookups) == ("example.test", "other.test")


@pytest.mark.parametrize(
    ("key", "bits"),
    [(b"", None), (b"\x01\x03" + b"\xff" * 128, 1024), (b"\x00\x00\x03\x01\x00\x01" + b"\x7f" * 64, 511), (b"\x05", 0)],
)
def test_lengths_of_rsa_keys(key: bytes, bits: int | None) -> None:
    assert rsa_bits(DNSKEY("IN", "DNSKEY", 256, 3, 8, key)) == bits
