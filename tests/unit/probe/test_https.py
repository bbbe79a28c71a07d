"""HTTPS GET against small scripted servers on the loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tr03108.model import Failure, HttpExchange, ProbePlan, Reason
from tr03108.probe import Network
from tr03108.probe.https import BODY, get

HOST, ADDRESS, PATH = "mta-sts.example.org", "192.0.2.1", "/.well-known/mta-sts.txt"
SILENT = None


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(x509.Name([])).serial_number(1)
    now = datetime.now(UTC)
    builder = builder.public_key(key.public_key()).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    file: Path = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(file)
    return made


def fetch(context: ssl.SSLContext | None, *answers: bytes | None) -> tuple[HttpExchange | Failure, list[bytes]]:
    """The result, and the request heard; the server sends the answers, then closes (None: stays silent)."""
    heard: list[bytes] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            heard.append(await reader.readuntil(b"\r\n\r\n") if context else await reader.readexactly(5))
            for answer in answers:
                if answer is SILENT:
                    return
                writer.write(answer)
                await writer.drain()
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass

    async def run() -> HttpExchange | Failure:
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            async with Network(ProbePlan(connect=(f":443=127.0.0.1:{port}",), timeout=0.25)) as network:
                result = await get(network, HOST, ADDRESS, 443, PATH)
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.001)
            return result

    return asyncio.run(run()), heard


def exchange(context: ssl.SSLContext | None, *answers: bytes | None) -> HttpExchange:
    result, _ = fetch(context, *answers)
    assert isinstance(result, HttpExchange), result
    return result


def test_a_policy(context: ssl.SSLContext) -> None:
    body = b"version: STSv1\n"
    result, heard = fetch(context, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\n", body)
    assert isinstance(result, HttpExchange)
    assert (result.ended, result.status, result.body, result.truncated) == ("answered", 200, body, False)
    assert ("content-type", "text/plain") in result.headers
    assert result.url == f"https://{HOST}{PATH}"
    assert result.redirected
    assert result.handshake is not None
    assert (result.handshake.ended, result.handshake.server_name, len(result.handshake.chain)) == ("completed", HOST, 1)
    assert heard[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.org\r\n")


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", 200, b"to the end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, b"abc"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, b""),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n", 301, b""),
        (b"HTTP/1.0 200 OK\r\n\r\nold", 200, b"old"),
    ],
)
def test_other_answers(context: ssl.SSLContext, answer: bytes, status: int, body: bytes) -> None:
    result = exchange(context, answer)
    assert (result.ended, result.status, result.body) == ("answered", status, body)


def test_a_large_body_is_cut(context: ssl.SSLContext) -> None:
    result = exchange(context, b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (BODY + 1), SILENT)
    assert (result.ended, len(result.body), result.truncated) == ("answered", BODY, True)
    result = exchange(context, b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * BODY)
    assert (result.ended, len(result.body), result.truncated) == ("answered", BODY, False)


@pytest.mark.parametrize(
    ("answers", "ended", "status"),
    [
        ([], "closed", None),
        ([SILENT], "silent", None),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"], "closed", 200),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", SILENT], "silent", 200),
        ([b"220 mail.example.org ESMTP\r\n\r\n", SILENT], "garbage", None),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20000, SILENT], "overflow", None),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, SILENT], "overflow", None),
    ],
)
def test_answers_that_end_badly(
    context: ssl.SSLContext, answers: Sequence[bytes | None], ended: str, status: int | None
) -> None:
    result = exchange(context, *answers)
    assert (result.ended, result.status) == (ended, status)


def test_a_server_without_tls() -> None:
    result = exchange(None, b"HTTP/1.1 400 Bad Request\r\n\r\n", SILENT)
    assert (result.ended, result.status) == ("garbage", None)
    assert result.handshake is not None
    assert result.handshake.received.startswith(b"HTTP/1.1 400")


def test_a_refused_port_is_a_fact() -> None:
    async def run() -> HttpExchange | Failure:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            async with Network(ProbePlan(connect=(f":443=127.0.0.1:{taken.getsockname()[1]}",))) as network:
                return await get(network, HOST, ADDRESS, 443, PATH)

    result = asyncio.run(run())
    assert isinstance(result, HttpExchange)
    assert (result.ended, result.handshake) == ("refused", None)


def test_an_address_that_is_not_global_is_blindness() -> None:
    async def run() -> HttpExchange | Failure:
        async with Network(ProbePlan()) as network:
            return await get(network, HOST, "127.0.0.1", 443, PATH)

    result = asyncio.run(run())
    assert isinstance(result, Failure)
    assert result.reason is Reason.NOT_GLOBAL
