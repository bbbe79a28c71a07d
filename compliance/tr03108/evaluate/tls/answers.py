"""What one hello shows: the server's choice, its refusal, or nothing.

A refusal is an alert that says so, or a close without one, which counts only when a second hello with the same offer
ends alike. Everything else (silence, alert internal_error, a dialogue that does not come to TLS) shows nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ...model import Handshake, HelloExchange, Observation
from ...wire.tls import sslv2
from ...wire.tls.client_hello import ClientHello, parse_client_hello
from ...wire.tls.key_schedule import SUITE_KEYS, KeySchedule
from ...wire.tls.names import ALERTS, VERSIONS, Extension
from ...wire.tls.reader import Extensions, extension
from ...wire.tls.records import HANDSHAKE, Records
from ...wire.tls.server_messages import (
    TLS13,
    KeyExchange,
    MessageType,
    ServerHello,
    Ticket,
    certificate_entries,
    parse_certificate,
    parse_certificate_verify,
    parse_encrypted_extensions,
    parse_key_exchange,
    parse_server_hello,
    parse_status,
    parse_ticket,
)
from ..starttls import FAILURE_CODES
from .proof import certificate_verify_signed, key_exchange_signed, signed_by

REFUSALS = (
    40,
    47,
    70,
    71,
    86,
)  # handshake_failure, illegal_parameter, protocol_version, insufficient_security, fallback
_CLOSES = ("closed", "reset")
_CLOSE_NOTIFY = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One hello and what it brought.

    `kind`: "chosen", "refused", "closed" (a refusal if it happens twice) or "unclear", where `code` says why.
    `offered` is None for SSLv2, whose suites are `sslv2_suites`. `chain` is as sent. `proven`: whether the key of the
    certificate signed this handshake; None where nothing was signed or the signature is of a kind we cannot check.
    `heard_out`: after a completed handshake the server answered or took its leave, so that all its tickets have come.
    """

    question: str
    time: datetime
    kind: str
    offered: ClientHello | None
    code: str = ""
    detail: str = ""
    alert: int | None = None
    hello: ServerHello | None = None
    exchange: KeyExchange | None = None
    scheme: int | None = None
    chain: tuple[bytes, ...] = ()
    proven: bool | None = None
    encrypted: Extensions | None = None
    staple: bytes | None = None
    tickets: tuple[Ticket, ...] = ()
    completed: bool = False
    heard_out: bool = False
    sslv2_suites: tuple[int, ...] = field(default=())

    @property
    def topic(self) -> str:
        """The first part of the question: which list the hello was about."""
        return self.question.partition(".")[0]

    @property
    def chosen(self) -> bool:
        return self.kind == "chosen"

    @property
    def version(self) -> str | None:
        """The version that was chosen."""
        if self.hello is not None:
            return self.hello.version_name
        return "SSLv2" if self.chosen else None

    @property
    def suite(self) -> int | None:
        return None if self.hello is None else self.hello.suite

    @property
    def group(self) -> int | None:
        """The named group that was chosen; None where it is not named or there is none."""
        if self.exchange is not None:
            return self.exchange.group
        return None if self.hello is None or self.hello.version < TLS13 else self.hello.group

    @property
    def dh_bits(self) -> int | None:
        """The length of the prime of a finite-field key exchange in TLS 1.2 and below."""
        return None if self.exchange is None else self.exchange.dh_bits

    @property
    def public(self) -> bytes:
        """The server's ephemeral public value; empty where none was seen."""
        if self.exchange is not None:
            return self.exchange.public
        return (self.hello.key_share or b"") if self.hello is not None else b""

    def echoed(self, kind: int) -> bytes | None:
        """The body of an extension of ServerHello or EncryptedExtensions; None where it is not there."""
        found = extension(self.hello.extensions, kind) if self.hello is not None else None
        return extension(self.encrypted, kind) if found is None and self.encrypted is not None else found

    @property
    def words(self) -> str:
        """How it ended, for people; nothing in it is the server's text."""
        if self.kind == "refused" and self.alert is not None:
            return f"alert {ALERTS.get(self.alert, self.alert)}"
        return self.kind if self.kind != "unclear" else f"{self.code}: {self.detail}"


def answers(observations: Mapping[str, Observation[HelloExchange]]) -> tuple[Answer, ...]:
    """All exchanges with one service address, by question, in the order in which they were answered."""
    certificates = _certificates(observations.values())
    found = [answer_to(question, observation, certificates) for question, observation in observations.items()]
    return tuple(sorted(found, key=lambda answer: (answer.time, answer.question)))


def answer_of(question: str, time: datetime, handshake: Handshake) -> Answer:
    """A complete handshake by the TLS library, read as the answer to its hello."""
    sent, received = _messages(handshake.sent), _messages(handshake.received)
    offered = parse_client_hello(sent[0]) if sent else None
    read = _read(received, offered, {}, "")
    if read.hello is None:
        kind = "refused" if handshake.ended == "alert" and handshake.alert in REFUSALS else "unclear"
        return Answer(question, time, kind, offered, "TLS_UNREADABLE", handshake.ended, handshake.alert)
    completed = handshake.ended == "completed"
    return Answer(
        question,
        time,
        "chosen",
        offered,
        hello=read.hello,
        exchange=read.exchange,
        scheme=read.scheme,
        chain=handshake.chain or read.chain,
        proven=True if completed else read.proven,
        completed=completed,
    )


def _certificates(observations: Iterable[Observation[HelloExchange]]) -> dict[str, bytes]:
    """Every Certificate message by its digest: it is kept once for a service address."""
    found: dict[str, bytes] = {}
    for observation in observations:
        for message in observation.value.received if observation.value is not None else ():
            if message[:1] == bytes((MessageType.CERTIFICATE,)):
                found[hashlib.sha256(message).hexdigest()] = message
    return found


def answer_to(question: str, observation: Observation[HelloExchange], certificates: Mapping[str, bytes]) -> Answer:
    """One exchange. `certificates` are Certificate messages by digest, for exchanges that leave theirs out."""
    exchange, time = observation.value, observation.time
    if exchange is None:
        assert observation.failure is not None
        code = FAILURE_CODES[observation.failure.reason]
        return Answer(question, time, "unclear", None, code, observation.failure.detail)
    if exchange.state != "hello":
        return Answer(question, time, "unclear", None, "STARTTLS_UNSEEN", f"{exchange.state}: {exchange.ended}")
    if exchange.protocol == "sslv2":
        return _sslv2(question, time, exchange)
    offered = parse_client_hello(exchange.sent[0]) if exchange.sent else None
    read = _read(exchange.received, offered, certificates, exchange.certificate, exchange.sent)
    alert = exchange.alert[1] if exchange.alert is not None else None
    if read.hello is not None and offered is not None and (strange := _not_offered(read.hello, offered)):
        return Answer(question, time, "unclear", offered, "TLS_UNREADABLE", strange, alert)
    if (exchange.ended == "answered" or exchange.completed) and read.hello is not None:
        return Answer(
            question,
            time,
            "chosen",
            offered,
            alert=alert,
            hello=read.hello,
            exchange=read.exchange,
            scheme=read.scheme,
            chain=read.chain,
            proven=read.proven,
            encrypted=read.encrypted,
            staple=read.staple,
            tickets=read.tickets,
            completed=exchange.completed,
            heard_out=exchange.completed and exchange.ended == "answered" and not exchange.detail,
        )
    kind, code = _unanswered(exchange, read.hello is not None)
    return Answer(question, time, kind, offered, code, exchange.detail or exchange.ended, alert, hello=None)


def _not_offered(hello: ServerHello, offered: ClientHello) -> str:
    """What no client would take (RFC 5246 section 7.4.1.3): it is no choice, and no refusal either. Empty: nothing."""
    newest = max(offered.versions) if offered.versions else offered.version
    if hello.version_name is None or hello.version > newest:
        return "a version that was not offered was chosen"
    if offered.versions is not None and hello.version >= TLS13 and hello.version not in offered.versions:
        return "a version that was not offered was chosen"
    return "" if hello.suite in offered.suites else "a cipher suite that was not offered was chosen"


def _unanswered(exchange: HelloExchange, began: bool) -> tuple[str, str]:
    """Kind and code of an exchange without a complete answer; `began`: a ServerHello had come."""
    alert = exchange.alert[1] if exchange.alert is not None else None
    if began:  # it broke in the middle: neither a choice nor a refusal
        return "unclear", "TLS_UNREADABLE"
    if exchange.ended == "alert" and alert in REFUSALS:
        return "refused", ""
    if exchange.ended in _CLOSES or (exchange.ended == "alert" and alert == _CLOSE_NOTIFY):
        return "closed", ""
    if exchange.ended == "silent":
        return "unclear", "SERVICE_TIMEOUT"
    return "unclear", "TLS_ALERT" if exchange.ended == "alert" else "TLS_UNREADABLE"


def _sslv2(question: str, time: datetime, exchange: HelloExchange) -> Answer:
    hello = sslv2.parse_server_hello(exchange.received[0]) if exchange.received else None
    if hello is not None:
        chain = (hello.certificate,) if hello.certificate else ()
        return Answer(question, time, "chosen", None, chain=chain, sslv2_suites=hello.suites)
    alert = exchange.alert[1] if exchange.alert is not None else None
    if exchange.ended == "silent":
        return Answer(question, time, "unclear", None, "SERVICE_TIMEOUT", exchange.detail, alert)
    received = b"".join(exchange.received)
    if exchange.ended in _CLOSES and not received:
        return Answer(question, time, "closed", None, "", exchange.detail or exchange.ended)
    if sslv2.complete(received) is not None:  # it begins as an answer in SSLv2 does
        return Answer(question, time, "unclear", None, "TLS_UNREADABLE", exchange.detail or exchange.ended, alert)
    # Whoever does not know SSLv2 cannot answer in it: any alert and any other octets refuse it.
    return Answer(question, time, "refused", None, "", exchange.detail or exchange.ended, alert)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the server's messages hold."""

    hello: ServerHello | None = None
    exchange: KeyExchange | None = None
    scheme: int | None = None
    chain: tuple[bytes, ...] = ()
    proven: bool | None = None
    encrypted: Extensions | None = None
    staple: bytes | None = None
    tickets: tuple[Ticket, ...] = ()


def _read(
    received: Sequence[bytes],
    offered: ClientHello | None,
    certificates: Mapping[str, bytes],
    left_out: str,
    sent: Sequence[bytes] = (),
) -> _Read:
    hellos = [found for m in received if m[0] == MessageType.SERVER_HELLO and (found := parse_server_hello(m[4:]))]
    if not hellos:
        return _Read()
    hello = hellos[-1]
    certificate = _first(received, MessageType.CERTIFICATE) or certificates.get(left_out)
    chain = (parse_certificate(certificate[4:], hello.version) or ()) if certificate is not None else ()
    if hello.version >= TLS13:
        return _read_tls13(hello, received, certificate, chain, sent)
    body = _first(received, MessageType.SERVER_KEY_EXCHANGE)
    exchange = None if body is None else parse_key_exchange(body[4:], hello.suite, hello.version)
    proven = None
    if exchange is not None and exchange.signature and chain and offered is not None:
        signed = key_exchange_signed(offered.random, hello.random, exchange)
        proven = signed_by(chain[0], hello.version, exchange.scheme, signed, exchange.signature)
    status = _first(received, MessageType.CERTIFICATE_STATUS)
    staple = None if status is None else parse_status(status[4:])
    scheme = exchange.scheme if exchange is not None else None
    return _Read(hello, exchange, scheme, chain, proven, None, staple)


def _read_tls13(
    hello: ServerHello,
    received: Sequence[bytes],
    certificate: bytes | None,
    chain: tuple[bytes, ...],
    sent: Sequence[bytes],
) -> _Read:
    extensions = _first(received, MessageType.ENCRYPTED_EXTENSIONS)
    verify = _first(received, MessageType.CERTIFICATE_VERIFY)
    signature = parse_certificate_verify(verify[4:]) if verify is not None else None
    proven = None
    if signature is not None and chain and hello.suite in SUITE_KEYS and certificate is not None:
        transcript = _transcript(hello, received, certificate, sent)
        if transcript is not None:
            signed = certificate_verify_signed(transcript)
            proven = signed_by(chain[0], hello.version, signature[0], signed, signature[1])
    entries = certificate_entries(certificate[4:], hello.version) if certificate is not None else None
    status = extension(entries[0][1], Extension.STATUS_REQUEST) if entries else None
    found = [parse_ticket(m[4:], hello.version) for m in received if m[0] == MessageType.NEW_SESSION_TICKET]
    return _Read(
        hello,
        None,
        signature[0] if signature is not None else None,
        chain,
        proven,
        None if extensions is None else parse_encrypted_extensions(extensions[4:]),
        None if status is None else parse_status(status),
        tuple(ticket for ticket in found if ticket is not None),
    )


def _transcript(
    hello: ServerHello, received: Sequence[bytes], certificate: bytes, sent: Sequence[bytes]
) -> bytes | None:
    """The transcript hash up to Certificate (RFC 8446 section 4.4.1); the message may have been left out here."""
    schedule = KeySchedule(hello.suite)
    if len(sent) not in (1, 2):
        return None
    transcript = sent[0]
    before = [m for m in received if m[0] not in (MessageType.CERTIFICATE, MessageType.CERTIFICATE_VERIFY)]
    if len(sent) == 2:
        digest = schedule.digest(sent[0])
        transcript = bytes((254, 0, 0, len(digest))) + digest + before.pop(0) + sent[1]
    for message in before:
        if message[0] in (MessageType.FINISHED, MessageType.NEW_SESSION_TICKET):
            break
        transcript += message
    return schedule.digest(transcript + certificate)


def _first(received: Sequence[bytes], kind: MessageType) -> bytes | None:
    return next((message for message in received if message[0] == kind), None)


def _messages(records: bytes) -> tuple[bytes, ...]:
    """The complete handshake messages in the records up to the first that is no handshake."""
    data = b""
    for kind, fragment, _ in Records().feed(records):
        if kind != HANDSHAKE:
            break
        data += fragment
    found: list[bytes] = []
    while len(data) >= 4 and len(data) >= (size := 4 + int.from_bytes(data[1:4], "big")):
        found.append(data[:size])
        data = data[size:]
    return tuple(found)


def version_name(code: int) -> str:
    """The name of a version by its number on the wire."""
    return VERSIONS.get(code, f"0x{code:04X}")
