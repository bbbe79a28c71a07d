"""Surveys of servers on this machine: all that is asked, the facts found, and what the checks make of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from embedded_servers import Server
from tr03108.catalogue import load_catalogue
from tr03108.evaluate.revocation import Revocations
from tr03108.evaluate.routing import HostAddresses
from tr03108.evaluate.second_certificate import SecondCertificate
from tr03108.evaluate.services import SmtpService
from tr03108.evaluate.starttls import Starttls
from tr03108.evaluate.tls.answers import Answer, answer_of, answers
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.evaluate.tlsa import Tlsa
from tr03108.evaluate.vantage import Reach
from tr03108.front.hello_sets import hello_sets
from tr03108.judge import load_checks
from tr03108.judge.outcomes import Result
from tr03108.judge.rules import Rules
from tr03108.model import SERVICE_KINDS, HelloExchange, HelloSets, Observation, ProbePlan
from tr03108.probe.asking import Asking
from tr03108.probe.hello import Opener, direct_tls
from tr03108.probe.nameless import ask_nameless
from tr03108.probe.net import Network
from tr03108.probe.survey_full import FullSurvey
from tr03108.probe.survey_verdict import VerdictSurvey
from tr03108.probe.tls import TlsClient
from tr03108.profile import Profile, load_profile

HOST = "mx1.lab.example"
ADDRESS = "192.0.2.1"
PORT = 25
YEAR = 2026
CASES = tuple(f"TR-03108-E-{number}" for number in ("01-T", "02-T", "03-T", "04-T", "07", "08", "09-T", "10", "11"))


@cache
def profile() -> Profile:
    return load_profile("tr-03108-2.0", load_catalogue())


@cache
def sets(year: int = YEAR) -> HelloSets:
    return hello_sets(profile().tls, year)


@dataclass(frozen=True)
class Surveyed:
    """One service address after a survey: `connections` counts those of the survey, the ordinary one left out."""

    ordinary: Answer | None
    observations: Mapping[str, Observation[HelloExchange]]
    connections: int

    @property
    def answers(self) -> tuple[Answer, ...]:
        return answers(self.observations)

    @property
    def facts(self) -> TlsFacts:
        return TlsFacts((*((self.ordinary,) if self.ordinary is not None else ()), *self.answers))

    def answer(self, question: str) -> Answer:
        return next(answer for answer in self.answers if answer.question == question)

    def service(self, port: int = PORT) -> SmtpService:
        """The view that checks get, of which only the facts of TLS are real."""
        return SmtpService(
            kind=next(kind for kind in SERVICE_KINDS.values() if kind.port == port),
            host=HOST,
            domain="lab.example",
            address=ADDRESS,
            port=port,
            reach=Reach(None),
            starttls=Starttls("OK", False, "", None, False, ()),
            plaintext=None,
            tlsa=Tlsa("NO_TLSA", False, None, (), None),
            time=datetime.now(UTC),
            second=SecondCertificate("NOT_PROBED", None),
            addresses=HostAddresses(),
            tls=self.facts,
            revocations=Revocations({}),
        )

    def judged(self, port: int = PORT) -> dict[str, Result]:
        """What the checks of E-01-T to E-11 answer, by case."""
        return judged(self.service(port))


def rules(year: int = YEAR) -> Rules:
    now = datetime(year, 11, 22, tzinfo=UTC)
    return Rules(profile().parameters, profile().tls, now, now, ())


def judged(service: SmtpService, year: int = YEAR) -> dict[str, Result]:
    found = {check.case: check for check in load_checks() if check.case in CASES}
    return {case: found[case].function(service, rules(year)) for case in CASES}


async def survey_port(
    port: int,
    mode: str = "full",
    *,
    opener: Opener = direct_tls,
    ordinary: bool = True,
    plan: ProbePlan | None = None,
) -> Surveyed:
    """Surveys what listens at a port of this machine, after an ordinary handshake where that is wanted and possible."""
    given = plan or ProbePlan(timeout=5.0, greeting_timeout=5.0, back_off=0.01, budget=2000)
    plan = replace(given, mode=mode, tls=True, hellos=sets(), connect=(f"{ADDRESS}:{PORT}=127.0.0.1:{port}",))
    seen: dict[str, Observation[HelloExchange]] = {}
    connections = 0

    class Counting(Network):
        def spend(self, address: str, port: int) -> None:
            nonlocal connections
            super().spend(address, port)
            connections += 1

    async with Counting(plan) as network:
        first = await _ordinary(network) if ordinary else None
        connections = 0

        async def record(key: str, ask: Callable[[], object]) -> Observation[HelloExchange]:
            observation = await network.store.once(key, ask)  # type: ignore[arg-type]
            seen[key.rpartition("/")[2]] = observation  # type: ignore[assignment]
            return observation  # type: ignore[return-value]

        asking = Asking(network, record, opener, (HOST, ADDRESS, PORT))
        survey = (VerdictSurvey if mode == "verdict" else FullSurvey)(
            asking, HOST, plan.hellos, first, farewell=b"QUIT\r\n"
        )
        await survey.run()
        await ask_nameless(asking, TlsFacts(survey.answers), b"QUIT\r\n")
    return Surveyed(first, seen, connections)


async def _ordinary(network: Network) -> Answer | None:
    """A complete handshake by OpenSSL, as the audit holds it before the hellos; None where it is not completed."""
    async with network.connect(HOST, ADDRESS, PORT) as stream:
        handshake = await TlsClient(stream, HOST).handshake(network.plan.timeout)
    return answer_of("ordinary", datetime.now(UTC), handshake) if handshake.ended == "completed" else None


def survey_server(server: Server, *modes: str, **how: object) -> list[Surveyed]:
    """Surveys an embedded server, once for each mode."""

    async def run() -> list[Surveyed]:
        async with server as port:
            return [await survey_port(port, mode, **how) for mode in modes or ("full",)]  # type: ignore[arg-type]

    return asyncio.run(run())
