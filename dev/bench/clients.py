"""Both servers as the barest client sees them: JSON over aiohttp, unchecked. What the floors are made of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import orjson

from dev.controlplane import Access
from dev.litellm import Endpoint
from litellm_key_operator.cluster.paths import Path

Json = dict[str, Any]

MERGE: Final = "application/merge-patch+json"
NAMES_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""What a watch asks for that only wants to know that something is there: the server need not send all of it."""
PATIENCE: Final = 300.0
"""Seconds that anything here may take."""


class BenchError(Exception):
    """Something could not be measured; the message says why."""


class Server:
    """One server; as many connections as calls are made at once."""

    def __init__(self, session: aiohttp.ClientSession, name: str) -> None:
        self._session = session
        self._name = name

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, method: str, path: object, body: Mapping[str, Any] | None = None, **headers: str) -> Json:
        """The JSON that is answered. Raises BenchError if that is a refusal."""
        data = None if body is None else orjson.dumps(body)
        async with self._session.request(method, str(path), data=data, headers=headers) as answer:
            text = await answer.read()
            if not answer.ok:
                raise BenchError(f"{self._name}: {method} {path}: {answer.status} {text.decode()[:500]}")
            read: Json = orjson.loads(text)
            return read

    async def text(self, path: str) -> str:
        """A page."""
        async with self._session.get(path) as answer:
            return await answer.text()

    def stream(self, path: str, **headers: str) -> Any:
        """An answer that goes on."""
        return self._session.get(path, headers=headers)


def kubernetes(access: Access) -> Server:
    """The API server."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if access.token:
        headers["Authorization"] = f"Bearer {access.token}"
    connector = aiohttp.TCPConnector(ssl=access.tls(), limit=0)
    return Server(_session(access.url, connector, headers), "the API server")


def litellm(endpoint: Endpoint) -> Server:
    """LiteLLM, with its master key."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {endpoint.master_key}"}
    return Server(_session(endpoint.url, aiohttp.TCPConnector(limit=0), headers), "LiteLLM")


def _session(url: str, connector: aiohttp.TCPConnector, headers: Mapping[str, str]) -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    return aiohttp.ClientSession(url, connector=connector, headers=headers, timeout=timeout)


class Arrivals:
    """When objects of a collection came (or went, with `event="DELETED"`), as a watch tells it: by name, monotonic."""

    def __init__(self, server: Server, collection: Path, *, event: str = "ADDED") -> None:
        self._server = server
        self._collection = collection
        self._event = event
        self._news = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self.at: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        listed = await self._server.call("GET", f"{self._collection}?limit=1", Accept="application/json")
        version = listed["metadata"]["resourceVersion"]
        self._watching = asyncio.create_task(self._watch(version))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def all_of(self, names: Collection[str]) -> float:
        """The moment of the last of them, once all have come. Raises BenchError if that takes too long."""
        left = set(names)
        try:
            async with asyncio.timeout(PATIENCE):
                while left := {name for name in left if name not in self.at}:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise BenchError(f"{len(left)} of {len(names)} {self._collection.resource} did not come") from None
        return max(self.at[name] for name in names)

    async def _watch(self, version: str) -> None:
        path = f"{self._collection}?watch=1&resourceVersion={version}&timeoutSeconds=3600"
        async with self._server.stream(path, Accept=NAMES_ONLY) as answer:
            async for line in answer.content:
                told = orjson.loads(line)
                if told["type"] == self._event:
                    self.at[told["object"]["metadata"]["name"]] = time.monotonic()
                    self._news.set()
