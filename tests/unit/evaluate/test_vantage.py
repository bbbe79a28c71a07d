"""Whether it is us: what silence of one family means (contract, "Fact or blindness")."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tr03108.evaluate.vantage import reach
from tr03108.model import Failure, Observation, Reason, SmtpSession, Vantage

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
V4, V4_OTHER, V6, V6_OTHER = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"
Seen = Observation[SmtpSession]


def failed(reason: Reason, state: str = "connect", connected_to: str = "") -> Seen:
    return Observation("smtp", NOW, None, Failure(reason, "", (), state, connected_to))


def answered(state: str = "quit", ended: str = "done", connected_to: str = "") -> Seen:
    return Observation("smtp", NOW, SmtpSession(connected_to, bool(connected_to), (), state, ended, None), None)


SILENT, REFUSED, GREETED = failed(Reason.TIMEOUT), answered("connect", "refused"), answered()
NOT_TRIED = (failed(Reason.NOT_GLOBAL), failed(Reason.BUDGET), failed(Reason.NOT_PROBED))


def code(address: str, vantage: tuple[bool | None, bool | None] = (None, None), **seen: Seen) -> str | None:
    names = {"v4": V4, "v4_other": V4_OTHER, "v6": V6, "v6_other": V6_OTHER}
    observed = {(names[name], 25): [observation] for name, observation in seen.items()}
    return reach(address, 25, observed, Vantage((), *vantage)).code


@pytest.mark.parametrize(
    "answer", [GREETED, REFUSED, failed(Reason.DEFERRED, "greeting"), failed(Reason.TIMEOUT, "ehlo")]
)
def test_one_family_silent_while_the_other_answers(answer: Seen) -> None:
    assert code(V6, v6=SILENT, v4=answer) == "VANTAGE_NO_IPV6"
    assert code(V4, v6=answer, v4=SILENT) == "VANTAGE_NO_IPV4"
    assert code(V4, v6=SILENT, v4=answer) is None


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.UNREACHABLE])
def test_one_answer_in_the_family_makes_it_the_targets_matter(reason: Reason) -> None:
    silent = failed(reason)
    assert code(V6, v6=silent, v6_other=GREETED, v4=GREETED) is None
    assert code(V6, v6=silent, v6_other=REFUSED) is None
    assert code(V6, v6=silent, v6_other=failed(Reason.TIMEOUT, "greeting")) is None


def test_nothing_answers_at_all() -> None:
    assert code(V4, v4=SILENT) == "VANTAGE_PORT_25"
    assert code(V4, v4=SILENT, v6=SILENT) == "VANTAGE_PORT_25"
    assert code(V6, v4=SILENT, v6=SILENT, vantage=(True, False)) == "VANTAGE_NO_IPV6"
    assert code(V4, v4=SILENT, v6=SILENT, vantage=(False, None)) == "VANTAGE_NO_IPV4"


def test_a_family_that_carries_other_connections_is_there() -> None:
    """IPv6 reached the policy server, so it is port 25 that does not work over it."""
    assert code(V6, v6=SILENT, v4=GREETED, vantage=(True, True)) == "VANTAGE_PORT_25"


def test_no_route_is_ours() -> None:
    assert code(V6, v6=failed(Reason.VANTAGE)) == "VANTAGE_NO_IPV6"
    assert code(V6, v6=failed(Reason.VANTAGE), v4=GREETED) == "VANTAGE_NO_IPV6"


@pytest.mark.parametrize("untried", NOT_TRIED)
def test_what_was_not_tried_says_nothing_either_way(untried: Seen) -> None:
    assert code(V4, v4=untried) is None
    assert code(V4, v4=SILENT, v4_other=untried) == "VANTAGE_PORT_25"
    assert code(V6, v6=SILENT, v4=untried) == "VANTAGE_PORT_25"


@pytest.mark.parametrize("blind", [failed(Reason.DEFERRED, "greeting"), failed(Reason.ABORTED, "greeting"), GREETED])
def test_who_was_reached_is_not_silent(blind: Seen) -> None:
    assert code(V4, v4=blind) is None


def test_an_address_without_connections() -> None:
    assert code(V4) is None


def test_the_family_is_that_of_the_address_really_tried() -> None:
    """--connect may lead to the other family; reachability is judged by TO (contract, --connect)."""
    to4, to6 = "192.0.2.9:2525", "[2001:db8::9]:2525"
    silent6 = failed(Reason.TIMEOUT, connected_to=to6)
    assert code(V4, v4=silent6, v4_other=GREETED) == "VANTAGE_NO_IPV6"
    assert code(V4, v4=silent6, v4_other=answered(connected_to=to6)) is None
    assert code(V6, v6=SILENT, v4=answered(connected_to=to6)) is None
    assert code(V6, v6=failed(Reason.TIMEOUT, connected_to=to4), v4=GREETED) is None
    assert code(V6, v6=failed(Reason.VANTAGE, connected_to=to4)) == "VANTAGE_NO_IPV4"
    assert code(V4, v4=failed(Reason.TIMEOUT, connected_to="nonsense")) == "VANTAGE_PORT_25"
