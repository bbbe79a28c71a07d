"""How a server says no: what TR-03116-TS expects of a refused handshake beyond that none comes about.

Its negative cases want a fatal alert that fits. The alert that they name passes; another one is for a person to judge,
so met only just; an end without any word describes nothing and misses what the case expects, although no connection
came about. A server that cannot be told apart from a broken line is never judged here: `TlsFacts` settles that first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..evaluate.services import Service
from ..evaluate.tls.answers import Answer
from ..model import Outcome
from .outcomes import Result, marginal, met, unmet

HANDSHAKE_FAILURE, PROTOCOL_VERSION, INSUFFICIENT_SECURITY = 40, 70, 71
# What the protocol itself names for a list without anything in common (RFC 5246 section 7.2.2, RFC 8446 section 6.2).
NOTHING_IN_COMMON = (HANDSHAKE_FAILURE, INSUFFICIENT_SECURITY)
VERSION_UNKNOWN = (PROTOCOL_VERSION,)
_CLOSE_NOTIFY = 0
_SHOWN = 10

Wanted = Callable[[Answer], bool]


def with_alert(result: Result, service: Service, wanted: Wanted, expected: Collection[int]) -> Result:
    """A result that is MET, after a look at the alerts of the refusals that `wanted` picks; any other as it is."""
    if result.outcome is not Outcome.MET:
        return result
    refusals = [answer for answer in service.tls.answers if _refused(answer) and wanted(answer)]
    told = [f"{answer.question}: {answer.words}" for answer in refusals][:_SHOWN]
    evidence = {**result.evidence, "refusals": told}
    for answer in refusals:
        if answer.alert in (None, _CLOSE_NOTIFY):
            return unmet("REFUSED_WITHOUT_ALERT", question=answer.question, **evidence)
    for answer in refusals:
        if answer.alert not in expected:
            return marginal("REFUSED_WITH_OTHER_ALERT", question=answer.question, reply=answer.words, **evidence)
    return met(**evidence)


def _refused(answer: Answer) -> bool:
    """A refusal, or any other alert: that the result is MET proves that it was one."""
    return answer.kind == "refused" or (not answer.chosen and answer.alert is not None)
