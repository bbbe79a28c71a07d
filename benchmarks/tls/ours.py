"""What this product finds at one port, as JSON on standard output; a process of its own, measured as the peers are.

ours.py ADDRESS PORT verdict|full [--at-once N] [--direct]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from tr03108.catalogue import load_catalogue
from tr03108.evaluate.tls.answers import answer_of, answers
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.front.hello_sets import hello_sets
from tr03108.model import Failure, HelloExchange, Observation, ProbePlan, SmtpSession
from tr03108.probe.asking import Asking
from tr03108.probe.hello import direct_tls
from tr03108.probe.net import Network
from tr03108.probe.smtp import smtp_starttls, starttls_session
from tr03108.probe.survey_full import FullSurvey
from tr03108.probe.survey_verdict import VerdictSurvey
from tr03108.profile import load_profile
from tr03108.wire.tls.names import VERSIONS, group_name, suite_name

HOST = "localhost"  # the server name (SNI); nothing is looked up
NO_RESOLVER = "127.0.0.1:53"  # nothing is asked of it


@dataclass(frozen=True)
class Seen:
    """Suites by version, named as in tr03108.wire.tls.names; `groups` likewise. `failures`: what could not be seen."""

    suites: dict[str, list[str]]
    groups: list[str]
    failures: list[str]


async def ours(address: str, port: int, mode: str, *, at_once: int, direct: bool) -> Seen:
    """Asks the server at ADDRESS:PORT in `mode` ("verdict" or "full"), over SMTP STARTTLS unless `direct`.

    At most `at_once` connections at the same time, no redirection. What is returned is what the judging side reads
    from the exchanges: every version accepted is a key of `suites`, even where the mode brought none of its suites.
    Over SMTP the complete handshake comes first, as in an audit.
    """
    sets = hello_sets(load_profile("tr-03108-2.0", load_catalogue()).tls, datetime.now(UTC).year)
    plan = ProbePlan(
        mode=mode, allow_private=True, max_connections=at_once, tls=True, hellos=sets, resolvers=(NO_RESOLVER,)
    )
    seen: dict[str, Observation[HelloExchange]] = {}
    async with Network(plan) as network:

        async def record(key: str, ask: Callable[[], Awaitable[HelloExchange | Failure]]) -> Observation[HelloExchange]:
            observation = await network.store.once(key, ask)
            seen[key.rpartition("/")[2]] = observation
            return observation

        ordinary = None
        if not direct:
            session = await starttls_session(network, HOST, address, port)
            if isinstance(session, SmtpSession) and session.handshake is not None:
                ordinary = answer_of("ordinary", datetime.now(UTC), session.handshake)
        opener = direct_tls if direct else smtp_starttls
        survey = VerdictSurvey if mode == "verdict" else FullSurvey
        asking = Asking(network, record, opener, (HOST, address, port))
        await survey(asking, HOST, sets, ordinary, b"QUIT\r\n").run()
    facts = TlsFacts((*((ordinary,) if ordinary is not None else ()), *answers(seen)))
    spoken = [version for version in VERSIONS.values() if facts.version(version) == "accepted"]
    groups = dict.fromkeys(code for version in spoken for code in facts.groups(version).codes)
    return Seen(
        {version: [suite_name(code) for code in facts.suites(version).codes] for version in spoken},
        [group_name(code) for code in groups],
        [f"{answer.question}: {answer.words}" for answer in facts.answers if answer.kind == "unclear"],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("mode", choices=("verdict", "full"))
    parser.add_argument("--at-once", type=int, default=4, help="connections at the same time")
    parser.add_argument("--direct", action="store_true", help="TLS from the first octet on, no STARTTLS")
    options = parser.parse_args()
    started = time.perf_counter()
    try:
        where = (options.address, options.port, options.mode)
        seen = asyncio.run(ours(*where, at_once=options.at_once, direct=options.direct))
    except NotImplementedError as missing:
        sys.exit(str(missing))
    print(json.dumps(asdict(seen) | {"seconds": time.perf_counter() - started}))
