"""The connections ever made to the services of mail clients: four looks, the same for every protocol.

They are polite: each command waits for the reply to the one before, and all take leave. No name and no password is ever
sent: a login is only asked for, without an initial response, and cancelled at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..model import ClientSession, Failure, Reason, ServiceKind
from ..wire.languages import LANGUAGES, Language
from ..wire.replies import Answer, Capabilities, Status, StatusReply
from .dialogue import Dialogue, Ended
from .hello import Opener, direct_tls
from .net import Network, NotSeen, Refused, Stream
from .smtp import FAREWELL, client_name
from .tls import EVERYTHING, Offer

Look = Callable[[ServiceKind, Network, str, str, int], Awaitable[ClientSession | Failure]]


async def client_session(
    kind: ServiceKind, network: Network, host: str, address: str, port: int, offer: Offer = EVERYTHING
) -> ClientSession | Failure:
    """The ordinary session: greeting, capabilities, TLS, capabilities again, leave. Of HTTP the handshake alone."""

    async def script(client: _Client) -> None:
        dialogue = client.dialogue
        if kind.implicit:
            dialogue.state = "handshake"
            await client.handshake(host, offer)
            if client.language is None:
                return
            dialogue.state = "greeting"
            greeting = await client.greeting()
            if greeting.positive:
                dialogue.state = "capabilities"
                if not client.language.capabilities or (await client.capabilities()).positive:
                    dialogue.state = "quit"
        elif await client.starttls():
            dialogue.state = "handshake"
            await client.handshake(host, offer)
            dialogue.state = "capabilities-tls"
            if (await client.capabilities()).positive:
                dialogue.state = "quit"
        await client.farewell()

    return await _hold(kind, network, host, address, port, script)


async def clear_login_look(
    kind: ServiceKind, network: Network, host: str, address: str, port: int
) -> ClientSession | Failure:
    """Without TLS: greeting, capabilities, and what the server says to a client that asks to log in; leave.

    Ends after the capabilities where the server says that we are logged in already (PREAUTH).
    """

    async def script(client: _Client) -> None:
        if (await client.open()).possible:
            client.dialogue.state = "login"
            for text in client.spoken.login:
                reply = await client.say(text)
                if reply.continues:
                    await client.say(client.spoken.cancel)
            client.dialogue.state = "quit"
        await client.farewell()

    return await _hold(_upgraded(kind), network, host, address, port, script)


async def injection_look(
    kind: ServiceKind, network: Network, host: str, address: str, port: int
) -> ClientSession | Failure:
    """STARTTLS with a harmless command behind it in the same segment, handshake, leave; all that follows is kept.

    An answer to the harmless command inside TLS means that what came in the clear counts there (CVE-2011-0411).
    Servers that take no such thing forget the command, refuse STARTTLS, or break off: Dovecot 2.3 closes instead of a
    handshake. So what ends here without an answer is no fact about TLS; the ordinary session is.
    """

    async def script(client: _Client) -> None:
        if await client.starttls(client.spoken.harmless):
            client.dialogue.state = "handshake"
            await client.handshake(host, EVERYTHING)
            client.dialogue.state = "quit"
            await client.leave()
        else:
            await client.farewell()

    return await _hold(_upgraded(kind), network, host, address, port, script)


def opener(kind: ServiceKind) -> Opener:
    """What comes before a hello. Raises Ended where TLS is not to be had, NotSeen where we could not see."""
    if kind.implicit:
        return direct_tls

    async def open_tls(network: Network, dialogue: Dialogue, stream: Stream) -> None:
        client = _Client(kind, network, dialogue, stream)
        seen = await client.open(briefly=True)
        if not seen.possible or not seen.starttls:
            await client.farewell()
            raise Ended("done", "STARTTLS is not offered" if seen.possible else "the server is past its login")
        dialogue.state = "starttls"
        reply = await client.say(client.spoken.starttls)
        if not reply.positive:
            await client.farewell()
            said = _said(reply)
            if reply.transient:
                raise NotSeen(Reason.DEFERRED, f"{client.spoken.starttls} answered {said}")
            raise Ended("done", f"{client.spoken.starttls} answered {said}")
        dialogue.state = "hello"

    return open_tls


@dataclass(frozen=True, slots=True)
class _Opened:
    """What greeting and capabilities say. `possible`: the server is in the state in which TLS and login are."""

    possible: bool
    announced: Capabilities | None

    @property
    def starttls(self) -> bool:
        return self.announced is not None and self.announced.starttls


class _Client:
    """Our side of one connection."""

    def __init__(self, kind: ServiceKind, network: Network, dialogue: Dialogue, stream: Stream) -> None:
        self.dialogue = dialogue
        self.language = LANGUAGES[kind.language] if kind.language else None
        self._plan = network.plan
        self._name = client_name(stream)
        self._number = 0

    @property
    def spoken(self) -> Language:
        assert self.language is not None
        return self.language

    async def say(self, text: str, behind: str = "") -> Answer:
        """Sends a command, and waits for the reply. Raises Ended."""
        command, more = self._written(text), self._written(behind)
        form = self.spoken.form_of(command.encode("ascii"))
        reply: Answer = await self.dialogue.command(command, self._plan.timeout, form, more)
        return reply

    async def greeting(self) -> Answer:
        reply: Answer = await self.dialogue.listen(self._plan.greeting_timeout, self.spoken.form_of(b""))
        return reply

    async def capabilities(self) -> Answer:
        """Asks for them; inside TLS they come unasked where they are the greeting (RFC 5804 section 2.2)."""
        if self.spoken.capabilities:
            return await self.say(self.spoken.capabilities.format(client=self._name))
        reply: Answer = await self.dialogue.listen(self._plan.timeout, self.spoken.form_of(b""))
        return reply

    async def open(self, briefly: bool = False) -> _Opened:
        """Greeting and capabilities. Until these are answered a broken or unwilling server is our blindness: NotSeen.

        `briefly`: they are not asked for where the greeting announces STARTTLS.
        """
        language, dialogue = self.spoken, self.dialogue
        try:
            greeting = await self.greeting()
            if not greeting.positive:
                raise await self._unwilling("greeting", greeting)
            possible = not (isinstance(greeting, StatusReply) and greeting.status is Status.PREAUTH)
            seen = _Opened(possible, language.announced(greeting))
            dialogue.state = "capabilities"
            if not language.capabilities or (briefly and seen.starttls):
                return seen
            reply = await self.capabilities()
        except Ended as end:
            reason = Reason.TIMEOUT if end.how == "silent" else Reason.ABORTED
            raise NotSeen(reason, f"{dialogue.state}: {end.detail}") from end
        if not reply.positive and not reply.unknown:
            raise await self._unwilling(language.capabilities.split()[0], reply)
        return _Opened(possible, language.announced(reply))

    async def starttls(self, behind: str = "") -> bool:
        """Opens, and asks for TLS where it is offered. Whether the server is ready for a hello."""
        seen = await self.open()
        if not seen.possible or not seen.starttls:
            return False
        self.dialogue.state = "starttls"
        return (await self.say(self.spoken.starttls, behind)).positive

    async def handshake(self, host: str, offer: Offer) -> None:
        handshake = await self.dialogue.start_tls(host, self._plan.timeout, offer)
        if handshake.ended != "completed":
            # As in SmtpSession an alert closes the connection.
            raise Ended("closed" if handshake.ended == "alert" else handshake.ended, handshake.error or "")

    async def farewell(self) -> None:
        """Takes leave; a server that does not answer any more loses nothing."""
        command = self._written(self.spoken.farewell)
        form = self.spoken.form_of(command.encode("ascii"))
        with contextlib.suppress(Ended):
            await self.dialogue.command(command, min(self._plan.timeout, FAREWELL), form)

    async def leave(self) -> None:
        """Takes leave and keeps all that is said up to the end."""
        command = self._written(self.spoken.farewell)
        form = self.spoken.form_of(command.encode("ascii"))
        await self.dialogue.leave(command, min(self._plan.timeout, FAREWELL), form)

    async def _unwilling(self, what: str, reply: Answer) -> NotSeen:
        await self.farewell()
        # Where nothing says that it is for good, another connection may fare better.
        reason = Reason.REJECTED if reply.permanent else Reason.ABORTED if reply.continues else Reason.DEFERRED
        return NotSeen(reason, f"{what} answered {_said(reply)}")

    def _written(self, text: str) -> str:
        if not text:
            return ""
        self._number += 1
        return self.spoken.command(text, self._number)


async def _hold(
    kind: ServiceKind,
    network: Network,
    host: str,
    address: str,
    port: int,
    script: Callable[[_Client], Awaitable[None]],
) -> ClientSession | Failure:
    """Connects and runs the script; tells what the server did from what we could not see."""
    try:
        async with network.connect(host, address, port) as stream:
            dialogue = Dialogue(stream)
            ended = "done"
            try:
                await script(_Client(kind, network, dialogue, stream))
            except Ended as end:
                ended = end.how
            except NotSeen as unseen:
                lines = tuple(dialogue.lines)
                return Failure(unseen.reason, unseen.detail, lines, dialogue.state, stream.connected_to)
            clear = len(dialogue.lines) if dialogue.secured is None else dialogue.secured
            return ClientSession(
                kind.name,
                stream.connected_to,
                stream.redirected,
                tuple(dialogue.lines[:clear]),
                tuple(dialogue.lines[clear:]),
                dialogue.state,
                ended,
                dialogue.handshake,
            )
    except Refused as refused:
        return ClientSession(
            kind.name, refused.connected_to, refused.redirected, (), (), "connect", "refused", None
        )  # fmt: skip
    except NotSeen as unseen:
        return Failure(unseen.reason, unseen.detail, state="connect", connected_to=unseen.connected_to)


def _upgraded(kind: ServiceKind) -> ServiceKind:
    if kind.implicit:
        raise ValueError(f"{kind.name} speaks nothing in the clear")
    return kind


def _said(reply: Answer) -> str:
    """The reply's last line, for messages."""
    return reply.lines[-1][:120].decode("ascii", "backslashreplace")
