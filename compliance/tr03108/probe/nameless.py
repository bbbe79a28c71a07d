"""Asks whether senders get a handshake that do not name the server: one hello for each type of key it has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ..evaluate.tls.answers import Answer
from ..evaluate.tls.facts import NAMELESS, TlsFacts
from ..evaluate.tls.senders import AGAIN, NAMED, Twin, twins
from ..wire.tls.key_share import SHAREABLE
from .hello import Question

Ask = Callable[[Question], Awaitable[Answer]]


async def ask_nameless(ask: Ask, facts: TlsFacts, farewell: bytes) -> None:
    """What is not answered is asked once with the name and once more without: only then it is the name.

    `farewell` is what is said inside TLS before leaving, in the protocol of the service.
    """
    for twin in twins(facts):
        if not twin.named:
            continue
        first = await ask(_question(f"{NAMELESS}.{twin.key_type}", twin, farewell, named=False))
        if not first.chosen:
            named = await ask(_question(f"{NAMED}.{twin.key_type}", twin, farewell, named=True))
            if named.chosen:
                await ask(_question(f"{NAMELESS}.{twin.key_type}.{AGAIN}", twin, farewell, named=False))


def _question(name: str, twin: Twin, farewell: bytes, *, named: bool) -> Question:
    hello = twin.hello if named else replace(twin.hello, server_name=None)
    shares = (twin.group,) if twin.group in SHAREABLE and twin.group is not None else ()
    return Question(name, hello, shares, complete=hello.versions is not None, farewell=farewell)
