"""Clients over their lives: opened, trusted, replaced, closed; and what a preflight concludes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from dev.controlplane.certificates import Authority
from litellm_key_operator.domain.errors import Denied, NotPermitted, Rejected, TLSFailure, Unavailable
from litellm_key_operator.gateway.client import LiteLLM
from litellm_key_operator.gateway.pool import Pool, Ref
from litellm_key_operator.gateway.transport import Observe
from litellm_key_operator.ports import Preflight
from tests.support.gateway_worlds import credential
from tests.support.loopback import always, served

TOKEN = "a" * 64
REF = ("platform", "default")
FOUND = '{"info": {"key_alias": "a"}}'


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    await pool.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "test authority")


def context(authority: Authority, host: str = "127.0.0.1") -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(*authority.server("proxy", (host,)))
    return made


async def test_a_declared_ca_is_trusted_and_no_other(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "another authority")
    ours, other = authority.certificate.read_text(), stranger.certificate.read_text()
    async with served(always(200, FOUND), tls=context(authority)) as url:
        for ca, trusted in ((ours, True), (f"# Autorité\n{other}# Größe\n{ours}", True), (other, False), (None, False)):
            gateway = LiteLLM(credential(url, ca=ca))
            if trusted:
                assert await gateway.info(TOKEN) is not None
            else:
                with pytest.raises(TLSFailure) as lost:
                    await gateway.info(TOKEN)
                assert not lost.value.sent
            await gateway.close()


async def test_a_certificate_for_another_host_is_refused_unless_that_is_declared(authority: Authority) -> None:
    ca = authority.certificate.read_text()
    async with served(always(200, FOUND), tls=context(authority, "10.0.0.1")) as url:
        strict = LiteLLM(credential(url, ca=ca))
        with pytest.raises(TLSFailure):
            await strict.info(TOKEN)
        lax = LiteLLM(credential(url, insecure_skip_verify=True))
        assert await lax.info(TOKEN) is not None
        await strict.close()
        await lax.close()


async def test_a_proxy_without_tls_is_no_outage() -> None:
    async with served(always(200, FOUND)) as url:
        gateway = LiteLLM(credential(url.replace("http:", "https:")))
        with pytest.raises(TLSFailure):
            await gateway.info(TOKEN)
        await gateway.close()


@pytest.mark.parametrize("ca", ["", " \n", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n", "zertifikät"])
def test_a_bundle_that_is_none_is_rejected(ca: str) -> None:
    with pytest.raises(Rejected, match="CA bundle"):
        LiteLLM(credential("https://localhost", ca=ca))


async def test_a_client_is_made_anew_only_for_another_credential(pool: Pool) -> None:
    first = pool.open(REF, credential("http://a"))
    assert pool.open(REF, credential("http://a")) is first
    assert pool.open(("platform", "other"), credential("http://a")) is not first
    second = pool.open(REF, credential("http://a", "sk-new"))
    assert second is not first
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="closed"):
        await first.info(TOKEN)


async def test_a_credential_is_used_for_its_url_only(pool: Pool) -> None:
    gateway = pool.open(REF, credential("http://a"))
    assert pool.get(*REF, "http://a") is gateway
    assert pool.get(*REF, "http://b") is None
    assert pool.get("platform", "other", "http://a") is None
    pool.forget(REF)
    assert pool.get(*REF, "http://a") is None
    pool.forget(REF)


async def test_an_observer_knows_whose_calls_it_is_told_of() -> None:
    told: list[tuple[object, ...]] = []

    def observer(ref: Ref) -> Observe:
        return lambda endpoint, code, _: told.append((ref, endpoint, code))

    async with served(always(200, FOUND)) as url:
        pool = Pool(observer)
        await pool.open(REF, credential(url)).info(TOKEN)
        await pool.close()
    assert told == [(REF, "/key/info", "200")]


async def test_what_cannot_be_opened_leaves_the_old_client(pool: Pool) -> None:
    gateway = pool.open(REF, credential("http://a"))
    with pytest.raises(Rejected):
        pool.open(REF, credential("http://a", ca="nonsense"))
    assert pool.get(*REF, "http://a") is gateway


async def test_a_call_under_way_outlives_its_client_but_not_the_pool() -> None:
    begun, answer = asyncio.Event(), asyncio.Event()

    async def handle(_request: web.Request) -> web.StreamResponse:
        begun.set()
        await answer.wait()
        return web.json_response({"info": {"key_alias": "a"}})

    async with served(handle) as url:
        pool = Pool()
        old = asyncio.create_task(pool.open(REF, credential(url)).info(TOKEN))
        await begun.wait()
        begun.clear()
        new = asyncio.create_task(pool.open(REF, credential(url, "sk-new")).info(TOKEN))
        await begun.wait()
        answer.set()
        assert await old == await new

        answer.clear()
        begun.clear()
        lost = asyncio.create_task(pool.open(REF, credential(url, "sk-new")).info(TOKEN))
        await begun.wait()
        await asyncio.wait_for(pool.close(), 10)
        with pytest.raises(Unavailable, match="closed") as cut:
            await lost
        assert cut.value.sent
        answer.set()


KEY_X = "{'error': \\\"Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: ****\\\"}"
ERROR = '{{"error": {{"message": "{0}", "type": "t", "param": null, "code": "{1}"}}}}'
ABSENT = ERROR.format("Key not found", 404)


class Proxy:
    """Answers by path; a missing path is the framework's 404."""

    def __init__(self, **answers: tuple[int, str]) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, str]] = {
            "/health/readiness": (200, '{"status": "healthy", "db": "connected"}'),
            "/key/generate": (400, ERROR.format(KEY_X, 400)),
            "/key/info": (404, ABSENT),
            "/v2/key/info": (200, '{"key": [], "info": []}'),
            "/key/update": (404, ABSENT),
            "/key/delete": (404, ERROR.format("{'error': 'No keys found'}", 404)),
            "/key/list": (200, '{"keys": [], "total_pages": 0}'),
            "/public/model_hub/info": (200, '{"litellm_version": "1.106.2"}'),
        }
        self.answers |= {f"/{name.replace('__', '/')}": answer for name, answer in answers.items()}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        status, text = self.answers.get(request.path, (404, '{"detail": "Not Found"}'))
        return web.Response(status=status, text=text, content_type="application/json")


async def preflight(proxy: Proxy) -> Preflight:
    async with served(proxy.handle) as url:
        gateway = LiteLLM(credential(url))
        try:
            return await gateway.preflight()
        finally:
            await gateway.close()


CUSTOM = ERROR.format("{'error': 'Custom API key values are disabled by your administrator.'}", 403)
ROUTE = '{"detail": "Virtual key is not allowed to call this route. Only allowed to call routes: []"}'
FOREIGN = ERROR.format("{'error': 'You are not authorized to touch this key'}", 403)
STRANGER = ERROR.format("Authentication Error, Unable to find token in cache", 401)


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        (Proxy(), Preflight("1.106.2", database=True, custom_keys=True)),
        (Proxy(key__generate=(403, CUSTOM)), Preflight("1.106.2", database=True, custom_keys=False)),
        (
            Proxy(
                public__model_hub__info=(404, "{}"), health__readiness__details=(200, '{"litellm_version": "1.105.0"}')
            ),
            Preflight("1.105.0", database=True, custom_keys=True),
        ),
        (
            Proxy(public__model_hub__info=(500, ""), health__readiness__details=(403, ROUTE)),
            Preflight(None, database=True, custom_keys=True),
        ),
        (
            Proxy(health__readiness=(200, '{"status": "healthy", "db": "Not connected"}')),
            Preflight("1.106.2", database=False, custom_keys=True),
        ),
    ],
)
async def test_a_preflight_concludes(proxy: Proxy, expected: Preflight) -> None:
    assert await preflight(proxy) == expected


@pytest.mark.parametrize(
    "path", ["key__generate", "key__info", "v2__key__info", "key__update", "key__delete", "key__list"]
)
@pytest.mark.parametrize("answer", [(403, ROUTE), (401, STRANGER)])
async def test_an_endpoint_that_is_closed_to_the_credential_fails_the_preflight(
    path: str, answer: tuple[int, str]
) -> None:
    with pytest.raises(Denied):
        await preflight(Proxy(**{path: answer}))


@pytest.mark.parametrize("path", ["key__update", "key__delete"])
async def test_a_credential_that_may_touch_only_keys_of_its_own_fails_the_preflight(path: str) -> None:
    with pytest.raises(NotPermitted, match="not authorized"):
        await preflight(Proxy(**{path: (403, FOREIGN)}))


@pytest.mark.parametrize(
    "readiness",
    [
        (503, '{"status": "healthy", "db": "disconnected"}'),
        (200, '{"status": "healthy", "db": "stalled"}'),
        (200, "<html>"),
        (404, '{"detail": "Not Found"}'),
        (200, '{"db": 5}'),
    ],
)
async def test_a_proxy_that_may_have_lost_its_database_denies_nobody(readiness: tuple[int, str]) -> None:
    with pytest.raises(Unavailable):
        await preflight(Proxy(health__readiness=readiness))
    async with served(Proxy(health__readiness=readiness, key__info=(401, STRANGER)).handle) as url:
        gateway = LiteLLM(credential(url))
        with pytest.raises(Unavailable):
            await gateway.info(TOKEN)
        await gateway.close()


async def test_a_key_that_an_old_version_makes_of_the_probe_is_deleted() -> None:
    proxy = Proxy(key__generate=(200, '{"key": "x"}'), key__delete=(200, '{"deleted_keys": []}'))
    assert (await preflight(proxy)).custom_keys
    assert proxy.asked.index("/key/generate") + 1 == proxy.asked.index("/key/delete")
