"""One HTTPS GET, as MTA-STS asks for its policy (RFC 8461 section 3.3): no redirects, nothing verified, all kept."""

from __future__ import annotations

from ..model import Failure, Handshake, HttpExchange
from .http import Request, Response, converse
from .net import Network, NotSeen, Refused, Stream
from .tls import TlsClient

BODY = 65536  # octets of a body; RFC 8461 section 3.3 suggests this limit


async def get(network: Network, host: str, address: str, port: int, path: str) -> HttpExchange | Failure:
    """GET https://`host``path` from `address`."""
    url, response = f"https://{host}{path}", Response()
    try:
        async with network.connect(host, address, port) as stream:
            seconds = network.plan.timeout
            client = TlsClient(stream, host)
            handshake = await client.handshake(seconds)
            if handshake.ended != "completed":
                ended = "closed" if handshake.ended == "alert" else handshake.ended
            else:
                ended = await converse(client, Request("GET", host, path, "text/plain", BODY), response, seconds)
            return _exchange(url, stream, handshake, ended, response)
    except Refused as refused:
        return HttpExchange(url, refused.connected_to, refused.redirected, None, "refused", None, (), b"", False)
    except NotSeen as unseen:
        return Failure(unseen.reason, unseen.detail, state="connect", connected_to=unseen.connected_to)


def _exchange(url: str, stream: Stream, handshake: Handshake, ended: str, response: Response) -> HttpExchange:
    return HttpExchange(
        url,
        stream.connected_to,
        stream.redirected,
        handshake,
        ended,
        response.status,
        response.headers,
        bytes(response.body),
        response.truncated,
    )
