"""Looks at the lab's services of mail clients: each fact is a value, each blindness a Failure, and nobody logs in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tr03108.lab.client_server import ClientBehaviour, ClientFault, ClientRecord, ClientServer
from tr03108.lab.client_services import client_service
from tr03108.lab.pki import Pki
from tr03108.lab.tls import TlsSettings, context
from tr03108.lab.tls_hello_config import HelloConfig, by_key_type, group, scheme, suite
from tr03108.lab.tls_hellos import HelloServer, hellos
from tr03108.model import SERVICE_KINDS, ClientSession, Failure, HelloExchange, ProbePlan, Reason, Renegotiation
from tr03108.probe.client import Look, clear_login_look, client_session, injection_look, opener
from tr03108.probe.hello import Question, ask_hello
from tr03108.probe.hellos import Hellos
from tr03108.probe.net import Network
from tr03108.probe.renegotiation import try_renegotiation
from tr03108.wire.languages import LANGUAGES, Exchange, answer_to_injected, exchanges

HOST, ADDRESS = "mail.lab.example", "192.0.2.1"
PKI = Pki(datetime.now(UTC))
CHAIN = PKI.chain(HOST)
CONTEXT = context(CHAIN, TlsSettings())
MODERN = HelloConfig(
    suites={"TLSv1.3": (suite("TLS_AES_128_GCM_SHA256"),)},
    groups={"TLSv1.3": (group("secp256r1"),)},
    schemes={"TLSv1.3": by_key_type((scheme("ecdsa_secp256r1_sha256"),))},
    keys=("P-256",),
)
UPGRADED = ("submission", "imap", "pop3", "sieve")
IMPLICIT = ("submissions", "imaps", "pop3s")


@dataclass(frozen=True)
class Seen:
    """What a look brought, and what the server recorded."""

    result: ClientSession | Failure
    records: list[ClientRecord]

    @property
    def session(self) -> ClientSession:
        assert isinstance(self.result, ClientSession), self.result
        return self.result

    @property
    def failure(self) -> Failure:
        assert isinstance(self.result, Failure), self.result
        return self.result

    @property
    def ended(self) -> tuple[str, str]:
        return self.session.state, self.session.ended

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What was said in the clear."""
        language = LANGUAGES[SERVICE_KINDS[self.session.protocol].language]
        return exchanges(language, [(line.sender, line.data) for line in self.session.lines])


def ask(
    name: str,
    fault: ClientFault | None,
    question: Callable[[Network, str, str, int], Awaitable[object]],
    tls: object = CONTEXT,
    seconds: float = 2,
) -> tuple[object, list[ClientRecord]]:
    """The answer to a question that a lab server of this kind brings."""
    kind = SERVICE_KINDS[name]

    async def run() -> tuple[object, list[ClientRecord]]:
        async with client_service(kind, ClientBehaviour(HOST, fault), tls, patience=5) as server:  # type: ignore[arg-type]
            plan = ProbePlan(
                connect=(f":{kind.port}=127.0.0.1:{server.port}",), timeout=seconds, greeting_timeout=seconds
            )
            async with Network(plan) as network:
                result = await question(network, HOST, ADDRESS, kind.port)
            await asyncio.sleep(0)
        records = server.records if isinstance(server, ClientServer) else []
        violations = [text for record in records for text in record.violations]
        assert violations == []
        return result, records

    return asyncio.run(run())


def look(look: Look, name: str, fault: ClientFault | None = None, seconds: float = 2) -> Seen:
    kind = SERVICE_KINDS[name]
    result, records = ask(name, fault, lambda *where: look(kind, *where), seconds=seconds)
    assert isinstance(result, ClientSession | Failure)
    return Seen(result, records)


# The ordinary session


@pytest.mark.parametrize("name", UPGRADED)
def test_a_whole_upgraded_session(name: str) -> None:
    seen = look(client_session, name)
    assert seen.ended == ("quit", "done")
    session = seen.session
    assert session.protocol == name
    assert session.redirected
    assert session.handshake is not None
    assert (session.handshake.ended, session.handshake.server_name) == ("completed", HOST)
    assert session.handshake.chain[0] == CHAIN.leaf.public_bytes(Encoding.DER)
    (record,) = seen.records
    assert (record.tls, record.left, record.injected) == (True, "quit", [])
    assert b"STLS" in session.lines[-2].data or b"STARTTLS" in session.lines[-2].data
    inside = b"\n".join(line.data for line in session.inside if line.sender == "S")
    assert b"PLAIN" in inside
    assert b"STARTTLS" not in inside
    assert b"STLS" not in inside


@pytest.mark.parametrize("name", IMPLICIT)
def test_a_whole_session_with_tls_from_the_first_octet(name: str) -> None:
    seen = look(client_session, name)
    assert seen.ended == ("quit", "done")
    assert seen.session.lines == ()
    assert seen.session.inside[0].sender == "S"
    assert seen.records[0].left == "quit"


def test_of_https_the_handshake_alone() -> None:
    async def run() -> ClientSession | Failure:
        async with HelloServer(hellos(MODERN, PKI, HOST)) as server:
            plan = ProbePlan(connect=(f":443=127.0.0.1:{server.port}",), timeout=2)
            async with Network(plan) as network:
                return await client_session(SERVICE_KINDS["https"], network, HOST, ADDRESS, 443)

    result = asyncio.run(run())
    assert isinstance(result, ClientSession)
    assert (result.protocol, result.state, result.ended, result.lines, result.inside) == (
        *("https", "handshake", "done"),
        *((), ()),
    )
    assert result.handshake is not None
    assert result.handshake.ended == "completed"


@pytest.mark.parametrize("name", [*UPGRADED, *IMPLICIT])
def test_a_server_that_leaves_after_the_handshake_got_through_all_the_same(name: str) -> None:
    seen = look(client_session, name, ClientFault.DROP_AFTER_TLS)
    assert seen.session.handshake is not None
    assert seen.session.handshake.ended == "completed"
    assert seen.session.state == ("greeting" if name in IMPLICIT else "capabilities-tls")
    assert seen.session.ended in ("closed", "reset")


# Facts


@pytest.mark.parametrize("name", [*UPGRADED, *IMPLICIT])
def test_a_refused_port(name: str) -> None:
    assert look(client_session, name, ClientFault.REFUSED).ended == ("connect", "refused")


@pytest.mark.parametrize("name", UPGRADED)
@pytest.mark.parametrize(
    ("fault", "state", "ended"),
    [
        (ClientFault.NO_STARTTLS, "capabilities", "done"),
        (ClientFault.CAPABILITIES_UNKNOWN, "capabilities", "done"),
        (ClientFault.STARTTLS_REFUSED, "starttls", "done"),
        (ClientFault.STARTTLS_LATER, "starttls", "done"),
        (ClientFault.STARTTLS_SILENT, "handshake", "silent"),
        (ClientFault.STARTTLS_GARBAGE, "handshake", "garbage"),
        (ClientFault.STARTTLS_CLOSE, "handshake", "closed"),
        (ClientFault.STARTTLS_ALERT, "handshake", "closed"),
    ],
)
def test_tls_is_not_to_be_had(name: str, fault: ClientFault, state: str, ended: str) -> None:
    seen = look(client_session, name, fault, seconds=0.4)
    assert seen.ended == (state, ended)
    assert (seen.session.handshake is None) == (state != "handshake")
    if ended == "done":
        assert seen.records[0].left == "quit"
    if fault is ClientFault.STARTTLS_ALERT and seen.session.handshake is not None:
        assert seen.session.handshake.ended == "alert"


@pytest.mark.parametrize("question", [client_session, clear_login_look, injection_look])
def test_a_server_past_its_login_is_asked_for_nothing(question: Look) -> None:
    seen = look(question, "imap", ClientFault.PREAUTH)
    assert seen.ended == ("capabilities", "done")
    assert seen.records[0].commands == ["a1 CAPABILITY", "a2 LOGOUT"]


@pytest.mark.parametrize("fault", [ClientFault.NO_STARTTLS_FIRST, ClientFault.GREETING_BYE_FIRST])
def test_passing_faults_pass(fault: ClientFault) -> None:
    async def twice(*where: Any) -> list[bool]:
        found = [await client_session(SERVICE_KINDS["imap"], *where) for _ in range(2)]
        return [isinstance(each, ClientSession) and each.handshake is not None for each in found]

    assert ask("imap", fault, twice)[0] == [False, True]


# Blindness


@pytest.mark.parametrize("question", [client_session, clear_login_look, injection_look])
@pytest.mark.parametrize("name", UPGRADED)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (ClientFault.GREETING_SILENT, Reason.TIMEOUT),
        (ClientFault.GREETING_GARBAGE, Reason.ABORTED),
        (ClientFault.RESET_ON_CONNECT, Reason.ABORTED),
        (ClientFault.GREETING_BYE, Reason.DEFERRED),
        (ClientFault.GREETING_BYE_FOR_GOOD, Reason.REJECTED),
    ],
)
def test_blindness_at_the_greeting(question: Look, name: str, fault: ClientFault, reason: Reason) -> None:
    failure = look(question, name, fault, seconds=0.3).failure
    assert (failure.reason, failure.state) == (reason, "greeting")
    assert failure.connected_to.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", ["submission", "imap", "pop3"])
def test_a_connection_that_ends_before_capabilities(name: str) -> None:
    failure = look(client_session, name, ClientFault.CAPABILITIES_CLOSE).failure
    assert (failure.reason, failure.state) == (Reason.ABORTED, "capabilities")


@pytest.mark.parametrize(("name", "state"), [("imap", "capabilities"), ("sieve", "greeting")])
def test_a_literal_bomb_is_not_waited_for(name: str, state: str) -> None:
    failure = look(client_session, name, ClientFault.LITERAL_BOMB, seconds=4).failure
    assert (failure.reason, failure.state) == (Reason.ABORTED, state)
    assert "literal" in failure.detail


@pytest.mark.parametrize("name", IMPLICIT)
@pytest.mark.parametrize("fault", [ClientFault.GREETING_SILENT, ClientFault.GREETING_BYE, ClientFault.GREETING_GARBAGE])
def test_behind_the_handshake_nothing_is_blindness(name: str, fault: ClientFault) -> None:
    seen = look(client_session, name, fault, seconds=0.3)
    assert seen.session.state == "greeting"
    assert seen.session.handshake is not None
    assert seen.session.handshake.ended == "completed"


# The look at logins in the clear


@pytest.mark.parametrize("name", UPGRADED)
def test_a_server_that_wants_tls_first(name: str) -> None:
    seen = look(clear_login_look, name)
    assert seen.ended == ("quit", "done")
    assert seen.session.handshake is None
    assert seen.session.inside == ()
    logins = [each for each in seen.exchanges if b"AUTH" in each.command or b"USER" in each.command]
    assert len(logins) == (2 if name == "pop3" else 1)
    for each in logins:
        assert each.reply is not None
        assert not each.reply.positive
        assert not each.reply.continues


@pytest.mark.parametrize("name", UPGRADED)
def test_a_challenge_in_the_clear_is_cancelled(name: str) -> None:
    seen = look(clear_login_look, name, ClientFault.AUTH_CHALLENGED)
    assert seen.ended == ("quit", "done")
    (challenged,) = [each for each in seen.exchanges if each.reply is not None and each.reply.continues]
    assert b"AUTH" in challenged.command
    assert b"PLAIN" in challenged.command
    cancel = '"*"' if name == "sieve" else "*"
    assert cancel in seen.records[0].commands


@pytest.mark.parametrize("name", UPGRADED)
def test_mechanisms_announced_in_the_clear(name: str) -> None:
    seen = look(clear_login_look, name, ClientFault.AUTH_ANNOUNCED)
    language = LANGUAGES[SERVICE_KINDS[name].language]
    found = [language.announced(each.reply) for each in seen.exchanges if each.reply is not None]
    assert ("PLAIN", "LOGIN") in [each.mechanisms for each in found if each is not None]


@pytest.mark.parametrize(("name", "fault"), [("imap", None), ("imap", "login-announced"), ("pop3", "login-announced")])
def test_logins_announced_in_the_clear(name: str, fault: str | None) -> None:
    seen = look(clear_login_look, name, ClientFault(fault) if fault else None)
    language = LANGUAGES[name]
    found = [language.announced(each.reply) for each in seen.exchanges if each.reply is not None]
    assert any(each.login for each in found if each is not None) == (fault is not None)


def test_user_accepted_in_the_clear() -> None:
    seen = look(clear_login_look, "pop3", ClientFault.USER_ACCEPTED)
    (user,) = [each for each in seen.exchanges if each.command == b"USER nobody"]
    assert user.reply is not None
    assert user.reply.positive


# The look at injection


@pytest.mark.parametrize("name", UPGRADED)
def test_what_is_injected_is_not_answered(name: str) -> None:
    seen = look(injection_look, name)
    assert seen.ended == ("quit", "done")
    language = LANGUAGES[SERVICE_KINDS[name].language]
    (injected,) = seen.records[0].injected
    assert language.harmless in injected
    assert answer_to_injected(language, said_inside(seen)) is None
    assert seen.records[0].left == "quit"


@pytest.mark.parametrize("name", UPGRADED)
def test_what_is_injected_is_answered(name: str) -> None:
    seen = look(injection_look, name, ClientFault.INJECTION_ANSWERED)
    assert seen.ended == ("quit", "done")
    language = LANGUAGES[SERVICE_KINDS[name].language]
    answer = answer_to_injected(language, said_inside(seen))
    assert answer is not None
    assert answer.split()[0] in (b"250", b"a3", b"+OK", b"OK")


@pytest.mark.parametrize("name", UPGRADED)
@pytest.mark.parametrize("fault", [ClientFault.NO_STARTTLS, ClientFault.STARTTLS_REFUSED])
def test_without_starttls_nothing_is_injected_into_tls(name: str, fault: ClientFault) -> None:
    seen = look(injection_look, name, fault)
    assert seen.session.handshake is None
    assert seen.ended == ("capabilities" if fault is ClientFault.NO_STARTTLS else "starttls", "done")


@pytest.mark.parametrize("question", [clear_login_look, injection_look])
def test_services_with_tls_from_the_first_octet_say_nothing_in_the_clear(question: Look) -> None:
    with pytest.raises(ValueError, match="imaps speaks nothing in the clear"):
        look(question, "imaps")


# Hellos


@pytest.mark.parametrize("name", [*UPGRADED, *IMPLICIT])
def test_a_hello_is_answered(name: str) -> None:
    exchange, _ = hello(name, None)
    assert isinstance(exchange, HelloExchange)
    assert (exchange.state, exchange.ended, exchange.lines) == ("hello", "answered", ())


def test_capabilities_in_the_greeting_save_a_question() -> None:
    _, records = hello("imap", None)
    assert records[0].commands == ["a1 STARTTLS"]


@pytest.mark.parametrize("name", UPGRADED)
@pytest.mark.parametrize(
    ("fault", "state", "ended"),
    [
        (ClientFault.NO_STARTTLS, "capabilities", "done"),
        (ClientFault.STARTTLS_REFUSED, "starttls", "done"),
        (ClientFault.STARTTLS_GARBAGE, "hello", "garbage"),
        (ClientFault.REFUSED, "connect", "refused"),
    ],
)
def test_what_comes_instead_of_an_answer(name: str, fault: ClientFault, state: str, ended: str) -> None:
    exchange, _ = hello(name, fault)
    assert isinstance(exchange, HelloExchange)
    assert (exchange.state, exchange.ended) == (state, ended)


@pytest.mark.parametrize("name", UPGRADED)
@pytest.mark.parametrize(
    ("fault", "reason"), [(ClientFault.STARTTLS_LATER, Reason.DEFERRED), (ClientFault.GREETING_BYE, Reason.DEFERRED)]
)
def test_a_hello_that_could_not_be_sent(name: str, fault: ClientFault, reason: Reason) -> None:
    failure, _ = hello(name, fault)
    assert isinstance(failure, Failure)
    assert failure.reason is reason


def test_an_opener_of_a_server_past_its_login() -> None:
    exchange, records = hello("imap", ClientFault.PREAUTH)
    assert isinstance(exchange, HelloExchange)
    assert (exchange.state, exchange.ended, exchange.detail) == ("capabilities", "done", "the server is past its login")
    assert records[0].left == "quit"


@pytest.mark.parametrize("name", [*UPGRADED, *IMPLICIT])
def test_renegotiation_finds_its_way(name: str) -> None:
    kind = SERVICE_KINDS[name]

    async def renegotiate(network: Network, host: str, address: str, port: int) -> object:
        return await try_renegotiation(network, opener(kind), host, address, port, kind.farewell)

    result, records = ask(name, None, renegotiate)
    assert isinstance(result, Renegotiation)
    assert result.handshake is not None
    assert result.handshake.ended == "completed"
    assert records[0].tls


def hello(name: str, fault: ClientFault | None) -> tuple[object, list[ClientRecord]]:
    question = Question("", Hellos(HOST).new())

    async def ask_one(network: Network, host: str, address: str, port: int) -> object:
        return await ask_hello(network, opener(SERVICE_KINDS[name]), host, address, port, question)

    return ask(name, fault, ask_one, tls=hellos(MODERN, PKI, HOST))


def said_inside(seen: Seen) -> list[tuple[str, bytes]]:
    return [(line.sender, line.data) for line in seen.session.inside]
