"""The scripted TLS server's faults: a hello of ours ends as it must, and OpenSSL sees what is wrong."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from embedded_servers import scripted
from tr03108.lab.tls_hello_config import HelloConfig, HelloFault, State, presets
from tr03108.wire.tls import sslv2
from tr03108.wire.tls.client_hello import ClientHello, in_records
from tr03108.wire.tls.conversation import Conversation
from tr03108.wire.tls.server_messages import TLS12, MessageType, parse_certificate
from unit.lab.scripted import ECDHE_RSA, ask, chains, new_hello, old_hello, speaking

BOTH = speaking("TLSv1.2", "TLSv1.3")
HELLOS = {"TLSv1.2": old_hello(ECDHE_RSA), "TLSv1.3": new_hello("secp384r1")}
ENDS = {
    HelloFault.WRONG_LENGTHS: "garbage",
    HelloFault.TRUNCATED: "garbage",
    HelloFault.SECOND_SERVER_HELLO: "garbage",
    HelloFault.ENDLESS: "garbage",
    HelloFault.EMPTY_RECORDS: "garbage",
    HelloFault.HUGE_CERTIFICATE: "garbage",
    HelloFault.GARBAGE: "garbage",
    HelloFault.FRAGMENTS: "answered",
}


@pytest.mark.parametrize("hello", HELLOS.values(), ids=HELLOS)
@pytest.mark.parametrize(("fault", "ended"), ENDS.items())
def test_what_breaks_an_answer(fault: HelloFault, ended: str, hello: ClientHello) -> None:
    (answer,) = ask(replace(BOTH, fault=fault), hello, complete=True)
    assert answer.ended == ended
    assert answer.exchange.completed is (fault is HelloFault.FRAGMENTS and hello.versions is not None)


@pytest.mark.parametrize("fault", [HelloFault.WRONG_FINISHED, HelloFault.SECOND_RETRY])
def test_what_breaks_tls13(fault: HelloFault) -> None:
    (answer,) = ask(replace(BOTH, fault=fault), HELLOS["TLSv1.3"], complete=True)
    assert (answer.ended, answer.exchange.completed) == ("garbage", False)


def test_what_does_not_break_an_answer() -> None:
    (unoffered,) = ask(replace(BOTH, fault=HelloFault.UNOFFERED_SUITE), old_hello())
    assert unoffered.hello.suite not in old_hello().suites
    for fault, octets in ((HelloFault.NO_CERTIFICATES, 0), (HelloFault.BROKEN_CERTIFICATE, 204)):
        (answer,) = ask(replace(BOTH, fault=fault), old_hello())
        (body,) = answer.bodies(MessageType.CERTIFICATE)
        chain = parse_certificate(body, TLS12)
        assert chain is not None
        assert [len(der) for der in chain[:1]] == [octets][: len(chain)]


STATES = {  # the state, how far our side has then read in TLS 1.2 and in TLS 1.3
    State.CLIENT_HELLO: ([], []),
    State.RETRY: (None, [2]),
    State.SERVER_HELLO: ([2], [2, 2]),
    State.CERTIFICATE: ([2, 11], [2, 2, 8, 11]),
}
ENDINGS = {HelloFault.CLOSE: "closed", HelloFault.RESET: "reset", HelloFault.SILENCE: "silent"}


@pytest.mark.parametrize(("fault", "ended"), ENDINGS.items())
@pytest.mark.parametrize("state", STATES)
def test_endings_at_each_state(state: State, fault: HelloFault, ended: str) -> None:
    for hello, kinds in zip(HELLOS.values(), STATES[state], strict=True):
        if kinds is None:
            continue
        (answer,) = ask(replace(BOTH, fault=fault, fault_at=state), hello, seconds=0.5, complete=True)
        # A reset throws away what the client has not yet read.
        assert answer.ended == ended
        assert answer.kinds == kinds[: len(answer.kinds)]
        assert fault is HelloFault.RESET or answer.kinds == kinds


def test_endings_after_the_handshake_lose_nothing() -> None:
    for fault in ENDINGS:
        for state in (State.FLIGHT, State.FINISHED):
            (answer,) = ask(
                replace(BOTH, fault=fault, fault_at=state), HELLOS["TLSv1.3"], seconds=0.5, complete=True, farewell=b"x"
            )
            assert fault is HelloFault.RESET or answer.exchange.completed
            assert answer.ended in ("answered", "reset", "silent")


CLIENT_KEY_EXCHANGE = bytes((22, 3, 3, 0, 70, 16, 0, 0, 66, 65)) + bytes(65)
FIRST_OCTETS = (
    in_records(old_hello().encode()) + CLIENT_KEY_EXCHANGE,
    in_records(old_hello("TLS_RSA_WITH_AES_128_GCM_SHA256").encode()) + CLIENT_KEY_EXCHANGE,
    Conversation(new_hello("x25519", "secp256r1"), (29, 23)).start(),
    sslv2.client_hello(bytes(16)),
)


@pytest.mark.parametrize("server", [BOTH, *(presets()[name] for name in ("sslv2", "hybrid", "postfix-default"))])
def test_the_server_survives_broken_clients(server: HelloConfig) -> None:
    chance = random.Random(3108)
    crashes: list[object] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: crashes.append(told))
        async with scripted(server, *chains(server)) as port:
            for _ in range(60):
                octets = bytearray(chance.choice(FIRST_OCTETS))
                for _ in range(chance.choice((0, 1, 2, 5))):
                    octets[chance.randrange(len(octets))] = chance.randrange(256)
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(octets[: chance.choice((None, chance.randrange(len(octets))))])
                writer.write_eof()
                try:
                    async with asyncio.timeout(5):
                        await reader.read()
                except ConnectionError:
                    pass
                writer.close()

    asyncio.run(run())
    assert not crashes
