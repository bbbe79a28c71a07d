"""One connection of the scripted TLS server: the handshake as its configuration wants it, then a stream."""

from __future__ import annotations

from typing import NoReturn

from cryptography.hazmat.primitives.serialization import Encoding

from tr03108.lab import tls_hello_messages as write
from tr03108.lab.tls import PlainStream
from tr03108.lab.tls_hello_choice import (
    DECODE_ERROR,
    HANDSHAKE_FAILURE,
    ILLEGAL_PARAMETER,
    UNRECOGNIZED_NAME,
    Choice,
    Declined,
    Hellos,
    choose,
    key_type,
    warns,
)
from tr03108.lab.tls_hello_config import CLOSE, IGNORE, RESET, RSA, SILENCE, WARN, HelloFault, Refusal, State
from tr03108.lab.tls_hello_keys import answer_share
from tr03108.lab.tls_hello_records import FRAGMENT, WARNING, Over, RecordLayer, garbage
from tr03108.lab.tls_hello_secrets import can_finish, secrets
from tr03108.wire.tls.client_hello import ClientHello, parse_client_hello
from tr03108.wire.tls.key_schedule import SUITE_KEYS, KeySchedule, Protection
from tr03108.wire.tls.key_share import KeyShare
from tr03108.wire.tls.names import VERSIONS, Extension
from tr03108.wire.tls.reader import Reader, extension, numbers
from tr03108.wire.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE
from tr03108.wire.tls.server_messages import TLS12, TLS13, MessageType

DECRYPT_ERROR, INTERNAL_ERROR, NO_RENEGOTIATION = 51, 80, 100
_MESSAGE_HASH = 254
_CLIENT_KEY_EXCHANGE = 16
_JUNK = 4096  # octets of one message of an endless answer


class HelloStream:
    """The server side of one scripted TLS connection above another stream; the counterpart of `TlsStream`."""

    def __init__(self, below: PlainStream, answers: Hellos) -> None:
        self._below = below
        self._answers = answers
        self._config = answers.config
        self._layer = RecordLayer(below)
        self._finished = False
        self.hellos: list[ClientHello] = []  # what the client sent, for tests

    @property
    def server_name(self) -> str | None:
        """The name of the client's SNI extension."""
        return self.hellos[0].server_name if self.hellos else None

    async def handshake(self) -> None:
        """Completes the handshake. Raises Over, a ConnectionError, where it ends otherwise."""
        early = b""
        while len(early) < 3:
            data = await self._below.read()
            if not data:
                raise Over("no hello came")
            early += data
        await self._reach(State.CLIENT_HELLO)
        if self._config.fault is HelloFault.GARBAGE:
            await self._below.write(garbage())
            raise Over("garbage was sent")
        if early[0] & 0x80 and early[2] == 1:
            return await self._sslv2(early)
        fragment = 1 if self._config.fault is HelloFault.FRAGMENTS else FRAGMENT
        self._layer = RecordLayer(self._below, early, fragment)
        message, hello = await self._hello()
        self._layer.version = min(hello.version, TLS12)
        try:
            choice = choose(self._config, hello, len(message), self._answers.chains_for(hello.server_name))
        except Declined as declined:
            await self._decline(declined.how, declined.alert)
        self._layer.version = min(choice.version, TLS12)
        if warns(self._config, hello):
            await self._layer.send(ALERT, bytes((WARNING, UNRECOGNIZED_NAME)))
        if choice.version >= TLS13:
            await self._modern(choice, hello, message)
        else:
            await self._old(choice, hello, message)
        self._finished = True
        return None

    async def read(self) -> bytes:
        return await self._layer.data(self._renegotiate) if self._finished else b""

    async def write(self, data: bytes) -> None:
        await self._layer.send(APPLICATION_DATA, data)

    async def close(self) -> None:
        """Says close_notify."""
        await self._layer.send(ALERT, bytes((WARNING, 0)))

    async def _hello(self) -> tuple[bytes, ClientHello]:
        message = await self._layer.message()
        hello = parse_client_hello(message)
        if hello is None:
            await self._layer.refuse(DECODE_ERROR)
        self.hellos.append(hello)
        return message, hello

    async def _renegotiate(self) -> None:
        """Declines a second handshake, mostly by a warning and going on (RFC 5246 section 7.2.2)."""
        how = self._config.renegotiation
        if how == WARN:
            await self._layer.send(ALERT, bytes((WARNING, NO_RENEGOTIATION)))
        elif how != IGNORE:
            await self._decline(how, NO_RENEGOTIATION)

    # How things go wrong

    async def _reach(self, state: State) -> None:
        """Falls silent, resets or closes where the configuration says so."""
        fault = self._config.fault
        if fault in (HelloFault.SILENCE, HelloFault.RESET, HelloFault.CLOSE) and state is self._config.fault_at:
            await self._decline(str(fault), 0)

    async def _decline(self, how: Refusal, alert: int) -> NoReturn:
        if how == SILENCE:
            while await self._below.read():
                pass
        elif how == RESET:
            self._below.reset()
        elif how != CLOSE:
            await self._layer.refuse(alert)
        raise Over(str(how))

    async def _endless(self) -> None:
        empty = self._config.fault is HelloFault.EMPTY_RECORDS
        kind = MessageType.ENCRYPTED_EXTENSIONS if self._layer.modern else MessageType.CERTIFICATE_STATUS
        while empty or self._config.fault is HelloFault.ENDLESS:
            await self._layer.send(HANDSHAKE, b"" if empty else write.message(kind, bytes(_JUNK)))

    async def _server_hello(self, message: bytes) -> None:
        match self._config.fault:
            case HelloFault.TRUNCATED:
                announced = len(message) + 1000
                await self._layer.send(HANDSHAKE, message[:1] + announced.to_bytes(3, "big") + message[4:])
                raise Over("a truncated ServerHello was sent")
            case HelloFault.SECOND_SERVER_HELLO:
                message += message
        await self._layer.send(HANDSHAKE, message)

    # SSLv2

    async def _sslv2(self, early: bytes) -> None:
        """Answers CLIENT-HELLO of SSLv2, as RFC 6176 forbids it; the session ends there."""
        size = 2 + (int.from_bytes(early[:2], "big") & 0x7FFF)
        while len(early) < size and (data := await self._below.read()):
            early += data
        reader = Reader(early[3:size])
        version, length = reader.number(2), reader.number(2)
        reader.take(4)  # lengths of session id and challenge
        theirs = numbers(reader.take(length or 0), 3)
        if version != 2 or "SSLv2" not in self._config.suites:
            await self._decline(self._config.refusal, HANDSHAKE_FAILURE)
        rsa_leaf = next((each.leaf for each in self._answers.chains if key_type(each) == RSA), None)
        der = rsa_leaf.public_bytes(Encoding.DER) if rsa_leaf is not None else b""
        common = tuple(code for code in self._config.suites["SSLv2"] if code in theirs)
        await self._below.write(write.sslv2_server_hello(common, der))
        await self._reach(State.SERVER_HELLO)
        await self._below.read()
        raise Over("the lab goes no further in SSLv2")

    # TLS 1.2 and below

    async def _old(self, choice: Choice, hello: ClientHello, message: bytes) -> None:
        config, version = self._config, choice.version
        random = write.server_random(config, version)
        key: KeyShare | None = None
        if choice.group is not None and choice.group != write.EXPLICIT_CURVES:
            key = self._answers.key(choice.group)
        elif choice.prime:
            key = self._answers.finite_field(choice.prime)
        first = write.server_hello(config, choice, hello, random, random[:32], b"")
        await self._server_hello(first)
        await self._reach(State.SERVER_HELLO)
        await self._endless()
        transcript = message + first
        if choice.chain is not None:
            certificate = write.certificate(config, choice.chain, version)
            await self._layer.send(HANDSHAKE, certificate)
            await self._reach(State.CERTIFICATE)
            transcript += certificate
        rest = b""
        if config.staple and choice.chain is not None and _offered(hello, Extension.STATUS_REQUEST):
            rest += write.certificate_status(config.staple)
        randoms = hello.random + random
        rest += write.key_exchange(config, choice, key, randoms) or b""
        if config.request_certificate and choice.chain is not None:
            rest += write.certificate_request(self._schemes(choice), version)
        rest += write.message(MessageType.SERVER_HELLO_DONE, b"")
        await self._layer.send(HANDSHAKE, rest)
        await self._reach(State.FLIGHT)
        await self._finish_old(choice, hello, key, randoms, transcript + rest)

    async def _finish_old(
        self, choice: Choice, hello: ClientHello, key: KeyShare | None, randoms: bytes, transcript: bytes
    ) -> None:
        """The client's part and our Finished (RFC 5246 section 7.3)."""
        message = await self._layer.message()
        if message[0] == MessageType.CERTIFICATE:
            transcript += message
            message = await self._layer.message()
        if message[0] != _CLIENT_KEY_EXCHANGE or not can_finish(choice):
            await self._layer.refuse(INTERNAL_ERROR)
        transcript += message
        config = self._config
        extended = config.extended_master_secret and _offered(hello, Extension.EXTENDED_MASTER_SECRET)
        try:
            made = secrets(choice, key, message[4:], randoms, transcript if extended else None)
        except ValueError:
            await self._layer.refuse(ILLEGAL_PARAMETER)
        self._layer.next_reading, writing = made.protections()
        message = await self._layer.message()
        if message[0] == MessageType.CERTIFICATE_VERIFY:
            transcript += message
            message = await self._layer.message()
        if message[0] != MessageType.FINISHED or message[4:] != made.finished(b"client finished", transcript):
            await self._layer.refuse(DECRYPT_ERROR)
        await self._reach(State.FINISHED)
        transcript += message
        if config.tickets > 0 and _offered(hello, Extension.SESSION_TICKET):
            ticket = write.ticket(config, 0, choice.version)
            await self._layer.send(HANDSHAKE, ticket)
            transcript += ticket
        await self._layer.send(CHANGE_CIPHER_SPEC, b"\x01")
        self._layer.writing = writing
        await self._layer.send(HANDSHAKE, self._own_finished(made.finished(b"server finished", transcript)))

    # TLS 1.3

    async def _modern(self, choice: Choice, hello: ClientHello, message: bytes) -> None:
        self._layer.modern = True
        transcript = message
        if choice.retry:
            choice, hello, transcript = await self._retry(choice, hello, message)
        schedule = KeySchedule(choice.suite) if choice.suite in SUITE_KEYS else None
        peer = dict(hello.key_shares or ())[choice.group or 0]
        try:
            share, shared = answer_share(choice.group or 0, peer, self._answers.key)
        except ValueError:  # a broken share, or a group that is only pretended
            share, shared = self._answers.key(choice.group or 0).public, b""
        random = write.server_random(self._config, choice.version)
        first = write.server_hello(self._config, choice, hello, random, hello.session_id, share)
        await self._server_hello(first)
        if hello.session_id and len(self.hellos) == 1:
            await self._layer.send(CHANGE_CIPHER_SPEC, b"\x01")
        await self._reach(State.SERVER_HELLO)
        if schedule is None or not shared:
            await self._decline(SILENCE, 0)  # nobody can go on from here
        await self._flight(schedule, choice, hello, shared, transcript + first)

    async def _retry(self, choice: Choice, hello: ClientHello, message: bytes) -> tuple[Choice, ClientHello, bytes]:
        """HelloRetryRequest and the second hello. A suite of no known hash ends it, as nobody can follow."""
        request = write.server_hello(self._config, choice, hello, b"", hello.session_id, b"")
        await self._server_hello(request)
        if hello.session_id:
            await self._layer.send(CHANGE_CIPHER_SPEC, b"\x01")
        await self._reach(State.RETRY)
        second, again = await self._hello()
        if self._config.fault is HelloFault.SECOND_RETRY:
            await self._layer.send(HANDSHAKE, request)
            await self._hello()
        try:
            chosen = choose(self._config, again, 0, self._answers.chains_for(again.server_name))
        except Declined as declined:
            await self._decline(declined.how, declined.alert)
        if chosen.retry or (chosen.suite, chosen.group) != (choice.suite, choice.group):
            await self._layer.refuse(ILLEGAL_PARAMETER)
        if self._config.cookie and _offered_body(again, Extension.COOKIE) != write.vector(self._config.cookie, 2):
            await self._layer.refuse(ILLEGAL_PARAMETER)
        digest = KeySchedule(choice.suite).digest(message) if choice.suite in SUITE_KEYS else b""
        return chosen, again, bytes((_MESSAGE_HASH, 0, 0, len(digest))) + digest + request + second

    async def _flight(
        self, schedule: KeySchedule, choice: Choice, hello: ClientHello, shared: bytes, transcript: bytes
    ) -> None:
        """The encrypted part, the client's Finished, tickets (RFC 8446 sections 4.3 to 4.6)."""
        config, layer = self._config, self._layer
        assert choice.chain is not None
        client, server = schedule.handshake(shared, transcript)
        layer.writing, layer.reading = Protection(schedule.keys, server), Protection(schedule.keys, client)
        await self._endless()
        opening = write.encrypted_extensions(config, hello)
        if config.request_certificate:
            opening += write.certificate_request(self._schemes(choice), choice.version)
        await layer.send(HANDSHAKE, opening)
        staple = config.staple if _offered(hello, Extension.STATUS_REQUEST) else b""
        certificate = write.certificate(config, choice.chain, choice.version, staple)
        await layer.send(HANDSHAKE, certificate)
        await self._reach(State.CERTIFICATE)
        transcript += opening + certificate
        verify = write.certificate_verify(config, choice, schedule.digest(transcript))
        transcript += verify
        finished = self._own_finished(schedule.finished(server, transcript))
        transcript += finished
        await layer.send(HANDSHAKE, verify + finished)
        await self._reach(State.FLIGHT)
        secret_of_client, secret_of_server = schedule.application(transcript)
        message = await layer.message()
        while message[0] in (MessageType.CERTIFICATE, MessageType.CERTIFICATE_VERIFY) and config.request_certificate:
            transcript += message
            message = await layer.message()
        if message[0] != MessageType.FINISHED or message[4:] != schedule.finished(client, transcript):
            await layer.refuse(DECRYPT_ERROR)
        layer.reading = Protection(schedule.keys, secret_of_client)
        layer.writing = Protection(schedule.keys, secret_of_server)
        await self._reach(State.FINISHED)
        if not _offered(hello, Extension.PSK_KEY_EXCHANGE_MODES):  # RFC 8446 section 4.2.9: no use for tickets
            return
        for number in range(config.tickets):
            await layer.send(HANDSHAKE, write.ticket(config, number, choice.version))

    def _own_finished(self, verify: bytes) -> bytes:
        if self._config.fault is HelloFault.WRONG_FINISHED:
            verify = bytes(len(verify))
        return write.message(MessageType.FINISHED, verify)

    def _schemes(self, choice: Choice) -> tuple[int, ...]:
        by_key = self._config.schemes.get(VERSIONS[choice.version], {})
        return tuple(code for codes in by_key.values() for code in codes)


def _offered(hello: ClientHello, kind: int) -> bool:
    return _offered_body(hello, kind) is not None


def _offered_body(hello: ClientHello, kind: int) -> bytes | None:
    return extension(hello.extras, kind)
