"""An SMTP server with STARTTLS (RFC 5321, 3207) that can misbehave in one named way at a time.

It takes no mail. What a client must never send to an audited server (DATA, AUTH, a sender address; RCPT, except where
reports go to) is answered and recorded as a violation, so that tests can hold the auditor to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from OpenSSL import SSL

from tr03108.lab.service import PATIENCE, RefusedPort, Service, reset, until_client_leaves
from tr03108.lab.tls import PlainStream, Stream, TlsEnd, TlsStream
from tr03108.lab.tls_hellos import Hellos, HelloStream

MAX_LINE = 1000  # RFC 5321 section 4.5.3.1.6, with CRLF
MAX_COMMANDS = 50
FATAL_HANDSHAKE_FAILURE = bytes((21, 3, 3, 0, 2, 2, 40))  # TLS record: alert, fatal, handshake_failure
ENDLESS_PAUSE = 0.01  # seconds between the lines of an endless greeting


class SmtpFault(StrEnum):
    """How a server misbehaves. `-first` faults show on its first connections only (see SmtpBehaviour.first)."""

    REFUSED = "refused"  # nothing listens
    RESET_ON_CONNECT = "reset-on-connect"
    GREETING_421 = "greeting-421"
    GREETING_421_FIRST = "greeting-421-first"
    GREETING_450 = "greeting-450"
    GREETING_554 = "greeting-554"
    GREETING_SILENT = "greeting-silent"
    GREETING_ENDLESS = "greeting-endless"
    CLOSE_BEFORE_EHLO_REPLY = "close-before-ehlo-reply"
    EHLO_502 = "ehlo-502"
    EHLO_550 = "ehlo-550"  # the client is rejected, not the command
    EHLO_421 = "ehlo-421"
    NO_STARTTLS = "no-starttls"
    NO_STARTTLS_FIRST = "no-starttls-first"
    STARTTLS_454 = "starttls-454"
    STARTTLS_502 = "starttls-502"
    STARTTLS_SILENT = "starttls-silent"
    STARTTLS_GARBAGE = "starttls-garbage"
    STARTTLS_CLOSE = "starttls-close"
    STARTTLS_ALERT = "starttls-alert"
    STARTTLS_INJECTED = "starttls-injected"  # a plaintext reply of nobody's command after the 220, then TLS
    DROP_AFTER_TLS = "drop-after-tls"


PLAINTEXT_REPLIES: Mapping[str, str] = {
    "refused": "530 5.7.0 Must issue a STARTTLS command first",
    "accepted": "250 2.1.0 Ok",
    "deferred": "450 4.7.1 Try again later",
    "closed": "",  # the connection ends without a reply
}


_TAKEN = "250 2.1.5 Ok"

# The answers to RCPT for any mailbox, and for the postmaster. A server without any wants no RCPT.
MAILBOX_REPLIES: Mapping[str, tuple[str, str]] = {
    "accepted": (_TAKEN, _TAKEN),
    "unknown": ("550 5.1.1 There is no such mailbox", _TAKEN),
    "unknown-terse": ("550 No such user", _TAKEN),  # only with the postmaster it is clear that we are not meant
    "blocked": ("554 5.7.1 Your address is blocked", _TAKEN),  # for all but the postmaster
    "denied": ("554 5.7.1 Access denied", "554 5.7.1 Access denied"),
    "deferred": ("450 4.2.0 Greylisted", "450 4.2.0 Greylisted"),
    "wants-tls": ("530 5.7.0 Must issue a STARTTLS command first", _TAKEN),
}


@dataclass(frozen=True, slots=True)
class SmtpBehaviour:
    """How one server talks. `plaintext` names the answer to MAIL before TLS (a key of PLAINTEXT_REPLIES), `mailbox`
    that to RCPT ("" or a key of MAILBOX_REPLIES); `first` is on how many connections a `-first` fault shows; `banner`
    holds extra lines of the greeting."""

    host: str
    fault: SmtpFault | None = None
    plaintext: str = "refused"
    first: int = 1
    banner: tuple[str, ...] = ()
    mailbox: str = ""


@dataclass(slots=True)
class SmtpRecord:
    """What one client said. `tls` and `server_name` are of the handshake, if one was completed."""

    commands: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    tls: bool = False
    server_name: str | None = None
    left: str = "closed"  # or "quit"


class SmtpServer(Service):
    """One service address. `context` is what it presents after STARTTLS, by OpenSSL or by script; None where it never
    comes to that."""

    def __init__(
        self, behaviour: SmtpBehaviour, context: SSL.Context | Hellos | None, patience: float = PATIENCE
    ) -> None:
        super().__init__(patience)
        self.behaviour = behaviour
        self.context = context
        self.records: list[SmtpRecord] = []

    @property
    def violations(self) -> tuple[str, ...]:
        return tuple(text for record in self.records for text in record.violations)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        record = SmtpRecord()
        self.records.append(record)
        await _Session(self, record, self._fault(len(self.records)), reader, writer).run()

    def _fault(self, connection: int) -> SmtpFault | None:
        fault = self.behaviour.fault
        passing = fault in (SmtpFault.GREETING_421_FIRST, SmtpFault.NO_STARTTLS_FIRST)
        return None if passing and connection > self.behaviour.first else fault


class _Session:
    def __init__(
        self,
        server: SmtpServer,
        record: SmtpRecord,
        fault: SmtpFault | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._server = server
        self._behaviour = server.behaviour
        self._record = record
        self._fault = fault
        self._reader = reader
        self._writer = writer
        self._plain = PlainStream(reader, writer)
        self._stream: Stream = self._plain
        self._channel: TlsEnd | None = None
        self._buffer = b""
        self._greeted = False  # EHLO or HELO was accepted on this channel

    async def run(self) -> None:
        if not await self._greet():
            return
        for _ in range(MAX_COMMANDS):
            line = await self._readline()
            if line is None:
                break
            self._record.commands.append(line)
            if not await self._obey(line):
                break
        else:
            await self._reply("421 4.7.0 Too many commands")
        if self._channel is not None:
            await self._channel.close()

    async def _greet(self) -> bool:
        host = self._behaviour.host
        match self._fault:
            case SmtpFault.RESET_ON_CONNECT:
                reset(self._writer)
            case SmtpFault.GREETING_421 | SmtpFault.GREETING_421_FIRST:
                await self._reply(f"421 4.3.2 {host} Service not available, closing transmission channel")
            case SmtpFault.GREETING_450:
                await self._reply(f"450 4.3.2 {host} System not accepting network messages")
            case SmtpFault.GREETING_554:
                await self._reply(f"554 5.7.1 {host} No SMTP service for you")
            case SmtpFault.GREETING_SILENT:
                await until_client_leaves(self._reader)
            case SmtpFault.GREETING_ENDLESS:
                while True:
                    await self._reply(f"220-{host} please hold the line")
                    await asyncio.sleep(ENDLESS_PAUSE)
            case _:
                for text in self._behaviour.banner:
                    await self._reply(f"220-{text}")
                await self._reply(f"220 {host} ESMTP lab")
                return True
        return False

    async def _obey(self, line: str) -> bool:
        """Answers one command; False when the connection is over."""
        verb, _, argument = line.partition(" ")
        match verb.upper():
            case "EHLO":
                return await self._ehlo()
            case "HELO":
                self._greeted = True
                await self._reply(f"250 {self._behaviour.host}")
            case "STARTTLS" if not self._record.tls:
                return await self._starttls()
            case "MAIL":
                return await self._mail(argument)
            case "RSET" | "NOOP":
                await self._reply("250 2.0.0 Ok")
            case "QUIT":
                self._record.left = "quit"
                await self._reply("221 2.0.0 Bye")
                return False
            case "AUTH" if argument.upper() == "PLAIN":  # no initial response: nothing is given away
                await self._reply("503 5.5.1 AUTH not available")
            case "RCPT" if self._behaviour.mailbox:
                await self._rcpt(argument)
            case "RCPT" | "DATA" | "BDAT" | "AUTH" | "VRFY" | "EXPN" | "ETRN" | "TURN":
                self._record.violations.append(line)
                await self._reply("503 5.5.1 The lab takes no mail")
            case _:
                await self._reply("500 5.5.2 Command unrecognized")
        return True

    async def _ehlo(self) -> bool:
        match self._fault:
            case SmtpFault.CLOSE_BEFORE_EHLO_REPLY:
                return False
            case SmtpFault.EHLO_502:
                await self._reply("502 5.5.1 Command not implemented")
                return True
            case SmtpFault.EHLO_550:
                await self._reply("550 5.7.1 Access denied, your address is on a list")
                return True
            case SmtpFault.EHLO_421:
                await self._reply(f"421 4.3.2 {self._behaviour.host} Service not available")
                return False
        self._greeted = True
        keywords = ["PIPELINING", "SIZE 10485760", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if not self._record.tls and self._fault not in (SmtpFault.NO_STARTTLS, SmtpFault.NO_STARTTLS_FIRST):
            keywords.insert(2, "STARTTLS")
        lines = [self._behaviour.host, *keywords]
        await self._reply(*(f"250-{text}" for text in lines[:-1]), f"250 {lines[-1]}")
        return True

    async def _mail(self, argument: str) -> bool:
        if argument.upper().replace(" ", "") != "FROM:<>":
            self._record.violations.append(f"MAIL {argument}")
        if not self._greeted:
            await self._reply("503 5.5.1 Say EHLO first")
            return True
        reply = PLAINTEXT_REPLIES["accepted" if self._record.tls else self._behaviour.plaintext]
        if reply:
            await self._reply(reply)
        return bool(reply)

    async def _rcpt(self, argument: str) -> None:
        wants_tls = self._behaviour.mailbox == "wants-tls" and self._record.tls
        mailbox, postmaster = MAILBOX_REPLIES["accepted" if wants_tls else self._behaviour.mailbox]
        await self._reply(postmaster if argument.upper().startswith("TO:<POSTMASTER@") else mailbox)

    async def _starttls(self) -> bool:
        if (
            self._buffer
        ):  # RFC 3207 section 4: nothing may follow STARTTLS before its reply, but a look whether it counts
            if self._buffer != b"NOOP\r\n":
                self._record.violations.append(f"pipelined after STARTTLS: {self._buffer[:40]!r}")
            self._buffer = b""
        match self._fault:
            case SmtpFault.NO_STARTTLS | SmtpFault.NO_STARTTLS_FIRST | SmtpFault.STARTTLS_502:
                await self._reply("502 5.5.1 Command not implemented")
                return True
            case SmtpFault.STARTTLS_454:
                await self._reply("454 4.7.0 TLS not available due to temporary reason")
                return True
        await self._reply("220 2.0.0 Ready to start TLS")
        match self._fault:
            case SmtpFault.STARTTLS_SILENT:
                await until_client_leaves(self._reader)
                return False
            case SmtpFault.STARTTLS_GARBAGE:
                await self._plain.write(b"451 4.3.0 Internal confusion, this is not TLS\r\n")
                await until_client_leaves(self._reader)
                return False
            case SmtpFault.STARTTLS_CLOSE:
                return False
            case SmtpFault.STARTTLS_ALERT:
                await self._plain.read()
                await self._plain.write(FATAL_HANDSHAKE_FAILURE)
                return False
            case SmtpFault.STARTTLS_INJECTED:
                await self._reply("250 2.0.0 injected")
        return await self._handshake()

    async def _handshake(self) -> bool:
        if self._server.context is None:
            return False
        channel = _tls_end(self._plain, self._server.context)
        await channel.handshake()
        self._record.tls = True
        self._record.server_name = channel.server_name
        self._stream = self._channel = channel
        self._greeted = False  # RFC 3207 section 4.2: the dialogue starts anew
        return self._fault is not SmtpFault.DROP_AFTER_TLS

    async def _reply(self, *lines: str) -> None:
        await self._stream.write("".join(f"{line}\r\n" for line in lines).encode("ascii"))

    async def _readline(self) -> str | None:
        """The next command line without its end; None at the end of the stream or of our patience with its length."""
        while b"\n" not in self._buffer:
            data = b"" if len(self._buffer) > MAX_LINE else await self._stream.read()
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("ascii", "replace")


def _tls_end(below: PlainStream, context: SSL.Context | Hellos) -> TlsEnd:
    return HelloStream(below, context) if isinstance(context, Hellos) else TlsStream(below, context)


def smtp_service(
    behaviour: SmtpBehaviour, context: SSL.Context | Hellos | None, patience: float = PATIENCE
) -> SmtpServer | RefusedPort:
    """The server for `behaviour`, or a port that refuses where that is its fault."""
    if behaviour.fault is SmtpFault.REFUSED:
        return RefusedPort()
    return SmtpServer(behaviour, context, patience)
