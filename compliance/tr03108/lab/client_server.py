"""What the lab's servers for mail clients have in common: a conversation, TLS before or within it, and named faults.

Nobody can log in. What an auditor must never send to an audited server (a name or a password, mail, a script) is
answered and recorded as a violation, so that tests can hold the auditor to it.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from OpenSSL import SSL

from tr03108.lab.service import PATIENCE, Service, reset, until_client_leaves
from tr03108.lab.tls import PlainStream, Stream, TlsEnd, TlsStream
from tr03108.lab.tls_hellos import Hellos, HelloStream

MAX_LINE = 1000
MAX_COMMANDS = 50
FATAL_HANDSHAKE_FAILURE = bytes((21, 3, 3, 0, 2, 2, 40))  # TLS record: alert, fatal, handshake_failure
ENDLESS_PAUSE = 0.01  # seconds between the lines of what does not end
BOMB = 2**32 - 1  # octets that a literal bomb announces
_CANCEL = "*"  # what ends an exchange of SASL (RFC 4422 section 3)


class ClientFault(StrEnum):
    """How a server misbehaves. A `-first` fault shows on its first connections only (see ClientBehaviour.first)."""

    REFUSED = "refused"  # nothing listens
    RESET_ON_CONNECT = "reset-on-connect"
    # with TLS from the start:
    SILENT = "silent"  # no handshake
    CLEARTEXT = "cleartext"  # greets and talks in the clear, as its upgraded sister does
    ALERT = "alert"  # a fatal one, to every hello
    CLOSE = "close"  # at the first hello
    # inside TLS where that is from the start, else in the clear:
    GREETING_SILENT = "greeting-silent"
    GREETING_ENDLESS = "greeting-endless"
    GREETING_GARBAGE = "greeting-garbage"
    GREETING_BYE = "greeting-bye"  # this client is not served now
    GREETING_BYE_FIRST = "greeting-bye-first"
    GREETING_BYE_FOR_GOOD = "greeting-bye-for-good"
    PREAUTH = "preauth"  # IMAP: greets as if somebody had logged in
    CAPABILITIES_UNKNOWN = "capabilities-unknown"
    CAPABILITIES_CLOSE = "capabilities-close"
    LITERAL_BOMB = "literal-bomb"  # IMAP, ManageSieve: capabilities with a literal of 4 GiB
    NO_STARTTLS = "no-starttls"
    NO_STARTTLS_FIRST = "no-starttls-first"
    STARTTLS_REFUSED = "starttls-refused"
    STARTTLS_LATER = "starttls-later"
    STARTTLS_SILENT = "starttls-silent"
    STARTTLS_GARBAGE = "starttls-garbage"
    STARTTLS_CLOSE = "starttls-close"
    STARTTLS_ALERT = "starttls-alert"
    DROP_AFTER_TLS = "drop-after-tls"
    LOGIN_ANNOUNCED = "login-announced"  # in the clear: IMAP without LOGINDISABLED, POP3 with USER
    AUTH_ANNOUNCED = "auth-announced"  # in the clear: mechanisms, which are then refused
    AUTH_CHALLENGED = "auth-challenged"  # in the clear: not announced, but AUTH PLAIN brings a challenge
    USER_ACCEPTED = "user-accepted"  # POP3 in the clear: USER asks for the password
    INJECTION_ANSWERED = "injection-answered"  # what came behind STARTTLS in the clear is answered inside TLS


_ON_FIRST = {
    ClientFault.GREETING_BYE_FIRST: ClientFault.GREETING_BYE,
    ClientFault.NO_STARTTLS_FIRST: ClientFault.NO_STARTTLS,
}


@dataclass(frozen=True, slots=True)
class ClientBehaviour:
    """How one server talks. `first`: on how many connections a `-first` fault shows."""

    host: str
    fault: ClientFault | None = None
    first: int = 1
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")


@dataclass(slots=True)
class ClientRecord:
    """What one client said. `injected` came in the clear behind STARTTLS, before its reply."""

    commands: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    injected: list[str] = field(default_factory=list)
    tls: bool = False
    server_name: str | None = None
    left: str = "closed"  # or "quit"


class ClientServer(Service):
    """One service address. `implicit`: TLS from the first octet on. `context` is what it presents, by OpenSSL or by
    script; None where it never comes to that."""

    conversation: type[Conversation]

    def __init__(
        self,
        behaviour: ClientBehaviour,
        context: SSL.Context | Hellos | None,
        implicit: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(patience)
        self.behaviour = behaviour
        self.context = context
        self.implicit = implicit
        self.records: list[ClientRecord] = []

    @property
    def violations(self) -> tuple[str, ...]:
        return tuple(text for record in self.records for text in record.violations)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.records.append(ClientRecord())
        await self.conversation(self, self.records[-1], reader, writer).run()

    def fault(self, connection: int) -> ClientFault | None:
        """The fault as it shows on the `connection`th connection."""
        fault = self.behaviour.fault
        if fault in _ON_FIRST:
            return _ON_FIRST[fault] if connection <= self.behaviour.first else None
        return fault


class Conversation(ABC):
    """One connection. A protocol says its own lines; the order of things and the common faults are here."""

    starttls_replies: ClassVar[Mapping[str, str]]  # "go", "no" and "later"

    def __init__(
        self,
        server: ClientServer,
        record: ClientRecord,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.behaviour = server.behaviour
        self.record = record
        self.fault = server.fault(len(server.records))
        self._server = server
        self._reader = reader
        self._writer = writer
        self._plain = PlainStream(reader, writer)
        self._stream: Stream = self._plain
        self._channel: TlsEnd | None = None
        self._buffer = b""

    @property
    def clear(self) -> bool:
        return not self.record.tls

    @property
    def offers_starttls(self) -> bool:
        return self.clear and self.fault is not ClientFault.NO_STARTTLS

    @property
    def announced(self) -> tuple[str, ...]:
        """The mechanisms named now: in the clear none, unless that is the fault."""
        return self.behaviour.mechanisms if not self.clear or self.fault is ClientFault.AUTH_ANNOUNCED else ()

    @property
    def login_announced(self) -> bool:
        """Whether a command with a password without SASL is announced now."""
        return not self.clear or self.fault in (ClientFault.LOGIN_ANNOUNCED, ClientFault.USER_ACCEPTED)

    async def run(self) -> None:
        if self.fault is ClientFault.RESET_ON_CONNECT:
            reset(self._writer)
            return
        if self._server.implicit and not await self._open():
            return
        if await self._greet():
            for _ in range(MAX_COMMANDS):
                line = await self.readline()
                if line is None:
                    break
                self.record.commands.append(line)
                if not await self.obey(line):
                    break
        if self._channel is not None:
            await self._channel.close()

    @abstractmethod
    def greeting(self) -> tuple[str, ...]: ...

    @abstractmethod
    def bye(self, for_good: bool) -> str:
        """The greeting of a server that does not serve this client."""

    @abstractmethod
    def endless(self) -> str:
        """A line that leaves a greeting, or what takes its place, unfinished."""

    @abstractmethod
    async def obey(self, line: str) -> bool:
        """Answers one command; False when the connection is over."""

    def after_tls(self) -> tuple[str, ...]:
        """What the server says unasked when the connection has been upgraded."""
        return ()

    async def starttls(self, tag: str = "") -> bool:
        """Answers STARTTLS, with all that can go wrong; False when the connection is over."""
        self._note_injected()
        if not self.offers_starttls or self.fault is ClientFault.STARTTLS_REFUSED:
            await self.reply(tag + self.starttls_replies["no"])
            return True
        if self.fault is ClientFault.STARTTLS_LATER:
            await self.reply(tag + self.starttls_replies["later"])
            return True
        await self.reply(tag + self.starttls_replies["go"])
        match self.fault:
            case ClientFault.STARTTLS_SILENT:
                await until_client_leaves(self._reader)
                return False
            case ClientFault.STARTTLS_GARBAGE:
                await self._plain.write(b"this is not TLS\r\n")
                await until_client_leaves(self._reader)
                return False
            case ClientFault.STARTTLS_CLOSE:
                return False
            case ClientFault.STARTTLS_ALERT:
                await self._plain.read()
                await self._plain.write(FATAL_HANDSHAKE_FAILURE)
                return False
        if not await self._handshake():
            return False
        await self.reply(*self.after_tls())
        return True

    async def refuse_or_challenge(self, argument: str, challenge: str, refusal: str, cancelled: str) -> None:
        """Answers AUTH or AUTHENTICATE: nobody gets in, and nobody may give a name or a password."""
        mechanism, _, initial = argument.partition(" ")
        if initial or not self.clear or mechanism.strip('"').upper() != "PLAIN":
            self.record.violations.append(f"AUTH {argument}")
        if self.fault is not ClientFault.AUTH_CHALLENGED:
            await self.reply(refusal)
            return
        await self.reply(challenge)
        said = await self.readline()
        if said is None or said.strip('"') != _CANCEL:
            self.record.violations.append(f"credentials: {said}")
        self.record.commands.append(said or "")
        await self.reply(cancelled)

    async def reply(self, *lines: str) -> None:
        if lines:
            await self._stream.write("".join(f"{line}\r\n" for line in lines).encode("ascii"))

    async def readline(self) -> str | None:
        """The next command line without its end; None at the end of the stream or of our patience with its length."""
        while b"\n" not in self._buffer:
            data = b"" if len(self._buffer) > MAX_LINE else await self._stream.read()
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("ascii", "backslashreplace")  # a TLS hello, where that is not expected

    async def _greet(self) -> bool:
        match self.fault:
            case ClientFault.GREETING_SILENT:
                await until_client_leaves(self._reader)
            case ClientFault.GREETING_ENDLESS:
                while True:
                    await self._stream.write(self.endless().encode("ascii"))
                    await asyncio.sleep(ENDLESS_PAUSE)
            case ClientFault.GREETING_GARBAGE:
                await self.reply("SSH-2.0-OpenSSH_9.2")
                await until_client_leaves(self._reader)
            case ClientFault.GREETING_BYE | ClientFault.GREETING_BYE_FOR_GOOD:
                await self.reply(self.bye(self.fault is ClientFault.GREETING_BYE_FOR_GOOD))
            case _:
                await self.reply(*self.greeting())
                return True
        return False

    def _note_injected(self) -> None:
        """Nothing may follow STARTTLS before its reply; a right server forgets what does (RFC 3207 section 4)."""
        injected = self._buffer.decode("ascii", "replace").splitlines()
        self.record.injected += injected
        if len(injected) > 1:
            self.record.violations.append(f"more than one command behind STARTTLS: {injected[:3]}")
        if self.fault is not ClientFault.INJECTION_ANSWERED:
            self._buffer = b""

    async def _open(self) -> bool:
        """TLS before the first word; False when it does not come to that."""
        match self.fault:
            case ClientFault.SILENT:
                await until_client_leaves(self._reader)
                return False
            case ClientFault.ALERT:
                await self._plain.read()
                await self._plain.write(FATAL_HANDSHAKE_FAILURE)
                return False
            case ClientFault.CLOSE:
                await self._plain.read()
                return False
        return await self._handshake()

    async def _handshake(self) -> bool:
        context = self._server.context
        if context is None:
            return False
        channel = HelloStream(self._plain, context) if isinstance(context, Hellos) else TlsStream(self._plain, context)
        await channel.handshake()
        self.record.tls = True
        self.record.server_name = channel.server_name
        self._stream = self._channel = channel
        return self.fault is not ClientFault.DROP_AFTER_TLS
