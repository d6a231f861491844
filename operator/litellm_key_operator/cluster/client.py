"""One thin client for the API server: raw JSON in, raw JSON or an error of the domain out.

The typed calls of `kubernetes.aio` cost half as much again; its login, connection pool and re-reading of the mounted
token are what is used of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path as File
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar, cast

import aiohttp
from kubernetes.aio import client as untyped_client
from kubernetes.aio import config as untyped_config

from litellm_key_operator.cluster.answers import ExpiredError, Json, parsed, refusal
from litellm_key_operator.cluster.paths import Path
from litellm_key_operator.domain.errors import Denied, Unavailable

# The package has no types of its own: what is used of it is fenced in here.
aio = cast("Any", untyped_client)
login = cast("Any", untyped_config)

Observe = Callable[[str, str, str], None]
"""Told each request's verb, resource and status code (or `timeout`, `error`)."""

T = TypeVar("T")

MERGE_PATCH: Final = "application/merge-patch+json"
PAGE: Final = 100
"""Objects. As JSON they take twice the room of what is kept of them, and memory once used is hardly given back."""
_NOTHING: Final[Json] = {}
_POOL: Final = 64
_TIMEOUT: Final = 10.0
_RESTARTS: Final = 3
_UNLIMITED: Final = aiohttp.ClientTimeout(total=None)
"""The one limit is `asyncio.timeout`, which covers all of a call; the library's own would be 5 minutes."""
_VERBS: Final = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class _Answer(Protocol):
    status: int
    headers: Mapping[str, str]

    async def read(self) -> bytes: ...


async def _configuration(kubeconfig: File | None) -> Any:
    """How to reach the server: by the named file, else as a Pod, else by KUBECONFIG or ~/.kube/config."""
    configuration = aio.Configuration(connection_pool_maxsize=_POOL)
    # With it ~/.netrc and the environment's proxies are looked up for each request, in a thread: as dear as all of TLS.
    configuration.client_session_kwargs = {"trust_env": False}
    if kubeconfig is None:
        try:
            # Sets a hook that reads the mounted token again every minute.
            login.load_incluster_config(client_configuration=configuration)
        except login.ConfigException:
            # Said here because the library looks at the environment only once, when it is imported.
            kubeconfig = File(os.environ.get("KUBECONFIG") or "~/.kube/config")
        else:
            return configuration
    await login.load_kube_config(config_file=str(kubeconfig), client_configuration=configuration, persist_config=False)
    return configuration


def _ignore(_verb: str, _resource: str, _code: str) -> None:
    """Nobody observes."""


class Client:
    """The connection to one API server; at most 64 requests at once, each with a limit in seconds."""

    def __init__(self, api: Any, *, observe: Observe = _ignore, seconds: float = _TIMEOUT) -> None:
        self._api = api
        self._observe = observe
        self._seconds = seconds

    @classmethod
    async def connect(
        cls, kubeconfig: File | None = None, *, observe: Observe = _ignore, seconds: float = _TIMEOUT
    ) -> Self:
        """Log in: by this kubeconfig, else as a Pod, else by KUBECONFIG. Nothing is sent yet.

        Raises Denied if none of them is there and good.
        """
        try:
            configuration = await _configuration(kubeconfig)
        except login.ConfigException as error:
            raise Denied(f"no access to a cluster: {error}") from None
        return cls(aio.ApiClient(configuration), observe=observe, seconds=seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the sockets back."""
        await self._api.close()

    async def get(self, path: Path) -> Json:
        """One object. Raises Gone if it is absent, Denied, Unavailable."""
        return await self.request("GET", path)

    async def list_all(self, path: Path, read: Callable[[Json], T], **query: str) -> list[T]:
        """What `read` makes of all items of a collection, in pages; begun anew should a page expire.

        A page is read before the next is asked for: as JSON, all of them take twice the room of what is made of them.
        Raises Denied, Unavailable, and what `read` raises.
        """
        for _ in range(_RESTARTS):
            try:
                return await self._pages(path, read, query)
            except ExpiredError:
                continue
        raise Unavailable(f"the list of {path.resource} expired before its end, {_RESTARTS} times")

    async def request(
        self,
        method: str,
        path: Path,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        seconds: float | None = None,
        hidden: Iterable[str] = (),
    ) -> Json:
        """The JSON of a 2xx answer; everything else raises an OutsideError.

        `seconds` is the limit of the whole call; `hidden` are texts that no error may quote.
        """
        verb = "list" if method == "GET" and path.name is None else _VERBS[method]
        code = "error"
        try:
            async with asyncio.timeout(seconds or self._seconds):
                answer = await self._send(method, str(path), query, body, content_type)
                content = await answer.read()
            code = str(answer.status)
        except TimeoutError:
            code = "timeout"
            raise Unavailable(f"the API server did not answer {verb} {path.resource} in time") from None
        except (aiohttp.ClientError, OSError, login.ConfigException) as error:
            sent = not isinstance(error, aiohttp.ClientConnectorError)
            raise Unavailable(f"the API server cannot be reached: {type(error).__name__}", sent=sent) from None
        finally:
            self._observe(verb, path.resource, code)
        if answer.status >= 300:  # noqa: PLR2004 - the classes of HTTP
            raise refusal(
                answer.status, content, method=method, retry_after=answer.headers.get("Retry-After"), hidden=hidden
            )
        return parsed(content)

    async def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None, content_type: str
    ) -> _Answer:
        request = await self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()) if query else None,
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        return cast("_Answer", await self._api.call_api(*request[:4], _request_timeout=_UNLIMITED))

    async def _pages(self, path: Path, read: Callable[[Json], T], query: Mapping[str, str]) -> list[T]:
        found: list[T] = []
        token = ""
        while True:
            page = await self.request("GET", path, query={**query, "limit": str(PAGE), "continue": token})
            found += map(read, page.get("items") or ())
            token = str(page.get("metadata", _NOTHING).get("continue", ""))
            if not token:
                return found
