"""What the survey finds at real servers equals what they were configured to accept."""

from __future__ import annotations

import asyncio

import pytest

from interop.tls_servers import PACKAGED, SCENARIOS, STARTTLS_SMTP, Server, expected, running
from interop.tls_surveys import compare, sets, survey
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.model import ProbePlan, SmtpSession
from tr03108.probe.hello import direct_tls
from tr03108.probe.net import Network
from tr03108.probe.smtp import smtp_starttls, starttls_session

HOST = "mail.example.org"


async def _facts(server: Server) -> TlsFacts:
    """With the ordinary handshake before it where the server speaks SMTP."""
    plan = ProbePlan(
        allow_private=True, max_connections=server.max_connections, hellos=sets(), resolvers=("127.0.0.1:53",)
    )
    where = (HOST, server.address, server.port)
    async with Network(plan) as network:
        ordinary = None
        if server.kind == STARTTLS_SMTP:
            session = await starttls_session(network, *where)
            ordinary = session.handshake if isinstance(session, SmtpSession) else None
        opener = smtp_starttls if server.kind == STARTTLS_SMTP else direct_tls
        return await survey(network, opener, where, ordinary, b"QUIT\r\n")


@pytest.mark.parametrize(("name", "configuration"), SCENARIOS, ids=lambda value: value)
def test_found_lists_equal_the_configured_ones(name: str, configuration: str) -> None:
    with running(name, configuration) as server:
        facts = asyncio.run(_facts(server))
    compare(facts, expected(name, configuration))


def test_a_server_that_fails_every_handshake_proves_nothing() -> None:
    """OpenSMTPD as packaged for Debian 12: internal_error whatever is offered is no refusal of anything."""
    with running(*PACKAGED) as server:
        facts = asyncio.run(_facts(server))
    # It fails when it has to use its key: after it asked for a group in TLS 1.3, not at all in a hello for static RSA.
    assert not any(answer.proven for answer in facts.chosen)
    assert "refused" not in {facts.version(text) for text in ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")}
