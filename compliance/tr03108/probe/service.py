"""All that is asked of one service address: sessions until the looks agree, single hellos, what goes without TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from ..evaluate.tls.answers import answer_of
from ..evaluate.tls.facts import TlsFacts
from ..model import MAIL_SERVICE, ClientSession, Failure, Observation, ServiceKind, SmtpSession, bracketed
from . import client, looks, smtp
from .asking import Asking
from .hello import Opener
from .nameless import ask_nameless
from .net import Network
from .questions import Questions
from .renegotiation import try_renegotiation
from .survey_full import FullSurvey
from .survey_verdict import VerdictSurvey
from .tls import BRAINPOOL, EVERYTHING, ONE_KEY_TYPE, Offer

Session = SmtpSession | ClientSession
_Hold = Callable[[Network, str, str, int], Awaitable[Session | Failure]]
_ONCE = ("curve", "plain", "injection")  # looks that need no pause before them


class ServiceProbe:
    """One kind of service at one port and address of a host."""

    def __init__(self, questions: Questions, kind: ServiceKind, host: str, address: str, port: int) -> None:
        self._questions = questions
        self._plan = questions.plan
        self._kind = kind
        self._where = (host, address, port)
        self._name = f"{host} {bracketed(address)}:{port}"

    async def run(self) -> None:
        """Asks everything the plan wants to know."""
        mail = self._kind is MAIL_SERVICE
        seen = [await self.first()]
        if looks.refused_our_groups(seen[0]):
            other = await self._other_groups()
            seen = [other] if other is not None else seen
        while looks.look_again(seen):
            self._questions.say(f"{self._name}: looking again in {self._plan.second_look:g} s")
            seen.append(await self._look("", len(seen) + 1, self._ordinary(EVERYTHING)))
        last = seen[-1]
        self._questions.say(f"{self._name}: {_outcome(last)}")
        wanted = looks.other_key_type(last) if self._plan.both_certificates and not self._plan.tls else None
        if wanted is not None:
            await self._look("other", 1, self._ordinary(ONE_KEY_TYPE[wanted]))
        # Who talks in the clear where TLS should begin may offer STARTTLS, which is asked as a kind of its own.
        in_clear = self._kind.implicit and looks.answered_in_clear(last)
        if self._plan.tls and looks.came_to_tls(last) and not in_clear:
            await self._hellos(last)
        if self._kind.implicit or not any(looks.answered_ehlo(look) for look in seen):
            return
        if mail and self._plan.plaintext_mail:
            plain = [await self._look("mail", 1, smtp.plaintext_session)]
            if looks.plain_again(plain):
                await self._look("mail", 2, smtp.plaintext_session)
        if self._plan.clear_text:
            await self._look("plain", 1, partial(client.clear_login_look, self._kind))
            if looks.through_tls(last):
                await self._look("injection", 1, partial(client.injection_look, self._kind))

    async def first(self) -> Observation[Any]:
        """The first ordinary session."""
        return await self._look("", 1, self._ordinary(EVERYTHING))

    def _ordinary(self, offer: Offer) -> _Hold:
        if self._kind is MAIL_SERVICE:
            return partial(smtp.starttls_session, offer=offer)
        return partial(client.client_session, self._kind, offer=offer)

    async def _other_groups(self) -> Observation[Any] | None:
        """The handshake once more with each brainpool curve, until one is completed."""
        for number, offer in enumerate(BRAINPOOL, 1):
            look = await self._look("curve", number, self._ordinary(offer))
            if looks.through_tls(look):
                return look
        return None

    async def _hellos(self, look: Observation[Any]) -> None:
        """Single hellos, as many as the mode asks for; `look` is the ordinary handshake before them."""
        questions, (host, address, port) = self._questions, self._where
        questions.say(f"{self._name}: asking what TLS it accepts")
        handshake = look.value.handshake if look.value is not None else None
        complete = handshake is not None and handshake.ended == "completed"
        ordinary = answer_of("ordinary", look.time, handshake) if handshake is not None and complete else None
        opener: Opener = smtp.smtp_starttls if self._kind is MAIL_SERVICE else client.opener(self._kind)
        asking = Asking(questions.network, questions.ask, opener, self._where)
        mode = VerdictSurvey if self._plan.mode == "verdict" else FullSurvey
        survey = mode(asking, host, self._plan.hellos, ordinary, farewell=self._kind.farewell)
        await survey.run()
        if self._kind is MAIL_SERVICE:  # mail clients name the server, senders need not
            await ask_nameless(asking, TlsFacts(survey.answers), self._kind.farewell)
        if self._plan.mode == "verdict":
            return
        await questions.ask(
            f"renegotiation/{host}/{address}/{port}/1",
            lambda: try_renegotiation(questions.network, opener, host, address, port, farewell=self._kind.farewell),
        )

    async def _look(self, look: str, number: int, hold: _Hold) -> Observation[Any]:
        """One session. The looks: "" (ordinary), "other", "curve", "mail", "plain", "injection"."""
        host, address, port = self._where

        async def ask() -> Session | Failure:
            if number > 1 and look not in _ONCE:
                # A little longer than asked: the two looks are compared by wall clock, which may be slewed meanwhile.
                await asyncio.sleep(self._plan.second_look * 1.01)
            return await hold(self._questions.network, host, address, port)

        return await self._questions.ask(f"{self._key(look)}/{host}/{address}/{port}/{number}", ask)

    def _key(self, look: str) -> str:
        if self._kind is MAIL_SERVICE and look not in ("plain", "injection"):
            return {"": "smtp", "mail": "smtp-plain"}.get(look, f"smtp-{look}")
        return f"client-{look}/{self._kind.name}" if look else f"client/{self._kind.name}"


def _outcome(look: Observation[Any]) -> str:
    """A few words for the progress line; nothing in them comes from the network."""
    if look.value is None:
        return f"not seen ({look.failure.reason})" if look.failure is not None else "not seen"
    return "TLS" if looks.through_tls(look) else f"{look.value.state} {look.value.ended}"
