"""What BSI's editions say of versions, suites, groups and signature schemes, year by year."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tr03108.model import Level, UsageError
from tr03108.norms.tls_policy import TlsPolicy
from tr03108.norms.tls_policy_file import policy_file, policy_names, read_policy
from tr03108.wire.tls.names import GROUPS, SIGNATURE_SCHEMES
from tr03108.wire.tls.suites import SUITES

TR_02102_2 = "tr-02102-2_2025-01"
TR_03116_4 = "tr-03116-4_2023"


@pytest.fixture(scope="module")
def policy() -> TlsPolicy:
    return TlsPolicy.together(read_policy(policy_file(name)) for name in (TR_02102_2, TR_03116_4))


def test_the_editions(policy: TlsPolicy) -> None:
    assert {TR_02102_2, TR_03116_4} <= set(policy_names())
    assert policy.editions == ("TR-02102-2 (2025-01)", "TR-03116-4 (2023)")


def test_counts_of_the_tables(policy: TlsPolicy) -> None:
    tls12 = [row for row in policy.suites if row.version == "TLSv1.2"]
    assert len({row.code for row in tls12}) == len(tls12) == 51
    assert Counter(row.until.year == 2026 for row in tls12) == {False: 31, True: 20}
    assert sum("Table 2" in row.source for row in tls12) == 20
    assert [row.code for row in policy.suites if row.version == "TLSv1.3"] == [0x1301, 0x1302, 0x1304]
    assert sum(row.version == "TLSv1.3" for row in policy.groups) == 8


def test_a_code_has_one_name_in_each_version(policy: TlsPolicy) -> None:
    for rows in (policy.suites, policy.groups):
        assert len({(row.code, row.version) for row in rows}) == len(rows)


def test_cbc_suites_need_encrypt_then_mac(policy: TlsPolicy) -> None:
    for row in policy.suites:
        assert row.encrypt_then_mac is ("_CBC_" in row.name), row.name


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("SSLv2", "forbidden"),
        ("SSLv3", "forbidden"),
        ("TLSv1", "forbidden"),
        ("TLSv1.1", "forbidden"),
        ("TLSv1.2", "listed"),
        ("TLSv1.3", "listed"),
        ("TLSv1.4", "unlisted"),
    ],
)
def test_versions(policy: TlsPolicy, name: str, status: str) -> None:
    rating = policy.version(name)
    assert (rating.status, rating.name) == (status, name)
    assert (rating.source is None) == (status == "unlisted")


@pytest.mark.parametrize("code", [0xC031, 0x003E, 0x00AC])
def test_suites_without_forward_secrecy_end_in_2026(policy: TlsPolicy, code: int) -> None:
    statuses = [policy.suite(code, "TLSv1.2", year).status for year in (2023, 2026, 2027, 2030)]
    assert statuses == ["listed", "listed", "expired", "expired"]
    rating = policy.suite(code, "TLSv1.2", 2027)
    assert (rating.until_year, rating.until_plus) == (2026, False)
    assert rating.source is not None
    assert "Table" in rating.source


def test_dhe_suites_end_in_2029(policy: TlsPolicy) -> None:
    assert [policy.suite(0x009F, "TLSv1.2", year).status for year in (2029, 2030)] == ["listed", "expired"]


@pytest.mark.parametrize("year", [2023, 2026, 2027, 2030, 2032])
def test_an_open_end_does_not_end_by_itself(policy: TlsPolicy, year: int) -> None:
    rating = policy.suite(0xC02F, "TLSv1.2", year)
    assert (rating.status, rating.until_year, rating.until_plus) == ("listed", 2031, True)
    assert policy.suite(0x1301, "TLSv1.3", year).status == "listed"


def test_a_suite_is_listed_for_its_version_only(policy: TlsPolicy) -> None:
    assert policy.suite(0xC02F, "TLSv1.3", 2026).status == "unlisted"
    assert policy.suite(0x1301, "TLSv1.2", 2026).status == "unlisted"


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("TLS_RSA_WITH_NULL_SHA256", "forbidden", "NULL"),
        ("TLS_SHA256_SHA256", "forbidden", "NULL"),
        ("TLS_DH_anon_WITH_AES_256_GCM_SHA384", "forbidden", "ANON"),
        ("TLS_ECDH_anon_WITH_AES_128_CBC_SHA", "forbidden", "ANON"),
        ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", "forbidden", "EXPORT"),
        ("TLS_RSA_EXPORT1024_WITH_RC4_56_SHA", "forbidden", "EXPORT"),
        ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", "forbidden", "RC4"),
        ("TLS_RSA_WITH_RC2_CBC_MD5", "forbidden", "RC2"),
        ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "forbidden", "3DES"),
        ("TLS_DHE_RSA_WITH_DES_CBC_SHA", "forbidden", "DES"),
        ("TLS_RSA_WITH_IDEA_CBC_SHA", "forbidden", "BLOCK_64"),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", "forbidden", "STATIC_RSA"),
        ("TLS_RSA_WITH_AES_128_CCM_8", "forbidden", "STATIC_RSA"),
        ("TLS_ECDH_RSA_WITH_CAMELLIA_128_GCM_SHA256", "forbidden", "NO_FORWARD_SECRECY"),
        ("TLS_PSK_WITH_AES_128_GCM_SHA256", "forbidden", "NO_FORWARD_SECRECY"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "forbidden", "SHA1"),
        ("TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA", "forbidden", "SHA1"),
        ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", "forbidden", "SSLV2"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "unlisted", "CHACHA20"),
        ("TLS_CHACHA20_POLY1305_SHA256", "unlisted", "CHACHA20"),
        ("TLS_ECDHE_RSA_WITH_CAMELLIA_256_CBC_SHA384", "unlisted", "CAMELLIA"),
        ("TLS_DHE_RSA_WITH_CAMELLIA_128_GCM_SHA256", "unlisted", "CAMELLIA"),
        ("TLS_ECDHE_ECDSA_WITH_ARIA_256_GCM_SHA384", "unlisted", "ARIA"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "unlisted", "CCM_8"),
        ("TLS_AES_128_CCM_8_SHA256", "unlisted", "CCM_8"),
        ("TLS_SM4_GCM_SM3", "unlisted", "SM4"),
        ("TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_L", "unlisted", "KUZNYECHIK"),
        ("TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC", "forbidden", "NO_FORWARD_SECRECY"),
        ("TLS_GOSTR341112_256_WITH_MAGMA_MGM_L", "forbidden", "BLOCK_64"),
        ("TLS_AEGIS_256_SHA512", "unlisted", None),
    ],
)
def test_suites_that_are_not_listed(policy: TlsPolicy, name: str, status: str, reason: str | None) -> None:
    rating = policy.suite(0xFFFE, "TLSv1.2", 2026, name)
    assert (rating.status, rating.reason, rating.name) == (status, reason, name)
    assert rating.until_year is None
    assert (rating.source is None) == (reason is None)


def test_an_unknown_suite_without_a_name_is_not_accused(policy: TlsPolicy) -> None:
    rating = policy.suite(0xFEFE, "TLSv1.2", 2026)
    assert (rating.status, rating.name, rating.source) == ("unlisted", "0xFEFE", None)


@pytest.mark.parametrize(
    ("code", "version", "year", "status"),
    [
        (23, "TLSv1.2", 2026, "listed"),
        (26, "TLSv1.2", 2026, "listed"),
        (26, "TLSv1.3", 2026, "unlisted"),
        (31, "TLSv1.3", 2030, "listed"),
        (31, "TLSv1.2", 2026, "unlisted"),
        (257, "TLSv1.2", 2029, "listed"),
        (257, "TLSv1.2", 2030, "expired"),
        (257, "TLSv1.3", 2030, "listed"),
        (256, "TLSv1.3", 2026, "too-small"),
        (259, "TLSv1.3", 2026, "unlisted"),
        (29, "TLSv1.2", 2026, "unlisted"),
        (29, "TLSv1.3", 2023, "unlisted"),
        (30, "TLSv1.3", 2026, "unlisted"),
        (4587, "TLSv1.3", 2026, "unlisted"),
        (4588, "TLSv1.3", 2026, "unlisted"),
        (4589, "TLSv1.3", 2026, "unlisted"),
        (19, "TLSv1.2", 2026, "too-small"),
        (21, "TLSv1.2", 2026, "too-small"),
        (0xFF01, "TLSv1.2", 2026, "forbidden"),
    ],
)
def test_groups(policy: TlsPolicy, code: int, version: str, year: int, status: str) -> None:
    rating = policy.group(code, version, year)
    assert rating.status == status
    assert not rating.name.startswith("0x")


def test_hybrids_are_told_apart_from_curves(policy: TlsPolicy) -> None:
    assert policy.group(4588, "TLSv1.3", 2026).reason == "POST_QUANTUM"
    assert policy.group(29, "TLSv1.3", 2026).reason == "STRONG"


@pytest.mark.parametrize(
    ("code", "bits", "status"),
    [
        (None, 1024, "too-small"),
        (0, 1024, "too-small"),
        (None, 2048, "too-small"),
        (None, 3000, "unlisted"),
        (None, 3072, "unlisted"),
        (257, 3072, "listed"),
        (257, 1024, "too-small"),
        (29, 253, "unlisted"),
        (23, 256, "listed"),
        (0xFAFA, 160, "too-small"),
        (0xFAFA, 256, "unlisted"),
    ],
)
def test_the_size_that_was_seen_counts(policy: TlsPolicy, code: int | None, bits: int, status: str) -> None:
    rating = policy.group(code, "TLSv1.2", 2026, bits)
    assert rating.status == status
    if status == "too-small":
        assert rating.source == "TR-02102-2 (2025-01) section 3.6.1, Table 13"


def test_own_parameters_of_enough_bits_are_known_to_be_strong(policy: TlsPolicy) -> None:
    rating = policy.group(None, "TLSv1.2", 2026, 3072)
    assert (rating.reason, rating.shortfall) == ("OWN_DH_GROUP", "unlisted")
    assert policy.group(0xFAFA, "TLSv1.2", 2026, 256).shortfall == "unknown"


def test_ratings_say_where_encrypt_then_mac_is_needed(policy: TlsPolicy) -> None:
    assert policy.suite(0xC027, "TLSv1.2", 2026).encrypt_then_mac
    assert not policy.suite(0xC02F, "TLSv1.2", 2026).encrypt_then_mac


def test_every_registered_suite_has_a_rating(policy: TlsPolicy) -> None:
    """One known to no row and no rule would count as forbidden: those few are here."""
    unknown = set()
    for code, name in SUITES.items():
        for version in ("TLSv1.2", "TLSv1.3"):
            rating = policy.suite(code, version, 2026, name)
            assert rating.status in ("listed", "unlisted", "forbidden", "expired"), name
            assert rating.name == name
        if policy.suite(code, "TLSv1.3" if code >> 8 == 0x13 else "TLSv1.2", 2026, name).shortfall == "unknown":
            unknown.add(name)
    assert unknown == {
        *("TLS_AEGIS_256_SHA512", "TLS_AEGIS_128L_SHA256"),
        *("TLS_EMPTY_RENEGOTIATION_INFO_SCSV", "TLS_FALLBACK_SCSV"),
        *(f"TLS_ECCPWD_WITH_AES_{bits}_SHA{h}" for bits, h in (("128_GCM", 256), ("256_GCM", 384))),
        *(f"TLS_ECCPWD_WITH_AES_{bits}_CCM_SHA{h}" for bits, h in ((128, 256), (256, 384))),
    }


def test_every_named_group_and_scheme_is_known(policy: TlsPolicy) -> None:
    versions = ("TLSv1.2", "TLSv1.3")
    for code, name in GROUPS.items():
        assert {policy.group(code, version, 2026).shortfall for version in versions} != {"unknown"}, name
    for code, name in SIGNATURE_SCHEMES.items():
        assert {policy.signature(code, version, 2026).shortfall for version in versions} != {"unknown"}, name


def test_a_group_without_a_name_is_named_by_what_is_known(policy: TlsPolicy) -> None:
    assert policy.group(None, "TLSv1.2", 2026, 1024).name == "1024-bit DH"
    assert policy.group(0xFAFA, "TLSv1.2", 2026).name == "0xFAFA"


@pytest.mark.parametrize(
    ("code", "version", "use", "year", "status"),
    [
        (0x0401, "TLSv1.2", "handshake", 2025, "listed"),
        (0x0401, "TLSv1.2", "handshake", 2026, "expired"),
        (0x0401, "TLSv1.3", "handshake", 2025, "forbidden"),
        (0x0401, "TLSv1.3", "certificate", 2025, "listed"),
        (0x0401, "TLSv1.3", "certificate", 2026, "expired"),
        (0x0403, "TLSv1.2", "handshake", 2030, "listed"),
        (0x0804, "TLSv1.2", "handshake", 2026, "listed"),
        (0x0804, "TLSv1.3", "handshake", 2030, "listed"),
        (0x081A, "TLSv1.3", "handshake", 2026, "listed"),
        (0x0301, "TLSv1.2", "handshake", 2026, "too-small"),
        (0x0303, "TLSv1.2", "certificate", 2026, "too-small"),
        (0x0201, "TLSv1.2", "handshake", 2026, "forbidden"),
        (0x0203, "TLSv1.3", "certificate", 2026, "forbidden"),
        (0x0807, "TLSv1.3", "handshake", 2026, "unlisted"),
    ],
)
def test_signature_schemes(policy: TlsPolicy, code: int, version: str, use: str, year: int, status: str) -> None:
    assert policy.signature(code, version, year, use).status == status


def test_minimums_end_with_their_year(policy: TlsPolicy) -> None:
    def for_servers(year: int) -> set[str]:
        return {
            row.name
            for row in policy.minimums_in(year)
            if row.kind == "suite" and row.role == "server" and row.certificate == "RSA"
        }

    assert for_servers(2026) == {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}
    assert for_servers(2027) == {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}


def test_what_servers_must_support(policy: TlsPolicy) -> None:
    musts = {(row.kind, row.version, row.name) for row in policy.minimums if row.level is Level.MUST}
    assert ("version", "TLSv1.2", "TLSv1.2") in musts
    assert ("group", "TLSv1.2", "secp256r1") in musts
    assert ("group", "TLSv1.2", "brainpoolP256r1") in musts
    assert not any(version == "TLSv1.3" for _, version, _ in musts)


def test_minimums_are_listed_or_ended_earlier(policy: TlsPolicy) -> None:
    """The two editions fit together: whatever is demanded is recommended, unless TR-02102-2 ended it."""
    for row in policy.minimums_in(2026):
        if row.kind == "suite":
            ratings = [policy.suite(code, row.version, 2026) for code in row.codes]
        elif row.kind == "group":
            ratings = [policy.group(code, row.version, 2026) for code in row.codes]
        elif row.kind == "signature":
            ratings = [policy.signature(code, row.version, 2026) for code in row.codes]
        else:
            continue
        assert "listed" in {rating.status for rating in ratings}, row


def test_certificates(policy: TlsPolicy) -> None:
    in_2026 = [row for row in policy.certificate_keys if not row.until.over(2026)]
    assert {row.algorithm: row.bits for row in in_2026} == {"ECDSA": 256, "DSA": 3072, "RSASSA-PSS": 3072}
    assert {row.applies_to: row.years for row in policy.certificate_validity} == {
        "end-entity": 3,
        "sub-ca": 5,
        "root": 6,
    }
    assert sum(not row.until.over(2026) for row in policy.certificate_curves) == 6
    assert {row.algorithm: row.bits for row in policy.key_lengths}["RSA"] == 3000


EDITION = """
edition = "TR-02102-2 (2030-01)"
title = "A newer one"
date = 2030-01-15

[[versions]]
source = "section 1"
status = "listed"
names = ["TLSv1.3"]

[[suites]]
source = "section 2"
version = "TLSv1.3"
entries = [
  { code = 0x1301, name = "TLS_AES_128_GCM_SHA256", until = "2028" },
  { code = 0x1303, name = "TLS_CHACHA20_POLY1305_SHA256", until = "2036+" },
]
"""


def _read(folder: Path, text: str) -> TlsPolicy:
    file = folder / "edition.toml"
    file.write_text(text, encoding="utf-8")
    return read_policy(file)


def test_a_new_edition_is_a_file(tmp_path: Path) -> None:
    new = _read(tmp_path, EDITION)
    assert new.suite(0x1303, "TLSv1.3", 2030).status == "listed"
    assert new.version("TLSv1.2").status == "unlisted"


def test_where_two_editions_differ_the_stricter_wins(tmp_path: Path, policy: TlsPolicy) -> None:
    both = TlsPolicy.together([policy, _read(tmp_path, EDITION)])
    assert both.suite(0x1301, "TLSv1.3", 2029).status == "expired"
    assert both.suite(0x1303, "TLSv1.3", 2029).status == "listed"
    reverse = TlsPolicy.together([_read(tmp_path, EDITION.replace('"listed"', '"forbidden"')), policy])
    assert reverse.version("TLSv1.3").status == "forbidden"
    assert reverse.suite(0x1301, "TLSv1.3", 2029).status == "expired"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('until = "2028"', 'until = "soon"', '"until" must be a year such as'),
        ('until = "2028"', "until = 2028", '"until" in [suites.entries] must be a string'),
        ("code = 0x1301", "code = 70000", '"code" is 70000, must be between 0 and 65535'),
        ("code = 0x1301", "cod = 0x1301", 'unknown key "cod" in [suites.entries]; did you mean "code"?'),
        ('version = "TLSv1.3"', 'version = "TLS 1.3"', '"version" is "TLS 1.3", must be one of'),
        ('names = ["TLSv1.3"]', 'names = ["TLS3"]', "unknown version TLS3, must be one of"),
        ("date = 2030-01-15", 'date = "2030"', '"date" in the file must be a date'),
        ("[[suites]]", "[[suite]]", 'unknown key "suite" in the file; did you mean "suites"?'),
    ],
)
def test_a_wrong_edition_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _read(tmp_path, EDITION.replace(old, new))
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'edition.toml'}:")
