"""What kopf is given of a LIST: where its watch begins."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from litellm_key_operator.entry.access import EmptyList, list_heard

PAGE = {"kind": "SecretList", "metadata": {"resourceVersion": "7", "continue": "more"}, "items": [{"kind": "Secret"}]}


@pytest.fixture
async def server() -> AsyncGenerator[TestServer]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(PAGE, status=int(request.query.get("status", "200")))

    app = web.Application()
    app.router.add_get("/api/v1/secrets", answer)
    running = TestServer(app)
    async with running:
        yield running


@pytest.mark.parametrize(
    ("query", "listed", "empty"),
    [("?limit=1", ["secrets"], True), ("?limit=1&status=403", [], False), ("", [], False)],
    ids=["a list", "a refusal", "something else"],
)
async def test_a_list_is_heard_of_and_has_nothing_but_its_version(
    server: TestServer, query: str, listed: list[str], empty: bool
) -> None:
    heard: list[str] = []
    async with (
        aiohttp.ClientSession(response_class=EmptyList, trace_configs=[list_heard(heard.append)]) as session,
        session.get(server.make_url("/api/v1/secrets" + query)) as response,
    ):
        told = await response.json()
    assert heard == listed
    assert told == ({"kind": "SecretList", "metadata": {"resourceVersion": "7"}, "items": []} if empty else PAGE)
