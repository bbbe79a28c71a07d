"""The lab's SMTP server, seen by real clients: asyncio streams, smtplib, openssl s_client."""

from __future__ import annotations

import asyncio
import shutil
import smtplib
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from tr03108.lab.pki import Pki, Variant
from tr03108.lab.service import RefusedPort
from tr03108.lab.smtp_server import PLAINTEXT_REPLIES, SmtpBehaviour, SmtpFault, SmtpServer, smtp_service
from tr03108.lab.tls import TlsSettings, by_server_name, context

HOST = "mx1.flawless.example"
PKI = Pki(datetime.now(UTC))
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def serve(
    behaviour: SmtpBehaviour,
    client: Callable[[SmtpServer], Awaitable[None]],
    settings: TlsSettings | None = None,
    variant: Variant = Variant.GOOD,
) -> SmtpServer:
    settings = settings or TlsSettings()

    async def run() -> SmtpServer:
        server = SmtpServer(behaviour, context(PKI.chain(HOST, variant, settings.key), settings), patience=5)
        async with server:
            async with asyncio.timeout(10):
                await client(server)
        assert len(asyncio.all_tasks()) == 1, "a connection outlived its server"
        return server

    return asyncio.run(run())


def dialogue(fault: SmtpFault | None, *commands: str, plaintext: str = "refused") -> list[str]:
    """What the server answers to `commands` in clear, to the end of the connection."""
    seen: list[str] = []

    async def client(server: SmtpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            for command in ("", *commands):
                if command:
                    writer.write(command.encode() + b"\r\n")
                line = b""
                while (line := await asyncio.wait_for(reader.readline(), 0.5)) and line[3:4] == b"-":
                    seen.append(line.decode().rstrip())
                seen.append(line.decode().rstrip())
        except ConnectionResetError:
            seen.append("RESET")
        except TimeoutError:
            seen.append("SILENCE")
        finally:
            writer.close()

    serve(SmtpBehaviour(HOST, fault, plaintext), client)
    return seen


def smtp_session(server: SmtpServer, work: Callable[[smtplib.SMTP], None]) -> Awaitable[None]:
    def run() -> None:
        with smtplib.SMTP("127.0.0.1", server.port, timeout=5, local_hostname="client.example") as client:
            work(client)

    return asyncio.to_thread(run)


def trusting() -> ssl.SSLContext:
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.load_verify_locations(cadata=PKI.ca_pem)
    return result


def test_flawless_dialogue_with_smtplib() -> None:
    def work(client: smtplib.SMTP) -> None:
        assert client.ehlo()[0] == 250
        assert client.has_extn("starttls")
        assert client.mail("")[0] == 530
        assert client.rset()[0] == 250
        client._host = HOST  # the name for SNI and verification: smtplib takes it from the connect call only
        assert client.starttls(context=trusting())[0] == 220
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.version() == "TLSv1.3"
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.mail("")[0] == 250
        assert client.noop()[0] == 250

    server = serve(SmtpBehaviour(HOST), lambda server: smtp_session(server, work))
    (record,) = server.records
    assert record.tls
    assert record.server_name == HOST
    assert record.left == "quit"
    assert record.commands[:2] == ["ehlo client.example", "mail FROM:<>"]
    assert server.violations == ()


def test_forbidden_commands_are_violations() -> None:
    def work(client: smtplib.SMTP) -> None:
        client.ehlo()
        client.docmd("MAIL", "FROM:<someone@client.example>")
        client.docmd("RCPT", "TO:<someone@flawless.example>")
        client.docmd("DATA")

    server = serve(SmtpBehaviour(HOST), lambda server: smtp_session(server, work))
    assert [text.split()[0] for text in server.violations] == ["MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize(
    ("fault", "commands", "replies"),
    [
        (SmtpFault.GREETING_421, [], ["421"]),
        (SmtpFault.GREETING_450, [], ["450"]),
        (SmtpFault.GREETING_554, [], ["554"]),
        (SmtpFault.GREETING_SILENT, [], ["SILENCE"]),
        (SmtpFault.CLOSE_BEFORE_EHLO_REPLY, ["EHLO c"], ["220", ""]),
        (SmtpFault.EHLO_502, ["EHLO c", "HELO c"], ["220", "502", "250"]),
        (SmtpFault.EHLO_550, ["EHLO c"], ["220", "550"]),
        (SmtpFault.EHLO_421, ["EHLO c"], ["220", "421"]),
        (SmtpFault.STARTTLS_454, ["HELO c", "STARTTLS"], ["220", "250", "454"]),
        (SmtpFault.STARTTLS_502, ["HELO c", "STARTTLS"], ["220", "250", "502"]),
        (SmtpFault.STARTTLS_SILENT, ["HELO c", "STARTTLS", "x"], ["220", "250", "220", "SILENCE"]),
        (SmtpFault.STARTTLS_GARBAGE, ["HELO c", "STARTTLS", "x"], ["220", "250", "220", "451"]),
        (SmtpFault.STARTTLS_INJECTED, ["HELO c", "STARTTLS", ""], ["220", "250", "220", "250"]),
        (SmtpFault.NO_STARTTLS, ["HELO c", "STARTTLS"], ["220", "250", "502"]),
    ],
)
def test_faults_in_clear(fault: SmtpFault, commands: list[str], replies: list[str]) -> None:
    seen = [line if line in ("RESET", "SILENCE") else line[:3] for line in dialogue(fault, *commands)]
    assert seen == replies


def test_starttls_is_offered_unless_that_is_the_fault() -> None:
    assert "250-STARTTLS" in dialogue(None, "EHLO c")
    assert "250-STARTTLS" not in dialogue(SmtpFault.NO_STARTTLS, "EHLO c")


def test_reset_on_connect() -> None:
    assert dialogue(SmtpFault.RESET_ON_CONNECT) == ["RESET"]


def test_starttls_close_ends_the_stream() -> None:
    assert dialogue(SmtpFault.STARTTLS_CLOSE, "HELO c", "STARTTLS", "x")[3] in ("", "RESET")


def test_starttls_alert() -> None:
    async def client(server: SmtpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for command in (b"", b"HELO c\r\n", b"STARTTLS\r\n"):
            writer.write(command)
            await reader.readline()
        writer.write(bytes((22, 3, 1, 0, 1, 1)))
        assert await reader.read() == bytes((21, 3, 3, 0, 2, 2, 40))
        writer.close()

    serve(SmtpBehaviour(HOST, SmtpFault.STARTTLS_ALERT), client)


def test_endless_greeting_does_not_end() -> None:
    async def client(server: SmtpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for _ in range(5):
            assert (await reader.readline()).startswith(b"220-")
        writer.close()

    serve(SmtpBehaviour(HOST, SmtpFault.GREETING_ENDLESS), client)


@pytest.mark.parametrize("fault", [SmtpFault.GREETING_421_FIRST, SmtpFault.NO_STARTTLS_FIRST])
def test_passing_faults_pass(fault: SmtpFault) -> None:
    seen: list[bytes] = []

    async def client(server: SmtpServer) -> None:
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            greeting = await reader.readline()
            if greeting.startswith(b"220"):
                writer.write(b"EHLO c\r\nQUIT\r\n")
            seen.append(await reader.read())
            writer.close()

    serve(SmtpBehaviour(HOST, fault, first=2), client)
    assert [b"STARTTLS" in text for text in seen] == [False, False, True]


def test_refused_port_refuses() -> None:
    async def run() -> None:
        async with smtp_service(SmtpBehaviour(HOST, SmtpFault.REFUSED), None) as service:
            assert isinstance(service, RefusedPort)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", service.port)

    asyncio.run(run())


@pytest.mark.parametrize("plaintext", sorted(PLAINTEXT_REPLIES))
def test_mail_without_tls(plaintext: str) -> None:
    replies = dialogue(None, "HELO c", "MAIL FROM:<>", plaintext=plaintext)
    assert replies[2] == PLAINTEXT_REPLIES[plaintext]


def test_mail_before_ehlo_is_out_of_order() -> None:
    assert dialogue(None, "MAIL FROM:<>")[1].startswith("503")


def test_drop_after_tls_completes_the_handshake_first() -> None:
    def work(client: smtplib.SMTP) -> None:
        client._host = HOST
        client.starttls(context=trusting())
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.docmd("EHLO", "c")

    server = serve(SmtpBehaviour(HOST, SmtpFault.DROP_AFTER_TLS), lambda server: smtp_session(server, work))
    assert server.records[0].tls


def test_certificate_by_server_name() -> None:
    async def run() -> None:
        other = "mx.other.example"
        chosen = context(PKI.chain(other), TlsSettings())
        default = by_server_name(context(PKI.chain(HOST), TlsSettings()), {other: chosen})

        def work(client: smtplib.SMTP) -> None:
            client._host = other
            client.starttls(context=trusting())  # verifies the name

        async with SmtpServer(SmtpBehaviour(HOST), default) as server:
            await smtp_session(server, work)

    asyncio.run(run())


def test_overlong_line_ends_the_connection() -> None:
    async def client(server: SmtpServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()
        writer.write(b"EHLO " + b"x" * 5000)
        assert await reader.read() == b""
        writer.close()

    serve(SmtpBehaviour(HOST), client)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
@pytest.mark.parametrize(
    ("settings", "options", "expected"),
    [
        (TlsSettings(), (), "TLSv1.3 ECDH, P-256|prime256v1 TLS_AES_256_GCM_SHA384"),
        (TlsSettings(), ("-tls1_2",), "TLSv1.2 ECDH, P-256|prime256v1 ECDHE-ECDSA-AES256-GCM-SHA384"),
        (TlsSettings(group="secp384r1"), (), "TLSv1.3 ECDH, secp384r1 TLS_AES_256_GCM_SHA384"),
        (TlsSettings(group=""), ("-groups", "X25519:P-256"), "TLSv1.3 X25519 TLS_AES_256_GCM_SHA384"),
        (
            TlsSettings(minimum="TLSv1", maximum="TLSv1", ciphers="ECDHE+AES"),
            ("-tls1", "-cipher", "ALL@SECLEVEL=0"),
            "TLSv1 ECDHE-ECDSA-AES256-SHA",
        ),
        (
            TlsSettings(suites="TLS_CHACHA20_POLY1305_SHA256"),
            (),
            "TLSv1.3 ECDH, P-256|prime256v1 TLS_CHACHA20_POLY1305_SHA256",
        ),
        (
            TlsSettings(maximum="TLSv1.2", ciphers="DHE+AESGCM", group="", dh1024=True, key="RSA"),
            ("-tls1_2", "-cipher", "ALL@SECLEVEL=0"),  # so that openssl offers no group of RFC 7919
            "TLSv1.2 DH, 1024 DHE-RSA-AES256-GCM-SHA384",
        ),
    ],
)
def test_tls_settings_seen_by_openssl(settings: TlsSettings, options: tuple[str, ...], expected: str) -> None:
    output: list[str] = []

    async def client(server: SmtpServer) -> None:
        arguments = ("s_client", "-connect", f"127.0.0.1:{server.port}", "-starttls", "smtp", "-servername", HOST)
        process = await asyncio.create_subprocess_exec(
            "openssl",
            *arguments,
            *options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate(b"QUIT\r\n")
        output.append(out.decode("utf-8", "replace"))

    server = serve(SmtpBehaviour(HOST), client, settings)
    assert server.records[0].tls, output[0]
    missing = [word for word in expected.split() if not any(form in output[0] for form in word.split("|"))]
    assert not missing, output[0]
