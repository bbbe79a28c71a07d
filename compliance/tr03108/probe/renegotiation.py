"""Whether a client may renegotiate: one attempt on one completed TLS 1.2 connection (RFC 5246 section 7.4.1.1).

TLS 1.3 knows no renegotiation. A server that refuses says no_renegotiation or goes on as if nothing had been said.
"""

from __future__ import annotations

import contextlib

from OpenSSL import SSL

from ..model import Failure, Renegotiation
from .dialogue import Dialogue, Ended
from .hello import Opener
from .net import Network, NotSeen, Refused
from .tls import Offer, TlsClient

PATIENCE = 5.0  # seconds for the server to take it up or refuse it
TLS12_ONLY = Offer(versions="TLSv1.2", oldest=SSL.TLS1_2_VERSION, newest=SSL.TLS1_2_VERSION)


async def try_renegotiation(
    network: Network, opener: Opener, host: str, address: str, port: int, farewell: bytes
) -> Renegotiation | Failure:
    """A handshake, one attempt to renegotiate, `farewell` inside TLS, the end."""
    try:
        async with network.connect(host, address, port) as stream:
            dialogue = Dialogue(stream)
            try:
                await opener(network, dialogue, stream)
            except Ended as end:
                detail = f"{dialogue.state}: {end.how}"
                return Renegotiation(stream.connected_to, stream.redirected, None, "no-handshake", None, detail)
            except NotSeen as unseen:
                lines = tuple(dialogue.lines)
                return Failure(unseen.reason, unseen.detail, lines, dialogue.state, stream.connected_to)
            seconds = network.plan.timeout
            client = TlsClient(stream, host, TLS12_ONLY)
            handshake = await client.handshake(seconds, dialogue.take_early())
            if handshake.ended != "completed":
                detail = handshake.error or handshake.ended
                return Renegotiation(stream.connected_to, stream.redirected, handshake, "no-handshake", None, detail)
            ended, alert, detail = await client.renegotiate(min(seconds, PATIENCE))
            with contextlib.suppress(ConnectionError):
                await client.send(farewell)
            return Renegotiation(stream.connected_to, stream.redirected, handshake, ended, alert, detail)
    except Refused as refused:
        return Renegotiation(refused.connected_to, refused.redirected, None, "no-handshake", None, "refused")
    except NotSeen as unseen:
        return Failure(unseen.reason, unseen.detail, state="connect", connected_to=unseen.connected_to)
