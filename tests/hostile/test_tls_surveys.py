"""Whole surveys of TLS servers that mean harm: they end, no check raises, nothing passes, dossiers stay small."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from embedded_servers import Server, scripted
from hostile.tls_server_answers import (
    RECORD,
    SERVER_HELLO,
    Raw,
    by_turns,
    drips,
    floods,
    padded,
    presenting,
    record,
    says,
    served,
)
from surveys import Surveyed, rules, survey_port
from tr03108 import dossier as codec
from tr03108.anchors import IANA_ANCHORS
from tr03108.judge import load_checks
from tr03108.judge.outcomes import Result
from tr03108.lab.tls_hello_config import HelloFault, State
from tr03108.model import Dossier, Outcome, ProbePlan, Vantage
from tr03108.probe.hello import Opener, direct_tls
from tr03108.probe.smtp import smtp_starttls
from tr03108.wire.tls.conversation import MAXIMUM_ANSWER
from tr03108.wire.tls.server_messages import MessageType
from unit.lab.scripted import CHAINS, speaking

HANGS = 120.0
BOTH = speaking("TLSv1", "TLSv1.2", "TLSv1.3")
PLAN = ProbePlan(timeout=0.15, greeting_timeout=0.15, back_off=0.001, max_connections=20, budget=400)
PATIENT = replace(PLAN, timeout=10.0)
CASES = [f"TR-03108-E-{number}" for number in ("01-T", "02-T", "08", "09-T", "10", "11")]
MODES = ("verdict", "full")
RAW = {
    "zeros": floods(bytes(65536)),
    "silence": says(b""),
    "resets": says(b"", then="reset"),
    "closes": says(b"", then="close"),
    "warnings": floods(record(b"\x01\x70", 21) * 1000),
    "internal errors": says(record(b"\x02\x50", 21), then="close"),
    "drops": drips(record(SERVER_HELLO)),
    "half a ServerHello": says(record(SERVER_HELLO[:30]), then="close"),
    "a message of 16 MiB": floods(record(b"\x02\xff\xff\xff" + bytes(16000))),
    "empty records": floods((RECORD + b"\x00\x00") * 5000),
    "the same ServerHello to all": says(record(SERVER_HELLO + b"\x0e\x00\x00\x00")),
    "ServerHello and reset": says(record(SERVER_HELLO), then="reset"),
}
# Without a word, and twice each time: that is a refusal. What closes in the middle of a message is none (see
# test_an_answer_that_breaks_off_is_no_refusal of test_tls_hellos.py).
REFUSING = ("resets", "closes", "half a ServerHello")
ENDS = (HelloFault.SILENCE, HelloFault.RESET, HelloFault.CLOSE)
# The script's empty records come one by one and keep this process busy; those of RAW do not.
FAULTS = [fault for fault in HelloFault if fault not in (*ENDS, HelloFault.EMPTY_RECORDS)]
BEFORE_TLS = {
    "a greeting without end": b"220-x\r\n" * 5000,
    "a line without end": b"a" * 300000,
    "no service": b"554 no\r\n",
    "later": b"421 later\r\n",
    "no STARTTLS": b"220 mx\r\n250 mx\r\n",
    "not a word": b"",
}


def surveyed(server: Server, mode: str, plan: ProbePlan = PLAN, opener: Opener = direct_tls) -> Surveyed:
    async def run() -> Surveyed:
        async with asyncio.timeout(HANGS), server as port:
            return await survey_port(port, mode, plan=plan, opener=opener, ordinary=False)

    return asyncio.run(run())


def all_checks(seen: Surveyed) -> dict[str, Result]:
    """Every check of what a server does in TLS, by id. None may raise."""
    mine = [check for check in load_checks() if check.function.__module__.endswith("tls_server")]
    assert len(mine) > 20
    return {check.id: check.function(seen.service(), rules()) for check in mine}


def passes_nothing(seen: Surveyed) -> None:
    all_checks(seen)
    judged = seen.judged()
    assert {case: judged[case].outcome for case in CASES if judged[case].outcome is Outcome.MET} == {}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("what", RAW)
def test_a_survey_of_a_server_that_only_does_harm_ends(what: str, mode: str) -> None:
    seen = surveyed(served(Raw(RAW[what])), mode)
    passes_nothing(seen)
    assert seen.connections <= PLAN.budget
    assert not any(answer.proven for answer in seen.answers)
    refused = {version for version in ("TLSv1.2", "TLSv1.3") if seen.facts.version(version) == "refused"}
    assert not refused or what in REFUSING


@pytest.mark.parametrize("mode", MODES)
def test_a_survey_of_a_server_that_does_all_of_it_by_turns_ends(mode: str) -> None:
    passes_nothing(surveyed(by_turns(*RAW.values()), mode))


@pytest.mark.parametrize("what", BEFORE_TLS)
def test_a_survey_that_never_comes_to_tls_ends(what: str) -> None:
    talk = says(BEFORE_TLS[what], then="close")
    seen = surveyed(served(Raw(talk, first=True)), "verdict", opener=smtp_starttls)
    assert {answer.kind for answer in seen.answers} == {"unclear"}
    assert seen.connections <= PLAN.budget
    passes_nothing(seen)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_check_raises_over_a_faulty_server(fault: HelloFault, mode: str) -> None:
    seen = surveyed(scripted(replace(BOTH, fault=fault), *CHAINS.values()), mode)
    all_checks(seen)
    if fault not in (HelloFault.FRAGMENTS, HelloFault.WRONG_FINISHED, HelloFault.SECOND_RETRY):
        assert seen.judged()["TR-03108-E-01-T"].outcome is not Outcome.MET
    assert sum(len(each.value.received) for each in seen.observations.values() if each.value) < 3000


@pytest.mark.parametrize("state", [State.RETRY, State.SERVER_HELLO, State.CERTIFICATE, State.FLIGHT, State.FINISHED])
@pytest.mark.parametrize("fault", ENDS)
def test_no_check_raises_wherever_a_server_ends(fault: HelloFault, state: State) -> None:
    config = replace(BOTH, fault=fault, fault_at=state)
    seen = surveyed(scripted(config, *CHAINS.values()), "verdict")
    all_checks(seen)


# Certificates


def dossier_of(seen: Surveyed) -> str:
    return codec.encode(
        Dossier(
            *("lab.example", datetime.now(UTC), datetime.now(UTC), True, "0", ProbePlan(), Vantage((), None, None)),
            *(IANA_ANCHORS, (), {each.key: each for each in seen.observations.values()}),
        )
    )


def certificates(seen: Surveyed) -> Iterator[bytes]:
    """The Certificate messages that are kept."""
    for each in seen.observations.values():
        for message in each.value.received if each.value is not None else ():
            if message[0] == MessageType.CERTIFICATE:
                yield message


@pytest.mark.parametrize("mode", MODES)
def test_a_huge_certificate_is_kept_once(mode: str) -> None:
    config = replace(BOTH, keys=("P-256",))
    seen = surveyed(scripted(config, padded(MAXIMUM_ANSWER - 16384)), mode, PATIENT)
    assert len({*certificates(seen)}) <= 2  # TLS 1.3 writes it in another way
    assert len(list(certificates(seen))) <= len({*certificates(seen)}) + PLAN.max_connections  # asked at the same time
    assert any(answer.chosen and answer.chain for answer in seen.answers)
    all_checks(seen)


@pytest.mark.parametrize("mode", ["verdict", "full"])
def test_certificates_that_change_all_the_time_do_not_make_a_dossier_huge(mode: str) -> None:
    config = replace(BOTH, keys=("P-256",))
    server = presenting(config, lambda: (padded(MAXIMUM_ANSWER - 16384),))
    seen = surveyed(served(server), mode, PATIENT)
    all_checks(seen)
    assert len(dossier_of(seen)) < 16 * MAXIMUM_ANSWER
