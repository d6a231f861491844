"""Both worlds of the gateway as fixtures."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from dev.litellm import Endpoint
from litellm_key_operator.gateway.client import LiteLLM
from tests.support.fake_litellm import FakeGateway, FakeLiteLLM
from tests.support.gateway_worlds import FakeWorld, RealWorld, World, credential


@pytest.fixture
async def real(litellm: Endpoint) -> AsyncIterator[RealWorld]:
    """The real proxy."""
    gateway = LiteLLM(credential(litellm.url, litellm.master_key))
    yield RealWorld(gateway, litellm.master_key)
    await gateway.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.servers)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Either of them."""
    if request.param == "fake":
        server = FakeLiteLLM()
        yield FakeWorld(server, FakeGateway(server))
        return
    litellm: Endpoint = request.getfixturevalue("litellm")
    gateway = LiteLLM(credential(litellm.url, litellm.master_key))
    yield RealWorld(gateway, litellm.master_key)
    await gateway.close()
