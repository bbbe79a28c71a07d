"""Commands and replies on one SMTP connection, every line kept with its time."""

from __future__ import annotations

import asyncio

from ..model import Handshake, Line
from ..wire.smtp import NotAReply, Reply, ReplyOverflow, ReplyParser
from .net import Channel, Stream
from .tls import EVERYTHING, Offer, TlsClient

_KEPT_PARTIAL = 200  # octets kept of a line that never ended


class Ended(Exception):
    """The connection ended, or stopped being SMTP, before a reply was complete: `how` as in SmtpSession.ended."""

    def __init__(self, how: str, detail: str) -> None:
        super().__init__(f"{how}: {detail}")
        self.how = how
        self.detail = detail


class Dialogue:
    """One connection's conversation. `state` is where it is, in the words of SmtpSession.state."""

    def __init__(self, stream: Stream) -> None:
        self.state = "greeting"
        self.lines: list[Line] = []
        self.handshake: Handshake | None = None
        self._stream = stream
        self._channel: Channel = stream
        self._parser = ReplyParser()

    async def command(self, text: str, seconds: float) -> Reply:
        """Sends one command line and waits for its complete reply, `seconds` in all. Raises Ended."""
        self._note("C", text.encode("ascii"))
        try:
            async with asyncio.timeout(seconds):
                await self._channel.send(text.encode("ascii") + b"\r\n")
                return await self._reply()
        except TimeoutError as error:
            raise self._silent(seconds) from error
        except ConnectionError as error:
            raise self._ended("reset", str(error)) from error

    async def greeting(self, seconds: float) -> Reply:
        """Waits for the server's first reply. Raises Ended."""
        try:
            async with asyncio.timeout(seconds):
                return await self._reply()
        except TimeoutError as error:
            raise self._silent(seconds) from error
        except ConnectionError as error:
            raise self._ended("reset", str(error)) from error

    async def start_tls(self, host: str, seconds: float, offer: Offer = EVERYTHING) -> Handshake:
        """Turns the connection into TLS; what came too early in the clear is part of what the server sent."""
        client = TlsClient(self._stream, host, offer)
        self.handshake = await client.handshake(seconds, self._parser.take_rest())
        self._channel, self._parser = client, ReplyParser()
        return self.handshake

    def take_early(self) -> bytes:
        """What came in the clear after the last reply; it is taken away."""
        return self._parser.take_rest()

    async def _reply(self) -> Reply:
        while True:
            try:
                line = self._parser.next_line()
            except NotAReply as error:
                self._note("S", error.line)
                raise Ended("garbage", f"not an SMTP reply: {error}") from error
            except ReplyOverflow as error:
                raise self._ended("overflow", str(error)) from error
            if line is not None:
                self._note("S", line)
                reply = self._parser.take_reply()
                if reply is not None:
                    return reply
                continue
            data = await self._channel.receive()
            if not data:
                raise self._ended("closed", "the server closed the connection")
            self._parser.feed(data)

    def _silent(self, seconds: float) -> Ended:
        return self._ended("silent", f"no complete reply within {seconds:g} s")

    def _ended(self, how: str, detail: str) -> Ended:
        """Keeps the beginning of an unfinished line as evidence."""
        if self._parser.rest:
            self._note("S", self._parser.take_rest()[:_KEPT_PARTIAL])
        return Ended(how, detail)

    def _note(self, sender: str, data: bytes) -> None:
        self.lines.append(Line(sender, data, round(self._stream.seconds, 6)))
