"""One hello and the answer to it, sans-I/O: octets in, octets out, until the answer is complete.

With `complete` a TLS 1.3 handshake goes on to its end: a HelloRetryRequest is followed, the encrypted part read,
Finished sent, and after that `farewell`, so that tickets arrive before the connection ends. Without it, and always in
TLS 1.2 and below, the answer ends with ServerHelloDone, HelloRetryRequest or ServerHello: enough to see what was
chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .client_hello import ClientHello, in_records
from .key_schedule import SUITE_KEYS, KeySchedule, Protection
from .key_share import SHAREABLE, KeyShare, key_share
from .names import Extension
from .records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Records
from .server_messages import TLS13, MessageType, ServerHello, parse_server_hello

# Octets of an answer, headers included: as records of one octet each, which are legal, 43,000 octets of messages.
# Long chains have about 10 KiB.
MAXIMUM_ANSWER = 262144
MAXIMUM_MESSAGES = 64  # of a flight with its tickets; the longest has about ten
_MESSAGE_HASH = 254
_WARNING, _FATAL = 1, 2
_CLOSE, _USER_CANCELED = 0, 90
_CLOSE_NOTIFY = bytes((_WARNING, _CLOSE))
_WARNING_RECORD = bytes((ALERT, 3, 3, 0, 2)) + _CLOSE_NOTIFY
_CHANGE_CIPHER_SPEC_RECORD = bytes((CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1))

MakeShare = Callable[[int], KeyShare]


class Conversation:
    """`start` gives the first octets to send, `feed` takes what arrives and gives what to answer, until `done`.

    `sent` and `received` are the handshake messages in clear, in order. `ended` is "answered", "alert" or "garbage"
    once the server has said so, and "answered" whatever breaks after both Finished. `error` says what is wrong. `alert`
    is level and number. `completed`: the server's Finished was right, ours sent.
    """

    def __init__(
        self,
        hello: ClientHello,
        shares: Sequence[int] = (),
        *,
        complete: bool = False,
        farewell: bytes = b"",
        make_share: MakeShare = key_share,
    ) -> None:
        """`shares` are groups for which the hello brings a key (those of `SHAREABLE`)."""
        self._make_share = make_share
        self._shares = {group: make_share(group) for group in shares}
        if self._shares:
            hello = replace(hello, key_shares=tuple((group, share.public) for group, share in self._shares.items()))
        self._hello = hello
        self._complete = complete
        self._farewell = farewell
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self.alert: tuple[int, int] | None = None
        self.ended: str | None = None
        self.error: str | None = None
        self.completed = False
        self.heard = False  # any octet came
        self._records = Records()
        self._octets = 0
        self._pending = bytearray()
        self._server_hello: ServerHello | None = None
        self._transcript = b""
        self._schedule: KeySchedule | None = None
        self._secrets: tuple[bytes, bytes] = (b"", b"")
        self._reading: Protection | None = None
        self._writing: Protection | None = None
        self._certificate_requested = False
        self._talking = False  # the handshake is over, the farewell sent

    @property
    def done(self) -> bool:
        return self.ended is not None

    def start(self) -> bytes:
        """The hello in its record."""
        message = self._hello.encode()
        self.sent.append(message)
        self._transcript = message
        return in_records(message, min(self._hello.version, 0x0301))

    def close(self) -> bytes:
        """What to send before closing: close_notify, protected where keys are there."""
        return self._writing.seal(ALERT, _CLOSE_NOTIFY) if self._writing is not None else _WARNING_RECORD

    def feed(self, data: bytes) -> bytes:
        """Takes octets of the server; what is returned is to be sent."""
        out = b""
        self.heard = self.heard or bool(data)
        if self.done:
            return out
        data = data[: MAXIMUM_ANSWER + 1 - self._octets]
        self._octets += len(data)
        for kind, fragment, header in self._records.feed(data):
            out += self._record(kind, fragment, header)
            if self.done:
                return out
        if not self._records.could_be_tls:
            self._end("garbage", "no TLS record")
        elif self._octets > MAXIMUM_ANSWER:
            self._end("garbage", "the answer has no end")
        return out

    def end_of_stream(self) -> None:
        """The server closed: after a completed handshake that is an end like any other."""
        if not self.done and self._talking:
            self._end("answered", "closed without a reply")

    # Records

    def _record(self, kind: int, fragment: bytes, header: bytes) -> bytes:
        if kind == APPLICATION_DATA and self._reading is not None:
            opened = self._reading.open(header, fragment)
            if opened is None:
                self._end("garbage", "a record does not authenticate")
                return b""
            kind, fragment = opened
        elif kind == HANDSHAKE and self._reading is not None:
            self._end("garbage", "a message in clear where it must be encrypted")
            return b""
        elif kind == CHANGE_CIPHER_SPEC and self._tls13:
            return b""  # middlebox compatibility (RFC 8446 appendix D.4)
        if kind == ALERT:
            self._take_alert(fragment)
            return b""
        if kind == APPLICATION_DATA and self._talking:
            self._end("answered")  # the reply to the farewell: tickets came before it
            return b""
        if kind != HANDSHAKE:
            self._end("garbage", f"a record of type {kind} in the handshake")
            return b""
        self._pending += fragment
        out = b""
        while not self.done and len(self._pending) >= 4:
            size = 4 + int.from_bytes(self._pending[1:4], "big")
            if size > MAXIMUM_ANSWER or len(self.received) >= MAXIMUM_MESSAGES:
                self._end("garbage", "the answer has no end")
            if self.done or len(self._pending) < size:
                break
            message = bytes(self._pending[:size])
            del self._pending[:size]
            reading = self._reading
            out += self._message(message)
            if self._pending and self._reading is not reading and not self.done:
                self._end("garbage", "a message goes on over a change of keys")  # RFC 8446 section 5.1
        return out

    @property
    def _tls13(self) -> bool:
        return self._server_hello is not None and self._server_hello.version >= TLS13

    def _take_alert(self, fragment: bytes) -> None:
        if len(fragment) != 2 or fragment[0] not in (_WARNING, _FATAL):
            self._end("garbage", "a broken alert")
            return
        level, number = fragment
        # close_notify ends the connection whatever its level, and in TLS 1.3 every alert but one (RFC 8446 section 6).
        ends = level == _FATAL or number == _CLOSE or (self._tls13 and number != _USER_CANCELED)
        if ends or self.alert is None:
            self.alert = (level, number)
        if ends:
            self._end("alert")

    def _end(self, how: str, error: str | None = None) -> None:
        if self.ended is None:
            # What breaks after both Finished undoes nothing: the answer is complete.
            self.ended, self.error = "answered" if self._talking else how, error

    # Messages

    def _message(self, message: bytes) -> bytes:
        kind, body = message[0], message[4:]
        if kind == MessageType.HELLO_REQUEST and not body and not self._tls13:
            return b""  # to be ignored while hands are shaken (RFC 5246 section 7.4.1.1)
        self.received.append(message)
        if self._server_hello is None or (self._server_hello.retry and self._schedule is None):
            return self._first(kind, message, body)
        if self._server_hello.version < TLS13:
            return self._clear(kind)
        return self._protected(kind, message, body)

    def _first(self, kind: int, message: bytes, body: bytes) -> bytes:
        hello = parse_server_hello(body) if kind == MessageType.SERVER_HELLO else None
        if hello is None:
            self._end("garbage", "no ServerHello first")
            return b""
        if self._server_hello is not None and hello.retry:
            self._end("garbage", "a second HelloRetryRequest")
            return b""
        before, self._server_hello = self._server_hello, hello
        if before is not None and (before.version, before.suite) != (hello.version, hello.suite):
            self._end("garbage", "a ServerHello that contradicts the HelloRetryRequest")  # RFC 8446 section 4.1.4
            return b""
        if hello.version < TLS13:
            return b""
        if not self._complete or hello.suite not in SUITE_KEYS:
            self._end("answered")
            return b""
        return self._retry(hello, message) if hello.retry else self._keys(hello, message)

    def _clear(self, kind: int) -> bytes:
        """The rest of a flight of TLS 1.2 and below."""
        if kind == MessageType.SERVER_HELLO_DONE:
            self._end("answered")
        elif kind == MessageType.SERVER_HELLO:
            self._end("garbage", "a second ServerHello")
        return b""

    def _retry(self, hello: ServerHello, message: bytes) -> bytes:
        group = hello.group
        cookie = hello.extension(Extension.COOKIE)
        if group is not None and group not in SHAREABLE:
            self._end("answered")  # a group that no key of ours fits: the choice is seen, no more
            return b""
        if group is not None:
            self._shares = {group: self._make_share(group)}
        second = replace(
            self._hello,
            key_shares=tuple((number, share.public) for number, share in self._shares.items()),
            extras=self._hello.extras + (((Extension.COOKIE, cookie),) if cookie is not None else ()),
        ).encode()
        self.sent.append(second)
        digest = KeySchedule(hello.suite).digest(self._transcript)
        self._transcript = bytes((_MESSAGE_HASH, 0, 0, len(digest))) + digest + message + second
        return _CHANGE_CIPHER_SPEC_RECORD + in_records(second, 0x0303)

    def _keys(self, hello: ServerHello, message: bytes) -> bytes:
        share = self._shares.get(hello.group) if hello.group is not None else None
        if share is None or hello.key_share is None:
            self._end("answered")
            return b""
        self._transcript += message
        self._schedule = KeySchedule(hello.suite)
        try:
            self._secrets = self._schedule.handshake(share.shared(hello.key_share), self._transcript)
        except ValueError:
            self._end("garbage", "the server's key share is none")
            return b""
        self._reading = Protection(self._schedule.keys, self._secrets[1])
        return b""

    def _protected(self, kind: int, message: bytes, body: bytes) -> bytes:
        """The encrypted part of TLS 1.3."""
        assert self._schedule is not None
        if self._talking:
            return b""  # tickets; after a KeyUpdate no record would authenticate
        if kind == MessageType.CERTIFICATE_REQUEST:
            self._certificate_requested = True
        if kind != MessageType.FINISHED:
            self._transcript += message
            return b""
        if body != self._schedule.finished(self._secrets[1], self._transcript):
            self._end("garbage", "the server's Finished is wrong")
            return b""
        self._transcript += message
        return self._finish(self._schedule)

    def _finish(self, schedule: KeySchedule) -> bytes:
        writing = Protection(schedule.keys, self._secrets[0])
        client, server = schedule.application(self._transcript)
        flight = b""
        if self._certificate_requested:
            flight = bytes((MessageType.CERTIFICATE, 0, 0, 4)) + bytes(4)  # we have none
        self._transcript += flight
        verify = schedule.finished(self._secrets[0], self._transcript)
        flight += bytes((MessageType.FINISHED,)) + len(verify).to_bytes(3, "big") + verify
        out = _CHANGE_CIPHER_SPEC_RECORD + writing.seal(HANDSHAKE, flight)
        self._reading, self._writing = Protection(schedule.keys, server), Protection(schedule.keys, client)
        self.completed = True
        self._talking = True
        if not self._farewell:
            self._end("answered")
            return out
        return out + self._writing.seal(APPLICATION_DATA, self._farewell)
