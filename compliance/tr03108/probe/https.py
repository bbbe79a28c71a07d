"""One HTTPS GET, as MTA-STS asks for its policy (RFC 8461 section 3.3): no redirects, nothing verified, all kept."""

from __future__ import annotations

import asyncio

import h11

from ..model import Failure, Handshake, HttpExchange
from .net import Network, NotSeen, Refused, Stream
from .tls import TlsClient

BODY = 65536  # octets of a body; RFC 8461 section 3.3 suggests this limit
HEADERS = 16384  # octets of status line and header fields
_KEPT_HEADERS = 100


async def get(network: Network, host: str, address: str, port: int, path: str) -> HttpExchange | Failure:
    """GET https://`host``path` from `address`."""
    exchange = _Exchange(f"https://{host}{path}")
    try:
        async with network.connect(host, address, port) as stream:
            seconds = network.plan.timeout
            client = TlsClient(stream, host)
            handshake = await client.handshake(seconds)
            if handshake.ended != "completed":
                ended = "closed" if handshake.ended == "alert" else handshake.ended
                return exchange.result(stream, handshake, ended)
            ended = await _ask(client, exchange, host, path, seconds)
            return exchange.result(stream, handshake, ended)
    except Refused as refused:
        return HttpExchange(
            exchange.url, refused.connected_to, refused.redirected, None, "refused", None, (), b"", False
        )
    except NotSeen as unseen:
        return Failure(unseen.reason, unseen.detail, state="connect", connected_to=unseen.connected_to)


class _Exchange:
    """What has come of one response so far."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status: int | None = None
        self.headers: tuple[tuple[str, str], ...] = ()
        self.body = b""
        self.truncated = False

    def result(self, stream: Stream, handshake: Handshake, ended: str) -> HttpExchange:
        return HttpExchange(
            self.url,
            stream.connected_to,
            stream.redirected,
            handshake,
            ended,
            self.status,
            self.headers,
            self.body,
            self.truncated,
        )


async def _ask(client: TlsClient, exchange: _Exchange, host: str, path: str, seconds: float) -> str:
    """Request and response, `seconds` in all; returns how it ended."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADERS)
    fields = [("Host", host), ("User-Agent", "tr03108"), ("Accept", "text/plain"), ("Connection", "close")]
    try:
        async with asyncio.timeout(seconds):
            request = http.send(h11.Request(method="GET", target=path, headers=fields))
            await client.send((request or b"") + (http.send(h11.EndOfMessage()) or b""))
            return await _read(client, http, exchange)
    except TimeoutError:
        return "silent"
    except ConnectionError:
        return "reset"
    except h11.RemoteProtocolError as error:
        if error.error_status_hint == 431:  # Request Header Fields Too Large: h11's sign for its own limit
            return "overflow"
        return "closed" if http.trailing_data[1] else "garbage"  # trailing_data[1]: the stream has ended


async def _read(client: TlsClient, http: h11.Connection, exchange: _Exchange) -> str:
    while True:
        event = http.next_event()
        match event:
            case h11.NEED_DATA:
                http.receive_data(await client.receive())
            case h11.Response():
                exchange.status = event.status_code
                exchange.headers = tuple(
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers
                )[:_KEPT_HEADERS]
            case h11.Data():
                exchange.body += bytes(event.data)
                if len(exchange.body) > BODY:
                    exchange.body, exchange.truncated = exchange.body[:BODY], True
                    return "answered"
            case h11.EndOfMessage():
                return "answered"
            case h11.ConnectionClosed():
                return "closed"
            case _:  # 1xx, and nothing else that a client can get
                continue
