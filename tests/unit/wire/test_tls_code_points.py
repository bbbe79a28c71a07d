"""What hellos of each version may offer, and what the names of suites say."""

from __future__ import annotations

import pytest

from tr03108.norms.tls_policy import TlsPolicy
from tr03108.norms.tls_policy_file import policy_file, read_policy
from tr03108.wire.tls.code_points import (
    ALL_SUITES,
    FFDHE_GROUPS,
    GROUPS_TLS12,
    GROUPS_TLS13,
    SCHEMES_TLS12,
    SCHEMES_TLS13,
    TLS13_SUITES,
    authentication,
    forward_secret,
    is_cbc,
    uses_dhe,
    uses_ecdhe,
)
from tr03108.wire.tls.names import GROUPS, SIGNATURE_SCHEMES, group_name, suite_name
from tr03108.wire.tls.suites import PRIVATE_SUITES, SUITES

EVERY_SUITE = (*ALL_SUITES, *TLS13_SUITES)


@pytest.fixture(scope="module")
def policy() -> TlsPolicy:
    return TlsPolicy.together(read_policy(policy_file(name)) for name in ("tr-02102-2_2025-01", "tr-03116-4_2023"))


def test_every_suite_is_offered_in_one_version_range() -> None:
    assert set(EVERY_SUITE) == {*SUITES, *PRIVATE_SUITES} - {0x0000, 0x00FF, 0x5600}
    assert len(set(EVERY_SUITE)) == len(EVERY_SUITE)
    assert len(ALL_SUITES) == 354
    assert not set(SUITES) & set(PRIVATE_SUITES)


def test_names_are_unique() -> None:
    names = [suite_name(code) for code in EVERY_SUITE]
    assert len(set(names)) == len(names)
    assert not [name for name in names if name.startswith("0x")]


def test_no_list_names_a_code_twice() -> None:
    lists = [GROUPS_TLS12, GROUPS_TLS13, FFDHE_GROUPS, SCHEMES_TLS13, *SCHEMES_TLS12.values()]
    assert all(len(set(codes)) == len(codes) for codes in lists)


def test_every_code_has_a_name() -> None:
    assert {*GROUPS_TLS12, *GROUPS_TLS13, *FFDHE_GROUPS} <= set(GROUPS)
    assert {*SCHEMES_TLS13, *(code for codes in SCHEMES_TLS12.values() for code in codes)} <= set(SIGNATURE_SCHEMES)


def test_all_that_the_policy_lists_is_offered(policy: TlsPolicy) -> None:
    for row in policy.suites:
        assert row.code in (TLS13_SUITES if row.version == "TLSv1.3" else ALL_SUITES), row.name
        assert suite_name(row.code) == row.name
    for group in policy.groups:
        assert group.code in (GROUPS_TLS13 if group.version == "TLSv1.3" else (*GROUPS_TLS12, *FFDHE_GROUPS))
        assert group_name(group.code) == group.name


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0x0060, "EXPORT"),
        (0x0061, "EXPORT"),
        (0x0062, "EXPORT"),
        (0x0063, "EXPORT"),
        (0x0064, "EXPORT"),
        (0x0065, "EXPORT"),
        (0x0066, "RC4"),
        (0x0080, "BLOCK_64"),
        (0x0081, "BLOCK_64"),
        (0x0082, "NULL"),
        (0x0083, "NULL"),
        (0xCC13, "CHACHA20"),
        (0xCC14, "CHACHA20"),
        (0xCC15, "CHACHA20"),
        (0xFEFE, "DES"),
        (0xFEFF, "3DES"),
        (0xFF85, "BLOCK_64"),
        (0xFF87, "NULL"),
        (0xFFE0, "3DES"),
        (0xFFE1, "DES"),
    ],
)
def test_the_policy_classes_the_unregistered(policy: TlsPolicy, code: int, reason: str) -> None:
    rating = policy.suite(code, "TLSv1.2", 2026, suite_name(code))
    assert rating.reason == reason
    assert rating.status == ("unlisted" if reason == "CHACHA20" else "forbidden")


def test_all_unregistered_are_classed() -> None:
    mark = test_the_policy_classes_the_unregistered.pytestmark[0]  # type: ignore[attr-defined]
    assert {code for code, _ in mark.args[1]} == set(PRIVATE_SUITES)


def test_schemes_of_tls_1_3_stay_out_of_tls_1_2() -> None:
    # An OpenSSL 4.0 server with keys of both kinds refuses a TLS 1.2 hello that names 0x081A to 0x081C.
    old = {code for codes in SCHEMES_TLS12.values() for code in codes}
    assert not old & {0x081A, 0x081B, 0x081C, 0x0904, 0x0905, 0x0906, 0x0708}
    assert {0x081A, 0x081B, 0x081C, 0x0904, 0x0807, 0x0401} <= set(SCHEMES_TLS13)
    assert not {code for code in SCHEMES_TLS13 if code & 0xFF == 2}  # DSA
    assert set(SCHEMES_TLS12) == {"RSA", "ECDSA", "DSS"}


@pytest.mark.parametrize(("kind", "words"), [("RSA", ("rsa",)), ("ECDSA", ("ecdsa", "ed")), ("DSS", ("dsa",))])
def test_schemes_by_the_kind_of_key(kind: str, words: tuple[str, ...]) -> None:
    assert all(SIGNATURE_SCHEMES[code].startswith(words) for code in SCHEMES_TLS12[kind])
    others = [code for other, codes in SCHEMES_TLS12.items() if other != kind for code in codes]
    assert not set(others) & set(SCHEMES_TLS12[kind])


def test_groups_by_version() -> None:
    assert tuple(range(1, 31)) == GROUPS_TLS12
    assert {23, 24, 25, 29, 30, 31, 32, 33, 41, 256, 260, 514, 4588, 25497} <= set(GROUPS_TLS13)
    assert not {*range(1, 23), 26, 27, 28, 0xFF01, 0xFF02} & set(GROUPS_TLS13)
    assert [group_name(code) for code in FFDHE_GROUPS] == [f"ffdhe{n}" for n in (2048, 3072, 4096, 6144, 8192)]


@pytest.mark.parametrize(
    ("suite", "expected"),
    [
        (0x002F, "RSA"),
        (0x0003, "RSA"),  # RSA_EXPORT
        (0x0060, "RSA"),  # RSA_EXPORT1024
        (0xFEFE, "RSA"),  # RSA_FIPS
        (0x009E, "RSA"),  # DHE_RSA
        (0xC02F, "RSA"),  # ECDHE_RSA
        (0xCC13, "RSA"),
        (0xC02B, "ECDSA"),
        (0xC0AC, "ECDSA"),
        (0xC031, "ECDSA"),  # ECDH_RSA: the key is a curve's
        (0xC02D, "ECDSA"),
        (0x00A2, "DSS"),
        (0x0065, "DSS"),
        (0x00A0, "DH"),
        (0x00A4, "DH"),
        (0x00A6, "anon"),
        (0xC015, "anon"),
        (0x0017, "anon"),  # DH_anon_EXPORT
        (0x00A8, "PSK"),
        (0x00AC, "PSK"),  # RSA_PSK
        (0xC0AA, "PSK"),  # PSK_DHE
        (0xC01B, "SRP"),
        (0x001E, "KRB5"),
        (0x0026, "KRB5"),
        (0xC0B0, "ECCPWD"),
        (0xC100, "GOST"),
        (0x0081, "GOST"),
        (0x1301, ""),
        (0xC103, ""),
        (0xC0B4, ""),
        (0xABCD, ""),
    ],
)
def test_authentication(suite: int, expected: str) -> None:
    assert authentication(suite) == expected


def test_every_older_suite_has_an_authentication() -> None:
    assert not [suite_name(suite) for suite in ALL_SUITES if not authentication(suite)]
    assert not [suite_name(suite) for suite in TLS13_SUITES if authentication(suite)]


@pytest.mark.parametrize(
    ("suite", "ecdhe", "dhe", "secret", "cbc"),
    [
        (0xC02F, True, False, True, False),
        (0xC027, True, False, True, True),
        (0xC035, True, False, True, True),  # ECDHE_PSK
        (0xC018, True, False, False, True),  # ECDH_anon
        (0xC031, False, False, False, False),  # ECDH_RSA
        (0x009E, False, True, True, False),
        (0x0014, False, True, True, True),  # DHE_RSA_EXPORT
        (0xC0AA, False, True, True, False),  # PSK_DHE
        (0x00A6, False, True, False, False),  # DH_anon
        (0x00A0, False, False, False, False),  # DH_RSA
        (0x009C, False, False, False, False),
        (0x0006, False, False, False, True),  # RC2 in CBC mode
        (0x0061, False, False, False, True),
        (0xC01A, False, False, False, True),  # SRP
        (0xC100, False, False, False, False),
        (0xABCD, False, False, False, False),
    ],
)
def test_key_exchange(suite: int, ecdhe: bool, dhe: bool, secret: bool, cbc: bool) -> None:
    found = uses_ecdhe(suite), uses_dhe(suite), forward_secret(suite, 0x0303), is_cbc(suite)
    assert found == (ecdhe, dhe, secret, cbc)


def test_tls_1_3_is_forward_secret_by_its_handshake() -> None:
    for suite in TLS13_SUITES:
        assert forward_secret(suite, 0x0304)
        assert not uses_ecdhe(suite) | uses_dhe(suite) | is_cbc(suite)


def test_block_ciphers_that_the_policy_knows_need_encrypt_then_mac(policy: TlsPolicy) -> None:
    assert {row.code for row in policy.suites if row.encrypt_then_mac} == {
        row.code for row in policy.suites if is_cbc(row.code)
    }
