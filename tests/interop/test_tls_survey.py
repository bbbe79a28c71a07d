"""What the survey finds at real servers equals what they were configured to accept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from interop.tls_expected import Expected
from interop.tls_servers import PACKAGED, SCENARIOS, STARTTLS_SMTP, Server, expected, running
from tr03108.catalogue import load_catalogue
from tr03108.evaluate.tls.answers import answer_of, answers
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.front.hello_sets import hello_sets
from tr03108.model import Failure, HelloExchange, HelloSets, Observation, ProbePlan, SmtpSession
from tr03108.probe.asking import Asking
from tr03108.probe.hello import direct_tls
from tr03108.probe.net import Network
from tr03108.probe.smtp import smtp_starttls, starttls_session
from tr03108.probe.survey_full import FullSurvey
from tr03108.profile import load_profile
from tr03108.wire.tls.names import VERSIONS, group_name, suite_name

HOST = "mail.example.org"
FFDHE3072 = 257  # the file of DH parameters that the conforming configurations name holds this group
SSLV2 = 0x0002


def _sets() -> HelloSets:
    return hello_sets(load_profile("tr-03108-2.0", load_catalogue()).tls, 2026)


async def _facts(server: Server) -> TlsFacts:
    """A survey in mode "full", with the ordinary handshake before it where the server speaks SMTP."""
    plan = ProbePlan(
        allow_private=True, max_connections=server.max_connections, hellos=_sets(), resolvers=("127.0.0.1:53",)
    )
    where = (HOST, server.address, server.port)
    seen: dict[str, Observation[HelloExchange]] = {}
    async with Network(plan) as network:

        async def record(key: str, ask: Callable[[], Awaitable[HelloExchange | Failure]]) -> Observation[HelloExchange]:
            observation = await network.store.once(key, ask)
            seen[key.rpartition("/")[2]] = observation
            return observation

        ordinary = None
        if server.kind == STARTTLS_SMTP:
            session = await starttls_session(network, *where)
            if isinstance(session, SmtpSession) and session.handshake is not None:
                answer = answer_of("ordinary", datetime.now(UTC), session.handshake)
                ordinary = answer if session.handshake.ended == "completed" else None
        opener = smtp_starttls if server.kind == STARTTLS_SMTP else direct_tls
        asking = Asking(network, record, opener, where)
        await FullSurvey(asking, HOST, plan.hellos, ordinary, b"QUIT\r\n").run()
    return TlsFacts((*((ordinary,) if ordinary is not None else ()), *answers(seen)))


@pytest.mark.parametrize(("name", "configuration"), SCENARIOS, ids=lambda value: value)
def test_found_lists_equal_the_configured_ones(name: str, configuration: str) -> None:
    with running(name, configuration) as server:
        facts = asyncio.run(_facts(server))
    wanted = expected(name, configuration)
    found = {v for v, text in VERSIONS.items() if v != SSLV2 and facts.version(text) == "accepted"}
    assert found == wanted.versions
    assert facts.version("SSLv2") == "refused"
    for version in sorted(wanted.versions):
        text = VERSIONS[version]
        assert _names(facts.suites(text).codes) == _names(wanted.suites[version]), text
        assert facts.suites(text).unknown(wanted.suites[version]) == ()
    _compare_groups(facts, wanted)
    assert {suite: bits for (text, suite), bits in facts.dh_sizes.items() if text == "TLSv1.2"} == wanted.dh_bits
    assert set(facts.chains) == wanted.certificates
    assert facts.server_order("TLSv1.2") is wanted.ordered
    assert facts.unproven == ()


def _compare_groups(facts: TlsFacts, wanted: Expected) -> None:
    for version in (v for v in (0x0303, 0x0304) if v in wanted.groups):
        found = set(facts.groups(VERSIONS[version]).codes)
        if 3072 in wanted.dh_bits.values() and version == 0x0303:
            found.discard(FFDHE3072)  # its own prime, whatever a client names
        listed = set(wanted.groups[version])
        if 3072 in wanted.dh_bits.values() and version == 0x0303:
            listed.discard(FFDHE3072)
        assert {group_name(code) for code in found} == {group_name(code) for code in listed}, VERSIONS[version]


def test_a_server_that_fails_every_handshake_proves_nothing() -> None:
    """OpenSMTPD as packaged for Debian 12: internal_error whatever is offered is no refusal of anything."""
    with running(*PACKAGED) as server:
        facts = asyncio.run(_facts(server))
    # It fails when it has to use its key: after it asked for a group in TLS 1.3, not at all in a hello for static RSA.
    assert not any(answer.proven for answer in facts.chosen)
    assert "refused" not in {facts.version(text) for text in ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")}


def _names(codes: object) -> list[str]:
    assert isinstance(codes, tuple | frozenset)
    return sorted(suite_name(code) for code in codes)
