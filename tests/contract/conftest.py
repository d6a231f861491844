"""Both worlds of the gateway as fixtures, the real one on each release of LiteLLM that is supported to the letter."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import pytest

from dev import litellm as proxies
from dev.litellm import Endpoint, Proxy, Release
from litellm_key_operator.gateway.client import LiteLLM
from tests.support.fake_litellm import FakeGateway, FakeLiteLLM
from tests.support.gateway_worlds import FakeWorld, RealWorld, World, credential

RELEASES: Final[Mapping[str, str]] = {"newest": "litellm", "oldest": "oldest_litellm"}
"""What each release is called in a test's name, and its fixture."""
STOPPABLE: Final[Mapping[str, str]] = {**RELEASES, "newest": "own_litellm"}
"""The same of those that a test may stop; the oldest is always our own."""


@pytest.fixture(scope="package")
def oldest_litellm() -> Generator[Proxy]:
    """The oldest release, beside the one that everything else runs on."""
    with proxies.started(Release.OLDEST) as proxy:
        yield proxy


@pytest.fixture(params=RELEASES)
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Each release in turn."""
    found: Endpoint = request.getfixturevalue(RELEASES[request.param])
    return found


@pytest.fixture(params=STOPPABLE)
def own_endpoint(request: pytest.FixtureRequest) -> Proxy:
    """The same, as one that a test may stop as long as it starts it again."""
    found: Proxy = request.getfixturevalue(STOPPABLE[request.param])
    return found


@pytest.fixture
async def real(endpoint: Endpoint) -> AsyncIterator[RealWorld]:
    """The real proxy."""
    async with _real(endpoint) as world:
        yield world


@pytest.fixture(params=["fake", *(pytest.param(name, marks=pytest.mark.servers) for name in RELEASES)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Any of them."""
    if request.param == "fake":
        server = FakeLiteLLM()
        yield FakeWorld(server, FakeGateway(server))
        return
    async with _real(request.getfixturevalue(RELEASES[request.param])) as world:
        yield world


@asynccontextmanager
async def _real(endpoint: Endpoint) -> AsyncGenerator[RealWorld]:
    gateway = LiteLLM(credential(endpoint.url, endpoint.master_key))
    yield RealWorld(gateway, endpoint.master_key)
    await gateway.close()
