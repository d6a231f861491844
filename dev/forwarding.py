"""The fault proxy's way of a request: met by rules, sent to the real server, its answer streamed back."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from dev.faultrules import Answer, Delay, Drip, Drop, Hold, Interject, Moment, Passed, Rewrite, Rule

HOP_BY_HOP: Final = frozenset({"connection", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
"""Headers between two neighbours: each side of the proxy has its own."""
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of the largest request."""
IDLE: Final = 2.0
"""Seconds that a connection to the server waits for a further request; servers close theirs after five."""
GLANCE: Final = 0.5
"""Seconds between two looks whether the client of a silent stream is still there."""


@dataclass(frozen=True)
class Upstream:
    """The server behind, and how to be somebody there."""

    url: str
    tls: ssl.SSLContext | None = None
    """For requests without credentials of their own: may hold a client certificate."""
    token: str | None = None
    """The same, as a bearer token."""
    anonymous_tls: ssl.SSLContext | None = None
    """For requests with credentials of their own, which must count."""


Met = Callable[[str, str, bytes], dict[Moment, Rule]]


@dataclass(eq=False)
class Trip:
    """One request on its way through."""

    request: web.Request
    body: bytes
    begun: float = field(default_factory=time.monotonic)
    answered: int | None = None
    done: float | None = None

    def answer(self, status: int) -> None:
        """The server behind has answered."""
        self.answered, self.done = status, time.monotonic()

    def over(self, status: int | None) -> Passed:
        """What is left to be told of it."""
        sent, done = self.request, self.done or time.monotonic()
        return Passed(sent.method, sent.raw_path, self.body, status, self.answered, self.begun, done)


class Forwarding:
    """Handles requests for one upstream."""

    def __init__(self, upstream: Upstream, met: Met, passed: Callable[[Passed], None]) -> None:
        self._upstream = upstream
        self._met = met
        self._passed = passed
        self.under_way: set[Trip] = set()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE)
        # A watch lasts as long as its client likes, and bodies pass as they are.
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)

    async def close(self) -> None:
        """Closes the connections to the server."""
        await self._session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request from its arrival to its end."""
        status: int | None = None
        trip = Trip(request, await request.read())
        self.under_way.add(trip)
        try:
            response = await self._through(trip)
            status = response.status if response else None
        except aiohttp.ClientError:
            response = None  # the server is away, or the client is
        finally:
            self.under_way.discard(trip)
            self._passed(trip.over(status))
        return response or _cut(request)

    async def _through(self, trip: Trip) -> web.StreamResponse | None:
        """The response that the client got, None for none."""
        request, body = trip.request, trip.body
        rules = self._met(request.method, request.raw_path, body)
        before, after = rules.get(Moment.BEFORE), rules.get(Moment.AFTER)
        if before is not None:
            fault = await before.strike()
            if isinstance(fault, Drop | Answer):
                return _own(fault)
        async with self._send(request, body) as answer:
            trip.answer(answer.status)
            if after is None:
                return await _stream(request, answer)
            match await after.strike():
                case Drop() | Answer() as fault:
                    return _own(fault)
                case Drip(seconds):
                    return await _stream(request, answer, pause=seconds)
                case Interject(last):
                    return await _stream(request, answer, over=after.released(), last=last)
                case Rewrite(change):
                    headers = _passing(answer)
                    headers.popall("Content-Length", None)
                    changed, whole = change(headers, await answer.read())
                    return web.Response(status=answer.status, body=whole, headers=changed)
                case Hold() | Delay():
                    return await _stream(request, answer)

    @asynccontextmanager
    async def _send(self, request: web.Request, body: bytes) -> AsyncGenerator[aiohttp.ClientResponse]:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        tls = self._upstream.anonymous_tls if "Authorization" in headers else self._upstream.tls
        if self._upstream.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self._upstream.token}"
        url = URL(f"{self._upstream.url.rstrip('/')}{request.raw_path}", encoded=True)
        async with self._session.request(
            request.method,
            url,
            headers=headers,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            data=body or None,
            ssl=tls or True,
            allow_redirects=False,
        ) as answer:
            yield answer


def _own(fault: Drop | Answer) -> web.Response | None:
    if isinstance(fault, Drop):
        return None
    return web.Response(status=fault.status, body=fault.body, headers=fault.headers)


def _cut(request: web.Request) -> web.Response:
    """Cuts the connection; the response is for nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _passing(answer: aiohttp.ClientResponse) -> CIMultiDict[str]:
    """The headers of an answer that are its client's business."""
    pairs = ((name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP)
    return CIMultiDict(pairs)


async def _stream(
    request: web.Request,
    answer: aiohttp.ClientResponse,
    *,
    pause: float | None = None,
    over: Coroutine[Any, Any, None] | None = None,
    last: bytes = b"",
) -> web.StreamResponse | None:
    """The server's answer, chunk by chunk as it comes, or byte by byte; None if its client went away.

    As soon as it is `over`, `last` follows, whatever the server would have said.
    """
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_passing(answer))
    end = asyncio.ensure_future(over) if over is not None else None
    try:
        await response.prepare(request)
        while chunk := await _next_chunk(request, answer, end):
            if pause is None:
                await response.write(chunk)
                continue
            for byte in chunk:
                await response.write(bytes((byte,)))
                await asyncio.sleep(pause)
        await response.write(last)
        await response.write_eof()
    except ConnectionResetError:
        return None
    finally:
        if end is not None:
            end.cancel()
    return response


async def _next_chunk(request: web.Request, answer: aiohttp.ClientResponse, end: asyncio.Future[None] | None) -> bytes:
    """What the server sent since, empty at the end; raises `ConnectionResetError` once the client has gone."""
    reading = asyncio.ensure_future(answer.content.readany())
    awaited: set[asyncio.Future[Any]] = {reading} if end is None else {reading, end}
    try:
        while not reading.done():
            await asyncio.wait(awaited, timeout=GLANCE, return_when=asyncio.FIRST_COMPLETED)
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError
            if end is not None and end.done():
                return b""
        return reading.result()
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, aiohttp.ClientError):
            await reading
