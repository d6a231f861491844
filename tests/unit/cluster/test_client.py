"""The client towards servers that hang, break off, refuse connections or lose pages."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path as File

import pytest
from aiohttp import web

from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.paths import SECRETS
from litellm_key_operator.cluster.resources import ClusterResources
from litellm_key_operator.domain.errors import Denied, Gone, Unavailable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ONE = SECRETS.of("team-a", "app")


def kubeconfig(folder: File, port: int) -> File:
    file = folder / "kubeconfig"
    file.write_text(
        f"""
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: u, user: {{token: abc}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
"""
    )
    return file


@asynccontextmanager
async def server(handler: Handler, folder: File) -> AsyncGenerator[File]:
    """The kubeconfig of an API server that answers every request like this."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port: int = runner.addresses[0][1]
    yield kubeconfig(folder, port)
    await runner.cleanup()


async def test_a_server_that_hangs_is_left_after_the_limit_and_told_to_the_observer(tmp_path: File) -> None:
    seen: list[tuple[str, str, str]] = []

    def note(verb: str, resource: str, code: str) -> None:
        seen.append((verb, resource, code))

    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with (
        server(hang, tmp_path) as config,
        await Client.connect(config, observe=note, seconds=0.2) as client,
    ):
        with pytest.raises(Unavailable) as caught:
            await client.get(ONE)
    assert caught.value.sent
    assert seen == [("get", "secrets", "timeout")]


async def test_a_body_that_stays_away_is_not_waited_for_either(tmp_path: File) -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.sleep(60)
        return response

    async with server(trickle, tmp_path) as config, await Client.connect(config, seconds=0.2) as client:
        with pytest.raises(Unavailable):
            await client.get(ONE)


async def test_a_connection_that_is_refused_sent_nothing(tmp_path: File) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        config = kubeconfig(tmp_path, taken.getsockname()[1])
        async with await Client.connect(config) as client:
            with pytest.raises(Unavailable) as caught:
                await client.get(ONE)
    assert not caught.value.sent


async def test_a_connection_that_breaks_off_may_have_had_its_effect(tmp_path: File) -> None:
    async def break_off(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with server(break_off, tmp_path) as config, await Client.connect(config) as client:
        with pytest.raises(Unavailable) as caught:
            await client.request("POST", SECRETS.within("team-a"), body={})
    assert caught.value.sent


async def test_a_list_begins_anew_when_a_page_is_lost(tmp_path: File) -> None:
    asked: list[str] = []

    async def pages(request: web.Request) -> web.Response:
        token = request.query["continue"]
        asked.append(token)
        if token == "second" and asked.count("second") == 1:
            return web.json_response({"reason": "Expired"}, status=410)
        if token == "second":
            return web.json_response({"items": [{"n": 2}], "metadata": {}})
        return web.json_response({"items": [{"n": 1}], "metadata": {"continue": "second"}})

    async with server(pages, tmp_path) as config, await Client.connect(config) as client:
        assert await client.list_all(SECRETS, dict) == [{"n": 1}, {"n": 2}]
    assert asked == ["", "second", "", "second"]


async def test_a_page_is_read_before_the_next_is_asked_for(tmp_path: File) -> None:
    steps: list[str] = []

    async def pages(request: web.Request) -> web.Response:
        steps.append("asked")
        more = "" if request.query["continue"] else "second"
        return web.json_response({"items": [{}], "metadata": {"continue": more}})

    async with server(pages, tmp_path) as config, await Client.connect(config) as client:
        await client.list_all(SECRETS, lambda _: steps.append("read"))
    assert steps == ["asked", "read", "asked", "read"]


async def test_a_list_whose_pages_are_always_lost_is_given_up(tmp_path: File) -> None:
    async def gone(_request: web.Request) -> web.Response:
        return web.json_response({"reason": "Expired"}, status=410)

    async with server(gone, tmp_path) as config, await Client.connect(config) as client:
        with pytest.raises(Unavailable):
            await client.list_all(SECRETS, dict)


async def test_without_any_access_the_reason_is_said(tmp_path: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(Denied, match="no access to a cluster"):
        await Client.connect()


async def test_a_conflict_on_an_object_that_is_gone_by_now_means_gone(tmp_path: File) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.method == "PATCH":
            return web.json_response({"reason": "Conflict"}, status=409)
        return web.json_response({"reason": "NotFound", "details": {"name": "app"}}, status=404)

    meta = {"name": "app", "namespace": "team-a", "uid": "u", "resourceVersion": "1"}
    key = LiteLLMKey.model_validate({"metadata": meta, "spec": {"roleRef": {"name": "role"}}})
    async with server(answer, tmp_path) as config, await Client.connect(config) as client:
        with pytest.raises(Gone):
            await ClusterResources(client).release(key)


async def test_neither_a_netrc_nor_a_proxy_of_the_environment_is_looked_for(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(request: web.Request) -> web.Response:
        return web.json_response({"authorization": request.headers.get("Authorization")})

    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with server(tell, tmp_path) as access, await Client.connect(access) as client:
        assert await client.get(ONE) == {"authorization": "Bearer abc"}
