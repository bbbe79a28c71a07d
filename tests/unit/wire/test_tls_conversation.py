"""Our hellos against OpenSSL servers in memory: what they choose, and complete TLS 1.3 handshakes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from tr03108.wire.tls.client_hello import ClientHello
from tr03108.wire.tls.code_points import SCHEMES_TLS12
from tr03108.wire.tls.conversation import Conversation
from tr03108.wire.tls.names import Extension, suite_name
from tr03108.wire.tls.records import HANDSHAKE, Records
from tr03108.wire.tls.server_messages import (
    MessageType,
    ServerHello,
    parse_certificate,
    parse_certificate_verify,
    parse_key_exchange,
    parse_server_hello,
    parse_ticket,
)

NOW = datetime.now(UTC)
RANDOM, SESSION = bytes(range(32)), bytes(range(32, 64))
SUITES_TLS13 = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
FLIGHT = ["SERVER_HELLO", "ENCRYPTED_EXTENSIONS", "CERTIFICATE", "CERTIFICATE_VERIFY", "FINISHED"]
# RFC 2409 section 6.2: 1024 bits, as old servers have it.
OAKLEY_2 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
    16,
)

Cut = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Keys:
    """Keys and certificates for both kinds of servers."""

    ecdsa: ec.EllipticCurvePrivateKey
    rsa: rsa.RSAPrivateKey

    def context(self, kind: str = "ecdsa", ciphers: str = "ALL") -> SSL.Context:
        key = self.rsa if kind == "rsa" else self.ecdsa
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_session_id(b"test")
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.set_cipher_list(f"{ciphers}:@SECLEVEL=0".encode())
        context.use_privatekey(key)
        context.use_certificate(certificate_of(key))
        return context


def certificate_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.example.org")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - timedelta(days=1))
    return builder.not_valid_after(NOW + timedelta(days=1)).sign(key, hashes.SHA256())


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys(ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048))


def hello13(
    *suites: int, groups: tuple[int, ...] = (29, 23), schemes: tuple[int, ...] = (0x0403, 0x0804)
) -> ClientHello:
    return ClientHello(
        0x0303,
        suites or SUITES_TLS13,
        RANDOM,
        SESSION,
        versions=(0x0304,),
        groups=groups,
        schemes=schemes,
        key_shares=(),
        extras=((Extension.PSK_KEY_EXCHANGE_MODES, b"\x01\x01"),),
    )


def hello12(*suites: int, version: int = 0x0303, groups: tuple[int, ...] | None = (23, 24)) -> ClientHello:
    schemes = (0x0403, 0x0804, 0x0401) if version == 0x0303 else None
    return ClientHello(version, suites, RANDOM, SESSION, groups=groups, schemes=schemes)


def set_groups(context: SSL.Context, names: str) -> None:
    """pyOpenSSL has no public call for it."""
    assert SSL._lib.SSL_CTX_set1_curves_list(context._context, names.encode()) == 1  # type: ignore[attr-defined]


def converse(
    context: SSL.Context,
    hello: ClientHello,
    *shares: int,
    complete: bool = False,
    farewell: bytes = b"",
    cut: Cut = lambda data: data,
    reply: bytes = b"221 bye\r\n",
) -> tuple[Conversation, bytes]:
    """The conversation at its end, and what the server read of application data."""
    server = SSL.Connection(context, None)
    server.set_accept_state()
    conversation = Conversation(hello, shares, complete=complete, farewell=farewell)
    out, read = conversation.start(), b""
    for _ in range(6):
        if out:
            server.bio_write(out)
        try:
            server.do_handshake()
            read += server.recv(1000)
            server.sendall(reply)
        except SSL.Error:
            pass
        try:
            data = server.bio_read(1 << 20)
        except SSL.WantReadError:
            break
        out = conversation.feed(cut(data))
        if conversation.done and not out:
            break
    return conversation, read


def cut_into(size: int) -> Cut:
    """Cuts handshake records into records of `size` octets of content."""

    def cut(data: bytes) -> bytes:
        out = b""
        for kind, fragment, header in Records().feed(data):
            step = size if kind == HANDSHAKE else len(fragment)
            for at in range(0, len(fragment), step):
                part = fragment[at : at + step]
                out += header[:3] + len(part).to_bytes(2, "big") + part
        return out

    return cut


def names(conversation: Conversation) -> list[str]:
    return [MessageType(message[0]).name for message in conversation.received]


def message(conversation: Conversation, kind: MessageType) -> bytes:
    return next(each[4:] for each in conversation.received if each[0] == kind)


def server_hello(conversation: Conversation) -> ServerHello:
    found = [parse_server_hello(each[4:]) for each in conversation.received if each[0] == MessageType.SERVER_HELLO]
    assert found[-1] is not None
    return found[-1]


# TLS 1.3


@pytest.mark.parametrize("suite", SUITES_TLS13, ids=suite_name)
@pytest.mark.parametrize("group", [29, 23])
def test_every_suite_to_its_end(keys: Keys, suite: int, group: int) -> None:
    context = keys.context()
    context.set_tls13_ciphersuites(suite_name(suite).encode())
    conversation, read = converse(context, hello13(), group, complete=True, farewell=b"EHLO x\r\n")
    assert (conversation.ended, conversation.error, conversation.completed) == ("answered", None, True)
    assert names(conversation) == [*FLIGHT, "NEW_SESSION_TICKET", "NEW_SESSION_TICKET"]
    assert (server_hello(conversation).suite, server_hello(conversation).group) == (suite, group)
    assert read == b"EHLO x\r\n"
    chain = parse_certificate(message(conversation, MessageType.CERTIFICATE), 0x0304)
    assert chain is not None
    assert x509.load_der_x509_certificate(chain[0]).public_key() == keys.ecdsa.public_key()
    verify = parse_certificate_verify(message(conversation, MessageType.CERTIFICATE_VERIFY))
    assert verify is not None
    assert verify[0] == 0x0403
    ticket = parse_ticket(message(conversation, MessageType.NEW_SESSION_TICKET), 0x0304)
    assert ticket is not None
    assert (ticket.lifetime, ticket.early_data) == (7200, None)


@pytest.mark.parametrize(
    ("groups", "code"),
    [("P-384", 24), ("P-521", 25), ("X448", 30), ("brainpoolP256r1tls13", 31), ("brainpoolP512r1tls13", 33)],
)
@pytest.mark.parametrize("shares", [(), (23,)])
def test_a_retry_is_followed(keys: Keys, groups: str, code: int, shares: tuple[int, ...]) -> None:
    context = keys.context("rsa")
    set_groups(context, groups)
    hello = hello13(groups=(23, 24, 25, 30, 31, 33))
    conversation, read = converse(context, hello, *shares, complete=True, farewell=b"x")
    assert (conversation.ended, conversation.error, conversation.completed) == ("answered", None, True)
    assert names(conversation)[:6] == ["SERVER_HELLO", *FLIGHT]
    assert len(conversation.sent) == 2
    assert (server_hello(conversation).retry, server_hello(conversation).group, read) == (False, code, b"x")


def test_without_a_key_the_retry_is_the_answer(keys: Keys) -> None:
    conversation, _ = converse(keys.context(), hello13(0x1302))
    assert (conversation.ended, conversation.completed, len(conversation.sent)) == ("answered", False, 1)
    chosen = server_hello(conversation)
    assert (chosen.retry, chosen.suite, chosen.group, chosen.version) == (True, 0x1302, 29, 0x0304)


def test_a_retry_to_a_group_that_has_no_key_of_ours(keys: Keys) -> None:
    context = keys.context()
    set_groups(context, "X25519MLKEM768")
    conversation, _ = converse(context, hello13(groups=(4588, 29)), 29, complete=True)
    assert (conversation.ended, conversation.completed) == ("answered", False)
    assert server_hello(conversation).group == 4588


def test_the_cookie_is_sent_back() -> None:
    retry = bytes.fromhex(
        "0303cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c00130100"
        "0018002b00020304002c00080006" + b"cookie".hex() + "003300020017"
    )
    retry = retry.replace(bytes.fromhex("1301000012"), bytes.fromhex("1301000018"))
    conversation = Conversation(hello13(), (29,), complete=True)
    conversation.start()
    flight = b"\x02" + len(retry).to_bytes(3, "big") + retry
    out = conversation.feed(b"\x16\x03\x03" + len(flight).to_bytes(2, "big") + flight)
    assert b"\x00\x2c\x00\x08\x00\x06cookie" in conversation.sent[1]
    assert out.endswith(conversation.sent[1])
    assert conversation.ended is None


def test_a_client_certificate_is_asked_for(keys: Keys) -> None:
    context = keys.context()
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    conversation, read = converse(context, hello13(), 29, complete=True, farewell=b"x")
    assert (conversation.completed, conversation.ended, read) == (True, "answered", b"x")
    assert names(conversation)[:6] == [*FLIGHT[:2], "CERTIFICATE_REQUEST", *FLIGHT[2:]]


def test_a_client_certificate_is_required(keys: Keys) -> None:
    context = keys.context()
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    conversation, _ = converse(context, hello13(), 29, complete=True, farewell=b"x")
    assert (conversation.completed, conversation.ended, conversation.alert) == (True, "answered", (2, 116))


def test_without_a_farewell_the_finished_ends_it(keys: Keys) -> None:
    conversation, _ = converse(keys.context(), hello13(), 29, complete=True)
    assert (conversation.completed, conversation.ended, names(conversation)) == (True, "answered", FLIGHT)


def test_our_close_is_understood(keys: Keys) -> None:
    server = SSL.Connection(keys.context(), None)
    server.set_accept_state()
    conversation = Conversation(hello13(), (29,), complete=True)
    assert conversation.close() == bytes.fromhex("15030300020100")
    server.bio_write(conversation.start())
    with pytest.raises(SSL.WantReadError):
        server.do_handshake()
    server.bio_write(conversation.feed(server.bio_read(1 << 20)) + conversation.close())
    server.do_handshake()
    with pytest.raises(SSL.ZeroReturnError):
        server.recv(1)


@pytest.mark.parametrize(
    ("hello", "shares"),
    [(hello13(schemes=(0x0806,)), (29,)), (hello13(0x1399), (29,)), (hello13(groups=(0x7777,)), ())],
)
def test_an_alert_in_tls_1_3(keys: Keys, hello: ClientHello, shares: tuple[int, ...]) -> None:
    conversation, _ = converse(keys.context(), hello, *shares, complete=True)
    assert (conversation.ended, conversation.alert, conversation.received) == ("alert", (2, 40), [])


# TLS 1.2 and below


@pytest.mark.parametrize(
    ("kind", "suite", "curve", "group"),
    [
        ("ecdsa", 0xC02B, "P-384", 24),
        ("ecdsa", 0xC02C, "P-256", 23),
        ("rsa", 0xC013, "brainpoolP384r1", 27),
        ("rsa", 0xCCA8, "X448", 30),
    ],
)
def test_ecdhe(keys: Keys, kind: str, suite: int, curve: str, group: int) -> None:
    context = keys.context(kind)
    set_groups(context, curve)
    conversation, _ = converse(context, hello12(suite, groups=(23, group)))
    assert (conversation.ended, conversation.completed) == ("answered", False)
    assert names(conversation) == ["SERVER_HELLO", "CERTIFICATE", "SERVER_KEY_EXCHANGE", "SERVER_HELLO_DONE"]
    exchange = parse_key_exchange(message(conversation, MessageType.SERVER_KEY_EXCHANGE), suite, 0x0303)
    assert exchange is not None
    assert (server_hello(conversation).suite, exchange.group) == (suite, group)
    assert exchange.scheme in (0x0403, 0x0804)
    assert exchange.signature


@pytest.mark.parametrize("version", [0x0301, 0x0302])
def test_older_versions(keys: Keys, version: int) -> None:
    conversation, _ = converse(keys.context("rsa"), hello12(0xC013, version=version))
    assert (conversation.ended, server_hello(conversation).version) == ("answered", version)
    exchange = parse_key_exchange(message(conversation, MessageType.SERVER_KEY_EXCHANGE), 0xC013, version)
    assert exchange is not None
    assert (exchange.group, exchange.scheme) == (23, None)
    assert len(exchange.signature) == 256


def test_dhe(keys: Keys, tmp_path: Path) -> None:
    context = keys.context("rsa")
    der = bytes.fromhex("308187028181") + OAKLEY_2.to_bytes(129, "big") + bytes.fromhex("020102")
    lines = base64.encodebytes(der).decode()
    (tmp_path / "dh.pem").write_text(f"-----BEGIN DH PARAMETERS-----\n{lines}-----END DH PARAMETERS-----\n")
    context.load_tmp_dh(str(tmp_path / "dh.pem").encode())
    conversation, _ = converse(context, hello12(0x009E, groups=None))
    exchange = parse_key_exchange(message(conversation, MessageType.SERVER_KEY_EXCHANGE), 0x009E, 0x0303)
    assert exchange is not None
    assert (exchange.group, exchange.group_name, exchange.dh_bits) == (None, "dh-1024", 1024)
    assert int.from_bytes(exchange.prime, "big") == OAKLEY_2
    assert exchange.scheme == 0x0804


@pytest.mark.parametrize(("kind", "suite"), [("RSA", 0xC02F), ("ECDSA", 0xC02B)])
def test_a_server_with_both_kinds_of_keys_takes_our_schemes(keys: Keys, kind: str, suite: int) -> None:
    context = keys.context("rsa")
    context.use_certificate(certificate_of(keys.ecdsa))
    context.use_privatekey(keys.ecdsa)
    conversation, _ = converse(context, replace(hello12(suite), schemes=SCHEMES_TLS12[kind]))
    assert (conversation.ended, server_hello(conversation).suite) == ("answered", suite)
    # Why schemes of TLS 1.3 stay out: OpenSSL takes one for ECDSA in general, and then finds that it cannot be used.
    hello = replace(hello12(0xC02B, 0xC02F), schemes=SCHEMES_TLS12["RSA"])
    assert converse(context, hello)[0].ended == "answered"
    assert converse(context, replace(hello, schemes=(*SCHEMES_TLS12["RSA"], 0x081A)))[0].alert == (2, 40)


def test_static_rsa(keys: Keys) -> None:
    conversation, _ = converse(keys.context("rsa"), hello12(0x009C, groups=None))
    assert (conversation.ended, names(conversation)) == (
        "answered",
        ["SERVER_HELLO", "CERTIFICATE", "SERVER_HELLO_DONE"],
    )


def test_what_a_server_of_tls_1_2_echoes(keys: Keys) -> None:
    context = keys.context("rsa")
    hello = ClientHello(
        0x0303,
        (0xC027,),
        RANDOM,
        groups=(23,),
        schemes=(0x0804,),
        extras=(
            (Extension.ENCRYPT_THEN_MAC, b""),
            (Extension.EXTENDED_MASTER_SECRET, b""),
            (Extension.SESSION_TICKET, b""),
            (Extension.RENEGOTIATION_INFO, b"\x00"),
        ),
    )
    conversation, _ = converse(context, hello)
    found = server_hello(conversation)
    echoed = [found.extension(kind) for kind in (22, 23, 35, 0xFF01)]
    assert echoed == [b"", b"", b"", b"\x00"]


def test_an_alert_in_tls_1_2(keys: Keys) -> None:
    conversation, _ = converse(keys.context("rsa"), hello12(0xC02B))
    assert (conversation.ended, conversation.alert, conversation.received) == ("alert", (2, 40), [])
    context = keys.context("rsa")
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    conversation, _ = converse(context, hello13(), 29)
    assert (conversation.ended, conversation.alert) == ("alert", (2, 70))


# However the records are cut


@pytest.mark.parametrize("size", [1, 2, 3, 500])
def test_a_flight_in_small_records(keys: Keys, size: int) -> None:
    context = keys.context("rsa")
    for _ in range(3):
        context.add_extra_chain_cert(certificate_of(keys.rsa))
    conversation, _ = converse(context, hello12(0xC02F), cut=cut_into(size))
    assert (conversation.ended, len(conversation.received)) == ("answered", 4)
    assert sum(map(len, conversation.received)) > 3000


def test_a_retry_in_small_records(keys: Keys) -> None:
    context = keys.context()
    set_groups(context, "P-384")
    hello = hello13(groups=(23, 24))
    conversation, _ = converse(context, hello, 23, complete=True, cut=cut_into(1))
    assert (conversation.completed, conversation.error) == (True, None)


def test_octets_one_by_one(keys: Keys) -> None:
    server = SSL.Connection(keys.context(), None)
    server.set_accept_state()
    conversation = Conversation(hello13(), (29,), complete=True)
    server.bio_write(conversation.start())
    with pytest.raises(SSL.WantReadError):
        server.do_handshake()
    out = b"".join(conversation.feed(bytes((octet,))) for octet in server.bio_read(1 << 20))
    assert (conversation.completed, conversation.heard) == (True, True)
    server.bio_write(out)
    server.do_handshake()
