"""The cases of TR-03116-TS module B1 at servers whose configuration is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from embedded_servers import scripted
from surveys import Surveyed, rules, survey_server
from tr03108.evaluate.tls.answers import Answer
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.judge import load_checks
from tr03108.judge.outcomes import Result, met, unseen
from tr03108.judge.tls_refusals import NOTHING_IN_COMMON, with_alert
from tr03108.lab.tls_hello_config import HelloConfig, named, presets
from tr03108.model import Outcome
from unit.lab.scripted import chains

CHECKS = {check.case: check for check in load_checks() if check.case is not None and check.case.startswith("TLS_B1_")}
CERTIFICATES = {"TLS_B1_FR_03", "TLS_B1_FR_04"}  # judged by the chain of the ordinary handshake, not by hellos


def survey(config: HelloConfig) -> Surveyed:
    (found,) = survey_server(scripted(config, *chains(config)))
    return found


def judged(found: Surveyed, facts: TlsFacts | None = None) -> Mapping[str, Result]:
    service = found.service() if facts is None else replace(found.service(), tls=facts)
    return {
        case.removeprefix("TLS_B1_"): check.function(service, rules())
        for case, check in CHECKS.items()
        if case not in CERTIFICATES
    }


def codes(results: Mapping[str, Result], *outcomes: Outcome) -> dict[str, str]:
    return {case: result.code for case, result in results.items() if result.outcome in outcomes}


@pytest.fixture(scope="module")
def bsi() -> Surveyed:
    return survey(replace(presets()["bsi"], staple=b"an OCSP response"))


@pytest.fixture(scope="module")
def legacy() -> Surveyed:
    return survey(presets()["legacy"])


def test_what_bsi_recommends_has_no_failure(bsi: Surveyed) -> None:
    results = judged(bsi)
    # The staple of this server is none: information in B1.
    assert codes(results, Outcome.UNMET, Outcome.MARGINAL, Outcome.NOT_OFFERED) == {"FR_06": "STAPLE_INVALID"}
    assert set(codes(results, Outcome.MET)) >= {
        *("GP_01_T", "GP_02", "GP_03_T", "GP_04", "GP_05_T", "GP_07_T", "GP_08", "GP_09"),
        *("FR_01_T", "FR_02_T", "FR_07", "FR_11", "FR_12", "FR_17"),
    }
    assert codes(results, Outcome.ABSENT) == {"GP_06": "NO_DHE_SUITE"}
    # What nobody tried is said, and weighs nothing: all of it is information.
    assert codes(results, Outcome.UNSEEN) == dict.fromkeys(("FR_08", "FR_09", "FR_15", "FR_16"), "NOT_PROBED")


def test_what_should_have_gone_long_ago_fails_where_it_should(legacy: Surveyed) -> None:
    assert codes(judged(legacy), Outcome.UNMET) == {
        "GP_01_T": "SUITE_REQUIRED_MISSING",
        "GP_03_T": "SIGNATURE_REQUIRED_MISSING",
        "GP_04": "GROUP_TOO_SMALL",
        "GP_06": "GROUP_TOO_SMALL",
        "GP_07_T": "NO_FORWARD_SECRECY",
        "GP_08": "SIGNATURE_FORBIDDEN",
        "FR_01_T": "ENCRYPT_THEN_MAC_MISSING",
        "FR_02_T": "TRUNCATED_HMAC_ACCEPTED",
        "FR_06": "STAPLE_MISSING",
        "FR_07": "HEARTBEAT_ACCEPTED",
        "FR_11": "EXTENDED_MASTER_SECRET_MISSING",
        "FR_12": "COMPRESSION_ACCEPTED",
    }


def test_the_clients_order_counts_where_the_server_has_none() -> None:
    suites = ["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
    table = {
        "versions": ["TLSv1.2"],
        "keys": ["RSA"],
        "suites": suites,
        "groups": ["brainpoolP256r1", "secp256r1"],
        "schemes": ["rsa_pss_rsae_sha256", "rsa_pkcs1_sha256"],
    }
    own = judged(survey(named({**table, "suites": suites[::-1], "server_preference": True})))
    assert own["GP_09"].outcome is Outcome.MET
    assert own["GP_02"].code == "TOLERATED_LOW_PRIORITY"
    clients = judged(survey(named({**table, "server_preference": False})))
    assert (clients["GP_09"].outcome, clients["GP_09"].code) == (Outcome.UNMET, "LISTED_NOT_PREFERRED")
    assert clients["GP_09"].evidence["own_order"] is False


def test_one_suite_alone_cannot_be_preferred() -> None:
    config = named({"preset": "tls12-only-aead", "keys": ["RSA"], "suites": ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]})
    assert judged(survey(config))["GP_09"].code == "NO_SUITE_CHOICE"


def test_a_server_of_tls13_alone(bsi: Surveyed) -> None:
    results = judged(survey(presets()["tls13-only"]))
    assert results["GP_01_T"].code == "TLS_VERSION_MISSING"
    assert results["GP_05_T"].outcome is Outcome.MET  # how it refuses TLS 1.2 is no question: that is a listed version
    for case in ("GP_08", "GP_09", "FR_01_T", "FR_02_T", "FR_09", "FR_11", "FR_12", "FR_15"):
        assert (results[case].outcome, results[case].code) == (Outcome.ABSENT, "TLS12_NOT_SPOKEN"), case


def test_without_curves_there_is_nothing_to_refuse() -> None:
    config = named(
        {
            "preset": "tls12-only-aead",
            "keys": ["RSA"],
            "suites": ["TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"],
            "ffdhe": False,
        }
    )
    results = judged(survey(config))
    assert (results["GP_04"].outcome, results["GP_04"].code) == (Outcome.ABSENT, "NO_CURVES")
    assert results["GP_06"].outcome is Outcome.MET  # 3072 bits


def test_without_tickets_nothing_is_resumed() -> None:
    found = survey(replace(presets()["bsi"], tickets=0))
    results = judged(found)
    assert (results["FR_16"].outcome, results["FR_16"].code) == (Outcome.ABSENT, "RESUMPTION_NOT_OFFERED")
    assert results["FR_17"].outcome is Outcome.MET
    assert results["FR_15"].code == "NOT_PROBED"  # it names its sessions
    nameless = TlsFacts([replace(a, hello=a.hello and replace(a.hello, session_id=b"")) for a in found.answers])
    assert judged(found, nameless)["FR_15"].code == "RESUMPTION_NOT_OFFERED"


def test_tickets_with_early_data() -> None:
    config = replace(presets()["bsi"], early_data=16384)
    assert judged(survey(config))["FR_17"].code == "EARLY_DATA_ACCEPTED"


@pytest.mark.parametrize("refusal", ["close", "reset"])
def test_an_end_without_a_word_is_no_alert(refusal: str) -> None:
    results = judged(survey(replace(presets()["bsi"], refusal=refusal)))
    silent = {case: result for case, result in results.items() if result.code == "REFUSED_WITHOUT_ALERT"}
    assert set(silent) == {"GP_02", "GP_04", "GP_05_T", "GP_08"}
    assert {result.outcome for result in silent.values()} == {Outcome.UNMET}


def test_another_alert_is_for_a_person_to_judge() -> None:
    results = judged(survey(replace(presets()["bsi"], refusal=47)))
    other = {case: result for case, result in results.items() if result.code == "REFUSED_WITH_OTHER_ALERT"}
    assert set(other) >= {"GP_02", "GP_04", "GP_08"}
    assert {result.outcome for result in other.values()} == {Outcome.MARGINAL}
    assert "illegal_parameter" in other["GP_02"].evidence["reply"]


def test_alerts_change_nothing_about_what_is_not_met(bsi: Surveyed) -> None:
    def every(answer: Answer) -> bool:
        return True

    result = unseen("TLS_UNSEEN")
    assert with_alert(result, bsi.service(), every, ()) is result
    assert with_alert(met(), bsi.service(), every, ()).outcome is Outcome.MARGINAL
    assert with_alert(met(), bsi.service(), lambda answer: False, NOTHING_IN_COMMON).outcome is Outcome.MET


def test_nothing_asked_is_nothing_proven(bsi: Surveyed) -> None:
    ordinary = TlsFacts(() if bsi.ordinary is None else (bsi.ordinary,))
    results = judged(bsi, ordinary)
    assert {(result.outcome, result.code) for result in results.values()} == {(Outcome.UNSEEN, "NOT_PROBED")}
