"""Known configurations in, exactly these lists out; both modes judge alike; what was not seen is not refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from embedded_servers import scripted
from surveys import CASES, HOST, Surveyed, sets, survey_server
from tr03108.lab.tls_hello_choice import Declined, choose
from tr03108.lab.tls_hello_config import HelloConfig, by_key_type, presets, suite
from tr03108.model import Outcome
from tr03108.probe.hellos import NUMBERS, Hellos
from tr03108.wire.tls.client_hello import ClientHello
from tr03108.wire.tls.code_points import (
    ALL_SUITES,
    GROUPS_TLS12,
    GROUPS_TLS13,
    SCHEMES_TLS12,
    SCHEMES_TLS13,
    TLS13_SUITES,
    uses_ecdhe,
)
from unit.lab.scripted import CHAINS, groups, schemes

VERSIONS = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
Lists = dict[str, dict[str, set[int]]]


def survey(config: HelloConfig, *modes: str, **how: object) -> list[Surveyed]:
    return survey_server(scripted(config, *(CHAINS[key] for key in config.keys)), *modes, **how)


def accepted(config: HelloConfig, hello: ClientHello) -> bool:
    """Whether the scripted server, asked directly and not over the network, agrees to a hello."""
    try:
        choose(config, replace(hello, random=bytes(32)), 0, [CHAINS[key] for key in config.keys])
    except Declined:
        return False
    return True


def configured(config: HelloConfig) -> Lists:
    """All that the server accepts: each thing offered alone, straight to the function that chooses."""
    hellos, found = Hellos(HOST), Lists()
    for version in [each for each in VERSIONS if each in config.suites]:
        if version == "TLSv1.3":
            taken = [code for code in TLS13_SUITES if accepted(config, hellos.new([code]))]
            if taken:
                found[version] = {
                    "suites": set(taken),
                    "groups": {c for c in GROUPS_TLS13 if accepted(config, hellos.new(groups=[c]))},
                    "schemes": {c for c in SCHEMES_TLS13 if accepted(config, hellos.new(schemes=[c]))},
                }
            continue
        taken = [code for code in ALL_SUITES if accepted(config, hellos.old(version, [code]))]
        if not taken:
            continue
        found[version] = {"suites": set(taken), "groups": set(), "schemes": set()}
        ecdhe = [code for code in taken if uses_ecdhe(code)]
        if version == "TLSv1.2" and ecdhe:
            found[version]["groups"] = {
                c for c in GROUPS_TLS12 if accepted(config, hellos.old(version, ecdhe, groups=[c]))
            }
    return found


def listed(seen: Surveyed) -> Lists:
    """What the survey says, in the same form. Groups of old versions come as they come and are left out."""
    facts, found = seen.facts, Lists()
    for version in VERSIONS:
        if facts.version(version) == "accepted":
            modern = version in ("TLSv1.2", "TLSv1.3")
            kinds = ("RSA", "ECDSA") if version == "TLSv1.3" else ()
            found[version] = {
                "suites": set(facts.suites(version).codes),
                "groups": {code for code in facts.groups(version).codes if not 256 <= code <= 260 or kinds}
                if modern
                else set(),
                "schemes": {code for kind in kinds for code in facts.schemes(version, kind).codes},
            }
    return found


@pytest.mark.parametrize("name", sorted(set(presets()) - {"intolerant"}))
def test_the_lists_are_those_of_the_configuration(name: str) -> None:
    config = presets()[name]
    (seen,) = survey(config)
    wanted = configured(config)
    assert listed(seen) == wanted
    facts = seen.facts
    for version in VERSIONS:
        every = TLS13_SUITES if version == "TLSv1.3" else ALL_SUITES
        if version in wanted:
            assert not facts.suites(version).unknown(every), "a list is closed by refusals"
        else:
            assert facts.version(version) == "refused"


SUITES = [
    suite(name)
    for name in (
        "TLS_RSA_WITH_RC4_128_MD5",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
        "TLS_RSA_WITH_NULL_SHA256",
        "TLS_DH_anon_WITH_AES_128_CBC_SHA",
        "TLS_ECDH_anon_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384",
    )
]


@st.composite
def configurations(draw: st.DrawFn) -> HelloConfig:
    """Servers with any of what makes a difference to the policy."""
    versions = draw(st.lists(st.sampled_from(VERSIONS), min_size=1, unique=True))
    if draw(st.booleans()) and "TLSv1.2" not in versions:
        versions.append("TLSv1.2")
    some = st.lists(st.sampled_from(SUITES), min_size=1, max_size=8, unique=True)
    new = st.lists(st.sampled_from([0x1301, 0x1302, 0x1303, 0x1304, 0x1305]), min_size=1, unique=True)
    curves = groups("secp192r1", "secp224r1", "secp256r1", "secp384r1", "x25519", "brainpoolP256r1", "brainpoolP384r1")
    curves13 = groups("secp256r1", "secp384r1", "x25519", "brainpoolP256r1tls13", "ffdhe2048", "X25519MLKEM768")
    signing = schemes(
        *("rsa_pss_rsae_sha256", "rsa_pss_rsae_sha512", "rsa_pkcs1_sha256", "rsa_pkcs1_sha1"),
        *("ecdsa_secp256r1_sha256", "ecdsa_sha1"),
    )
    signing13 = schemes("rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "ecdsa_secp256r1_sha256")
    return HelloConfig(
        suites={version: tuple(draw(new if version == "TLSv1.3" else some)) for version in versions},
        groups={
            version: tuple(
                draw(
                    st.lists(
                        st.sampled_from(curves13 if version == "TLSv1.3" else curves),
                        min_size=1,
                        max_size=5,
                        unique=True,
                    )
                )
            )
            for version in versions
        },
        schemes={
            version: by_key_type(
                draw(st.lists(st.sampled_from(signing13 if version == "TLSv1.3" else signing), min_size=1, unique=True))
            )
            for version in versions
        },
        server_preference=draw(st.booleans()),
        group_preference=draw(st.booleans()),
        scheme_preference=draw(st.booleans()),
        insist_on_group=draw(st.booleans()),
        keys=draw(st.sampled_from((("RSA",), ("P-256",), ("RSA", "P-256"), ("P-256", "RSA")))),
        dh_bits=draw(st.sampled_from((1024, 2048, 3072))),
        dh_bits_of={SUITES[8]: draw(st.sampled_from((1024, 3072)))},
        extended_master_secret=draw(st.booleans()),
        encrypt_then_mac=draw(st.booleans()),
        truncated_hmac=draw(st.booleans()),
        refusal=draw(st.sampled_from(("alert", "close", 40, 47, 70, 71))),
    )


RANDOM = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@RANDOM
@given(configurations())
def test_mode_full_finds_what_is_configured(config: HelloConfig) -> None:
    (seen,) = survey(config)
    assert listed(seen) == configured(config)


BETTER = {Outcome.MET: 2, Outcome.ABSENT: 2, Outcome.MARGINAL: 1, Outcome.UNMET: 0}


@RANDOM
@given(configurations())
def test_mode_verdict_never_says_better_than_mode_full(config: HelloConfig) -> None:
    verdict, full = (seen.judged() for seen in survey(config, "verdict", "full"))
    for case in CASES:
        few, all_ = verdict[case], full[case]
        note(f"{case}: {few.outcome} {few.code} {all_.outcome} {all_.code}")
        if Outcome.UNSEEN not in (few.outcome, all_.outcome):
            assert few.outcome is all_.outcome, case
