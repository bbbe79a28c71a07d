"""One HTTP request and its response over any channel: bounded, no redirects followed, all kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import h11

from .net import Channel

HEADERS = 16384  # octets of status line and header fields
_KEPT_HEADERS = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `limit`: the octets of the response's body that are taken."""

    method: str
    host: str
    target: str
    accept: str
    limit: int
    content_type: str = ""
    body: bytes = b""

    def fields(self) -> Sequence[tuple[str, str]]:
        """The header fields. Nothing is taken encoded: what is small on the wire stays small."""
        found = [("Host", self.host), ("User-Agent", "tr03108"), ("Accept", self.accept)]
        found += [("Accept-Encoding", "identity"), ("Connection", "close")]
        if self.body:
            found += [("Content-Type", self.content_type), ("Content-Length", str(len(self.body)))]
        return found


@dataclass(slots=True)
class Response:
    """What has come of one response so far."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytearray = field(default_factory=bytearray)
    truncated: bool = False


async def converse(channel: Channel, request: Request, response: Response, seconds: float) -> str:
    """Request and response, `seconds` in all; fills `response` and returns how it ended, as HttpExchange has it."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADERS)
    try:
        async with asyncio.timeout(seconds):
            head = h11.Request(method=request.method, target=request.target, headers=list(request.fields()))
            sent = http.send(head) or b""
            if request.body:
                sent += http.send(h11.Data(data=request.body)) or b""
            await channel.send(sent + (http.send(h11.EndOfMessage()) or b""))
            return await _read(channel, http, response, request.limit)
    except TimeoutError:
        return "silent"
    except ConnectionError:
        return "reset"
    except h11.RemoteProtocolError as error:
        if error.error_status_hint == 431:  # Request Header Fields Too Large: h11's sign for its own limit
            return "overflow"
        return "closed" if http.trailing_data[1] else "garbage"  # trailing_data[1]: the stream has ended


async def _read(channel: Channel, http: h11.Connection, response: Response, limit: int) -> str:
    while True:
        event = http.next_event()
        match event:
            case h11.NEED_DATA:
                http.receive_data(await channel.receive())
            case h11.Response():
                response.status = event.status_code
                response.headers = tuple(
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers
                )[:_KEPT_HEADERS]
            case h11.Data():
                response.body += event.data
                if len(response.body) > limit:
                    del response.body[limit:]
                    response.truncated = True
                    return "answered"
            case h11.EndOfMessage():
                return "answered"
            case h11.ConnectionClosed():
                return "closed"
            case _:  # 1xx, and nothing else that a client can get
                continue
