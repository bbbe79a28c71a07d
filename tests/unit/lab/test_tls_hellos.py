"""The scripted TLS server: each part of its configuration is seen on the wire by hellos of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509

from tr03108.lab.tls_hello_config import ECDSA, RSA, HelloConfig, Refusal, config, named, presets, scheme, suite
from tr03108.lab.tls_hello_keys import dh_prime, ffdhe_prime
from tr03108.wire.tls import sslv2
from tr03108.wire.tls.client_hello import STATUS_REQUEST
from tr03108.wire.tls.names import VERSIONS, Extension
from tr03108.wire.tls.reader import Extensions
from tr03108.wire.tls.server_messages import (
    TLS12,
    MessageType,
    groups_of,
    parse_certificate,
    parse_encrypted_extensions,
    parse_status,
    parse_ticket,
)
from unit.lab.scripted import (
    CBC,
    CHAINS,
    DHE,
    ECDHE_ECDSA,
    ECDHE_RSA,
    MODERN_SUITES,
    NUMBERS,
    ask,
    codes,
    groups,
    new_hello,
    old_hello,
    schemes,
    speaking,
)

OLD = speaking("TLSv1.2")
NEW = speaking("TLSv1.3")
STAPLE = b"an OCSP response"
USUAL: Extensions = tuple((int(kind), body) for kind, body in (
    (Extension.RENEGOTIATION_INFO, b"\x00"),
    (Extension.EXTENDED_MASTER_SECRET, b""),
    (Extension.ENCRYPT_THEN_MAC, b""),
    (Extension.TRUNCATED_HMAC, b""),
    (Extension.HEARTBEAT, b"\x01"),
    (Extension.STATUS_REQUEST, STATUS_REQUEST),
    (Extension.SESSION_TICKET, b""),
))  # fmt: skip
PSK_MODES: Extensions = ((int(Extension.PSK_KEY_EXCHANGE_MODES), b"\x01\x01"),)


@pytest.mark.parametrize("version", ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"])
def test_each_old_version_alone(version: str) -> None:
    hellos = [old_hello(CBC, version=each) for each in ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2")]
    for hello, answer in zip(hellos, ask(speaking(version), *hellos), strict=True):
        if hello.version < NUMBERS[version]:
            assert (answer.ended, answer.alert) == ("alert", 70)
        else:
            assert answer.hello.version_name == version
            assert answer.kinds == [2, 11, 12, 14]


def test_the_highest_common_version_is_chosen_and_a_downgrade_marked() -> None:
    both = replace(new_hello(), versions=(NUMBERS["TLSv1.3"], TLS12), suites=codes(*MODERN_SUITES, ECDHE_RSA))
    new, old, fallback = ask(
        speaking("TLSv1.2", "TLSv1.3"), both, old_hello(), replace(old_hello(), suites=(*codes(ECDHE_RSA), 0x5600))
    )
    assert (new.hello.version_name, new.hello.retry) == ("TLSv1.3", True)
    assert old.hello.version_name == "TLSv1.2"
    assert old.hello.random.endswith(b"DOWNGRD\x01")
    assert fallback.alert == 86
    (without,) = ask(OLD, both)
    assert without.hello.version_name == "TLSv1.2"  # it does not know supported_versions


def test_sslv2() -> None:
    spoken, refused = presets()["sslv2"], HelloConfig()
    (answer,) = ask(spoken, None)
    found = sslv2.parse_server_hello(answer.exchange.received[0])
    assert found is not None
    assert found.suites == spoken.suites["SSLv2"]
    assert x509.load_der_x509_certificate(found.certificate) == CHAINS["RSA"].leaf
    (answer,) = ask(refused, None)
    assert (answer.ended, answer.alert) == ("alert", 40)


def test_suites_come_in_the_order_of_the_one_who_prefers() -> None:
    hello = old_hello(DHE, CBC, ECDHE_ECDSA)
    (ours,) = ask(OLD, hello)
    assert ours.hello.suite == suite(ECDHE_ECDSA)
    (theirs,) = ask(replace(OLD, server_preference=False), hello)
    assert theirs.hello.suite == suite(DHE)


def test_suites_are_told_by_the_certificate() -> None:
    hello = old_hello(ECDHE_RSA, ECDHE_ECDSA)
    for key, expected in (("RSA", ECDHE_RSA), ("P-256", ECDHE_ECDSA)):
        (answer,) = ask(replace(OLD, keys=(key,)), hello)
        assert answer.hello.suite == suite(expected)
        (body,) = answer.bodies(MessageType.CERTIFICATE)
        leaf, _ = parse_certificate(body, TLS12) or ()
        assert x509.load_der_x509_certificate(leaf) == CHAINS[key].leaf
    (answer,) = ask(replace(OLD, keys=("P-256",)), old_hello(ECDHE_RSA))
    assert answer.alert == 40


def test_groups_of_tls12() -> None:
    hello = old_hello(ECDHE_RSA)
    (ours,) = ask(OLD, hello)
    (theirs,) = ask(replace(OLD, group_preference=False), hello)
    assert (ours.key_exchange.group_name, theirs.key_exchange.group_name) == ("secp256r1", "secp384r1")
    (none,) = ask(OLD, replace(hello, groups=groups("brainpoolP256r1")))
    assert none.alert == 40


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("secp192r1", 49),
        ("secp192k1", 49),
        ("brainpoolP512r1", 129),
        ("x448", 56),
        ("x25519", 32),
        ("sect163k1", 43),
        ("sect571r1", 145),
    ],
)
def test_every_curve_has_a_public_value_of_its_length(name: str, octets: int) -> None:
    server = replace(OLD, groups={"TLSv1.2": groups(name)})
    (answer,) = ask(server, replace(old_hello(ECDHE_RSA), groups=groups("secp256r1", name)))
    assert answer.key_exchange.group_name == name
    assert len(answer.key_exchange.public) == octets


def test_a_curve_without_a_name() -> None:
    server = replace(OLD, groups={"TLSv1.2": (0xFF01,)})
    (answer,) = ask(server, replace(old_hello(ECDHE_RSA), groups=(23, 0xFF01)))
    assert answer.key_exchange.explicit_curve


def test_schemes_of_tls12_by_type_of_key() -> None:
    strict = {"TLSv1.2": {RSA: schemes("rsa_pkcs1_sha512", "rsa_pss_rsae_sha256"), ECDSA: schemes("ecdsa_sha1")}}
    server = replace(OLD, schemes=strict)
    first, second = ask(server, old_hello(ECDHE_RSA), old_hello(ECDHE_ECDSA))
    assert first.key_exchange.scheme == scheme("rsa_pss_rsae_sha256")
    assert second.key_exchange.scheme == scheme("ecdsa_sha1")
    offered = replace(old_hello(ECDHE_RSA), schemes=schemes("rsa_pss_rsae_sha256", "rsa_pkcs1_sha512"))
    for ours, expected in ((True, "rsa_pkcs1_sha512"), (False, "rsa_pss_rsae_sha256")):
        (answer,) = ask(replace(server, scheme_preference=ours), offered)
        assert answer.key_exchange.scheme == scheme(expected)
    (none,) = ask(server, replace(offered, schemes=schemes("rsa_pkcs1_sha256")))
    assert none.alert == 40


def test_lengths_of_finite_fields() -> None:
    other = "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"
    server = replace(speaking("TLSv1.2", suites=(DHE, other)), dh_bits=3072, dh_bits_of={suite(other): 1024})
    first, second = ask(server, old_hello(DHE), old_hello(other))
    assert (first.key_exchange.dh_bits, second.key_exchange.dh_bits) == (3072, 1024)
    assert int.from_bytes(first.key_exchange.prime, "big") == dh_prime(3072)
    named = replace(old_hello(DHE), groups=groups("secp256r1", "ffdhe2048"))
    (answer,) = ask(replace(server, ffdhe=True), named)
    assert int.from_bytes(answer.key_exchange.prime, "big") == ffdhe_prime(2048)
    (none,) = ask(replace(server, ffdhe=True), replace(named, groups=groups("ffdhe8192")))
    assert none.alert == 40


def test_ephemeral_keys_are_fresh_or_reused() -> None:
    for suite_name in (ECDHE_RSA, DHE):
        for reused in (True, False):
            one, two = ask(replace(OLD, reuse_keys=reused), *[old_hello(suite_name)] * 2)
            assert (one.key_exchange.public == two.key_exchange.public) is reused


@pytest.mark.parametrize(
    ("name", "kinds", "bits"),
    [
        ("TLS_RSA_WITH_RC4_128_MD5", [2, 11, 14], None),
        ("TLS_DH_anon_WITH_RC4_128_MD5", [2, 12, 14], 1024),
        ("TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", [2, 11, 12, 14], 512),
        ("TLS_DH_anon_EXPORT_WITH_RC4_40_MD5", [2, 12, 14], 512),
        ("TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", [2, 11, 12, 14], 1024),
    ],
)
def test_messages_of_weak_suites(name: str, kinds: list[int], bits: int | None) -> None:
    (answer,) = ask(presets()["legacy"], old_hello(name, version="TLSv1"))
    assert answer.hello.suite == suite(name)
    assert answer.kinds == kinds
    assert bits is None or answer.key_exchange.dh_bits == bits


def test_an_export_key() -> None:
    (answer,) = ask(presets()["legacy"], old_hello("TLS_RSA_EXPORT_WITH_RC4_40_MD5", version="SSLv3"))
    (body,) = answer.bodies(MessageType.SERVER_KEY_EXCHANGE)
    assert int.from_bytes(body[:2], "big") * 8 == 512
    assert len(body) == 2 + 64 + 2 + 3 + 2 + 384  # modulus, exponent and the signature of 3072 bits


def test_extensions_are_answered_as_configured() -> None:
    everything = replace(OLD, truncated_hmac=True, heartbeat=True, staple=STAPLE, compression=1)
    nothing = replace(OLD, extended_master_secret=False, encrypt_then_mac=False, secure_renegotiation=False, tickets=0)
    hello = replace(old_hello(CBC, extras=USUAL), compressions=(1, 0))
    (full,), (bare,) = ask(everything, hello), ask(nothing, hello)
    answered = {kind for kind, _ in full.hello.extensions}
    assert answered == {kind for kind, _ in USUAL} | {Extension.EC_POINT_FORMATS}
    assert (full.hello.compression, bare.hello.compression) == (1, 0)
    assert [parse_status(body) for body in full.bodies(MessageType.CERTIFICATE_STATUS)] == [STAPLE]
    assert {kind for kind, _ in bare.hello.extensions} == {Extension.EC_POINT_FORMATS}
    (silent,) = ask(everything, old_hello(ECDHE_RSA))
    assert {kind for kind, _ in silent.hello.extensions} == {Extension.EC_POINT_FORMATS}  # nothing else was offered
    (aead,) = ask(everything, old_hello(ECDHE_RSA, extras=USUAL))
    assert aead.hello.extension(Extension.ENCRYPT_THEN_MAC) is None  # no CBC, nothing to encrypt first


def test_tls13_retry_names_suite_and_group() -> None:
    (answer,) = ask(NEW, new_hello())
    assert (answer.hello.retry, answer.hello.group, answer.hello.suite) == (True, 23, suite(MODERN_SUITES[0]))
    (theirs,) = ask(replace(NEW, group_preference=False, server_preference=False), new_hello())
    assert theirs.hello.group == 24


@pytest.mark.parametrize("name", ["brainpoolP256r1tls13", "x25519", "x448", "secp521r1"])
def test_tls13_handshake_to_its_end(name: str) -> None:
    server = replace(NEW, groups={"TLSv1.3": groups(name)}, staple=STAPLE, announce_groups=True, tickets=2,
                     early_data=4096, cookie=b"biscuit", request_certificate=True)  # fmt: skip
    extras = (*PSK_MODES, (int(Extension.STATUS_REQUEST), STATUS_REQUEST))
    (answer,) = ask(server, new_hello("secp224r1", name, extras=extras), complete=True, farewell=b"hello")
    assert answer.exchange.completed
    assert answer.kinds == [2, 2, 8, 13, 11, 15, 20, 4, 4]
    (encrypted,) = answer.bodies(MessageType.ENCRYPTED_EXTENSIONS)
    assert groups_of(dict(parse_encrypted_extensions(encrypted))[Extension.SUPPORTED_GROUPS]) == groups(name)
    assert STAPLE in answer.bodies(MessageType.CERTIFICATE)[0]
    tickets = [parse_ticket(body, 0x0304) for body in answer.bodies(MessageType.NEW_SESSION_TICKET)]
    assert [ticket.early_data for ticket in tickets if ticket is not None] == [4096, 4096]


def test_tls13_takes_the_share_that_is_there_unless_it_insists() -> None:
    hello = new_hello("secp256r1", "secp384r1")
    (taken,) = ask(NEW, hello, shares=(24,))
    (insisting,) = ask(replace(NEW, insist_on_group=True), hello, shares=(24,))
    assert (taken.hello.retry, taken.hello.group) == (False, 24)
    assert (insisting.hello.retry, insisting.hello.group) == (True, 23)


@pytest.mark.parametrize(("refusal", "ended", "alert"), [
    ("alert", "alert", 40), (80, "alert", 80), ("close", "closed", None), ("reset", "reset", None),
    ("silence", "silent", None),
])  # fmt: skip
def test_ways_to_refuse(refusal: Refusal, ended: str, alert: int | None) -> None:
    (answer,) = ask(replace(OLD, refusal=refusal), old_hello("TLS_RSA_WITH_NULL_SHA"), seconds=0.5)
    assert (answer.ended, answer.alert, answer.kinds) == (ended, alert, [])


def test_server_names() -> None:
    known = replace(OLD, names=("mail.example",))
    hello, other = old_hello(), replace(old_hello(), server_name="mail.example")
    for server, asked, expected in (
        (replace(known, unknown_name="alert"), hello, ("alert", 112)),
        (replace(known, unknown_name="alert"), other, ("answered", None)),
        (replace(known, unknown_name="warn"), hello, ("answered", 112)),
        (replace(known, without_name=112), replace(hello, server_name=None), ("alert", 112)),
        (known, replace(hello, server_name=None), ("answered", None)),
        (known, hello, ("answered", None)),
    ):
        (answer,) = ask(server, asked)
        assert (answer.ended, answer.alert) == expected


def test_intolerance() -> None:
    grease = replace(old_hello(), suites=(0x1A1A, *old_hello().suites))
    long = replace(old_hello(), extras=((21, bytes(600)),))
    for server, hello, expected in (
        (OLD, grease, ("answered", None)),
        (replace(OLD, grease=47), grease, ("alert", 47)),
        (replace(OLD, grease=47), old_hello(), ("answered", None)),
        (replace(OLD, longest_hello=512), long, ("alert", 50)),
        (replace(OLD, longest_hello=512, too_long="close"), long, ("closed", None)),
        (replace(OLD, longest_hello=512), old_hello(), ("answered", None)),
        (replace(OLD, newer_version="alert"), new_hello(), ("alert", 70)),
        (NEW, new_hello(), ("answered", None)),
        (replace(NEW, empty_key_share=47), new_hello(), ("alert", 47)),
        (replace(NEW, empty_key_share="alert"), new_hello(), ("alert", 50)),
    ):
        (answer,) = ask(server, hello)
        assert (answer.ended, answer.alert) == expected


def test_presets_and_tables() -> None:
    for name, preset in presets().items():
        assert named(name) == preset
        assert set(preset.suites) <= set(VERSIONS.values())
    changed = named({"preset": "bsi", "refusal": "close", "keys": ["RSA"]})
    assert changed == replace(presets()["bsi"], refusal="close", keys=("RSA",))
    for table in ({"nonsense": 1}, {"versions": ["TLSv9"]}, {"suites": {"TLSv1.2": ["TLS_X"]}}, {"refusal": "maybe"}):
        with pytest.raises(ValueError, match=r"nonsense|TLSv9|TLS_X|maybe"):
            config(table)
    with pytest.raises(ValueError, match="no-such"):
        named("no-such")
