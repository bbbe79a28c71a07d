"""SMTP sessions against small scripted servers on the loopback: each fact is a value, each blindness a Failure."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tr03108.model import Failure, ProbePlan, Reason, SmtpSession
from tr03108.probe import Network
from tr03108.probe.smtp import mailbox_session, plaintext_session, starttls_session
from tr03108.wire.tls.records import clear_flight

HOST, ADDRESS, PORT = "mx.example.org", "192.0.2.1", 25
GREETING = b"220 mx.example.org ESMTP\r\n"
EHLO = b"250-mx.example.org\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
BYE = b"221 bye\r\n"

Step = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Result = SmtpSession | Failure


@dataclass(frozen=True)
class Held:
    """What the session brought, and the lines that the server heard."""

    result: Result
    heard: list[bytes]

    @property
    def value(self) -> SmtpSession:
        assert isinstance(self.result, SmtpSession), self.result
        return self.result

    @property
    def failure(self) -> Failure:
        assert isinstance(self.result, Failure), self.result
        return self.result

    @property
    def ended(self) -> tuple[str, str]:
        return self.value.state, self.value.ended


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()
    raise ConnectionResetError


async def read_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(5)


def hold(
    steps: Sequence[bytes | str | Step],
    session: Callable[[Network, str, str, int], Awaitable[Result]] = starttls_session,
    step_seconds: float = 0.25,
) -> Held:
    """Runs a session against a server that sends bytes, waits for commands (text) and does other steps in order."""
    heard: list[bytes] = []
    served: list[tuple[asyncio.Task[object] | None, asyncio.StreamWriter]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append((asyncio.current_task(), writer))
        try:
            for step in steps:
                if isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                elif isinstance(step, str):
                    heard.append((await reader.readuntil(b"\r\n")).rstrip())
                    assert heard[-1].startswith(step.encode()), heard
                else:
                    await step(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def run() -> Result:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            plan = ProbePlan(
                connect=(f":{PORT}=127.0.0.1:{port}",), timeout=step_seconds, greeting_timeout=step_seconds
            )
            async with Network(plan) as network:
                result = await session(network, HOST, ADDRESS, PORT)
                assert network.vantage.ipv4
            for task, writer in served:
                if task is not None:
                    task.cancel()
                    await asyncio.wait([task])
                writer.transport.abort()
            await asyncio.sleep(0.001)
            return result

    return Held(asyncio.run(run()), heard)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Step:
    """A step that turns the server's side into TLS."""
    context = server_context(tmp_path_factory.mktemp("tls"))

    async def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.start_tls(context)

    return start


def server_context(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    now = datetime.now(UTC)
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


# Through TLS


def test_a_whole_session(tls: Step) -> None:
    held = hold([GREETING, "EHLO", EHLO, "STARTTLS", b"220 go\r\n", tls, "EHLO", b"250 mx\r\n", "QUIT", BYE])
    assert held.ended == ("quit", "done")
    assert held.heard == [b"EHLO [127.0.0.1]", b"STARTTLS", b"EHLO [127.0.0.1]", b"QUIT"]
    assert [line.data for line in held.value.lines if line.sender == "C"] == held.heard
    assert [line.at for line in held.value.lines] == sorted(line.at for line in held.value.lines)
    assert held.value.redirected
    handshake = held.value.handshake
    assert handshake is not None
    assert (handshake.ended, handshake.server_name, len(handshake.chain)) == ("completed", HOST, 1)
    assert x509.load_der_x509_certificate(handshake.chain[0]).subject.rfc4514_string() == f"CN={HOST}"
    assert (handshake.version, handshake.group) == ("TLSv1.3", clear_flight(handshake.received).group_name)
    assert handshake.sent[:1] == b"\x16"
    assert HOST.encode() in handshake.sent


@pytest.mark.parametrize("end", [silent, reset, None])
def test_a_server_that_fails_inside_tls_got_through_all_the_same(tls: Step, end: Step | None) -> None:
    held = hold([GREETING, "EHLO", EHLO, "STARTTLS", b"220 go\r\n", tls, "EHLO", *([end] if end else [])])
    assert held.value.handshake is not None
    assert held.value.handshake.ended == "completed"
    assert held.value.state == "ehlo-tls"
    assert held.value.ended in ({"silent"} if end is silent else {"closed", "reset"})


def test_nothing_depends_on_the_reply_to_quit(tls: Step) -> None:
    held = hold([GREETING, "EHLO", EHLO, "STARTTLS", b"220 go\r\n", tls, "EHLO", b"250 mx\r\n", "QUIT"])
    assert held.ended == ("quit", "done")


# Facts


def test_no_starttls_in_a_complete_reply() -> None:
    held = hold([GREETING, "EHLO", b"250-mx\r\n250 SIZE\r\n", "QUIT", BYE])
    assert held.ended == ("ehlo", "done")
    assert held.value.lines[3].data == b"250 SIZE"


@pytest.mark.parametrize("code", [500, 502, 504])
def test_ehlo_unknown_to_the_server(code: int) -> None:
    assert hold([GREETING, "EHLO", b"%d what?\r\n" % code, "QUIT", BYE]).ended == ("ehlo", "done")


@pytest.mark.parametrize("reply", [b"454 later\r\n", b"502 no\r\n", b"421 closing\r\n"])
def test_starttls_refused(reply: bytes) -> None:
    held = hold([GREETING, "EHLO", EHLO, "STARTTLS", reply, "QUIT", BYE])
    assert held.ended == ("starttls", "done")
    assert held.value.handshake is None


@pytest.mark.parametrize(
    ("steps", "ended"),
    [
        ([silent], "silent"),
        ([reset], "reset"),
        ([], "closed"),
        ([b"what?\r\n"], "garbage"),
        ([b"220-x\r\n" * 101], "overflow"),
    ],
)
def test_starttls_without_a_reply(steps: list[bytes | Step], ended: str) -> None:
    assert hold([GREETING, "EHLO", EHLO, "STARTTLS", *steps]).ended == ("starttls", ended)


@pytest.mark.parametrize(
    ("steps", "ended", "alert"),
    [
        ([silent], "silent", None),
        ([read_hello, reset], "reset", None),
        ([read_hello], "closed", None),
        ([b"250 what now?\r\n", silent], "garbage", None),
        ([read_hello, bytes.fromhex("15030300020228"), silent], "alert", 40),
        ([read_hello, bytes.fromhex("15030100020246")], "alert", 70),
        ([read_hello, bytes.fromhex("15030300020100")], "closed", 0),
    ],
)
def test_after_220_no_handshake(steps: list[bytes | Step], ended: str, alert: int | None) -> None:
    held = hold([GREETING, "EHLO", EHLO, "STARTTLS", b"220 go\r\n", *steps])
    handshake = held.value.handshake
    assert handshake is not None
    assert (handshake.ended, handshake.alert, handshake.chain) == (ended, alert, ())
    assert held.ended == ("handshake", "closed" if ended == "alert" else ended)


def test_what_follows_220_in_the_clear_is_no_handshake() -> None:
    held = hold([GREETING, "EHLO", EHLO, "STARTTLS", b"220 go\r\n250 injected\r\n", silent])
    assert held.value.handshake is not None
    assert (held.value.handshake.ended, held.value.handshake.received) == ("garbage", b"250 injected\r\n")


def test_a_refused_port() -> None:
    async def run() -> Result:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets it
            plan = ProbePlan(connect=(f":25=127.0.0.1:{taken.getsockname()[1]}",))
            async with Network(plan) as network:
                result = await starttls_session(network, HOST, ADDRESS, PORT)
                assert network.vantage.ipv4 is True
                return result

    result = asyncio.run(run())
    assert isinstance(result, SmtpSession)
    assert (result.state, result.ended, result.lines) == ("connect", "refused", ())


# Blindness


@pytest.mark.parametrize(
    ("steps", "reason", "state"),
    [
        ([silent], Reason.TIMEOUT, "greeting"),
        ([b"220-mx\r\n", silent], Reason.TIMEOUT, "greeting"),
        ([b"220-mx\r\n" * 101, silent], Reason.ABORTED, "greeting"),
        ([b"220 " + b"a" * 5000, silent], Reason.ABORTED, "greeting"),
        ([b"SSH-2.0-OpenSSH\r\n", silent], Reason.ABORTED, "greeting"),
        ([], Reason.ABORTED, "greeting"),
        ([reset], Reason.ABORTED, "greeting"),
        ([b"421 busy\r\n", "QUIT", BYE], Reason.DEFERRED, "greeting"),
        ([b"450 busy\r\n"], Reason.DEFERRED, "greeting"),
        ([b"554 go away\r\n", "QUIT", BYE], Reason.REJECTED, "greeting"),
        ([b"354 what\r\n", "QUIT", BYE], Reason.ABORTED, "greeting"),
        ([GREETING, silent], Reason.TIMEOUT, "ehlo"),
        ([GREETING, "EHLO", b"250-mx\r\n", silent], Reason.TIMEOUT, "ehlo"),
        ([GREETING, "EHLO"], Reason.ABORTED, "ehlo"),
        ([GREETING, "EHLO", reset], Reason.ABORTED, "ehlo"),
        ([GREETING, "EHLO", b"junk\r\n"], Reason.ABORTED, "ehlo"),
        ([GREETING, "EHLO", b"421 busy\r\n", "QUIT", BYE], Reason.DEFERRED, "ehlo"),
        ([GREETING, "EHLO", b"550 not you\r\n", "QUIT", BYE], Reason.REJECTED, "ehlo"),
    ],
)
def test_blindness_before_ehlo_is_answered(steps: list[bytes | str | Step], reason: Reason, state: str) -> None:
    failure = hold(steps).failure
    assert (failure.reason, failure.state) == (reason, state)
    sent = b"".join(step for step in steps if isinstance(step, bytes)).split(b"\r\n")[0]
    assert not sent or sent.startswith(failure.lines[0].data)


def test_an_endless_greeting_is_bounded_in_time_and_size() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"220-wait\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    failure = hold([drip]).failure
    assert failure.reason is Reason.TIMEOUT
    assert 1 <= len(failure.lines) <= 30


def test_no_answer_to_syn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> Result:
        async with Network(ProbePlan(connect=(":25=127.0.0.1:9",), timeout=0.05)) as network:
            never = asyncio.get_running_loop().create_future()
            monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", lambda *args: never)
            result = await starttls_session(network, HOST, ADDRESS, PORT)
            assert network.vantage.ipv4 is None
            return result

    result = asyncio.run(run())
    assert isinstance(result, Failure)
    assert (result.reason, result.state) == (Reason.TIMEOUT, "connect")


# In the clear


def test_mail_from_without_tls() -> None:
    steps: list[bytes | str | Step] = [
        GREETING,
        "EHLO",
        EHLO,
        "MAIL FROM:<>",
        b"250 ok\r\n",
        "RSET",
        b"250 ok\r\n",
        "QUIT",
        BYE,
    ]
    held = hold(steps, plaintext_session)
    assert held.ended == ("quit", "done")
    assert held.heard[1:] == [b"MAIL FROM:<>", b"RSET", b"QUIT"]
    assert held.value.handshake is None


def test_mail_from_refused() -> None:
    steps: list[bytes | str | Step] = [
        GREETING,
        "EHLO",
        EHLO,
        "MAIL FROM:<>",
        b"530 5.7.0 STARTTLS first\r\n",
        "RSET",
        b"250 ok\r\n",
        "QUIT",
        BYE,
    ]
    held = hold(steps, plaintext_session)
    assert held.ended == ("quit", "done")
    assert b"530 5.7.0 STARTTLS first" in [line.data for line in held.value.lines]


def test_mail_from_without_a_reply() -> None:
    assert hold([GREETING, "EHLO", EHLO, "MAIL FROM:<>", silent], plaintext_session).ended == ("mail", "silent")
    assert hold([GREETING, "EHLO", EHLO, "MAIL FROM:<>"], plaintext_session).ended == ("mail", "closed")


def test_no_mail_is_asked_of_a_server_without_ehlo() -> None:
    held = hold([GREETING, "EHLO", b"502 no\r\n", "QUIT", BYE], plaintext_session)
    assert held.ended == ("ehlo", "done")
    assert held.heard == [b"EHLO [127.0.0.1]", b"QUIT"]


# A mailbox for reports

IN_CLEAR = partial(mailbox_session, "reports@example.org", secured=False)
INSIDE = partial(mailbox_session, "reports@example.org", secured=True)
TAKEN = b"250 ok\r\n"


def test_a_mailbox_is_asked_for_and_nothing_is_sent() -> None:
    steps = [GREETING, "EHLO", EHLO, "MAIL FROM:<>", TAKEN, "RCPT TO", TAKEN, "RSET", TAKEN, "QUIT", BYE]
    held = hold(steps, IN_CLEAR)
    assert held.ended == ("quit", "done")
    assert held.heard[1:] == [b"MAIL FROM:<>", b"RCPT TO:<reports@example.org>", b"RSET", b"QUIT"]


def test_the_postmaster_is_asked_for_where_the_mailbox_is_refused_for_good() -> None:
    asked: list[bytes | str | Step] = [GREETING, "EHLO", EHLO, "MAIL FROM:<>", TAKEN, "RCPT TO"]
    held = hold([*asked, b"550 no\r\n", "RCPT TO", TAKEN, "RSET", TAKEN, "QUIT", BYE], IN_CLEAR)
    assert held.heard[3] == b"RCPT TO:<postmaster@example.org>"
    held = hold([*asked, b"450 later\r\n", "RSET", TAKEN, "QUIT", BYE], IN_CLEAR)
    assert held.ended == ("quit", "done")


def test_a_mailbox_is_asked_for_within_tls(tls: Step) -> None:
    begin: list[bytes | str | Step] = [GREETING, "EHLO", EHLO, "STARTTLS", b"220 go\r\n", tls, "EHLO", TAKEN]
    held = hold([*begin, "MAIL FROM:<>", TAKEN, "RCPT TO", TAKEN, "RSET", TAKEN, "QUIT", BYE], INSIDE)
    assert held.ended == ("quit", "done")
    assert held.value.handshake is not None
    assert held.heard.count(b"RCPT TO:<reports@example.org>") == 1


def test_no_mailbox_is_asked_for_in_the_clear_where_tls_was_meant() -> None:
    held = hold([GREETING, "EHLO", b"250 mx\r\n", "QUIT", BYE], INSIDE)
    assert held.heard[1:] == [b"QUIT"]
    held = hold([GREETING, "EHLO", EHLO, "STARTTLS", b"454 later\r\n", "QUIT", BYE], INSIDE)
    assert held.heard[2:] == [b"QUIT"]
    held = hold([GREETING, "EHLO", EHLO, "STARTTLS", b"220 go\r\n", reset], INSIDE)
    assert held.value.state == "handshake"


def test_mail_refused_before_a_mailbox_is_named() -> None:
    held = hold([GREETING, "EHLO", EHLO, "MAIL FROM:<>", b"530 tls\r\n", "RSET", TAKEN, "QUIT", BYE], IN_CLEAR)
    assert held.heard[2:] == [b"RSET", b"QUIT"]
