"""How kopf gets to the API server: in the cluster by service account, elsewhere by KUBECONFIG."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import kopf
from typing_extensions import override

TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
TOKEN_KEPT: Final = 60.0
"""Seconds for which a token is used without looking at its file; it is renewed long before it ends."""


class FreshToken:
    """Puts the service account's present token on each request.

    kopf reads it once and again after a 401, and ends if the file has not changed by then.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = ""
        self._read_at = float("-inf")

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send the request with the token."""
        now = asyncio.get_running_loop().time()
        if now - self._read_at > TOKEN_KEPT:
            self._text, self._read_at = self._path.read_text().strip(), now
        request.headers["Authorization"] = f"Bearer {self._text}"
        return await handler(request)


class EmptyList(aiohttp.ClientResponse):
    """An answer to kopf, which learns from a LIST where its watch begins, and nothing else.

    What there is, we list ourselves, page by page; kopf would keep it all, in a task for each object.
    """

    @override
    async def json(self, **options: Any) -> Any:
        answer = await super().json(**options)
        if _is_list(self.method, self.url.query, ok=self.ok):
            answer["items"] = []
            answer["metadata"].pop("continue", None)
        return answer


def _is_list(method: str, query: Mapping[str, str], *, ok: bool) -> bool:
    """Whether it is an answer with objects of one kind."""
    return ok and method == "GET" and "limit" in query


async def open_session(listed: Callable[[str], None], **kwargs: Any) -> kopf.AiohttpSession:
    """The session that kopf is to use; `listed` hears the plural of each kind that was listed."""
    account = kopf.login_with_service_account(**kwargs)
    info = account or kopf.login_with_kubeconfig(**kwargs)
    if info is None:
        raise kopf.LoginError("no access to Kubernetes: neither a service account's token nor KUBECONFIG is there")
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=info.as_ssl_context()),
        headers=info.as_http_headers(),
        response_class=EmptyList,
        middlewares=(FreshToken(TOKEN),) if account else (),
        trace_configs=[list_heard(listed)],
    )
    return kopf.AiohttpSession(server=info.server, default_namespace=info.default_namespace, aiohttp_session=session)


def list_heard(listed: Callable[[str], None]) -> aiohttp.TraceConfig:
    """Hears of each LIST; kopf gives its handlers no sign of one, least of all of an empty one."""

    async def ended(
        _session: aiohttp.ClientSession, _context: types.SimpleNamespace, request: aiohttp.TraceRequestEndParams
    ) -> None:
        if _is_list(request.method, request.url.query, ok=request.response.ok):
            listed(request.url.path.rpartition("/")[2])

    config = aiohttp.TraceConfig()
    config.on_request_end.append(ended)
    return config
