"""HTTP to one proxy, within limits: so many calls at once, so many seconds, so many bytes."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Literal

import httpx
import orjson

from litellm_key_operator.domain.errors import Denied, Rejected, TooLong, Unavailable
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.gateway.clock import ProxyClock
from litellm_key_operator.gateway.errors import failure
from litellm_key_operator.gateway.wire import Reply, parsed
from litellm_key_operator.ports import Credential

Observe = Callable[[str, str, float], None]
"""Told of each call: its endpoint, the status (or `lost`, if there was none), and its seconds."""

MEBIBYTE = 1024 * 1024
_KEEPALIVE = 4.0
"""Seconds; uvicorn closes after 5, and a request on a connection just being closed is lost."""
_CONNECT = 5.0
"""Seconds for a connection, so that its failure is known from that of a request that was sent."""
_LONGEST_PAUSE = 300.0
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_HEADER = re.compile(r"[\x21-\x7e]+")


class Transport:
    """Requests with the credential, to the credential's URL and nowhere else.

    Raises Denied if the credential fits into no header, Rejected if CA bundle or URL cannot be read.
    """

    def __init__(self, credential: Credential, clock: ProxyClock, observe: Observe | None) -> None:
        if not _HEADER.fullmatch(credential.admin_key.reveal()):
            raise Denied("the admin credential is empty, or has blanks or line breaks in it")
        self._base = credential.url.rstrip("/")
        self._seconds = credential.timeout.total_seconds()
        self._slots = asyncio.Semaphore(credential.max_in_flight)
        self._clock = clock
        self._observe = observe
        self._under_way: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._silent_until, self._pause_wanted = 0.0, ""
        self._http = _http(credential, self._seconds)

    async def exchange(
        self,
        method: Literal["GET", "POST"],
        endpoint: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        value: KeyValue | None = None,
        most: int = MEBIBYTE,
    ) -> Reply:
        """One request and its whole answer, of at most so many bytes. `value` goes into the body as `key`.

        Waiting for a slot is not the proxy's time and not counted. Raises Unavailable.
        """
        async with self._slots:
            self._respect_pause()
            started = time.perf_counter()
            request = _Request(method, endpoint, params, body, value)
            outcome = await self._attempt(request, most)
            if self._observe is not None:
                code = str(outcome.status) if isinstance(outcome, Reply) else "lost"
                self._observe(endpoint, code, time.perf_counter() - started)
        if isinstance(outcome, Reply):
            self._note_pause(outcome)
            return outcome
        raise outcome

    def _respect_pause(self) -> None:
        """Raises Unavailable while the proxy wants to be left alone: who asks all the same keeps it busy."""
        left = self._silent_until - self._clock.seconds()
        if left > 0:
            raise Unavailable(self._pause_wanted, sent=False, retry_after=left)

    def _note_pause(self, reply: Reply) -> None:
        """A Retry-After is meant for all calls, whichever was answered so."""
        if reply.retry_after is not None and reply.status in _BUSY:
            self._silent_until = max(self._silent_until, self._clock.seconds() + reply.retry_after)
            self._pause_wanted = f"LiteLLM answered {reply.status}, and wants to be left alone for a while"

    async def drain(self) -> None:
        """Close as soon as no call is under way; calls that follow fail."""
        self._closed = True
        await self._idle.wait()
        await self._http.aclose()

    async def close(self) -> None:
        """Close; calls under way fail."""
        self._closed = True
        for deadline in [deadline for deadline in self._under_way if not deadline.expired()]:
            deadline.reschedule(asyncio.get_running_loop().time())
        await self.drain()

    async def _attempt(self, request: _Request, most: int) -> Reply | Unavailable:
        """The answer or what happened instead.

        Failures are values up to here: an exception would carry along the frames that hold the value of a key.
        """
        if self._closed:
            return Unavailable("this client of LiteLLM was closed", sent=False)
        deadline = asyncio.timeout(self._seconds)
        self._under_way.add(deadline)
        self._idle.clear()
        try:
            async with deadline:
                return await self._send(request, most)
        except TimeoutError:
            return Unavailable(f"{request.endpoint} was sent and not answered: {self._cut()}")
        except httpx.HTTPError as error:
            return failure(error, request.endpoint)
        finally:
            self._under_way.discard(deadline)
            if not self._under_way:
                self._idle.set()

    def _cut(self) -> str:
        return "the client was closed" if self._closed else f"it took longer than {self._seconds:g} s"

    async def _send(self, request: _Request, most: int) -> Reply | Unavailable:
        sent = self._clock.seconds()
        async with self._http.stream(
            request.method,
            self._base + request.endpoint,
            params=request.params,
            content=request.content(),
        ) as response:
            self._clock.heard(response.headers.get("date"), sent, self._clock.seconds())
            data = bytearray()
            async for chunk in response.aiter_raw():
                data += chunk
                if len(data) > most:
                    return TooLong(f"{request.endpoint} answered more than {most // MEBIBYTE} MiB")
            return Reply(
                endpoint=request.endpoint,
                status=response.status_code,
                payload=parsed(bytes(data)),
                retry_after=_pause(response.headers.get("retry-after")),
            )


class _Request:
    """What is sent. It shows neither its body nor the value in it."""

    __slots__ = ("_body", "_value", "endpoint", "method", "params")

    def __init__(
        self,
        method: str,
        endpoint: str,
        params: Mapping[str, str] | None,
        body: Mapping[str, object] | None,
        value: KeyValue | None,
    ) -> None:
        self.method = method
        self.endpoint = endpoint
        self.params = params
        self._body = body
        self._value = value

    def content(self) -> bytes | None:
        """The body as JSON."""
        if self._body is None:
            return None
        return orjson.dumps(self._body if self._value is None else {**self._body, "key": self._value.reveal()})


def _http(credential: Credential, seconds: float) -> httpx.AsyncClient:
    try:
        httpx.URL(credential.url)
    except httpx.InvalidURL:
        raise Rejected("the URL of the proxy is not a URL") from None
    return httpx.AsyncClient(
        headers={
            "authorization": f"Bearer {credential.admin_key.reveal()}",
            "content-type": "application/json",
            "accept": "application/json",
            # Compressed answers would have to be unpacked before their size is known.
            "accept-encoding": "identity",
            "litellm-changed-by": "litellm-key-operator",
        },
        limits=httpx.Limits(
            max_connections=credential.max_in_flight,
            max_keepalive_connections=credential.max_in_flight,
            keepalive_expiry=_KEEPALIVE,
        ),
        timeout=httpx.Timeout(seconds, connect=min(_CONNECT, seconds)),
        verify=_trust(credential),
        follow_redirects=False,
        trust_env=False,
    )


def _trust(credential: Credential) -> ssl.SSLContext:
    """The declared CAs and no others; the system's, if none are declared."""
    # Bundles name their CAs in comments, and not always in ASCII; an empty text would mean the system's CAs.
    bundle = None if credential.ca is None else credential.ca.encode("ascii", "ignore").decode() or "empty"
    try:
        context = ssl.create_default_context(cadata=bundle)
    except ssl.SSLError:
        raise Rejected("the CA bundle is not a list of certificates in PEM") from None
    if credential.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _pause(header: str | None) -> float | None:
    """The seconds of a Retry-After, within reason; its other form, a date, is not used by LiteLLM."""
    if header is None or not header.strip().isdecimal():
        return None
    return min(float(header), _LONGEST_PAUSE)
