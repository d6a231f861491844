"""No value of a key, and no admin credential, is to be seen anywhere but in the requests themselves."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from aiohttp import web

from dev.litellm import Endpoint
from litellm_key_operator.domain.errors import OutsideError
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.gateway.client import LiteLLM
from tests.support.gateway_worlds import credential, fresh
from tests.support.loopback import Handler, served

VALUE = KeyValue("sk-value-0123456789abcdefghijklmnopqrstuvwxyzABC")
ADMIN = KeyValue("sk-admin-0123456789abcdefghijklmnopqrstuvwxyzABC")


def showing(error: BaseException) -> str:
    """All that a log could show of an error, the variables of its frames included."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "\n".join([str(error), repr(error), repr(error.args), *shown.format()])


async def echo(request: web.Request) -> str:
    return json.dumps({"request": await request.text(), "headers": dict(request.headers)})


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def hang(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write((await echo(request)).encode())
    await asyncio.sleep(5)
    return response


def answering(status: int, shape: Callable[[str], object]) -> Handler:
    """An answer that quotes the whole request."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/health/readiness":
            return web.json_response({"db": "connected"})
        told = await echo(request)
        return web.Response(status=status, text=json.dumps(shape(told)), content_type="application/json")

    return handle


def error(told: str) -> object:
    return {"error": {"message": f"Authentication Error, {told}", "param": told, "type": told, "code": told}}


def detail(told: str) -> object:
    return {"detail": [{"loc": ["body", told], "msg": told, "input": told}]}


def row(told: str) -> object:
    return {"key": VALUE.reveal(), "token_id": told, "key_alias": 5}


HANDLERS: list[Handler] = [
    hang_up,
    hang,
    *(answering(status, shape) for status in (400, 401, 403, 404, 422, 500) for shape in (error, detail)),
    answering(200, row),
    answering(200, lambda told: {"key": VALUE.reveal(), "key_alias": 5, "expires": told}),
    answering(200, lambda told: {"key": VALUE.reveal(), "expires": told}),
    answering(200, lambda told: told),
    answering(302, lambda told: told),
]


async def failing(call: Callable[[], Awaitable[object]]) -> OutsideError:
    """The error that this call ends with."""
    try:
        await call()
    except OutsideError as raised:
        return raised
    pytest.fail("the call did not fail")


@pytest.mark.parametrize("handler", HANDLERS)
async def test_an_error_shows_no_value(handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with served(handler) as url:
        gateway = LiteLLM(credential(url, ADMIN.reveal(), timeout=timedelta(seconds=0.5)))
        raised = await failing(lambda: gateway.generate(VALUE, {"key_alias": "a"}))
        await gateway.close()
    shown = showing(raised) + caplog.text
    assert VALUE.reveal() not in shown
    assert ADMIN.reveal() not in shown


async def test_nobody_listening_shows_no_value(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with served(hang_up) as url:
        pass
    gateway = LiteLLM(credential(url, ADMIN.reveal()))
    raised = await failing(lambda: gateway.generate(VALUE, {}))
    await gateway.close()
    shown = showing(raised) + caplog.text + repr(gateway) + repr(vars(gateway))
    assert VALUE.reveal() not in shown
    assert ADMIN.reveal() not in shown


@pytest.mark.servers
async def test_logs_and_urls_of_all_calls_show_no_value(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    gateway = LiteLLM(credential(endpoint.url, endpoint.master_key))
    value = fresh()
    told = [await gateway.generate(value, {"key_alias": value.token_id})]
    told += [await gateway.generate(value, {}), *await gateway.infos([value.token_id])]
    told += await gateway.find(value.token_id)
    await gateway.update(value.token_id, {"blocked": True})
    await gateway.delete([value.token_id])
    raised = await failing(lambda: gateway.generate(value, {"max_budget": -1}))
    await gateway.close()
    shown = showing(raised) + caplog.text + repr(told)
    assert "/key/generate" in caplog.text
    assert value.token_id in repr(told)
    assert value.reveal() not in shown
    assert endpoint.master_key not in shown
