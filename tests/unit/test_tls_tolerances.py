"""What it means to fall short: the classes of docs/decisions/0008, row by row, and what ends when."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tr03108.catalogue import load_catalogue
from tr03108.model import Level, Outcome, UsageError
from tr03108.norms.tls_policy import TlsPolicy
from tr03108.norms.tls_policy_file import policy_file, policy_names, read_policy
from tr03108.norms.tls_rows import ServiceClass, Shortfall, Thing, Tolerance
from tr03108.profile import load_profile

CHECKOUT = Path(__file__).resolve().parents[2]
GUIDELINES = ("tr-02102-2_2025-01", "tr-03116-4_2023")
SERVICES: tuple[ServiceClass, ...] = ("mta", "implicit", "upgrade")
MARGINAL, UNMET = Outcome.MARGINAL, Outcome.UNMET

# Per row: thing, shortfall; outcome at mta, implicit, upgrade; the same under strict_groups.
Row = tuple[Thing, Shortfall, tuple[Outcome, Outcome, Outcome], tuple[Outcome, Outcome, Outcome]]
OPEN = (MARGINAL, UNMET, MARGINAL)  # section 4.3.2
NEVER = (UNMET, UNMET, UNMET)
EVER = (MARGINAL, MARGINAL, MARGINAL)
TABLE: list[Row] = [
    ("version", "forbidden", OPEN, OPEN),
    ("version", "unknown", OPEN, OPEN),
    ("version", "required-missing", NEVER, NEVER),
    ("suite", "forbidden", OPEN, OPEN),
    ("suite", "unknown", OPEN, OPEN),
    ("suite", "unlisted", EVER, EVER),
    ("suite", "expired", EVER, EVER),
    ("suite", "required-missing", NEVER, NEVER),
    ("group", "forbidden", NEVER, NEVER),
    ("group", "unknown", NEVER, NEVER),
    ("group", "too-small", NEVER, NEVER),
    ("group", "unlisted", EVER, NEVER),
    ("group", "expired", EVER, EVER),
    ("group", "required-missing", NEVER, NEVER),
    ("signature", "forbidden", NEVER, NEVER),
    ("signature", "unknown", NEVER, NEVER),
    ("signature", "too-small", NEVER, NEVER),
    ("signature", "unlisted", EVER, NEVER),
    ("signature", "expired", EVER, EVER),
    ("signature", "required-missing", NEVER, NEVER),
    ("key", "unknown", NEVER, NEVER),
    ("key", "too-small", NEVER, NEVER),
    ("key", "unlisted", EVER, NEVER),
    ("key", "expired", EVER, EVER),
    ("mac", "unlisted", NEVER, NEVER),
]


@pytest.fixture(scope="module")
def policy() -> TlsPolicy:
    return load_profile("tr-03108-2.0", load_catalogue()).tls


@pytest.fixture(scope="module")
def guidelines() -> TlsPolicy:
    return TlsPolicy.together(read_policy(policy_file(name)) for name in GUIDELINES)


@pytest.mark.parametrize(("what", "status", "plain", "strict"), TABLE)
@pytest.mark.parametrize("place", range(3))
def test_the_classes(
    policy: TlsPolicy, what: Thing, status: Shortfall, plain: tuple[Outcome], strict: tuple[Outcome], place: int
) -> None:
    found = policy.tolerance(what, status, SERVICES[place])
    assert found.outcome is plain[place]
    assert found.low_priority_only is (plain is OPEN and plain[place] is MARGINAL)
    assert found.note == ("02-R-4.3.2" if plain is OPEN and SERVICES[place] == "upgrade" else None)
    assert policy.tolerance(what, status, SERVICES[place], strict_groups=True).outcome is strict[place]
    if (what, status) != ("key", "unknown"):
        assert found.source is not None


@pytest.mark.parametrize(("what", "status", "plain", "strict"), TABLE)
@pytest.mark.parametrize("service", SERVICES)
def test_without_tr_03108_the_guidelines_apply(
    guidelines: TlsPolicy,
    what: Thing,
    status: Shortfall,
    plain: tuple[Outcome],
    strict: tuple[Outcome],
    service: ServiceClass,
) -> None:
    found = guidelines.tolerance(what, status, service)
    assert found.outcome is (MARGINAL if plain is EVER else UNMET)
    assert not found.low_priority_only
    assert found.note is None


def test_inbound_dane_does_without_the_exception_for_opportunistic_tls() -> None:
    tls = load_profile("inbound-dane", load_catalogue()).tls
    assert tls.tolerance("version", "forbidden", "mta").outcome is UNMET
    assert tls.tolerance("group", "unlisted", "mta").outcome is MARGINAL


def test_an_empty_policy_tolerates_nothing() -> None:
    empty = TlsPolicy(editions=())
    for what, status, _, _ in TABLE:
        for strict in (False, True):
            assert empty.tolerance(what, status, "mta", strict_groups=strict) == Tolerance(UNMET)


def test_low_priority_decides_only_where_the_row_says_so(policy: TlsPolicy) -> None:
    tolerated = policy.tolerance("suite", "forbidden", "mta")
    assert (tolerated.outcome_if(low_priority=True), tolerated.outcome_if(low_priority=False)) == (MARGINAL, UNMET)
    assert tolerated.source == "TR-03108 v2.0 section 4.3.2"
    unlisted = policy.tolerance("suite", "unlisted", "mta")
    assert {unlisted.outcome_if(low_priority=each) for each in (True, False)} == {MARGINAL}


def test_sources_and_reasons_of_the_rows(policy: TlsPolicy) -> None:
    assert policy.tolerance("version", "forbidden", "implicit").source == "TR-03116-4 (2023) section 2.1.1"
    strict = policy.tolerance("group", "unlisted", "implicit", strict_groups=True)
    assert (strict.source, strict.reason) == ("TR-03116-4 (2023) section 2.2.2", "strict-groups")
    page = (CHECKOUT / "docs" / "decisions" / "0008-tls-classes.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^## (.+)$", page, re.MULTILINE))
    files = [tomllib.loads(policy_file(name).read_text(encoding="utf-8")) for name in policy_names()]
    assert {row["reason"] for file in files for row in file.get("tolerances", ())} == headings


# Things as a server may offer them, under the whole policy.


@pytest.mark.parametrize(
    ("code", "version", "name", "outcomes"),
    [
        (0x1303, "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", EVER),
        (0xCCA8, "TLSv1.2", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", EVER),
        (0xCCA9, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", EVER),
        (0x1305, "TLSv1.3", "TLS_AES_128_CCM_8_SHA256", EVER),
        (0xC0AE, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", EVER),
        (0xC060, "TLSv1.2", "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256", EVER),
        (0xC08A, "TLSv1.2", "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256", EVER),
        (0x009C, "TLSv1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256", OPEN),
        (0xC013, "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", OPEN),
        (0xC014, "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", OPEN),
        (0xC012, "TLSv1.2", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", OPEN),
        (0xC011, "TLSv1.2", "TLS_ECDHE_RSA_WITH_RC4_128_SHA", OPEN),
        (0xC010, "TLSv1.2", "TLS_ECDHE_RSA_WITH_NULL_SHA", OPEN),
        (0x00A6, "TLSv1.2", "TLS_DH_anon_WITH_AES_128_GCM_SHA256", OPEN),
        (0x0003, "TLSv1.2", "TLS_RSA_EXPORT_WITH_RC4_40_MD5", OPEN),
    ],
)
def test_well_known_suites_that_are_not_listed(
    policy: TlsPolicy, code: int, version: str, name: str, outcomes: tuple[Outcome]
) -> None:
    assert _outcomes(policy, "suite", policy.suite(code, version, 2026, name).shortfall) == outcomes


@pytest.mark.parametrize(
    ("code", "outcomes"),
    [
        (29, EVER),
        (30, EVER),
        (4588, EVER),
        (4587, EVER),
        (256, NEVER),
        (259, EVER),
        (260, EVER),
        (21, NEVER),
        (0xFAFA, NEVER),
    ],
)
def test_well_known_groups_that_are_not_listed(policy: TlsPolicy, code: int, outcomes: tuple[Outcome]) -> None:
    assert _outcomes(policy, "group", policy.group(code, "TLSv1.3", 2026).shortfall) == outcomes


@pytest.mark.parametrize(
    ("bits", "outcomes"), [(1024, NEVER), (2048, NEVER), (2999, NEVER), (3000, EVER), (4096, EVER)]
)
def test_own_diffie_hellman_parameters(policy: TlsPolicy, bits: int, outcomes: tuple[Outcome]) -> None:
    assert _outcomes(policy, "group", policy.group(None, "TLSv1.2", 2026, bits).shortfall) == outcomes


@pytest.mark.parametrize(
    ("code", "outcomes"),
    [
        (0x0807, EVER),
        (0x0808, EVER),
        (0x0201, NEVER),
        (0x0203, NEVER),
        (0x0301, NEVER),
        (0x0401, EVER),
        (0x0FFF, NEVER),
    ],
)
def test_schemes_in_tls_1_2(policy: TlsPolicy, code: int, outcomes: tuple[Outcome]) -> None:
    assert _outcomes(policy, "signature", policy.signature(code, "TLSv1.2", 2026).shortfall) == outcomes


@pytest.mark.parametrize(
    ("year", "static", "ephemeral"),
    [(2026, None, None), (2027, "expired", None), (2030, "expired", "expired"), (2032, "expired", "expired")],
)
def test_the_years(policy: TlsPolicy, year: int, static: Shortfall | None, ephemeral: Shortfall | None) -> None:
    assert policy.suite(0xC031, "TLSv1.2", year).shortfall == static
    assert policy.suite(0x009F, "TLSv1.2", year).shortfall == ephemeral
    assert policy.suite(0xC02F, "TLSv1.2", year).shortfall is None
    assert policy.suite(0x1301, "TLSv1.3", year).shortfall is None


def test_minimums_that_are_missing(policy: TlsPolicy) -> None:
    kinds = set()
    for row in policy.minimums:
        for service in SERVICES:
            found = policy.missing(row, service)
            assert found.outcome is (UNMET if row.level is Level.MUST else MARGINAL), row
            assert found.source == row.source
        kinds.add((row.kind, row.level))
    assert ("group", Level.MUST) in kinds
    assert ("version", Level.SHOULD) in kinds


# What ends


def test_what_ends_within_the_year(policy: TlsPolicy) -> None:
    found = policy.ending(2026, 1)
    assert Counter(entry.what for entry in found) == {"suite": 20}
    assert {entry.year for entry in found} == {2026}
    assert "TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384" in {entry.name for entry in found}
    assert all("Table" in entry.source for entry in found)
    assert policy.ending(2026, 0) == ()


def test_what_ends_within_some_years(policy: TlsPolicy) -> None:
    found = policy.ending(2026, 4)
    assert [entry.year for entry in found] == sorted(entry.year for entry in found)
    late = [entry for entry in found if entry.year == 2029]
    assert Counter(entry.what for entry in late) == {"suite": 16, "signature": 3, "group": 2, "key-length": 1}
    assert {entry.name for entry in late if entry.what == "group"} == {"ffdhe3072", "ffdhe4096"}
    assert {(entry.name, entry.bits) for entry in late if entry.what == "key-length"} == {("DSS", 3000)}


def test_what_is_over_or_open_does_not_end(policy: TlsPolicy) -> None:
    assert policy.ending(2027, 2) == ()
    assert policy.ending(2030, 10) == ()
    assert {entry.what for entry in policy.ending(2021, 1)} >= {"curve", "certificate-key"}


# A newer edition is a file

EDITION = """
edition = "House (2031)"
title = "Ours"
date = 2031-01-01

[[groups]]
source = "house rule 1"
version = "TLSv1.3"
entries = [
  { code = 29, name = "x25519", until = "2034" },
  { code = 258, name = "ffdhe4096", until = "2028" },
]

[[tolerances]]
source = "house rule 2"
for = ["suite"]
status = "unlisted"
services = ["mta"]
outcome = "UNMET"
reason = "house"
"""


def test_a_newer_edition_changes_the_verdict_without_code(tmp_path: Path, policy: TlsPolicy) -> None:
    file = tmp_path / "house.toml"
    file.write_text(EDITION, encoding="utf-8")
    profile = tmp_path / "mine.toml"
    profile.write_text(
        'id = "mine"\ntitle = "M"\nextends = "tr-03108-2.0"\n'
        'tls_policy = ["tr-02102-2_2025-01", "tr-03116-4_2023", "tr-03108_2.0", "house.toml"]\n',
        encoding="utf-8",
    )
    tls = load_profile(profile, load_catalogue()).tls
    assert policy.group(29, "TLSv1.3", 2031).shortfall == "unlisted"
    assert tls.group(29, "TLSv1.3", 2031).shortfall is None
    assert tls.group(29, "TLSv1.3", 2035).shortfall == "expired"
    assert policy.group(258, "TLSv1.3", 2029).shortfall is None
    assert tls.group(258, "TLSv1.3", 2029).shortfall == "expired"
    assert ("ffdhe4096", 2028) in {(entry.name, entry.year) for entry in tls.ending(2028, 1)}
    house = tls.tolerance("suite", "unlisted", "mta")
    assert (house.outcome, house.source) == (UNMET, "house rule 2")
    assert tls.tolerance("suite", "unlisted", "implicit").outcome is MARGINAL
    assert tls.tolerance("suite", "forbidden", "mta").low_priority_only


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('for = ["suite"]', 'for = ["cipher"]', '"for" has "cipher", must be of "version", "suite"'),
        ('services = ["mta"]', 'services = ["smtp"]', '"services" has "smtp", must be of "mta"'),
        ('status = "unlisted"', 'status = "unknown"', '"status" is "unknown", must be one of'),
        ('outcome = "UNMET"', 'outcome = "UNSEEN"', '"outcome" is "UNSEEN", must be one of'),
        ('reason = "house"', "", '"reason" is missing'),
        ('reason = "house"', 'reason = "house"\nlow = true', 'unknown key "low"'),
        (
            "[[tolerances]]",
            EDITION[EDITION.index("[[tolerances]]") :] + "[[tolerances]]",
            "stands twice in [tolerances]",
        ),
    ],
)
def test_a_wrong_row_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = tmp_path / "house.toml"
    assert old in EDITION
    file.write_text(EDITION.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_policy(file)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{file}:")


def _outcomes(policy: TlsPolicy, what: Thing, shortfall: Shortfall | None) -> tuple[Outcome, ...]:
    assert shortfall is not None
    return tuple(policy.tolerance(what, shortfall, service).outcome for service in SERVICES)
