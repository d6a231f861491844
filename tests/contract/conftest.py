"""One LiteLLM, twice: the one in memory and the real one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import httpx
import pytest

from dev.litellm import Endpoint
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.gateway.client import LiteLLM
from litellm_key_operator.ports import Credential, Gateway
from tests.support.fake_litellm import FakeGateway, FakeLiteLLM


class World(Protocol):
    """A gateway, and what its proxy's users see."""

    @property
    def gateway(self) -> Gateway: ...

    async def serves(self, value: KeyValue) -> bool:
        """Whether a request made with this key is served."""
        ...

    async def pass_time(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class FakeWorld:
    server: FakeLiteLLM
    gateway: Gateway

    async def serves(self, value: KeyValue) -> bool:
        return self.server.accepts(value.token_id)

    async def pass_time(self, seconds: float) -> None:
        self.server.clock += timedelta(seconds=seconds)


@dataclass(frozen=True)
class RealWorld:
    gateway: LiteLLM

    async def serves(self, value: KeyValue) -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            headers = {"authorization": f"Bearer {value.reveal()}"}
            answer = await http.get(f"{self.gateway.url}/v1/models", headers=headers, timeout=30)
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def credential(url: str, key: str = "sk-admin", **changes: object) -> Credential:
    """A credential as a Connection declares it by default."""
    declared: dict[str, object] = {
        "ca": None,
        "insecure_skip_verify": False,
        "timeout": timedelta(seconds=30),
        "max_in_flight": 8,
    }
    return Credential(url=url, admin_key=KeyValue(key), **{**declared, **changes})  # type: ignore[arg-type]


def fresh() -> KeyValue:
    """A value that no proxy knows."""
    return KeyValue("sk-" + secrets.token_urlsafe(32))


@pytest.fixture
async def real(litellm: Endpoint) -> AsyncIterator[RealWorld]:
    """The real proxy."""
    gateway = LiteLLM(credential(litellm.url, litellm.master_key))
    yield RealWorld(gateway)
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
    yield RealWorld(gateway)
    await gateway.close()
