"""Commands and replies on one connection of any text protocol, every line kept with its time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TypeVar

from ..model import Handshake, Line
from ..wire.replies import MAXIMUM_LINES, LineBuffer, NotAReply, ReplyForm, ReplyOverflow
from .net import Channel, Stream
from .tls import EVERYTHING, Offer, TlsClient

_KEPT_PARTIAL = 200  # octets kept of a line that never ended

R = TypeVar("R")


class Ended(Exception):
    """The connection ended, or stopped making sense, before a reply was complete: `how` as in SmtpSession.ended."""

    def __init__(self, how: str, detail: str) -> None:
        super().__init__(f"{how}: {detail}")
        self.how = how
        self.detail = detail


class Dialogue:
    """One connection's conversation. `state` is where it is, in the words of SmtpSession.state or ClientSession.state.

    `secured` is how many lines had been said when TLS began, None while it has not.
    """

    def __init__(self, stream: Stream) -> None:
        self.state = "greeting"
        self.lines: list[Line] = []
        self.handshake: Handshake | None = None
        self.secured: int | None = None
        self._stream = stream
        self._channel: Channel = stream
        self._buffer = LineBuffer()

    async def command(self, text: str, seconds: float, form: ReplyForm[R], behind: str = "") -> R:
        """Sends one command line and waits for its complete reply, `seconds` in all. Raises Ended.

        `behind` is a second command line that is sent in the same segment.
        """
        commands = [each.encode("ascii") for each in (text, behind) if each]
        for each in commands:
            self._note("C", each)
        return await self._within(seconds, b"".join(each + b"\r\n" for each in commands), form)

    async def listen(self, seconds: float, form: ReplyForm[R]) -> R:
        """Waits for a reply that comes unasked, as a greeting does. Raises Ended."""
        return await self._within(seconds, b"", form)

    async def leave(self, text: str, seconds: float, form: ReplyForm[R]) -> None:
        """Sends a last command and keeps every line up to the end of the connection, of whatever form."""
        self._note("C", text.encode("ascii"))
        with contextlib.suppress(TimeoutError, ConnectionError, ReplyOverflow):
            async with asyncio.timeout(seconds):
                await self._channel.send(text.encode("ascii") + b"\r\n")
                for _ in range(MAXIMUM_LINES):
                    while (line := self._buffer.next_line(form)) is None:
                        data = await self._channel.receive()
                        if not data:
                            return
                        self._buffer.feed(data)
                    self._note("S", line)

    async def start_tls(self, host: str, seconds: float, offer: Offer = EVERYTHING) -> Handshake:
        """Turns the connection into TLS; what came too early in the clear is part of what the server sent."""
        client = TlsClient(self._stream, host, offer)
        self.handshake = await client.handshake(seconds, self._buffer.take_rest())
        self._channel, self._buffer = client, LineBuffer()
        self.secured = len(self.lines)
        return self.handshake

    def take_early(self) -> bytes:
        """What came in the clear after the last reply; it is taken away."""
        return self._buffer.take_rest()

    async def _within(self, seconds: float, sent: bytes, form: ReplyForm[R]) -> R:
        try:
            async with asyncio.timeout(seconds):
                if sent:
                    await self._channel.send(sent)
                return await self._reply(form)
        except TimeoutError as error:
            raise self._silent(seconds) from error
        except ConnectionError as error:
            raise self._ended("reset", str(error)) from error

    async def _reply(self, form: ReplyForm[R]) -> R:
        while True:
            try:
                line = self._buffer.next_line(form)
                if line is not None:
                    self._note("S", line)
                    reply = form.take(line)
                    if reply is not None:
                        return reply
                    continue
            except NotAReply as error:
                raise Ended("garbage", f"not a reply: {error}") from error
            except ReplyOverflow as error:
                raise self._ended("overflow", str(error)) from error
            data = await self._channel.receive()
            if not data:
                raise self._ended("closed", "the server closed the connection")
            self._buffer.feed(data)

    def _silent(self, seconds: float) -> Ended:
        return self._ended("silent", f"no complete reply within {seconds:g} s")

    def _ended(self, how: str, detail: str) -> Ended:
        """Keeps the beginning of an unfinished line as evidence."""
        if self._buffer.rest:
            self._note("S", self._buffer.take_rest()[:_KEPT_PARTIAL])
        return Ended(how, detail)

    def _note(self, sender: str, data: bytes) -> None:
        self.lines.append(Line(sender, data, round(self._stream.seconds, 6)))
