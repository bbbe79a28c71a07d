"""Asks for a domain's MTA-STS record and fetches its policy from every address (RFC 8461 section 3)."""

from __future__ import annotations

import asyncio

from ..evaluate.lookup import fits
from ..evaluate.policies import texts
from ..evaluate.policy_address import MOMENTARY_STATUS
from ..evaluate.policy_fetch import HTTPS_PORT, fetch_key
from ..model import Failure, HttpExchange, Observation, Reason
from . import https
from .questions import Questions

ADDRESSES = 8  # of the policy host that are asked, both families together
_POLICY_PATH = "/.well-known/mta-sts.txt"  # RFC 8461 section 3.3
_STS_PREFIX = b"v=STSv1"
_NOT_AGAIN = (Reason.UNREACHABLE, Reason.NOT_GLOBAL, Reason.BUDGET, Reason.VANTAGE)


async def mta_sts(questions: Questions, domain: str) -> None:
    """The record, and the policy where there is a record that may announce one."""
    if not fits(name := f"_mta-sts.{domain}"):
        return
    if not any(text.startswith(_STS_PREFIX) for text in texts(await questions.lookup(name, "TXT"))):
        return
    host = await questions.host(f"mta-sts.{domain}")
    async with asyncio.TaskGroup() as group:
        for address in host.addresses[:ADDRESSES]:
            group.create_task(_policy(questions, host.name, address))
    beyond = (fetch_key(host.name, address, 1) for address in host.addresses[ADDRESSES:])
    questions.give_up(beyond, f"only {ADDRESSES} addresses of a policy host are asked")


async def _policy(questions: Questions, host: str, address: str) -> None:
    """The policy from one address, asked for a second time where what was seen may pass."""
    if _may_pass(await _look(questions, host, address, 1)):
        questions.say(f"{host} {address}: looking again in {questions.plan.second_look:g} s")
        await _look(questions, host, address, 2)


async def _look(questions: Questions, host: str, address: str, number: int) -> Observation[HttpExchange]:
    async def ask() -> HttpExchange | Failure:
        if number > 1:
            # A little longer than asked: the two looks are compared by wall clock, which may be slewed meanwhile.
            await asyncio.sleep(questions.plan.second_look * 1.01)
        return await https.get(questions.network, host, address, HTTPS_PORT, _POLICY_PATH)

    questions.say(f"{host} {address}: fetching the policy")
    return await questions.ask(fetch_key(host, address, number), ask)


def _may_pass(look: Observation[HttpExchange]) -> bool:
    """Whether a second look may show something else: no answer, or one that says "not now"."""
    exchange = look.value
    if exchange is None:
        return look.failure is not None and look.failure.reason not in _NOT_AGAIN
    if exchange.status is None or (exchange.ended != "answered" and exchange.status == 200):
        return True
    return exchange.status >= 500 or exchange.status in MOMENTARY_STATUS
