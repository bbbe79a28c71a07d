"""Senders that name no server: each type of key is asked for once, and a refusal counts only for the name's sake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surveys import Surveyed, rules, survey_server
from tr03108.evaluate.second_certificate import SecondCertificate, second_of_facts
from tr03108.evaluate.starttls import Starttls
from tr03108.evaluate.tls.answers import Answer
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.evaluate.tls.senders import nameless_senders
from tr03108.judge import load_checks
from tr03108.judge.outcomes import Result
from tr03108.lab.tls_hello_config import HelloConfig
from tr03108.model import Outcome
from unit.lab.scripted import CHAINS, scripted, speaking

BOTH = speaking("TLSv1.2", "TLSv1.3")
ONE = replace(BOTH, keys=("RSA",))
(CHECK,) = (check for check in load_checks() if check.id == "tls.every-sender")


def survey(config: HelloConfig, mode: str) -> Surveyed:
    (seen,) = survey_server(scripted(config, *(CHAINS[key] for key in config.keys)), mode)
    return seen


def judged(facts: TlsFacts, seen: Surveyed, second: SecondCertificate | None = None) -> Result:
    service = replace(seen.service(), tls=facts)
    return CHECK.function(replace(service, second=second or SecondCertificate("NONE", None)), rules())


def questions(seen: Surveyed) -> list[str]:
    return sorted(name for name in seen.observations if name.startswith(("nameless", "named")))


def states(facts: TlsFacts) -> dict[str, str]:
    return {sender.key_type: sender.state for sender in nameless_senders(facts)}


@pytest.mark.parametrize("mode", ["verdict", "full"])
def test_one_hello_for_each_certificate_where_nobody_minds(mode: str) -> None:
    both, one = survey(BOTH, mode), survey(ONE, mode)
    assert questions(both) == ["nameless.ECDSA", "nameless.RSA"]
    assert questions(one) == ["nameless.RSA"]
    for seen in (both, one):
        assert set(states(seen.facts).values()) == {"served"}
        assert judged(seen.facts, seen).outcome is Outcome.MET
    offered = both.answer("nameless.ECDSA").offered
    assert offered is not None and offered.server_name is None
    assert offered.schemes is not None and 0x0804 not in offered.schemes
    # An authority may have signed with RSA what is a chain for ECDSA; in mode full the hello before had none of these.
    assert (0x0401 in offered.schemes) is (mode == "verdict")
    assert both.answer("nameless.ECDSA").chain == both.facts.chains["ECDSA"]


@pytest.mark.parametrize("how", [112, 40, 80, 109, "close"])
@pytest.mark.parametrize("mode", ["verdict", "full"])
def test_who_wants_a_name_turns_senders_away(mode: str, how: int | str) -> None:
    seen = survey(replace(ONE, without_name=how), mode)
    assert [name for name in questions(seen) if "+" not in name] == ["named.RSA", "nameless.RSA", "nameless.RSA.later"]
    assert states(seen.facts) == {"RSA": "refused"}
    result = judged(seen.facts, seen)
    assert (result.outcome, result.code, result.evidence["key_type"]) == (Outcome.UNMET, "SENDER_REFUSED", "RSA")


@pytest.mark.parametrize("versions", [("TLSv1.3",), ("TLSv1.2",), ("TLSv1", "TLSv1.1")])
@pytest.mark.parametrize("how", [112, "ignore"])
def test_every_version(versions: tuple[str, ...], how: int | str) -> None:
    config = replace(speaking(*versions), keys=("RSA",), without_name=how)
    seen = survey(config, "verdict")
    assert states(seen.facts) == {"RSA": "refused" if how == 112 else "served"}


def without(facts: TlsFacts, *names: str) -> TlsFacts:
    return TlsFacts([answer for answer in facts.answers if answer.question not in names])


def changed(facts: TlsFacts, name: str, **how: object) -> TlsFacts:
    def change(answer: Answer) -> Answer:
        return replace(answer, **how) if answer.question == name else answer  # type: ignore[arg-type]

    return TlsFacts([change(answer) for answer in facts.answers])


def test_a_refusal_counts_only_when_seen_twice_and_answered_with_the_name() -> None:
    seen = survey(replace(ONE, without_name=112), "verdict")
    silent = {"kind": "unclear", "code": "SERVICE_TIMEOUT", "alert": None}
    for facts in (
        without(seen.facts, "named.RSA"),
        without(seen.facts, "nameless.RSA.later"),
        changed(seen.facts, "nameless.RSA.later", **silent),
        changed(seen.facts, "nameless.RSA", **silent),
        changed(seen.facts, "named.RSA", kind="refused"),
    ):
        assert states(facts) == {"RSA": "unseen"}
        assert judged(facts, seen).outcome is Outcome.UNSEEN
    nothing = judged(without(seen.facts, *questions(seen)), seen)
    assert (nothing.outcome, nothing.code) == (Outcome.UNSEEN, "NOT_PROBED")


def test_what_is_open_is_told_for_its_type_of_key() -> None:
    seen = survey(BOTH, "verdict")
    silent = {"kind": "unclear", "code": "SERVICE_TIMEOUT", "hello": None, "chain": ()}
    for kind in ("RSA", "ECDSA"):
        result = judged(changed(seen.facts, f"nameless.{kind}", **silent), seen)
        assert (result.outcome, result.code) == (Outcome.UNSEEN, "TLS_UNSEEN")
        assert (result.evidence["key_type"], result.evidence["because"]) == (kind, "SERVICE_TIMEOUT")
    spent = judged(changed(seen.facts, "nameless.RSA", **{**silent, "code": "BUDGET_EXHAUSTED"}), seen)
    assert (spent.outcome, spent.code) == (Outcome.UNSEEN, "BUDGET_EXHAUSTED")


def test_a_second_look_that_is_answered_is_enough() -> None:
    seen = survey(ONE, "verdict")
    first = seen.answer("nameless.RSA")
    later = replace(first, question="nameless.RSA.later")
    bad = replace(first, kind="refused", alert=40, hello=None, chain=())
    facts = TlsFacts([*(a for a in seen.facts.answers if a.question != first.question), bad, later])
    assert states(facts) == {"RSA": "served"}


def test_a_type_of_key_that_is_not_there_fails_nobody() -> None:
    seen = survey(ONE, "verdict")
    second = second_of_facts(seen.ordinary and _handshake(seen), seen.facts)
    assert second.code == "NONE"
    unclear = SecondCertificate("TLS_ALERT", "ECDSA")
    assert judged(seen.facts, seen, unclear).outcome is Outcome.MET  # a hello with it alone was turned down
    blind = without(seen.facts, *(a.question for a in seen.facts.answers if "ECDSA" in a.question))
    assert judged(blind, seen, unclear).outcome is Outcome.UNSEEN
    assert judged(seen.facts, seen, SecondCertificate("NOT_PROBED", None)).code == "NOT_PROBED"


def _handshake(seen: Surveyed) -> object:
    """What `second_of_facts` looks at of a handshake: its chain."""

    class Shown:
        chain = seen.ordinary.chain if seen.ordinary is not None else ()

    return Shown()


def test_a_certificate_of_another_name_is_no_failure() -> None:
    """Senders that verify certificates name the server; tls.server-name tells the difference."""
    seen = survey(ONE, "verdict")
    other = changed(seen.facts, "nameless.RSA", chain=(b"another",))
    assert judged(other, seen).outcome is Outcome.MET
    assert set(other.chains) == {"RSA"}  # and what is shown without the name is no certificate of the server's name


def test_without_tls_there_is_nothing_to_say() -> None:
    seen = survey(ONE, "verdict")
    service = replace(seen.service(), starttls=Starttls("STARTTLS_MISSING", False, "", None, False, ()))
    assert (CHECK.function(service, rules()).outcome, CHECK.function(service, rules()).code) == (
        Outcome.ABSENT,
        "NO_TLS",
    )
