"""TLS servers that mean harm, asked with one hello: it ends, is bounded, and nothing counts as refused that was not."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from dataclasses import replace

import pytest

from embedded_servers import Server, scripted
from hostile.tls_server_answers import RECORD, SERVER_HELLO, Raw, Talk, drips, floods, record, says, served
from tr03108.evaluate.tls import features
from tr03108.evaluate.tls.answers import Answer, answer_to
from tr03108.evaluate.tls.facts import TlsFacts
from tr03108.lab.tls_hello_config import HelloFault, State
from tr03108.model import Failure, HelloExchange, ProbePlan
from tr03108.probe.hello import Opener, Question, ask_hello, direct_tls
from tr03108.probe.net import Network
from tr03108.probe.smtp import smtp_starttls
from tr03108.probe.store import observed
from tr03108.wire.tls.conversation import MAXIMUM_ANSWER
from unit.lab.scripted import CHAINS, HOST, new_hello, old_hello, speaking

SECONDS = 0.3  # for servers that fall silent
HANGS = 30.0  # whatever takes that long has hung
BOTH = speaking("TLSv1.2", "TLSv1.3")
HELLOS = {
    "TLSv1.2": Question("", old_hello()),
    "TLSv1.3": Question("", new_hello(), complete=True, farewell=b"QUIT\r\n"),
    "SSLv2": Question("", None),
}


def ask(
    server: Server, question: Question, opener: Opener = direct_tls, seconds: float = HANGS / 3
) -> tuple[HelloExchange | Failure, Answer]:
    """The exchange, and how the judging side reads it."""

    async def run() -> HelloExchange | Failure:
        async with asyncio.timeout(HANGS), server as port:
            plan = ProbePlan(
                connect=(f"192.0.2.1:25=127.0.0.1:{port}",),
                timeout=seconds,
                greeting_timeout=seconds,
                resolvers=("::1",),
            )
            async with Network(plan) as network:
                return await ask_hello(network, opener, HOST, "192.0.2.1", 25, question)

    result = asyncio.run(run())
    return result, answer_to("versions.TLSv1.2", observed("hello", result), {})


def raw(talk: Talk) -> Server:
    return served(Raw(talk))


# What is wrong -> how the exchange ends, and how it is read: kind and code.
UNREADABLE = ("unclear", "TLS_UNREADABLE")
FAULTS = {
    HelloFault.WRONG_LENGTHS: ("garbage", *UNREADABLE),
    HelloFault.SECOND_SERVER_HELLO: ("garbage", *UNREADABLE),
    HelloFault.HUGE_CERTIFICATE: ("garbage", *UNREADABLE),
    HelloFault.EMPTY_RECORDS: ("garbage", *UNREADABLE),
    HelloFault.ENDLESS: ("garbage", *UNREADABLE),
    HelloFault.GARBAGE: ("garbage", *UNREADABLE),
    HelloFault.UNOFFERED_SUITE: ("answered", *UNREADABLE),
    HelloFault.FRAGMENTS: ("answered", "chosen", ""),
    HelloFault.WRONG_SIGNATURE: ("answered", "chosen", ""),
    HelloFault.NO_CERTIFICATES: ("answered", "chosen", ""),
    HelloFault.BROKEN_CERTIFICATE: ("answered", "chosen", ""),
}


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize(("fault", "wanted"), FAULTS.items())
def test_each_fault_has_its_reason(fault: HelloFault, wanted: tuple[str, str, str], version: str) -> None:
    exchange, answer = ask(scripted(replace(BOTH, fault=fault), *CHAINS.values()), HELLOS[version])
    assert isinstance(exchange, HelloExchange)
    assert (exchange.state, exchange.ended, answer.kind, answer.code) == ("hello", *wanted)
    assert sum(map(len, exchange.received)) <= MAXIMUM_ANSWER
    proves_nothing = (HelloFault.WRONG_SIGNATURE, HelloFault.NO_CERTIFICATES, HelloFault.BROKEN_CERTIFICATE)
    assert answer.proven is not True or fault not in proves_nothing


@pytest.mark.parametrize("fault", [HelloFault.WRONG_FINISHED, HelloFault.SECOND_RETRY])
def test_what_only_tls13_can_break_is_no_choice(fault: HelloFault) -> None:
    exchange, answer = ask(scripted(replace(BOTH, fault=fault), *CHAINS.values()), HELLOS["TLSv1.3"])
    assert isinstance(exchange, HelloExchange)
    assert (exchange.ended, exchange.completed, answer.kind, answer.code) == ("garbage", False, *UNREADABLE)


ENDS = {HelloFault.SILENCE: "silent", HelloFault.RESET: "reset", HelloFault.CLOSE: "closed"}


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("state", [State.CLIENT_HELLO, State.RETRY, State.SERVER_HELLO, State.CERTIFICATE])
@pytest.mark.parametrize(("fault", "ended"), ENDS.items())
def test_each_end_at_each_state_has_its_reason(fault: HelloFault, ended: str, state: State, version: str) -> None:
    if state is State.RETRY and version == "TLSv1.2":
        return  # there is none
    config = replace(BOTH, fault=fault, fault_at=state)
    seconds = SECONDS if fault is HelloFault.SILENCE else HANGS / 3
    exchange, answer = ask(scripted(config, *CHAINS.values()), HELLOS[version], seconds=seconds)
    assert isinstance(exchange, HelloExchange)
    assert (exchange.state, exchange.ended) == ("hello", ended)
    if exchange.received:  # a reset may throw away what was on its way
        assert (answer.kind, answer.code) == UNREADABLE
    elif fault is HelloFault.SILENCE:
        assert (answer.kind, answer.code) == ("unclear", "SERVICE_TIMEOUT")
    else:
        assert answer.kind == "closed"  # to be looked at again, no refusal yet
    assert state is State.CLIENT_HELLO or fault is HelloFault.RESET or exchange.received


@pytest.mark.parametrize("state", [State.FLIGHT, State.FINISHED])
@pytest.mark.parametrize("fault", [HelloFault.SILENCE, HelloFault.CLOSE])
def test_what_ends_after_the_servers_finished_is_a_choice(fault: HelloFault, state: State) -> None:
    config = replace(BOTH, fault=fault, fault_at=state)
    exchange, answer = ask(scripted(config, *CHAINS.values()), HELLOS["TLSv1.3"])
    assert isinstance(exchange, HelloExchange)
    ended = "silent" if fault is HelloFault.SILENCE else "answered"
    assert (exchange.ended, exchange.completed, answer.kind, answer.proven) == (ended, True, "chosen", True)
    assert not answer.heard_out
    assert features.tickets(TlsFacts([answer])).tls13 is None  # they might have come, had it stayed


HUGE = b"\x02\xff\xff\xff"  # a ServerHello of 16 MiB
WARNING = record(b"\x01\x70", 21)
# Raw answers -> how an exchange of TLS may end.
ANSWERS: dict[str, tuple[Talk, tuple[str, ...]]] = {
    "zeros": (floods(bytes(65536)), ("garbage",)),
    "http": (floods(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("garbage",)),
    "a reply of smtp": (says(b"500 what?\r\n"), ("garbage",)),
    "empty records": (floods((RECORD + b"\x00\x00") * 5000), ("garbage",)),
    "a record of 64 KiB": (says(RECORD + b"\xff\xff" + bytes(65535)), ("garbage",)),
    "a message of 16 MiB": (floods(record(HUGE + bytes(16000)) + record(bytes(16384)) * 10), ("garbage",)),
    "warnings": (floods(WARNING * 1000), ("garbage", "alert")),
    "HelloRequests": (floods(record(bytes(4)) * 1000), ("garbage",)),
    "no end of messages": (floods(record(SERVER_HELLO + b"\x16\0\0\0" * 90)), ("garbage",)),
    "a message before ServerHello": (says(record(b"\x0b\x00\x00\x00")), ("garbage",)),
    "ServerHelloDone at once": (says(record(b"\x0e\x00\x00\x00")), ("garbage",)),
    "a ServerHello without content": (says(record(b"\x02\x00\x00\x00")), ("garbage",)),
    "ChangeCipherSpec": (floods(record(b"\x01", 20) * 1000), ("garbage",)),
    "application data": (floods(record(bytes(100), 23)), ("garbage",)),
    "heartbeats": (floods(record(bytes(100), 24)), ("garbage",)),
    "half an alert": (says(record(b"\x02", 21)), ("garbage",)),
    "an alert of level 7": (says(record(b"\x07\x28", 21)), ("garbage",)),
    "half a record": (says(RECORD), ("silent",)),
    "one octet": (says(b"\x16"), ("silent",)),
    "drops of a record": (drips(RECORD + b"\x40\x00"), ("silent",)),
    "drops of a ServerHello": (drips(record(SERVER_HELLO)), ("silent",)),
    "not a word": (says(b""), ("silent",)),
}


@pytest.mark.parametrize("version", HELLOS)
@pytest.mark.parametrize("what", ANSWERS)
def test_raw_answers_end_and_refuse_nothing(what: str, version: str) -> None:
    talk, ends = ANSWERS[what]
    seconds = SECONDS if ends == ("silent",) or version == "SSLv2" else HANGS / 3
    exchange, answer = ask(raw(talk), HELLOS[version], seconds=seconds)
    assert isinstance(exchange, HelloExchange)
    assert exchange.state == "hello"
    assert sum(map(len, exchange.received)) <= MAXIMUM_ANSWER
    if version != "SSLv2":  # any answer that is none in SSLv2 refuses it
        assert exchange.ended in ends
        assert answer.kind == "unclear"
        assert answer.code in ("TLS_UNREADABLE", "TLS_ALERT", "SERVICE_TIMEOUT")
    else:
        assert answer.kind in ("unclear", "refused")


@pytest.mark.parametrize("octets", [RECORD, record(SERVER_HELLO)[:20], record(SERVER_HELLO[:20])])
def test_an_answer_that_breaks_off_is_no_refusal(octets: bytes) -> None:
    _, answer = ask(raw(says(octets, then="close")), HELLOS["TLSv1.2"])
    assert answer.kind == "unclear"


@pytest.mark.parametrize("seed", range(30))
def test_junk_never_raises_and_is_never_chosen(seed: int) -> None:
    """Real ServerHellos with a few octets changed, in records that are cut anywhere."""
    junk = random.Random(seed)
    octets = bytearray(record(SERVER_HELLO) + record(b"\x0b\x00\x00\x03\x00\x00\x00") + record(b"\x0e\x00\x00\x00"))
    for _ in range(junk.choice((1, 3, 9))):
        octets[junk.randrange(len(octets))] = junk.randrange(256)
    talk = says(bytes(octets[: junk.choice((None, junk.randrange(len(octets))))]), then="silence")
    for version in HELLOS:
        _, answer = ask(raw(talk), HELLOS[version], seconds=SECONDS)
        assert answer.proven is not True
        assert answer.kind != "refused" or version == "SSLv2" or answer.alert is not None


@pytest.mark.parametrize("what", ["zeros", "empty records", "a message of 16 MiB", "HelloRequests", "warnings"])
def test_a_flood_takes_little_memory(what: str) -> None:
    talk, _ = ANSWERS[what]
    tracemalloc.start()
    try:
        ask(raw(talk), HELLOS["TLSv1.2"])  # the server is in this process, too: its buffers are counted
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * MAXIMUM_ANSWER


# Before TLS: what the server says in SMTP -> state, code of the answer.
BEFORE_TLS: dict[str, tuple[bytes, str]] = {
    "no greeting": (b"", "SERVICE_TIMEOUT"),
    "a greeting without end": (b"220-x\r\n" * 5000, "SERVICE_ABORTED"),
    "a line without end": (b"a" * 300000, "SERVICE_ABORTED"),
    "no service": (b"554 no\r\n", "SERVICE_REJECTED"),
    "later": (b"421 later\r\n", "SERVICE_DEFERRED"),
    "no STARTTLS": (b"220 mx\r\n250 mx\r\n", "STARTTLS_UNSEEN"),
    "STARTTLS later": (b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n454 later\r\n", "SERVICE_DEFERRED"),
    "no STARTTLS after all": (b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n502 no\r\n", "STARTTLS_UNSEEN"),
    "garbage for STARTTLS": (b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n\x16\x03\x01\r\n", "STARTTLS_UNSEEN"),
    "silence for STARTTLS": (b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n", "STARTTLS_UNSEEN"),
}


@pytest.mark.parametrize("what", BEFORE_TLS)
def test_what_does_not_come_to_tls_refuses_nothing(what: str) -> None:
    octets, code = BEFORE_TLS[what]
    result, answer = ask(served(Raw(says(octets), first=True)), HELLOS["TLSv1.2"], smtp_starttls, SECONDS)
    assert result.state != "hello"
    assert (answer.kind, answer.code) == ("unclear", code)
