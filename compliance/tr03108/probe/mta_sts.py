"""Asks for a domain's MTA-STS record and fetches its policy (RFC 8461 section 3)."""

from __future__ import annotations

from ..evaluate.policies import texts
from ..model import HttpExchange, Observation
from . import https
from .questions import Questions, fits

POLICY_ADDRESSES = 4  # of the policy host that are tried
HTTPS_PORT = 443
_POLICY_PATH = "/.well-known/mta-sts.txt"  # RFC 8461 section 3.3
_STS_PREFIX = b"v=STSv1"


async def mta_sts(questions: Questions, domain: str) -> None:
    """The record, and the policy where there is a record that may announce one."""
    if not fits(name := f"_mta-sts.{domain}"):
        return
    if not any(text.startswith(_STS_PREFIX) for text in texts(await questions.lookup(name, "TXT"))):
        return
    host = await questions.host(f"mta-sts.{domain}")
    for address in host.addresses[:POLICY_ADDRESSES]:
        if await _answers(questions, host.name, address):
            return


async def _answers(questions: Questions, host: str, address: str) -> bool:
    """Fetches the policy from one address; False where nobody is there, so that the next one is tried."""
    questions.say(f"{host} {address}: fetching the policy")
    policy: Observation[HttpExchange] = await questions.ask(
        f"https/{host}/{address}/1", lambda: https.get(questions.network, host, address, HTTPS_PORT, _POLICY_PATH)
    )
    return policy.value is not None and policy.value.ended != "refused"
