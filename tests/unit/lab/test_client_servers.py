"""The lab's servers for mail clients, seen by the standard library's clients."""

from __future__ import annotations

import asyncio
import imaplib
import poplib
import smtplib
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from tr03108.lab.client_server import ClientBehaviour, ClientFault, ClientServer
from tr03108.lab.client_services import client_service
from tr03108.lab.pki import Pki
from tr03108.lab.service import RefusedPort
from tr03108.lab.tls import TlsSettings, context
from tr03108.model import SERVICE_KINDS

HOST = "mail.lab.example"
PKI = Pki(datetime.now(UTC))
CONTEXT = context(PKI.chain(HOST), TlsSettings())


def serve(
    name: str, client: Callable[[ClientServer], Awaitable[object]], fault: ClientFault | None = None
) -> ClientServer:
    async def run() -> ClientServer:
        server = client_service(SERVICE_KINDS[name], ClientBehaviour(HOST, fault), CONTEXT, patience=5)
        assert isinstance(server, ClientServer)
        async with server:
            async with asyncio.timeout(10):
                await client(server)
        assert len(asyncio.all_tasks()) == 1, "a connection outlived its server"
        return server

    return asyncio.run(run())


def with_library(name: str, work: Callable[[int], None]) -> ClientServer:
    """Serves a blocking client, which gets the port."""
    return serve(name, lambda server: asyncio.to_thread(work, server.port))


def dialogue(name: str, *sent: str, fault: ClientFault | None = None) -> tuple[bytes, ClientServer]:
    """Everything that the server answers in the clear to what is sent at once."""
    heard: list[bytes] = []

    async def client(server: ClientServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write("".join(f"{line}\r\n" for line in sent).encode())
        writer.write_eof()
        heard.append(await reader.read())
        writer.close()

    server = serve(name, client, fault)
    return b"".join(heard), server


def trusting() -> ssl.SSLContext:
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.load_verify_locations(cadata=PKI.ca_pem)
    return result


class Imap(imaplib.IMAP4):
    """Connects to the loopback but expects the certificate of HOST."""

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        super().open("127.0.0.1", port, timeout)
        self.host = HOST


def test_imap_with_imaplib() -> None:
    def work(port: int) -> None:
        client = Imap(HOST, port, timeout=5)
        assert "LOGINDISABLED" in client.capabilities
        client.starttls(trusting())
        assert "AUTH=PLAIN" in client.capabilities
        assert "LOGINDISABLED" not in client.capabilities
        assert "STARTTLS" not in client.capabilities
        assert client.noop()[0] == "OK"
        with pytest.raises(imaplib.IMAP4.error, match="Nobody can log in"):
            client.login("someone", "secret")
        client.logout()

    server = with_library("imap", work)
    (record,) = server.records
    assert (record.tls, record.server_name, record.left) == (True, HOST, "quit")
    assert [text.split()[1] for text in server.violations] == ["LOGIN"]


def test_imap_over_tls_with_imaplib() -> None:
    def work(port: int) -> None:
        insecure = trusting()
        insecure.check_hostname = False
        with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=insecure, timeout=5) as client:
            assert "AUTH=LOGIN" in client.capabilities

    assert with_library("imaps", work).records[0].left == "quit"


def test_pop3_with_poplib() -> None:
    def work(port: int) -> None:
        client = poplib.POP3("127.0.0.1", port, timeout=5)
        client.host = HOST  # the name for SNI and verification
        assert "USER" not in client.capa()
        with pytest.raises(poplib.error_proto, match="Use STLS first"):
            client.user("nobody")
        client.stls(trusting())
        assert client.capa()["SASL"] == ["PLAIN", "LOGIN"]
        client.user("someone")
        with pytest.raises(poplib.error_proto, match="Nobody can log in"):
            client.pass_("secret")
        client.quit()

    server = with_library("pop3", work)
    assert server.records[0].tls
    assert server.violations == ("USER someone", "PASS secret")


def test_submission_with_smtplib() -> None:
    def work(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=5, local_hostname="client.example") as client:
            client.ehlo()
            assert not client.has_extn("auth")
            client._host = HOST  # type: ignore[attr-defined]  # the name for SNI and verification
            client.starttls(context=trusting())
            client.ehlo()
            assert client.esmtp_features["auth"] == " PLAIN LOGIN"
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("someone", "secret")
            assert client.docmd("MAIL", "FROM:<>")[0] == 530
            assert client.docmd("RCPT", "TO:<x@lab.example>")[0] == 530

    server = with_library("submission", work)
    assert server.violations[-1].startswith("RCPT")
    assert any(text.startswith("AUTH PLAIN") for text in server.violations)


def test_sieve_capabilities_change_with_tls() -> None:
    async def client(server: ClientServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        before = await reader.readuntil(b'ready"\r\n')
        assert b'"STARTTLS"' in before
        assert b"PLAIN" not in before
        writer.write(b"STARTTLS\r\n")
        await reader.readuntil(b"\r\n")
        await writer.start_tls(trusting(), server_hostname=HOST)
        inside = await reader.readuntil(b'ready"\r\n')
        assert b'"SASL" "PLAIN LOGIN"' in inside
        assert b"STARTTLS" not in inside
        writer.write(b'PUTSCRIPT "a" {0+}\r\n\r\nLOGOUT\r\n')
        assert b"Log in first" in await reader.read()
        writer.close()

    server = serve("sieve", client)
    assert server.violations == ('PUTSCRIPT "a" {0+}',)


@pytest.mark.parametrize(
    ("name", "sent", "violations"),
    [
        ("submission", ["AUTH PLAIN AGEAYg=="], 1),
        ("submission", ["AUTH PLAIN"], 0),
        ("submission", ["AUTH LOGIN"], 1),
        ("imap", ["a1 LOGIN a b"], 1),
        ("imap", ["a1 AUTHENTICATE PLAIN AGEAYg=="], 1),
        ("imap", ["a1 AUTHENTICATE PLAIN"], 0),
        ("imap", ["a1 APPEND INBOX {3}"], 1),
        ("pop3", ["USER nobody"], 0),
        ("pop3", ["USER somebody"], 1),
        ("pop3", ["PASS x"], 1),
        ("pop3", ["RETR 1"], 1),
        ("sieve", ['AUTHENTICATE "PLAIN" "AGEAYg=="'], 1),
        ("sieve", ['AUTHENTICATE "PLAIN"'], 0),
        ("sieve", ["LISTSCRIPTS"], 1),
        ("imap", ["a1 STARTTLS", "a2 NOOP", "a3 NOOP"], 1),
    ],
)
def test_what_an_auditor_must_not_send(name: str, sent: list[str], violations: int) -> None:
    assert len(dialogue(name, *sent)[1].violations) == violations


@pytest.mark.parametrize("cancel", ["*", "AGEAYg=="])
@pytest.mark.parametrize("name", ["submission", "imap", "pop3", "sieve"])
def test_a_challenge_is_to_be_cancelled(name: str, cancel: str) -> None:
    command = {"imap": "a1 AUTHENTICATE PLAIN", "sieve": 'AUTHENTICATE "PLAIN"'}.get(name, "AUTH PLAIN")
    heard, server = dialogue(name, command, cancel, fault=ClientFault.AUTH_CHALLENGED)
    assert any(challenge in heard for challenge in (b"334 ", b"+ \r\n", b'""\r\n'))
    assert server.violations == (() if cancel == "*" else (f"credentials: {cancel}",))


def test_what_follows_starttls_is_forgotten_unless_that_is_the_fault() -> None:
    async def client(server: ClientServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readuntil(b"\r\n")
        writer.write(b"a1 STARTTLS\r\na2 NOOP\r\n")
        await reader.readuntil(b"\r\n")
        await writer.start_tls(trusting(), server_hostname=HOST)
        writer.write(b"a3 LOGOUT\r\n")
        heard.append(await reader.read())
        writer.close()

    heard: list[bytes] = []
    for fault in (None, ClientFault.INJECTION_ANSWERED):
        server = serve("imap", client, fault)
        assert server.records[0].injected == ["a2 NOOP"]
    assert [b"a2 OK" in each for each in heard] == [False, True]


def test_faults_that_a_protocol_cannot_have() -> None:
    for name, fault in (
        ("pop3", ClientFault.PREAUTH),
        ("imap", ClientFault.USER_ACCEPTED),
        ("submission", ClientFault.LITERAL_BOMB),
    ):
        with pytest.raises(ValueError, match="cannot have the fault"):
            client_service(SERVICE_KINDS[name], ClientBehaviour(HOST, fault), None)
    with pytest.raises(ValueError, match="https"):
        client_service(SERVICE_KINDS["https"], ClientBehaviour(HOST), None)
    assert isinstance(
        client_service(SERVICE_KINDS["imap"], ClientBehaviour(HOST, ClientFault.REFUSED), None), RefusedPort
    )
