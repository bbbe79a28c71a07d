"""What our looks see at Dovecot's and Postfix's services for mail clients equals what these were configured to do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from interop.certificates import Authority, Certificate
from interop.client_servers import (
    DIRECT,
    OLD,
    PORTS,
    Dovecot,
    client_addresses,
    dovecot,
    postfix_submission,
    postfix_with,
)
from interop.programs import server_folder
from interop.tls_expected import ALL_VERSIONS, TLS10, TLS12, TLS13, VERSION_NAMES, OpenSslSettings
from interop.tls_settings import CONFORMING
from tr03108.model import SERVICE_KINDS, ClientSession, Failure, HelloExchange, ProbePlan, ServiceKind
from tr03108.probe.client import Look, clear_login_look, client_session, injection_look, opener
from tr03108.probe.hello import Question, ask_hello
from tr03108.probe.hellos import Hellos
from tr03108.probe.net import Network
from tr03108.wire.languages import LANGUAGES, Exchange, answer_to_injected, exchanges
from tr03108.wire.replies import Capabilities

HOST, OTHER_HOST = "mail.interop.example", "other.interop.example"
UPGRADED = tuple(kind for kind in PORTS if kind not in DIRECT)
SUBMISSION = ("submission", "submissions")
MECHANISMS = {"PLAIN", "LOGIN"}  # as client_servers has Dovecot, which Postfix asks, take them
BROKEN, DONE = frozenset(("closed", "reset")), frozenset(("done",))
NOT_SASL = {"imap": "LOGIN", "pop3": "USER"}  # other ways to log in, of the languages that have any


@dataclass(frozen=True)
class Server:
    """One of the servers, and what must be seen there. `clear_login`: it lets a client log in without TLS.

    `injected` is where and how the look ends that puts a command behind STARTTLS, `refusal` how a hello does that is
    not taken.
    """

    kinds: tuple[str, ...] = tuple(PORTS)
    starttls: bool = True
    clear_login: bool = False
    tls: OpenSslSettings = CONFORMING
    shown: str = HOST
    injected: tuple[str, frozenset[str]] = ("handshake", BROKEN)  # Dovecot takes the command for a hello
    refusal: frozenset[str] = BROKEN  # Dovecot sends no alert


def submission_of_postfix(clear_login: bool) -> Server:
    """Postfix forgets what came behind STARTTLS."""
    return Server(kinds=SUBMISSION, clear_login=clear_login, injected=("quit", DONE), refusal=frozenset(("alert",)))


SERVERS = {
    "dovecot": Server(),
    "dovecot-clear-login": Server(clear_login=True),
    "dovecot-no-tls": Server(kinds=UPGRADED, starttls=False, clear_login=True, injected=("capabilities", DONE)),
    "dovecot-old-tls": Server(tls=OLD),
    "dovecot-misnamed": Server(kinds=("imap", "imaps"), shown=OTHER_HOST),
    "postfix": submission_of_postfix(clear_login=False),
    "postfix-clear-login": submission_of_postfix(clear_login=True),
}
EVERYWHERE = [(name, kind) for name, server in SERVERS.items() for kind in server.kinds]
IN_CLEAR = [(name, kind) for name, kind in EVERYWHERE if kind in UPGRADED]
WITH_TLS = [(name, kind) for name, kind in EVERYWHERE if SERVERS[name].starttls]
VERSIONS = [(name, kind, version) for name, kind in WITH_TLS for version in ALL_VERSIONS]


@dataclass(frozen=True)
class Running:
    """Addresses by server, and certificates by host."""

    addresses: dict[str, str]
    certificates: dict[str, Certificate]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """All servers, at an address each."""
    addresses = dict(zip(SERVERS, client_addresses(len(SERVERS)), strict=True))
    with server_folder() as folder, ExitStack() as stack:
        authority = Authority(folder / "pki")
        certificates = {host: authority.issue(host) for host in (HOST, OTHER_HOST)}
        fine = certificates[HOST]
        dovecots = {
            "dovecot": Dovecot(HOST, fine),
            "dovecot-clear-login": Dovecot(HOST, fine, ssl="yes", disable_plaintext_auth=False),
            "dovecot-no-tls": Dovecot(HOST, None, ssl="no", disable_plaintext_auth=False, kinds=UPGRADED),
            "dovecot-old-tls": Dovecot(HOST, fine, tls=OLD),
            "dovecot-misnamed": Dovecot(HOST, certificates[OTHER_HOST], kinds=SERVERS["dovecot-misnamed"].kinds),
        }
        for name, settings in dovecots.items():
            stack.enter_context(dovecot(settings, addresses[name], folder / name))
        auth = folder / "dovecot" / "auth"
        listeners = [
            *postfix_submission(HOST, addresses["postfix"], fine, auth),
            *postfix_submission(HOST, addresses["postfix-clear-login"], fine, auth, tls_auth_only=False),
        ]
        stack.enter_context(postfix_with(listeners, folder / "postfix"))
        yield Running(addresses, certificates)


def network() -> Network:
    return Network(ProbePlan(allow_private=True, resolvers=("127.0.0.1:53",)))


def looked(look: Look, kind: ServiceKind, address: str) -> ClientSession:
    async def ask() -> ClientSession | Failure:
        async with network() as connected:
            return await look(kind, connected, HOST, address, kind.port)

    seen = asyncio.run(ask())
    assert isinstance(seen, ClientSession), seen
    assert (seen.protocol, seen.connected_to) == (kind.name, f"{address}:{PORTS[kind.name]}")
    return seen


def read(session: ClientSession, inside: bool = False) -> tuple[Exchange, ...]:
    lines = session.inside if inside else session.lines
    language = LANGUAGES[SERVICE_KINDS[session.protocol].language]
    return exchanges(language, [(line.sender, line.data) for line in lines])


def announced(session: ClientSession, inside: bool = False) -> Capabilities:
    """What the last reply that announces anything does announce."""
    language = LANGUAGES[SERVICE_KINDS[session.protocol].language]
    replies = [exchange.reply for exchange in read(session, inside) if exchange.reply is not None]
    found = [each for each in map(language.announced, replies) if each is not None]
    assert found, session
    return found[-1]


@pytest.mark.parametrize(("name", "kind"), IN_CLEAR)
def test_what_is_announced_in_the_clear(running: Running, name: str, kind: str) -> None:
    wanted = SERVERS[name]
    found = announced(looked(clear_login_look, SERVICE_KINDS[kind], running.addresses[name]))
    assert found.starttls is wanted.starttls
    assert set(found.mechanisms) == (MECHANISMS if wanted.clear_login else set())
    assert found.login is (wanted.clear_login and kind in NOT_SASL)


@pytest.mark.parametrize(("name", "kind"), IN_CLEAR)
def test_what_a_client_is_told_that_wants_to_log_in_without_tls(running: Running, name: str, kind: str) -> None:
    language = LANGUAGES[SERVICE_KINDS[kind].language]
    session = looked(clear_login_look, SERVICE_KINDS[kind], running.addresses[name])
    assert (session.state, session.ended, session.handshake, session.inside) == ("quit", "done", None, ())
    asked = [each for each in read(session) if any(text.encode() in each.command for text in language.login)]
    assert len(asked) == len(language.login)
    for exchange in asked:
        assert exchange.reply is not None
        assert (exchange.reply.positive or exchange.reply.continues) is SERVERS[name].clear_login, exchange


@pytest.mark.parametrize(("name", "kind"), EVERYWHERE)
def test_the_ordinary_session(running: Running, name: str, kind: str) -> None:
    wanted = SERVERS[name]
    session = looked(client_session, SERVICE_KINDS[kind], running.addresses[name])
    if not wanted.starttls:
        assert (session.state, session.ended, session.handshake) == ("capabilities", "done", None)
        return
    assert (session.state, session.ended) == ("quit", "done")
    assert session.handshake is not None
    assert (session.handshake.ended, session.handshake.server_name) == ("completed", HOST)
    assert session.handshake.version == VERSION_NAMES[wanted.tls.versions[-1]]
    own = running.certificates[wanted.shown].chain_file.read_text()
    first = own[own.index("-----BEGIN CERTIFICATE") : own.index("-----END CERTIFICATE-----") + 26]
    assert session.handshake.chain[0] == ssl.PEM_cert_to_DER_cert(first)
    found = announced(session, inside=True)
    assert set(found.mechanisms) == MECHANISMS
    assert not found.starttls
    assert found.login is (SERVICE_KINDS[kind].family in NOT_SASL)


@pytest.mark.parametrize(("name", "kind"), IN_CLEAR)
def test_commands_behind_starttls_are_not_answered(running: Running, name: str, kind: str) -> None:
    session = looked(injection_look, SERVICE_KINDS[kind], running.addresses[name])
    state, ended = SERVERS[name].injected
    assert session.state == state
    assert session.ended in ended
    inside = [(line.sender, line.data) for line in session.inside]
    assert answer_to_injected(LANGUAGES[SERVICE_KINDS[kind].language], inside) is None


@pytest.mark.parametrize(("name", "kind", "version"), VERSIONS)
def test_versions_are_taken_as_configured(running: Running, name: str, kind: str, version: int) -> None:
    text, place = VERSION_NAMES[version], SERVICE_KINDS[kind]
    hello = Hellos(HOST).new() if version == TLS13 else Hellos(HOST).old(text)
    offered = (TLS13,) if version == TLS13 else range(TLS10, version + 1)  # an old hello names the newest one only
    newest = max((each for each in SERVERS[name].tls.versions if each in offered), default=None)

    async def ask() -> HelloExchange | Failure:
        async with network() as connected:
            where = (HOST, running.addresses[name], place.port)
            return await ask_hello(connected, opener(place), *where, Question(text, hello))

    seen = asyncio.run(ask())
    assert isinstance(seen, HelloExchange), seen
    wanted = SERVERS[name]
    assert seen.state == "hello"
    if newest is None:
        assert seen.ended in wanted.refusal
        assert seen.received == ()
    else:
        assert seen.ended == "answered"
        shown = int.from_bytes(seen.received[0][4:6], "big")  # of ServerHello; TLS 1.3 says that it is 1.2
        assert shown == min(newest, TLS12)
