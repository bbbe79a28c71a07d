"""One ClientHello on a connection of its own, over any dialogue that leads to TLS."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from ..model import Failure, HelloExchange
from ..wire.tls import sslv2
from ..wire.tls.client_hello import ClientHello
from ..wire.tls.conversation import MAXIMUM_ANSWER, Conversation
from ..wire.tls.server_messages import MessageType
from .dialogue import Dialogue, Ended
from .net import Network, NotSeen, Refused, Stream

MOST_CERTIFICATES = 1 << 20  # octets of Certificate messages kept of a service address; usual are one or two of 5 KiB
LAST_WORDS = 2.0  # seconds for what comes after a completed handshake

# What comes before TLS: returns where the server is ready for a hello; raises Ended (a fact of the dialogue, with its
# state in `dialogue`) or NotSeen. `Opener` of direct TLS does nothing.
Opener = Callable[[Network, Dialogue, Stream], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Question:
    """One hello to ask with: `name` is the last part of the observation's key.

    `hello` is None for SSLv2. `shares`: groups for which a key is sent. `complete` and `farewell` as in Conversation.
    """

    name: str
    hello: ClientHello | None
    shares: tuple[int, ...] = ()
    complete: bool = False
    farewell: bytes = b""


async def direct_tls(network: Network, dialogue: Dialogue, stream: Stream) -> None:
    """TLS from the first octet on (465, 993, 995, 443)."""


async def ask_hello(
    network: Network, opener: Opener, host: str, address: str, port: int, question: Question
) -> HelloExchange | Failure:
    """Connects, opens the way to TLS, sends the hello and takes the answer; the connection ends after it."""
    try:
        async with network.connect(host, address, port) as stream:
            dialogue = Dialogue(stream)
            try:
                await opener(network, dialogue, stream)
            except Ended as end:
                return _exchange(stream, question, dialogue, dialogue.state, end.how, detail=end.detail)
            except NotSeen as unseen:
                lines = tuple(dialogue.lines)
                return Failure(unseen.reason, unseen.detail, lines, dialogue.state, stream.connected_to)
            early = dialogue.take_early()
            seconds = network.plan.timeout
            if question.hello is None:
                return await _sslv2(stream, question, early, seconds)
            fresh = replace(
                question.hello, random=os.urandom(32), session_id=os.urandom(32) if question.hello.versions else b""
            )
            conversation = Conversation(fresh, question.shares, complete=question.complete, farewell=question.farewell)
            how, detail = await _converse(stream, conversation, early, seconds)
            return HelloExchange(
                stream.connected_to,
                stream.redirected,
                "tls",
                (),
                "hello",
                how,
                tuple(conversation.sent),
                tuple(conversation.received),
                "",
                conversation.alert,
                conversation.completed,
                detail,
            )
    except Refused as refused:
        return HelloExchange(
            refused.connected_to, refused.redirected, _protocol(question), (), "connect", "refused", (), (), "", None,
            False, "",
        )  # fmt: skip
    except NotSeen as unseen:
        return Failure(unseen.reason, unseen.detail, state="connect", connected_to=unseen.connected_to)


def without_certificate(exchange: HelloExchange, kept: dict[str, int]) -> HelloExchange:
    """The exchange without a Certificate message that is in `kept` already; else its digest and size are added there.

    Beyond `MOST_CERTIFICATES` no more are kept: a server that shows another chain each time cannot fill a dossier.
    """
    for message in exchange.received:
        if exchange.protocol == "tls" and message[0] == MessageType.CERTIFICATE:
            digest = hashlib.sha256(message).hexdigest()
            if digest not in kept and sum(kept.values()) + len(message) <= MOST_CERTIFICATES:
                kept[digest] = len(message)
                return exchange
            rest = tuple(each for each in exchange.received if each is not message)
            return replace(exchange, received=rest, certificate=digest)
    return exchange


async def _converse(stream: Stream, conversation: Conversation, early: bytes, seconds: float) -> tuple[str, str]:
    """How it ended, and a few words."""
    after = False
    lost: tuple[str, str] | None = None  # after a completed handshake: what might still have come was not heard
    try:
        async with asyncio.timeout(seconds) as limit:
            await stream.send(conversation.start())
            data = early or await stream.receive()
            while True:
                if not data:
                    conversation.end_of_stream()
                    if not conversation.done and _began(conversation):
                        return "garbage", "the server closed in the middle of its answer"
                    if not conversation.done:
                        return "closed", "the server closed the connection"
                answer = conversation.feed(data) if data else b""
                if answer:
                    await stream.send(answer)
                if conversation.done:
                    break
                if conversation.completed and not after:
                    after = True  # only tickets and the reply to the farewell are still to come
                    limit.reschedule(min(limit.when() or math.inf, asyncio.get_running_loop().time() + LAST_WORDS))
                data = await stream.receive()
    except TimeoutError:
        if not conversation.completed:
            return "silent", f"no complete answer within {seconds:g} s"
        lost = "silent", "no reply after the handshake"
    except ConnectionError as broken:
        if not conversation.completed:
            return "garbage" if _began(conversation) else "reset", str(broken)
        lost = "reset", str(broken)
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(seconds):
            await stream.send(conversation.close())
    return lost or (conversation.ended or "answered", conversation.error or "")


def _began(conversation: Conversation) -> bool:
    """The server began to answer, but not so much as one message is complete."""
    return conversation.heard and not conversation.received and conversation.alert is None


async def _sslv2(stream: Stream, question: Question, early: bytes, seconds: float) -> HelloExchange:
    hello = sslv2.client_hello(os.urandom(16))
    received = early
    how, detail = "answered", ""
    try:
        async with asyncio.timeout(seconds):
            await stream.send(hello)
            while not sslv2.complete(received):
                if sslv2.complete(received) is None or len(received) > MAXIMUM_ANSWER:
                    how = "alert" if received[:1] == b"\x15" else "garbage"
                    break
                data = await stream.receive()
                if not data:
                    how = "closed"
                    break
                received += data
    except TimeoutError:
        how, detail = "silent", f"no complete answer within {seconds:g} s"
    except ConnectionError as broken:
        how, detail = "reset", str(broken)
    alert = (received[5], received[6]) if how == "alert" and len(received) >= 7 else None
    kept = (received[:65536],) if received else ()
    return HelloExchange(
        stream.connected_to, stream.redirected, "sslv2", (), "hello", how, (hello,), kept, "", alert, False, detail
    )


def _exchange(
    stream: Stream, question: Question, dialogue: Dialogue, state: str, ended: str, detail: str
) -> HelloExchange:
    return HelloExchange(
        stream.connected_to,
        stream.redirected,
        _protocol(question),
        tuple(dialogue.lines),
        state,
        ended,
        (),
        (),
        "",
        None,
        False,
        detail,
    )


def _protocol(question: Question) -> str:
    return "sslv2" if question.hello is None else "tls"
