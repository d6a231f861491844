"""The fault proxy before a small server: what it lets through, and each way in which it does not."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dev.faultproxy import Answer, Delay, Drip, Drop, FaultProxy, Hold, Interject, Moment, Rewrite
from dev.forwarding import Upstream
from tests.support.waiting import until


class Behind:
    """A server that remembers what reached it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.reached = asyncio.Event()
        self.left = asyncio.Event()
        app = web.Application()
        app.router.add_get("/watch", self._watch)
        app.router.add_route("*", "/{path:.*}", self._echo)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/"))

    async def _echo(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.seen.append((request.method, request.raw_path, body, dict(request.headers)))
        self.reached.set()
        headers = {"X-Path": request.raw_path, "Location": "/elsewhere"}
        return web.Response(status=302 if request.path == "/moved" else 201, body=body, headers=headers)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        try:
            await asyncio.Event().wait()  # the test server cancels it when its client leaves
        finally:
            self.left.set()
        return response


@pytest.fixture
async def behind() -> AsyncGenerator[Behind]:
    server = Behind()
    async with server.server:
        yield server


@pytest.fixture
async def proxy(behind: Behind) -> AsyncGenerator[FaultProxy]:
    with FaultProxy(Upstream(behind.url)) as proxy:
        yield proxy


@pytest.fixture
async def client(proxy: FaultProxy) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=proxy.url, trust_env=False, timeout=10) as client:
        yield client


async def test_everything_passes_as_it_is(proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind) -> None:
    answer = await client.post("/a%2Fb?x=%20y", content=b"\x00body", headers={"X-Mine": "kept"})

    assert (answer.status_code, answer.content) == (201, b"\x00body")
    assert answer.headers["X-Path"] == "/a%2Fb?x=%20y"
    [(method, path, body, headers)] = behind.seen
    assert (method, path, body, headers["X-Mine"]) == ("POST", "/a%2Fb?x=%20y", b"\x00body", "kept")
    # A request comes to its end in the proxy's own thread, perhaps a moment after its answer is here.
    [passed] = await asyncio.to_thread(until, proxy.requests, "the request to be recorded")
    assert (passed.method, passed.target, passed.body, passed.status) == ("POST", "/a%2Fb?x=%20y", b"\x00body", 201)


async def test_redirects_are_the_client_s_business(client: httpx.AsyncClient) -> None:
    assert (await client.get("/moved")).status_code == 302


@pytest.mark.parametrize("moment", Moment)
async def test_a_held_request_goes_on_when_released(
    proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind, moment: Moment
) -> None:
    rule = proxy.on("POST", "^/generate", Hold(), moment=moment)
    asking = asyncio.create_task(client.post("/generate"))
    await rule.reached()

    assert len(behind.seen) == (0 if moment is Moment.BEFORE else 1)
    assert not asking.done()
    rule.release()
    assert (await asking).status_code == 201
    assert len(behind.seen) == 1


async def test_a_held_request_goes_on_without_its_client(
    proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind
) -> None:
    rule = proxy.on("POST", "^/generate", Hold())
    with pytest.raises(httpx.ReadTimeout):
        await client.post("/generate", timeout=0.2)
    await rule.reached()

    rule.release()

    await asyncio.wait_for(behind.reached.wait(), 5)


@pytest.mark.parametrize("moment", Moment)
async def test_a_dropped_request_has_no_answer(
    proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind, moment: Moment
) -> None:
    proxy.on("POST", "^/generate", Drop(), moment=moment)

    with pytest.raises(httpx.TransportError):
        await client.post("/generate")

    assert len(behind.seen) == (0 if moment is Moment.BEFORE else 1)
    assert [passed.status for passed in proxy.requests()] == [None]
    assert (await client.post("/generate")).status_code == 201, "only the first was to be dropped"


@pytest.mark.parametrize("moment", Moment)
async def test_the_proxy_can_answer_itself(
    proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind, moment: Moment
) -> None:
    proxy.on("*", "", Answer(503, b"busy", {"Retry-After": "7"}), moment=moment, nth=None)

    answer = await client.delete("/x")

    assert (answer.status_code, answer.content, answer.headers["Retry-After"]) == (503, b"busy", "7")
    assert len(behind.seen) == (0 if moment is Moment.BEFORE else 1)


async def test_delay_and_drip_take_their_time(proxy: FaultProxy, client: httpx.AsyncClient) -> None:
    proxy.on("GET", "/late", Delay(0.3))
    proxy.on("POST", "/slow", Drip(0.1))
    started = time.monotonic()
    await client.get("/late")
    assert time.monotonic() - started >= 0.3

    started = time.monotonic()
    async with client.stream("POST", "/slow", content=b"abcd") as answer:
        pieces = [piece async for piece in answer.aiter_raw()]
    assert b"".join(pieces) == b"abcd"
    assert len(pieces) > 1
    assert time.monotonic() - started >= 0.3


async def test_a_rule_chooses_by_occurrence_and_body(
    proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind
) -> None:
    proxy.on("POST", "^/generate$", Answer(500), nth=2, where=lambda body: b"mine" in body)

    statuses = [(await client.post("/generate", content=body)).status_code for body in (b"mine", b"other", b"mine 2")]
    statuses.append((await client.post("/generate", content=b"mine 3")).status_code)

    assert statuses == [201, 201, 500, 201]
    assert [body for _, _, body, _ in behind.seen] == [b"mine", b"other", b"mine 3"]
    # A client has its answer a moment before the request is over.
    await asyncio.to_thread(until, lambda: proxy.under_way() == 0, "the requests to be over")
    assert proxy.count("POST", "generate") == 4
    proxy.clear()
    assert proxy.count() == 0


async def test_removing_a_rule_lets_go(proxy: FaultProxy, client: httpx.AsyncClient) -> None:
    rule = proxy.on("GET", "", Hold(), nth=None)
    asking = asyncio.create_task(client.get("/x"))
    await asyncio.to_thread(rule.wait_reached)

    proxy.remove(rule)

    assert (await asking).status_code == 201
    assert (await client.get("/x")).status_code == 201


async def test_a_stream_passes_chunk_by_chunk_and_ends_with_its_client(
    client: httpx.AsyncClient, behind: Behind
) -> None:
    async with client.stream("GET", "/watch") as answer:
        chunks = answer.aiter_raw()
        assert await anext(chunks) == b"first\n"
        assert not behind.left.is_set()

    await asyncio.wait_for(behind.left.wait(), 5)


async def test_a_stream_can_be_cut(proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind) -> None:
    async with client.stream("GET", "/watch") as answer:
        chunks = answer.aiter_raw()
        await anext(chunks)
        assert (proxy.under_way(), proxy.under_way("GET", "^/watch"), proxy.under_way("POST")) == (1, 1, 0)
        proxy.cut(path="^/other")
        assert not behind.left.is_set()

        proxy.cut(path="^/watch")

        with pytest.raises(httpx.TransportError):
            await anext(chunks)
    await asyncio.wait_for(behind.left.wait(), 5)
    await asyncio.to_thread(until, lambda: proxy.under_way() == 0, "the request to be over")


@pytest.mark.parametrize("moment", Moment)
async def test_what_the_server_has_done_is_told_whatever_its_client_was(
    proxy: FaultProxy, client: httpx.AsyncClient, moment: Moment
) -> None:
    proxy.on("POST", "", Answer(500), moment=moment)
    began = time.monotonic()

    await client.post("/x")
    await client.post("/x")

    # The client has its answer a moment before the proxy has noted it.
    first, second = await asyncio.to_thread(until, lambda: len(seen := proxy.requests()) == 2 and seen, "both requests")
    assert (first.status, first.answered) == (500, None if moment is Moment.BEFORE else 201)
    assert (second.status, second.answered) == (201, 201)
    assert began <= first.begun <= first.done <= second.begun <= second.done <= time.monotonic()


async def test_a_stream_is_ended_with_other_words(proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind) -> None:
    rule = proxy.on("GET", "/watch", Interject(b"the end\n"), nth=None)
    async with client.stream("GET", "/watch") as answer:
        chunks = answer.aiter_raw()
        assert await anext(chunks) == b"first\n"
        rule.release()
        assert [chunk async for chunk in chunks] == [b"the end\n"]

    await asyncio.wait_for(behind.left.wait(), 5)
    assert [passed.status for passed in proxy.requests()] == [200]


async def test_an_answer_passes_changed(proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind) -> None:
    proxy.on("POST", "", Rewrite(lambda headers, body: ({**headers, "X-Path": "elsewhere"}, body.upper())))

    answer = await client.post("/x", content=b"body")

    assert (answer.status_code, answer.content, answer.headers["X-Path"]) == (201, b"BODY", "elsewhere")
    assert answer.headers["Location"] == "/elsewhere"
    assert [body for _, _, body, _ in behind.seen] == [b"body"]


async def test_a_server_that_is_away_looks_away(proxy: FaultProxy, client: httpx.AsyncClient, behind: Behind) -> None:
    await behind.server.close()

    with pytest.raises(httpx.TransportError):
        await client.get("/x")
    assert [passed.status for passed in proxy.requests()] == [None]


def test_waiting_for_a_request_that_never_comes_says_which() -> None:
    with FaultProxy(Upstream("http://127.0.0.1:9")) as proxy:
        rule = proxy.on("PATCH", "/litellmkeys/", Hold())
        with pytest.raises(TimeoutError, match="no PATCH /litellmkeys/ within"):
            rule.wait_reached(0.05)


async def test_a_client_s_own_credentials_count(behind: Behind) -> None:
    with FaultProxy(Upstream(behind.url, token="admin", anonymous_tls=ssl.create_default_context())) as proxy:
        async with httpx.AsyncClient(base_url=proxy.url, trust_env=False) as client:
            await client.get("/x")
            await client.get("/x", headers={"Authorization": "Bearer mine"})

    assert [headers["Authorization"] for *_, headers in behind.seen] == ["Bearer admin", "Bearer mine"]
