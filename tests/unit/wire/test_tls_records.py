"""The server's clear bytes of a handshake: what OpenSSL says it negotiated must be what we read; junk reads as None."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from tr03108.wire.tls.names import ALERTS, GROUPS, SIGNATURE_SCHEMES, group_name, suite_name
from tr03108.wire.tls.records import ClearFlight, Records, clear_flight
from tr03108.wire.tls.suites import SUITES

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Pair:
    """A finished handshake in memory: the server's octets and what the client's OpenSSL says of it."""

    received: bytes
    version: str
    suite: str
    group: str | None


def context_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, ciphers: str, version: int) -> SSL.Context:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.example.org")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_privatekey(key)
    context.use_certificate(certificate)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    if ciphers:
        context.set_cipher_list(f"{ciphers}:@SECLEVEL=0".encode())
    return context


def shake_hands(server_context: SSL.Context, client_groups: ec.EllipticCurve | None = None) -> Pair:
    client_context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client_context.set_min_proto_version(SSL.TLS1_VERSION)
    client_context.set_cipher_list(b"ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    if client_groups is not None:
        client_context.set_max_proto_version(SSL.TLS1_2_VERSION)
        client_context.set_tmp_ecdh(client_groups)
    client, server = SSL.Connection(client_context, None), SSL.Connection(server_context, None)
    client.set_connect_state()
    server.set_accept_state()
    received = b""
    done: set[str] = set()
    for _ in range(10):
        for name, side, other in (("client", client, server), ("server", server, client)):
            try:
                side.do_handshake()
                done.add(name)
            except SSL.WantReadError:
                pass
            try:
                data = side.bio_read(65536)
            except SSL.WantReadError:
                continue
            received += data if name == "server" else b""
            other.bio_write(data)
        if len(done) == 2:
            break
    return Pair(received, client.get_protocol_version_name(), client.get_cipher_name() or "", client.get_group_name())


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def test_tls_1_3(ec_key: ec.EllipticCurvePrivateKey) -> None:
    pair = shake_hands(context_of(ec_key, "", SSL.TLS1_3_VERSION))
    hello = clear_flight(pair.received)
    assert (hello.tls, hello.version, suite_name(hello.suite or 0)) == (True, pair.version, pair.suite)
    assert hello.group_name is not None
    assert hello.group_name.lower() == (pair.group or "").lower()
    assert (hello.retry_group, hello.alert, hello.signature_scheme) == (None, None, None)


def test_tls_1_3_with_a_retry(ec_key: ec.EllipticCurvePrivateKey) -> None:
    context = context_of(ec_key, "", SSL.TLS1_3_VERSION)
    context.set_tmp_ecdh(ec.SECP521R1())
    hello = clear_flight(shake_hands(context).received)
    assert (hello.version, hello.retry_group, hello.group_name) == ("TLSv1.3", 25, "secp521r1")


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.BrainpoolP256R1()])
def test_tls_1_2_named_curve_and_signature(rsa_key: rsa.RSAPrivateKey, curve: ec.EllipticCurve) -> None:
    context = context_of(rsa_key, "ECDHE-RSA-AES128-GCM-SHA256", SSL.TLS1_2_VERSION)
    context.set_tmp_ecdh(curve)
    hello = clear_flight(shake_hands(context, curve).received)
    assert (hello.version, hello.suite, hello.group_name) == ("TLSv1.2", 0xC02F, curve.name)
    assert SIGNATURE_SCHEMES[hello.signature_scheme or 0].startswith("rsa_")


def test_a_prime_of_the_servers_own() -> None:
    prime, public = ((1 << 1023) + 1).to_bytes(129, "big"), b"\x02" * 128
    exchange = (
        b"".join(len(part).to_bytes(2, "big") + part for part in (prime, b"\x02", public)) + b"\x08\x04" + bytes(9)
    )
    read = clear_flight(flight("TLSv1.2", 0x009F, exchange))
    assert (read.group, read.dh_bits, read.group_name, read.signature_scheme) == (None, 1024, "dh-1024", 0x0804)
    anonymous = clear_flight(flight("TLSv1.2", 0x00A7, exchange))
    assert (anonymous.dh_bits, anonymous.signature_scheme) == (1024, None)
    older = clear_flight(flight("TLSv1.1", 0x0039, exchange))
    assert (older.dh_bits, older.signature_scheme) == (1024, None)


def test_a_psk_hint_comes_before_the_curve() -> None:
    exchange = b"\x00\x04hint" + b"\x03\x00\x17" + b"\x04point"
    assert clear_flight(flight("TLSv1.2", 0xD001, exchange)).group_name == "secp256r1"


def test_explicit_curves_have_no_name() -> None:
    assert clear_flight(flight("TLSv1.2", 0xC02F, b"\x01" + bytes(40))).group is None


def flight(version: str, suite: int, key_exchange: bytes) -> bytes:
    """ServerHello and ServerKeyExchange in one record."""
    code = {"TLSv1.1": b"\x03\x02", "TLSv1.2": b"\x03\x03"}[version]
    hello = code + bytes(32) + b"\x00" + suite.to_bytes(2, "big") + b"\x00"
    body = b"".join(bytes([kind]) + len(m).to_bytes(3, "big") + m for kind, m in ((2, hello), (12, key_exchange)))
    return b"\x16\x03\x03" + len(body).to_bytes(2, "big") + body


def test_static_rsa_has_no_group(rsa_key: rsa.RSAPrivateKey) -> None:
    hello = clear_flight(shake_hands(context_of(rsa_key, "AES128-SHA", SSL.TLS1_VERSION)).received)
    assert (hello.version, hello.suite, hello.group_name) == ("TLSv1", 0x002F, None)


def test_tls_1_0_signs_without_naming_a_scheme(rsa_key: rsa.RSAPrivateKey) -> None:
    hello = clear_flight(shake_hands(context_of(rsa_key, "ECDHE-RSA-AES128-SHA", SSL.TLS1_VERSION)).received)
    assert (hello.version, hello.suite, hello.signature_scheme) == ("TLSv1", 0xC013, None)
    assert hello.group in GROUPS


def test_handshake_messages_cut_into_many_records(ec_key: ec.EllipticCurvePrivateKey) -> None:
    whole = shake_hands(context_of(ec_key, "ECDHE-ECDSA-AES128-SHA", SSL.TLS1_2_VERSION)).received
    cut = b"".join(
        bytes([kind, 3, 3]) + len(piece).to_bytes(2, "big") + piece
        for kind, fragment in [record[:2] for record in Records().feed(whole)]
        for piece in ([fragment[at : at + 7] for at in range(0, len(fragment), 7)] if kind == 22 else [fragment])
    )
    assert clear_flight(cut) == clear_flight(whole)
    assert clear_flight(whole).suite == 0xC009


def test_every_prefix_reads_without_an_exception(ec_key: ec.EllipticCurvePrivateKey) -> None:
    whole = shake_hands(context_of(ec_key, "", SSL.TLS1_3_VERSION)).received
    seen = {clear_flight(whole[:size]).suite for size in range(0, 1500)}
    assert seen == {None, clear_flight(whole).suite}


@pytest.mark.parametrize(
    ("data", "alert"),
    [
        (bytes.fromhex("15030300020228"), 40),
        (bytes.fromhex("15030100020246"), 70),
        (bytes.fromhex("1503030002017015030300020250"), 80),  # a fatal alert after a warning
        (bytes.fromhex("1503030002025015030300020100"), 80),
        (bytes.fromhex("15030300020100"), 0),
        (bytes.fromhex("15030300010228"), None),
        (bytes.fromhex("150303000202"), None),
        (bytes.fromhex("15030300020928"), None),
    ],
)
def test_alerts(data: bytes, alert: int | None) -> None:
    assert clear_flight(data).alert == alert


@pytest.mark.parametrize(
    "data", [b"", b"\x16", b"220 ready\r\n", b"\x16\x03\x03\xff\xff" + b"a" * 70000, b"HTTP/1.1 400\r\n"]
)
def test_junk_is_nothing(data: bytes) -> None:
    tls = data[:2] == b"\x16\x03"
    assert clear_flight(data) == ClearFlight(tls)


@given(st.binary(max_size=400))
def test_junk_never_raises(data: bytes) -> None:
    clear_flight(data)
    body = b"\x02" + len(data).to_bytes(3, "big") + data
    clear_flight(b"\x16\x03\x03" + len(body).to_bytes(2, "big") + body)


@given(st.binary(max_size=80), st.sampled_from([0xC02F, 0x009F, 0xC0A6, 0xD001, 0x0000, 0xFFFF]))
def test_junk_key_exchange_never_raises(data: bytes, suite: int) -> None:
    read = clear_flight(flight("TLSv1.2", suite, data))
    assert (read.version, read.suite) == ("TLSv1.2", suite)


def test_names_cover_what_openssl_knows() -> None:
    if not (openssl := shutil.which("openssl")):
        pytest.skip("no openssl here")
    listing = subprocess.run(
        [openssl, "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("this openssl lists no standard names")
    rows = [line.split() for line in listing.stdout.splitlines()]
    known = {int(row[0].replace("0x", "").replace(",", ""), 16): row[2] for row in rows}
    assert {code: SUITES.get(code) for code in known} == known


def test_unknown_code_points_are_shown_as_numbers() -> None:
    assert (suite_name(0x1301), suite_name(0xFEFD)) == ("TLS_AES_128_GCM_SHA256", "0xFEFD")
    assert (group_name(4588), group_name(0x7777)) == ("X25519MLKEM768", "0x7777")
    assert ALERTS[40] == "handshake_failure"
    assert len(set(SUITES.values())) == len(SUITES)
