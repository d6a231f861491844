"""The client against a proxy that hangs, lies, or is none."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta

import pytest
from aiohttp import web

from litellm_key_operator.domain.errors import Denied, Rejected, Unavailable
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.gateway.client import LiteLLM
from tests.support.gateway_worlds import credential, fresh
from tests.support.loopback import always, served

TOKEN = "a" * 64
MEBIBYTE = 1024 * 1024


async def unavailable(gateway: LiteLLM) -> Unavailable:
    with pytest.raises(Unavailable) as lost:
        await gateway.info(TOKEN)
    await gateway.close()
    return lost.value


async def test_a_redirect_is_not_followed_and_the_credential_goes_nowhere_else() -> None:
    visits: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        visits.append(request.path)
        return web.json_response({"info": {}})

    async with served(elsewhere) as target, served(always(307, "", {"location": f"{target}/key/info"})) as url:
        lost = await unavailable(LiteLLM(credential(url)))
    assert "redirects are not followed" in str(lost)
    assert visits == []


@pytest.mark.parametrize("text", ["<html>Welcome</html>", "", "[]", "null", '{"info": 1}', '{"other": {}}', '"text"'])
@pytest.mark.parametrize("status", [200, 404, 500])
async def test_what_litellm_would_not_answer_is_no_answer(status: int, text: str) -> None:
    async with served(always(status, text)) as url:
        await unavailable(LiteLLM(credential(url)))


async def test_rows_that_are_too_long_for_one_answer_are_read_in_parts() -> None:
    tokens = [f"{number:064x}" for number in range(230)]
    long = "x" * (3 * MEBIBYTE)

    def row(token: str) -> dict[str, object]:
        alias = long if token in (tokens[7], tokens[8], tokens[9]) else token
        return {"token": token, "key_alias": alias, "metadata": {}}

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/v2/key/info":
            asked = (await request.json())["keys"]
            return web.json_response({"key": asked, "info": [row(token) for token in asked]})
        size, number = (int(request.query[name]) for name in ("size", "page"))
        part = tokens[(number - 1) * size : number * size]
        return web.json_response({"keys": [row(token) for token in part], "total_pages": -(-len(tokens) // size)})

    async with served(handle) as url:
        gateway = LiteLLM(credential(url))
        assert len(await gateway.infos(tokens)) == len(tokens)
        assert [found.token_id async for found in gateway.walk()] == tokens
        await gateway.close()


async def test_the_404_of_an_ingress_says_nothing_about_a_key() -> None:
    for text in ("default backend - 404", '{"detail": "Not Found"}', '{"error": "no such route"}'):
        async with served(always(404, text)) as url:
            gateway = LiteLLM(credential(url))
            for call in (gateway.info(TOKEN), gateway.update(TOKEN, {}), gateway.delete([TOKEN])):
                with pytest.raises(Unavailable):
                    await call
            await gateway.close()


async def test_a_dripping_answer_ends_when_the_whole_time_is_over() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    async with served(drip) as url:
        started = time.monotonic()
        lost = await unavailable(LiteLLM(credential(url, timeout=timedelta(seconds=0.4))))
    assert lost.sent
    assert time.monotonic() - started < 4


async def test_a_body_is_read_only_so_far() -> None:
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(256):
            await response.write(b" " * (MEBIBYTE // 4))
            sent += 1
        return response

    async with served(flood) as url:
        assert "more than 1 MiB" in str(await unavailable(LiteLLM(credential(url))))
    assert sent < 200


async def test_a_list_may_be_longer_than_another_answer() -> None:
    long = json.dumps({"info": [{"metadata": {"text": "x" * 3 * MEBIBYTE}}]})
    async with served(always(200, long)) as url:
        gateway = LiteLLM(credential(url))
        assert len(await gateway.infos([TOKEN])) == 1
        with pytest.raises(Unavailable):
            await gateway.info(TOKEN)
        await gateway.close()


async def test_only_exact_aliases_are_found_though_others_are_told() -> None:
    told = [{"token": c * 64, "key_alias": alias} for c, alias in zip("abc", ("app", "app-2", "APP"), strict=True)]
    async with served(always(200, json.dumps({"keys": told, "total_pages": 1}))) as url:
        gateway = LiteLLM(credential(url))
        assert [row.token_id for row in await gateway.find("app")] == [TOKEN]
        await gateway.close()


async def test_an_endless_list_ends() -> None:
    page = json.dumps({"keys": [{"token": TOKEN}], "total_pages": 10**9})
    async with served(always(200, page)) as url:
        gateway = LiteLLM(credential(url))
        async with asyncio.timeout(5):
            assert [row.token_id async for row in gateway.walk()] == [TOKEN]
        await gateway.close()


async def test_no_more_calls_at_once_than_allowed_and_waiting_is_not_timed() -> None:
    now, most = 0, 0

    async def slow(_request: web.Request) -> web.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.15)
        now -= 1
        return web.json_response({"info": {}})

    async with served(slow) as url:
        gateway = LiteLLM(credential(url, max_in_flight=2, timeout=timedelta(seconds=1.2)))
        rows = await asyncio.gather(*(gateway.info(TOKEN) for _ in range(20)))
        await gateway.close()
    assert len(rows) == 20
    assert most == 2


async def test_calls_that_were_given_up_give_their_slot_back() -> None:
    arrivals, let_go = asyncio.Queue[None](), asyncio.Event()

    async def handle(_request: web.Request) -> web.StreamResponse:
        arrivals.put_nowait(None)
        await let_go.wait()
        return web.json_response({"info": {}})

    async with asyncio.timeout(30), served(handle) as url:
        gateway = LiteLLM(credential(url, max_in_flight=1, timeout=timedelta(seconds=0.8)))
        for _ in range(2):
            with pytest.raises(Unavailable):
                await gateway.info(TOKEN)
            await arrivals.get()
        abandoned = asyncio.create_task(gateway.info(TOKEN))
        await arrivals.get()
        abandoned.cancel()
        let_go.set()
        assert await gateway.info(TOKEN) is not None
        await gateway.close()


async def test_nothing_was_sent_if_nobody_listens() -> None:
    async with served(always(200, "{}")) as url:
        pass
    lost = await unavailable(LiteLLM(credential(url)))
    assert not lost.sent


async def test_a_request_cut_off_may_have_been_carried_out() -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with served(hang_up) as url:
        lost = await unavailable(LiteLLM(credential(url)))
    assert lost.sent


async def test_a_busy_proxy_says_when_to_come_again() -> None:
    for header, seconds in (("7", 7.0), ("999999", 300.0), ("soon", None), ("-1", None)):
        async with served(always(429, "{}", {"retry-after": header})) as url:
            lost = await unavailable(LiteLLM(credential(url)))
        assert (lost.sent, lost.retry_after) == (False, seconds)


@pytest.mark.parametrize("status", [429, 503])
async def test_while_a_proxy_wants_a_pause_it_is_not_asked(status: int) -> None:
    seconds, visits = 1000.0, 0

    async def handle(_request: web.Request) -> web.StreamResponse:
        nonlocal visits
        visits += 1
        return web.json_response({}, status=status, headers={"retry-after": "30"})

    async with served(handle) as url:
        gateway = LiteLLM(credential(url), monotonic=lambda: seconds)
        for call in (gateway.info(TOKEN), gateway.generate(fresh(), {}), gateway.delete([TOKEN])):
            with pytest.raises(Unavailable) as lost:
                await call
            assert (visits, lost.value.retry_after) == (1, 30.0)
        seconds += 31
        with pytest.raises(Unavailable):
            await gateway.info(TOKEN)
        await gateway.close()
    assert visits == 2


async def test_what_is_sent_is_what_litellm_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    seen: list[tuple[str, object, dict[str, str]]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, await request.json(), {k.lower(): v for k, v in request.headers.items()}))
        return web.json_response({"key_alias": "a"})

    value = fresh()
    async with served(handle) as url:
        gateway = LiteLLM(credential(f"{url}/prefix/", "sk-admin"))
        assert gateway.url == f"{url}/prefix/"
        row = await gateway.generate(value, {"key_alias": "a"})
        await gateway.close()
    (path, body, headers) = seen[0]
    assert row.token_id == value.token_id
    assert (path, body) == ("/prefix/key/generate", {"key": value.reveal(), "key_alias": "a"})
    assert headers["authorization"] == "Bearer sk-admin"
    assert headers["litellm-changed-by"] == "litellm-key-operator"
    assert headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json"


async def test_each_call_is_told_to_the_observer() -> None:
    told: list[tuple[str, str, float]] = []
    async with served(always(200, '{"info": {}}')) as url:

        def observe(endpoint: str, code: str, seconds: float) -> None:
            told.append((endpoint, code, seconds))

        gateway = LiteLLM(credential(url), observe=observe)
        await gateway.info(TOKEN)
    with pytest.raises(Unavailable):
        await gateway.info(TOKEN)
    await gateway.close()
    assert [call[:2] for call in told] == [("/key/info", "200"), ("/key/info", "lost")]
    assert all(0 < seconds < 10 for _, _, seconds in told)


@pytest.mark.parametrize("key", ["", "sk-admin\n", "sk admin", "sk-ädmin", "sk-admin\r\nx: y"])
async def test_a_credential_that_fits_into_no_header_is_denied_without_being_shown(key: str) -> None:
    with pytest.raises(Denied) as refused:
        LiteLLM(credential("http://localhost", key))
    assert not key or key.strip() not in repr(refused.value)


async def test_a_url_that_is_none_is_rejected() -> None:
    with pytest.raises(Rejected):
        LiteLLM(credential("http://[::1"))


async def test_only_a_hash_names_a_key() -> None:
    gateway = LiteLLM(credential("http://localhost"))
    value = KeyValue("sk-0123456789abcdefghij").reveal()
    for call in (gateway.info(value), gateway.infos([value]), gateway.update(value, {}), gateway.delete([value])):
        with pytest.raises(ValueError, match="sha256") as wrong:
            await call
        assert value not in str(wrong.value)
    await gateway.close()
