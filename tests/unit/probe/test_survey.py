"""Known configurations in, exactly these lists out; both modes judge alike; what was not seen is not refused."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from embedded_servers import PyOpenSsl, PythonSsl, Tlslite, pyopenssl, python_asyncio, scripted, tlslite
from surveys import CASES, HOST, Surveyed, survey_server
from tr03108 import dossier as codec
from tr03108.anchors import IANA_ANCHORS
from tr03108.lab.tls_hello_choice import Declined, choose
from tr03108.lab.tls_hello_choice import Hellos as Hellos_
from tr03108.lab.tls_hello_config import HelloConfig, HelloFault, State, by_key_type, presets, suite
from tr03108.lab.tls_hellos import HelloServer
from tr03108.model import Dossier, Outcome, ProbePlan, Reason, Vantage
from tr03108.probe.dialogue import Dialogue
from tr03108.probe.hellos import Hellos
from tr03108.probe.net import Network, NotSeen, Stream
from tr03108.wire.tls.client_hello import ClientHello
from tr03108.wire.tls.code_points import (
    ALL_SUITES,
    GROUPS_TLS12,
    GROUPS_TLS13,
    SCHEMES_TLS13,
    TLS13_SUITES,
    authentication,
    uses_dhe,
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
        stumble=draw(st.sampled_from(("ignore", "ignore", "close", "reset", 80))),
        stumbles_over=draw(st.sampled_from((("DHE", "DH_anon"), ("DH_anon", "ECDH_anon")))),
    )


# The same examples each time, and none made smaller: a survey of hundreds of connections takes its time.
RANDOM = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@RANDOM
@given(configurations())
def test_mode_full_finds_what_is_configured(config: HelloConfig) -> None:
    (seen,) = survey(config)
    found, wanted = listed(seen), configured(config)
    for version, lists in wanted.items():
        for kind, codes in lists.items():
            if found.get(version, {}).get(kind) != codes:
                note(f"{version} {kind}: {found.get(version, {}).get(kind)} instead of {codes}")
    assert found == wanted


# Open: what the checks themselves do not ask of the facts of mode "verdict" (older versions; a required scheme).
@RANDOM
@given(configurations())
def test_mode_verdict_never_says_better_than_mode_full(config: HelloConfig) -> None:
    verdict, full = (seen.judged() for seen in survey(config, "verdict", "full"))
    for case in CASES:
        few, all_ = verdict[case], full[case]
        note(f"{case}: {few.outcome} {few.code} {all_.outcome} {all_.code}")
        if Outcome.UNSEEN not in (few.outcome, all_.outcome):
            assert few.outcome is all_.outcome, case


MODERATE = presets()["bsi"]
WANTED = configured(MODERATE)


class Flaky(HelloServer):
    """Closes upon every third hello, whatever it says."""

    number = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number += 1
        if self.number % 3 == 0:
            await reader.read(1)
            return
        await super().converse(reader, writer)


@asynccontextmanager
async def flaky(config: HelloConfig) -> AsyncIterator[int]:
    async with Flaky(Hellos_(config, tuple(CHAINS[key] for key in config.keys))) as server:
        yield server.port


def test_trap_5_a_server_that_drops_connections_loses_nothing_and_is_granted_nothing() -> None:
    (seen,) = survey_server(flaky(MODERATE), ordinary=False)
    found = listed(seen)
    for version, lists in found.items():
        for kind, codes in lists.items():
            assert codes <= WANTED[version][kind]
    facts = seen.facts
    for version, lists in WANTED.items():
        missing = lists["suites"] - set(facts.suites(version).codes)
        assert missing <= set(facts.suites(version).unknown(missing)), "what it has was never taken for refused"


def test_trap_5_a_server_that_says_421_to_every_third_connection_shows_all_the_same() -> None:
    number = 0

    async def opener(network: Network, dialogue: Dialogue, stream: Stream) -> None:
        nonlocal number
        number += 1
        if number % 3 == 0:
            raise NotSeen(Reason.DEFERRED, "421 too many connections")

    (seen,) = survey(MODERATE, opener=opener)
    assert listed(seen) == WANTED
    assert number > len(seen.observations)


@pytest.mark.parametrize("mode", ["verdict", "full"])
def test_a_budget_that_ends_is_no_refusal(mode: str) -> None:
    plan = ProbePlan(timeout=5.0, back_off=0.01, budget=6)
    (seen,) = survey(MODERATE, mode, plan=plan, ordinary=False)
    assert seen.connections == 6
    assert any(answer.code == "BUDGET_EXHAUSTED" for answer in seen.answers)
    judged = seen.judged()
    assert judged["TR-03108-E-08"].outcome is Outcome.UNSEEN
    assert judged["TR-03108-E-10"].outcome is Outcome.UNSEEN


@pytest.mark.parametrize("how", ["silence", "reset", "close", 80])
def test_trap_5_a_server_that_only_ends_hellos_otherwise_is_unclear(how: int | str) -> None:
    config = replace(MODERATE, suites={}, refusal=how)
    plan = ProbePlan(timeout=0.2, back_off=0.01, max_connections=50)
    (seen,) = survey(config, plan=plan, ordinary=False)
    facts = seen.facts
    assert not facts.chosen
    assert {facts.version(version) for version in VERSIONS} == {"unseen"}


@pytest.mark.parametrize(
    "change",
    [
        {"fault": HelloFault.UNOFFERED_SUITE},
        {"fault": HelloFault.TRUNCATED},
        {"fault": HelloFault.WRONG_LENGTHS},
        {"fault": HelloFault.SECOND_SERVER_HELLO},
        {"fault": HelloFault.GARBAGE},
        {"fault": HelloFault.CLOSE, "fault_at": State.SERVER_HELLO},
        {"fault": HelloFault.RESET, "fault_at": State.SERVER_HELLO},
    ],
)
@pytest.mark.parametrize("mode", ["verdict", "full"])
def test_a_broken_server_passes_nothing(change: dict[str, object], mode: str) -> None:
    config = replace(MODERATE, **change)  # type: ignore[arg-type]
    (seen,) = survey(config, mode, ordinary=False, plan=ProbePlan(timeout=1.0, back_off=0.01))
    for case in ("TR-03108-E-01-T", "TR-03108-E-08", "TR-03108-E-10"):
        assert seen.judged()[case].outcome is not Outcome.MET, case


@pytest.mark.parametrize("mode", ["verdict", "full"])
def test_a_signature_by_another_key_fails(mode: str) -> None:
    (seen,) = survey(replace(MODERATE, fault=HelloFault.WRONG_SIGNATURE), mode, ordinary=False)
    result = seen.judged()["TR-03108-E-01-T"]
    assert (result.outcome, result.code) == (Outcome.UNMET, "KEY_NOT_PROVEN")


@pytest.mark.parametrize("mode", ["verdict", "full"])
@pytest.mark.parametrize("how", ["close", "alert", 47])
def test_trap_8_a_server_that_bears_no_long_hello_passes_nothing_unseen(mode: str, how: int | str) -> None:
    bad = (*MODERATE.suites["TLSv1.2"], suite("TLS_RSA_WITH_RC4_128_SHA"))
    config = replace(MODERATE, suites={"TLSv1.2": bad, "TLSv1.1": bad}, longest_hello=255, too_long=how)
    (seen,) = survey(config, mode, ordinary=False)
    for case in ("TR-03108-E-08", "TR-03108-E-10", "TR-03108-E-11"):
        assert seen.judged()[case].outcome is not Outcome.MET, case


@pytest.mark.parametrize("mode", ["verdict", "full"])
@pytest.mark.parametrize("how", ["close", 40, 47, 50, 109])
def test_an_empty_key_share_turned_down_hides_nothing(mode: str, how: int | str) -> None:
    groups13 = groups("secp256r1", "brainpoolP256r1tls13", "ffdhe2048")
    config = replace(
        MODERATE,
        empty_key_share=how,
        groups={**MODERATE.groups, "TLSv1.3": groups13},
        suites={**MODERATE.suites, "TLSv1.3": (0x1301, 0x1305)},
    )
    (seen,) = survey(config, mode)
    assert seen.facts.version("TLSv1.3") == "accepted"
    for case in ("TR-03108-E-08", "TR-03108-E-10"):
        assert seen.judged()[case].outcome is not Outcome.MET, case


@pytest.mark.parametrize("mode", ["verdict", "full"])
def test_a_dossier_keeps_the_facts(mode: str) -> None:
    (seen,) = survey(MODERATE, mode)
    keyed = {key: replace(each, key=each.key) for key, each in seen.observations.items()}
    dossier = Dossier(
        *("lab.example", datetime.now(UTC), datetime.now(UTC), True, "0", ProbePlan(), Vantage((), None, None)),
        *(IANA_ANCHORS, (), {each.key: each for each in keyed.values()}),
    )
    again = codec.decode(codec.encode(dossier))
    back = replace(seen, observations={key.rpartition("/")[2]: each for key, each in again.observations.items()})
    assert [replace(a, time=b.time) for a, b in zip(back.facts.answers, seen.facts.answers, strict=True)] == list(
        seen.facts.answers
    )
    left_out = [each for each in back.observations.values() if each.value is not None and each.value.certificate]
    assert left_out
    assert all(answer.chain for answer in back.answers if answer.chosen and answer.scheme is not None)


# The goal of 14 is met by a server of many suites; one where all that is bad is refused still takes a few more.
@pytest.mark.parametrize(("name", "most"), [("bsi", 19), ("postfix-default", 14), ("tls12-only-aead", 20)])
def test_mode_verdict_needs_few_connections(name: str, most: int) -> None:
    (seen,) = survey(presets()[name], "verdict")
    assert seen.connections <= most, sorted(seen.observations)


@pytest.mark.parametrize("mode", ["verdict", "full"])
def test_no_kind_is_asked_alone_where_refusals_are_alerts(mode: str) -> None:
    (seen,) = survey(presets()["flawless"], mode)
    assert not [question for question in seen.observations if question.endswith((".apart", ".dhe", ".anon", ".known"))]


@pytest.mark.parametrize("name", ["bsi", "flawless"])
def test_mode_verdict_decides_where_all_that_is_bad_is_refused(name: str) -> None:
    (seen,) = survey(presets()[name], "verdict")
    judged = seen.judged()
    assert {case: result.code for case, result in judged.items() if result.outcome is Outcome.UNSEEN} == {}


def test_trap_1_no_scheme_of_tls13_in_a_hello_of_tls12_and_one_type_of_key_at_a_time() -> None:
    (seen,) = survey(MODERATE)
    for answer in seen.answers:
        offered = answer.offered
        if offered is not None and offered.versions is None and offered.schemes is not None:
            assert not {0x081A, 0x081B, 0x081C} & set(offered.schemes)
        if offered is not None and answer.question.startswith("schemes.TLSv1.2."):
            assert {authentication(code) for code in offered.suites} == {answer.question.split(".")[3]}


STUMBLING = ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256")
HIDDEN = ("TLS_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_RC4_128_SHA")


def without_prime(how: int | str, refusal: int | str, own_order: bool) -> HelloConfig:
    """Like a Dovecot without `ssl_dh`: what it has behind DHE is hidden until that is left out."""
    first, *others = (suite(name) for name in (*STUMBLING, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", *HIDDEN))
    return HelloConfig(
        suites=dict.fromkeys(("TLSv1.2", "TLSv1"), (first, *others)),
        groups=dict.fromkeys(("TLSv1.2", "TLSv1"), groups("secp256r1", "secp192r1")),
        schemes={"TLSv1.2": by_key_type(schemes("rsa_pss_rsae_sha256", "rsa_pkcs1_sha1"))},
        server_preference=own_order,
        keys=("RSA",),
        refusal=refusal,
        stumble=how,
    )


WAYS = [("close", "close"), ("reset", "close"), ("close", "alert"), (80, "alert"), (40, "close"), (47, 47)]


@pytest.mark.parametrize(("how", "refusal"), WAYS)
@pytest.mark.parametrize("own_order", [True, False])
def test_a_suite_that_cannot_be_used_hides_no_others_in_the_lists(
    how: int | str, refusal: int | str, own_order: bool
) -> None:
    config = without_prime(how, refusal, own_order)
    (seen,) = survey(config, ordinary=False)
    assert listed(seen) == configured(config)
    facts = seen.facts
    assert [facts.version(version) for version in VERSIONS] == ["refused", "accepted", "refused", "accepted", "refused"]
    for version in ("TLSv1", "TLSv1.2"):
        unknown = facts.suites(version).unknown(ALL_SUITES)
        assert bool(unknown) == (how == 80)  # an internal error is no refusal
        assert all(uses_dhe(code) for code in unknown)


@pytest.mark.parametrize(("how", "refusal"), WAYS)
@pytest.mark.parametrize("own_order", [True, False])
def test_a_suite_that_cannot_be_used_hides_no_others_from_the_verdict(
    how: int | str, refusal: int | str, own_order: bool
) -> None:
    (seen,) = survey(without_prime(how, refusal, own_order), "verdict", ordinary=False)
    assert seen.facts.version("TLSv1.2") == "accepted"
    assert seen.facts.version("TLSv1") == "accepted"
    judged = seen.judged()
    for case in ("TR-03108-E-08", "TR-03108-E-10", "TR-03108-E-11"):
        assert judged[case].outcome is not Outcome.MET, case


@pytest.mark.parametrize("mode", ["verdict", "full"])
@pytest.mark.parametrize("refusal", ["alert", "close"])
def test_a_server_of_old_versions_alone_has_no_signature_schemes(mode: str, refusal: str) -> None:
    config = without_prime("close", refusal, own_order=False)
    only = replace(config, suites={"TLSv1": config.suites["TLSv1"][2:]})
    (seen,) = survey(only, mode)
    assert (seen.facts.version("TLSv1.2"), seen.facts.version("TLSv1.3")) == ("refused", "refused")
    result = seen.judged()["TR-03108-E-09-T"]
    assert (result.outcome, result.code) == (Outcome.ABSENT, "TLS12_NOT_SPOKEN")


@pytest.mark.parametrize("mode", ["verdict", "full"])
def test_a_dossier_without_the_questions_apart_proves_nothing(mode: str) -> None:
    (seen,) = survey(without_prime("close", "close", own_order=True), mode, ordinary=False)
    asked = {
        key: each
        for key, each in seen.observations.items()
        if not key.replace("+again", "").endswith((".apart", ".usual", ".dhe", ".anon", ".anondh", ".other", ".known"))
    }
    earlier = replace(seen, observations=asked)
    facts = earlier.facts
    assert "refused" not in (facts.version("TLSv1"), facts.version("TLSv1.2"))
    assert not {suite(name) for name in HIDDEN} & facts.suites("TLSv1.2").refused
    assert earlier.judged()["TR-03108-E-10"].outcome is not Outcome.MET


OPENSSL = PyOpenSsl(
    groups="P-256:brainpoolP256r1:brainpoolP256r1tls13",
    suites="TLS_AES_256_GCM_SHA384",
    ciphers="aRSA+AESGCM:aECDSA+AESGCM",
)


def test_trap_1_both_certificates_of_openssl() -> None:
    (seen,) = survey_server(pyopenssl(OPENSSL, CHAINS["RSA"], CHAINS["P-256"]))
    facts = seen.facts
    assert set(facts.chains) == {"RSA", "ECDSA"}
    assert set(facts.schemes("TLSv1.2", "RSA").codes) >= {0x0401, 0x0804}
    assert 0x0403 in facts.schemes("TLSv1.2", "ECDSA").codes
    assert {code for code in facts.groups("TLSv1.2").codes if code < 256} == {23, 26}
    assert set(facts.groups("TLSv1.3").codes) == {23, 31}


def test_rc4_3des_and_sslv3_of_tlslite() -> None:
    (seen,) = survey_server(tlslite(Tlslite(), CHAINS["RSA"]), ordinary=False)
    assert [version for version in VERSIONS if seen.facts.version(version) == "accepted"] == list(VERSIONS[:4])
    assert {0x0004, 0x0005, 0x000A} <= set(seen.facts.suites("SSLv3").codes)


def test_trap_5_asyncio_closes_without_a_word_and_is_understood() -> None:
    served = PythonSsl(ciphers="ECDHE+AESGCM:@SECLEVEL=0", maximum=ssl.TLSVersion.TLSv1_2)
    (seen,) = survey_server(python_asyncio(served, CHAINS["RSA"]))
    assert set(seen.facts.suites("TLSv1.2").codes) == {0xC02F, 0xC030}
    assert not seen.facts.suites("TLSv1.2").unknown(ALL_SUITES)
    assert seen.facts.version("TLSv1.1") == "refused"
