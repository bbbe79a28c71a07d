"""Asks a service address with single hellos: each question once, a second time where one answer is not enough."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ..evaluate.tls.answers import Answer, answer_to
from ..evaluate.tls.facts import AGAIN, CLOSES, CLOSES_OF_DROPPERS
from ..model import Failure, HelloExchange, Observation, Reason
from ..wire.tls.server_messages import MessageType
from .hello import Opener, Question, ask_hello, without_certificate
from .net import Network
from .pace import Pace

TRIES = 6  # connections for one question, where the server puts us off
_PUT_OFF = (Reason.DEFERRED, Reason.ABORTED)

Record = Callable[[str, Callable[[], Awaitable[HelloExchange | Failure]]], Awaitable[Observation[HelloExchange]]]


class Asking:
    """The questions of one survey. `record` asks once for each key and keeps the observation."""

    def __init__(self, network: Network, record: Record, opener: Opener, where: tuple[str, str, int]) -> None:
        """`where`: host, address and port. Pace and kept certificates are shared by all who ask there."""
        self._network = network
        self._record = record
        self._opener = opener
        self._pace = network.paces.setdefault(where[1], Pace(network.plan.back_off))
        self._kept = network.kept.setdefault(where, {})
        self._where = where
        self._certificates: dict[str, bytes] = {}
        self._drops = False  # the server closed upon a hello that it answered later

    async def __call__(self, question: Question) -> Answer:
        """The answer; a close without an alert is looked at twice, and oftener if the server closes at random."""
        answer = await self._once(question)
        closes = 0
        while answer.kind == "closed":
            closes += 1
            if closes >= (CLOSES_OF_DROPPERS if self._drops else CLOSES):
                return replace(answer, kind="refused")
            answer = await self._once(replace(question, name=question.name + AGAIN * closes))
        self._drops = self._drops or (closes > 0 and answer.kind in ("chosen", "refused"))
        return answer

    async def _once(self, question: Question) -> Answer:
        host, address, port = self._where
        key = f"hello/{host}/{address}/{port}/{question.name}"
        observation = await self._record(key, lambda: self._patiently(question))
        for message in observation.value.received if observation.value is not None else ():
            if message[:1] == bytes((MessageType.CERTIFICATE,)):
                self._certificates[hashlib.sha256(message).hexdigest()] = message
        return answer_to(question.name, observation, self._certificates)

    async def _patiently(self, question: Question) -> HelloExchange | Failure:
        pace = self._pace
        for _ in range(TRIES):
            if pace.exhausted:
                return Failure(Reason.DEFERRED, "the server put us off again and again", state="connect")
            async with pace.turn():
                result = await ask_hello(self._network, self._opener, *self._where, question)
            if isinstance(result, HelloExchange) or result.reason not in _PUT_OFF:
                if isinstance(result, HelloExchange):
                    pace.answered()
                break
            pace.put_off()
        return without_certificate(result, self._kept) if isinstance(result, HelloExchange) else result
