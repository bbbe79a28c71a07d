"""Questions about revocation, against scripted HTTP servers on the loopback: bounded in number, size and time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from tr03108.lab.pki import RESPONDER, Pki, Variant
from tr03108.lab.responder import Responder
from tr03108.model import Failure, Fetch, Observation, ProbePlan, Reason
from tr03108.probe import Network
from tr03108.probe import revocation as asking
from tr03108.probe.revocation import RevocationProbe

NOW = datetime.now(UTC)
HOST, ADDRESS = "mx1.example.org", "192.0.2.80"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(NOW)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def chain(pki: Pki, variant: Variant = Variant.GOOD) -> tuple[bytes, ...]:
    return tuple(der(certificate) for certificate in pki.chain(HOST, variant).sent)


async def probed(
    chains: list[tuple[bytes, ...]],
    roots: tuple[bytes, ...],
    port: int,
    *,
    times: int = 1,
    addresses: tuple[str, ...] = (ADDRESS,),
) -> dict[str, Observation[Fetch]]:
    """What one run asks, and what came; port 0: nothing is redirected."""
    seen: dict[str, Observation[Fetch]] = {}
    redirected = (f":80=127.0.0.1:{port}",) if port else ()
    async with Network(ProbePlan(connect=redirected, timeout=0.3)) as network:

        async def ask(key: str, question: Callable[[], Awaitable[Fetch | Failure]]) -> Observation[Fetch]:
            seen[key] = await network.store.once(key, question)
            return seen[key]

        async def look_up(host: str) -> tuple[str, ...]:
            return addresses

        def give_up(keys: object, why: str) -> None:
            assert isinstance(keys, tuple)
            for key in keys:
                seen[key] = Observation(key, NOW, None, Failure(Reason.BUDGET, why))

        for _ in range(times):
            await RevocationProbe(network, look_up, ask, give_up).run(chains, lambda _: roots)
    return seen


def against(serve: Serve, chains: list[tuple[bytes, ...]], roots: tuple[bytes, ...] = ()) -> list[Observation[Fetch]]:
    writers: list[asyncio.StreamWriter] = []

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    async def run() -> dict[str, Observation[Fetch]]:
        async with await asyncio.start_server(serve_and_close, "127.0.0.1", 0) as server:
            seen = await probed(chains, roots, server.sockets[0].getsockname()[1])
            for writer in writers:
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
            return seen

    return list(asyncio.run(run()).values())


def test_one_question_for_each_certificate_of_a_run(pki: Pki) -> None:
    async def run() -> tuple[list[str], int]:
        async with Responder(pki) as responder:
            roots, one = (der(pki.trusted.root),), chain(pki)
            seen = await probed([one, one], roots, responder.port, times=3)
            return responder.requests, len(seen)

    requests, count = asyncio.run(run())
    assert requests == [
        f"POST /lab-issuing-ca/good {RESPONDER}",
        f"POST /lab-root-ca/good {RESPONDER}",
    ]
    assert count == 2


def test_the_crl_is_asked_for_where_ocsp_tells_nothing(pki: Pki) -> None:
    async def run() -> tuple[list[str], list[str]]:
        async with Responder(pki) as responder:
            seen = await probed([chain(pki, Variant.CRL_AFTER_SILENCE)], (), responder.port)
            return responder.requests, [one.value.ended for one in seen.values() if one.value]

    requests, ended = asyncio.run(run())
    assert [request.split()[0] for request in requests] == ["POST", "GET"]
    assert ended == ["silent", "answered"]


async def _request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
    await reader.readexactly(int(length or 0))  # what is not read would end the connection with a reset


def test_bodies_are_cut(pki: Pki) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(bytes(1 << 16))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    found = [one.value for one in against(endless, [chain(pki, Variant.GOOD)])]
    sizes = {one.method: len(one.body) for one in found if one is not None}
    assert sizes["POST"] == asking.OCSP_BODY
    assert sizes["GET"] <= asking.CRL_BODY
    assert all(one is not None and (one.truncated or one.ended == "silent") for one in found)


def test_a_slow_body_ends_in_time(pki: Pki) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while not writer.is_closing():
                writer.write(b"\x30")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass

    found = [one.value for one in against(drip, [chain(pki)])]
    assert {one.ended for one in found if one is not None} == {"silent"}


@pytest.mark.parametrize(
    ("answer", "ended", "status"),
    [
        (b"", "closed", None),
        (b"220 not HTTP\r\n\r\n", "garbage", None),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9000, "overflow", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "closed", 200),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "answered", 302),
    ],
)
def test_answers_that_are_none(pki: Pki, answer: bytes, ended: str, status: int | None) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await _request(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()

    found = [one.value for one in against(serve, [chain(pki)])]
    assert {(one.ended, one.status) for one in found if one is not None} == {(ended, status)}
    assert connections == len(found)  # no redirect is followed


def many_addresses(pki: Pki, count: int) -> bytes:
    """A certificate with that many OCSP addresses and as many CRLs."""
    authority = pki.trusted
    uris = [x509.UniformResourceIdentifier(f"http://h{n}.example/") for n in range(count)]
    access = [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, uri) for uri in uris]
    points = [x509.DistributionPoint([uri], None, None, None) for uri in uris]
    return der(
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]))
        .issuer_name(authority.intermediate.subject)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.AuthorityInformationAccess(access), critical=False)
        .add_extension(x509.CRLDistributionPoints(points), critical=False)
        .sign(authority.intermediate_key, hashes.SHA256())
    )


async def _nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _request(reader)
    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


def test_a_thousand_addresses_in_a_certificate(pki: Pki) -> None:
    leaf = many_addresses(pki, 1000)
    found = [one.value for one in against(_nothing, [(leaf, der(pki.trusted.intermediate))])]
    assert [one.method for one in found if one is not None] == ["POST", "POST", "GET"]


def test_many_chains(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FETCHES", 7)
    chains = [(many_addresses(pki, 3), der(pki.trusted.intermediate)) for _ in range(5)]
    found = against(_nothing, chains)
    assert sum(one.value is not None for one in found) == 7
    assert {one.failure.reason for one in found if one.failure is not None} == {Reason.BUDGET}


def test_whoever_stays_silent_is_left_alone(pki: Pki) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    found = against(silent, [chain(pki), chain(pki), chain(pki)])
    assert sum(one.value is not None for one in found) == asking.SILENCES
    assert all("did not answer" in one.failure.detail for one in found if one.failure is not None)


def test_an_address_that_is_not_global_is_not_contacted(pki: Pki) -> None:
    seen = asyncio.run(probed([chain(pki)], (), 0, addresses=("127.0.0.1", "10.0.0.1")))
    assert {one.failure.reason for one in seen.values() if one.failure is not None} == {Reason.NOT_GLOBAL}
    assert len(seen) == 2


def test_a_name_without_address(pki: Pki) -> None:
    seen = asyncio.run(probed([chain(pki)], (), 0, addresses=()))
    assert {one.failure.reason for one in seen.values() if one.failure is not None} == {Reason.UNREACHABLE}


@pytest.mark.parametrize("variant", [Variant.SELF_SIGNED, Variant.NO_ADDRESSES, Variant.NO_INTERMEDIATE])
def test_nobody_to_ask(pki: Pki, variant: Variant) -> None:
    assert asyncio.run(probed([chain(pki, variant)[:1]], (), 0)) == {}


def test_https_is_not_asked(pki: Pki) -> None:
    assert asyncio.run(probed([chain(pki, Variant.OCSP_HTTPS)], (), 0)) == {}


def test_junk_in_place_of_chains() -> None:
    assert asyncio.run(probed([(b"junk",), (), (b"", b"x")], (b"root",), 0)) == {}
