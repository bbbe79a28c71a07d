"""One HTTP request over TLS or in the clear: no redirects, nothing verified, all kept."""

from __future__ import annotations

from ..model import Failure, Handshake, HttpExchange
from ..wire.web_address import WebAddress
from .http import Request, Response, converse
from .net import Channel, Network, NotSeen, Refused
from .tls import TlsClient

BODY = 65536  # octets of a policy's body; RFC 8461 section 3.3 suggests this limit


async def exchange(
    network: Network, page: WebAddress, address: str, request: Request, patience: float | None = None
) -> HttpExchange | Failure:
    """The answer of `address` to a request for `page`; `patience`: seconds for the answer alone, if not the plan's."""
    response, seconds = Response(), network.plan.timeout
    handshake: Handshake | None = None
    try:
        async with network.connect(page.host, address, page.port) as stream:
            channel: Channel = stream
            ended = ""
            if page.scheme == "https":
                client = TlsClient(stream, page.host)
                handshake = await client.handshake(seconds)
                channel = client
                if handshake.ended != "completed":
                    ended = "closed" if handshake.ended == "alert" else handshake.ended
            ended = ended or await converse(channel, request, response, patience or seconds)
            return HttpExchange(
                page.text,
                stream.connected_to,
                stream.redirected,
                handshake,
                ended,
                response.status,
                response.headers,
                bytes(response.body),
                response.truncated,
            )
    except Refused as refused:
        return HttpExchange(
            page.text, refused.connected_to, refused.redirected, None, "refused", None, (), b"", False
        )  # fmt: skip
    except NotSeen as unseen:
        return Failure(unseen.reason, unseen.detail, state="connect", connected_to=unseen.connected_to)


async def get(network: Network, host: str, address: str, port: int, path: str) -> HttpExchange | Failure:
    """GET https://`host``path` from `address`, as MTA-STS asks for its policy (RFC 8461 section 3.3).

    Senders are advised to wait a minute, as they do for a greeting.
    """
    request = Request("GET", host, path, "text/plain", BODY)
    page = WebAddress("https", host, port, path)
    return await exchange(network, page, address, request, network.plan.greeting_timeout)
