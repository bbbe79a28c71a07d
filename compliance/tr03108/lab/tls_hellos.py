"""A TLS server that answers by script: any version, suite, group or extension, right or wrong, without a TLS library.

It makes every choice that a configuration names, also those that no current library offers any more. Handshakes of TLS
1.3, and of TLS 1.2 with an AEAD, can be completed; of all others the server's flight is real, with true signatures,
and the answer to the client's is an alert. It keeps no secrets and is of use in the lab alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tr03108.lab.pki import Pki
from tr03108.lab.service import PATIENCE, Service
from tr03108.lab.tls import PlainStream, Stream
from tr03108.lab.tls_hello_choice import Hellos
from tr03108.lab.tls_hello_config import HelloConfig
from tr03108.lab.tls_hello_stream import HelloStream

__all__ = ["HelloServer", "HelloStream", "Hellos", "echo", "hellos"]


def hellos(config: HelloConfig, pki: Pki, host: str) -> Hellos:
    """`config` with certificates for `host` by its `keys`."""
    return Hellos(config, tuple(pki.chain(host, key=key) for key in config.keys))


class HelloServer(Service):
    """A port that speaks TLS from the first octet on. `talk` is what happens inside; by default an echo."""

    def __init__(
        self,
        answers: Hellos,
        talk: Callable[[Stream], Awaitable[None]] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(patience)
        self.answers = answers
        self.streams: list[HelloStream] = []
        self._talk = talk or echo

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = HelloStream(PlainStream(reader, writer), self.answers)
        self.streams.append(stream)
        await stream.handshake()
        await self._talk(stream)
        await stream.close()


async def echo(stream: Stream) -> None:
    """Says what it hears."""
    while data := await stream.read():
        await stream.write(data)
