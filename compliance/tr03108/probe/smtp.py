"""The SMTP sessions ever held with a mail server: one that starts TLS, one that asks for mail in the clear, and, where
the user agreed, one that asks about a mailbox for TLS reports.

They are polite: each command waits for the reply to the one before, and QUIT ends them. There is never any DATA.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from ..model import Failure, Reason, SmtpSession
from ..wire.smtp import Reply, SmtpReply, offers_starttls
from .dialogue import Dialogue, Ended
from .net import Network, NotSeen, Refused, Stream
from .tls import EVERYTHING, ONE_KEY_TYPE, Offer

FAREWELL = 5.0  # seconds to wait for the reply to RSET or QUIT; nothing depends on it

_Script = Callable[[Dialogue, Stream], Awaitable[None]]


async def starttls_session(
    network: Network, host: str, address: str, port: int, offer: Offer = EVERYTHING
) -> SmtpSession | Failure:
    """Greeting, EHLO, STARTTLS, handshake, EHLO inside TLS, QUIT."""

    async def script(dialogue: Dialogue, stream: Stream) -> None:
        seconds = network.plan.timeout
        ehlo = await _open(network, dialogue, stream)
        if offers_starttls(ehlo) and ehlo.positive:
            dialogue.state = "starttls"
            if (await dialogue.command("STARTTLS", seconds, SmtpReply())).positive:
                dialogue.state = "handshake"
                handshake = await dialogue.start_tls(host, seconds, offer)
                if handshake.ended != "completed":
                    # SmtpSession knows no alert: it closes the connection.
                    raise Ended("closed" if handshake.ended == "alert" else handshake.ended, handshake.error or "")
                dialogue.state = "ehlo-tls"
                if (await dialogue.command(_ehlo(stream), seconds, SmtpReply())).positive:
                    dialogue.state = "quit"
        await _farewell(dialogue, seconds, "QUIT")

    return await _hold(network, host, address, port, script)


async def other_certificate_session(
    key_type: str, network: Network, host: str, address: str, port: int
) -> SmtpSession | Failure:
    """The same with an offer that only a certificate of `key_type` ("RSA", "ECDSA") can answer."""
    return await starttls_session(network, host, address, port, ONE_KEY_TYPE[key_type])


async def plaintext_session(network: Network, host: str, address: str, port: int) -> SmtpSession | Failure:
    """Greeting, EHLO, MAIL FROM:<> without TLS, RSET, QUIT. No mail is offered: there is no recipient."""

    async def script(dialogue: Dialogue, stream: Stream) -> None:
        seconds = network.plan.timeout
        ehlo = await _open(network, dialogue, stream)
        commands: tuple[str, ...] = ("QUIT",)
        if ehlo.positive:
            dialogue.state = "mail"
            await dialogue.command("MAIL FROM:<>", seconds, SmtpReply())
            dialogue.state = "quit"
            commands = ("RSET", "QUIT")
        await _farewell(dialogue, seconds, *commands)

    return await _hold(network, host, address, port, script)


async def mailbox_session(
    mailbox: str, network: Network, host: str, address: str, port: int, *, secured: bool
) -> SmtpSession | Failure:
    """Greeting, EHLO, MAIL FROM:<>, RCPT TO the mailbox, RSET, QUIT; `secured`: inside TLS.

    Where the mailbox is refused for good its domain's postmaster, whom every domain has to take (RFC 5321 section
    4.5.1), is asked for too: who refuses both refuses us.
    """

    async def script(dialogue: Dialogue, stream: Stream) -> None:
        seconds = network.plan.timeout
        ehlo = await _open(network, dialogue, stream)
        if secured and ehlo.positive:
            ehlo = await _inside(dialogue, stream, host, seconds, ehlo)
        if not ehlo.positive:
            await _farewell(dialogue, seconds, "QUIT")
            return
        dialogue.state = "mail"
        if (await dialogue.command("MAIL FROM:<>", seconds, SmtpReply())).positive:
            dialogue.state = "rcpt"
            if (await dialogue.command(f"RCPT TO:<{mailbox}>", seconds, SmtpReply())).permanent:
                await dialogue.command(f"RCPT TO:<postmaster@{mailbox.rpartition('@')[2]}>", seconds, SmtpReply())
        dialogue.state = "quit"
        await _farewell(dialogue, seconds, "RSET", "QUIT")

    return await _hold(network, host, address, port, script)


async def smtp_starttls(network: Network, dialogue: Dialogue, stream: Stream) -> None:
    """What leads to TLS on port 25: greeting, EHLO, STARTTLS. Raises Ended where TLS is not to be had."""
    ehlo = await _open(network, dialogue, stream)
    if not (ehlo.positive and offers_starttls(ehlo)):
        await _farewell(dialogue, network.plan.timeout, "QUIT")
        raise Ended("done", "STARTTLS is not offered")
    dialogue.state = "starttls"
    reply = await dialogue.command("STARTTLS", network.plan.timeout, SmtpReply())
    if not reply.positive:
        await _farewell(dialogue, network.plan.timeout, "QUIT")
        if reply.transient:
            raise NotSeen(Reason.DEFERRED, f"STARTTLS answered {reply.code}")
        raise Ended("done", f"STARTTLS answered {reply.code}")
    dialogue.state = "hello"


async def _inside(dialogue: Dialogue, stream: Stream, host: str, seconds: float, ehlo: Reply) -> Reply:
    """The reply to EHLO inside TLS. Raises Ended where TLS is not to be had."""
    if not offers_starttls(ehlo):
        await _farewell(dialogue, seconds, "QUIT")
        raise Ended("done", "STARTTLS is not offered")
    dialogue.state = "starttls"
    reply = await dialogue.command("STARTTLS", seconds, SmtpReply())
    if not reply.positive:
        await _farewell(dialogue, seconds, "QUIT")
        raise Ended("done", f"STARTTLS answered {reply.code}")
    dialogue.state = "handshake"
    handshake = await dialogue.start_tls(host, seconds)
    if handshake.ended != "completed":
        raise Ended("closed" if handshake.ended == "alert" else handshake.ended, handshake.error or "")
    dialogue.state = "ehlo-tls"
    return await dialogue.command(_ehlo(stream), seconds, SmtpReply())


async def _hold(network: Network, host: str, address: str, port: int, script: _Script) -> SmtpSession | Failure:
    """Connects and runs the script; tells what the server did from what we could not see."""
    try:
        async with network.connect(host, address, port) as stream:
            dialogue = Dialogue(stream)
            ended = "done"
            try:
                await script(dialogue, stream)
            except Ended as end:
                ended = end.how
            except NotSeen as unseen:
                lines = tuple(dialogue.lines)
                return Failure(unseen.reason, unseen.detail, lines, dialogue.state, stream.connected_to)
            lines = tuple(dialogue.lines)
            return SmtpSession(stream.connected_to, stream.redirected, lines, dialogue.state, ended, dialogue.handshake)
    except Refused as refused:
        return SmtpSession(refused.connected_to, refused.redirected, (), "connect", "refused", None)
    except NotSeen as unseen:
        return Failure(unseen.reason, unseen.detail, state="connect", connected_to=unseen.connected_to)


async def _open(network: Network, dialogue: Dialogue, stream: Stream) -> Reply:
    """Greeting and EHLO. Until EHLO is answered a broken or unwilling server is our blindness: NotSeen."""
    plan = network.plan
    try:
        greeting = await dialogue.listen(plan.greeting_timeout, SmtpReply())
        if not greeting.positive:
            raise await _unwilling(dialogue, plan.timeout, "greeting", greeting)
        dialogue.state = "ehlo"
        ehlo = await dialogue.command(_ehlo(stream), plan.timeout, SmtpReply())
    except Ended as end:
        reason = Reason.TIMEOUT if end.how == "silent" else Reason.ABORTED
        raise NotSeen(reason, f"{dialogue.state}: {end.detail}") from end
    if not ehlo.positive and not ehlo.unknown:
        raise await _unwilling(dialogue, plan.timeout, "EHLO", ehlo)
    return ehlo


async def _unwilling(dialogue: Dialogue, seconds: float, what: str, reply: Reply) -> NotSeen:
    await _farewell(dialogue, seconds, "QUIT")
    reason = Reason.DEFERRED if reply.transient else Reason.REJECTED if reply.permanent else Reason.ABORTED
    return NotSeen(reason, f"{what} answered {reply.code}")


async def _farewell(dialogue: Dialogue, seconds: float, *commands: str) -> None:
    """Takes leave; a server that does not answer any more loses nothing."""
    with contextlib.suppress(Ended):
        for command in commands:
            await dialogue.command(command, min(seconds, FAREWELL), SmtpReply())


def _ehlo(stream: Stream) -> str:
    return f"EHLO {client_name(stream)}"


def client_name(stream: Stream) -> str:
    """An address literal: right for a client that has no name of its own (RFC 5321 section 4.1.4)."""
    address = stream.local_address
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
