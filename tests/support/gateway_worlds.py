"""One LiteLLM, twice: the one in memory and the real one; and what their tests ask of both."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import httpx

from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.state import Life, Row
from litellm_key_operator.gateway.client import LiteLLM
from litellm_key_operator.ports import Credential, Gateway
from tests.support.fake_litellm import FakeLiteLLM

TOMBSTONE = {"llmkeys": {"tombstone": True, "uid": "u"}}


class World(Protocol):
    """A gateway, and what its proxy's users see."""

    @property
    def gateway(self) -> Gateway: ...

    async def serves(self, value: KeyValue) -> bool:
        """Whether a request made with this key is served."""
        ...

    async def pass_time(self, seconds: float) -> None: ...

    async def make_team(self, team_id: str) -> None: ...


@dataclass(frozen=True)
class FakeWorld:
    server: FakeLiteLLM
    gateway: Gateway

    async def serves(self, value: KeyValue) -> bool:
        return self.server.accepts(value.token_id)

    async def pass_time(self, seconds: float) -> None:
        self.server.clock += timedelta(seconds=seconds)

    async def make_team(self, team_id: str) -> None:
        self.server.teams |= {team_id}


@dataclass(frozen=True)
class RealWorld:
    gateway: LiteLLM
    master_key: str

    async def serves(self, value: KeyValue) -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            headers = {"authorization": f"Bearer {value.reveal()}"}
            answer = await http.get(f"{self.gateway.url}/v1/models", headers=headers, timeout=30)
        assert answer.status_code in (200, 401), answer.text
        return answer.status_code == 200

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def make_team(self, team_id: str) -> None:
        await self.post("/team/new", {"team_id": team_id})

    async def post(self, path: str, body: Mapping[str, object]) -> None:
        """Any other call of an administrator."""
        async with httpx.AsyncClient(trust_env=False) as http:
            headers = {"authorization": f"Bearer {self.master_key}"}
            answer = await http.post(f"{self.gateway.url}{path}", headers=headers, json=body, timeout=30)
        answer.raise_for_status()


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


def declared(value: KeyValue, **more: object) -> dict[str, object]:
    """Fields of a registration, with the token id as alias."""
    return {
        "key_alias": value.token_id,
        "models": ["fake-small"],
        "max_budget": 5.0,
        "soft_budget": 3.0,
        "budget_duration": "30d",
        "tpm_limit": 100,
        "rpm_limit": 10,
        "max_parallel_requests": 2,
        "key_type": "llm_api",
        "metadata": {"llmkeys": {"uid": "u", "labels": {"a": "b"}}},
        **more,
    }


async def known(gateway: Gateway, value: KeyValue) -> Row:
    """What the proxy knows of a key that it must know."""
    row = await gateway.info(value.token_id)
    assert row is not None
    return row


async def life(world: World, value: KeyValue) -> Life:
    """Where a key is in its life, on the proxy's clock."""
    row = await world.gateway.info(value.token_id)
    return Life.UNKNOWN if row is None else row.life(world.gateway.now())


def holds(row: Row, fields: Mapping[str, object]) -> bool:
    """Whether a row has these fields among its own."""
    return all(row.fields.get(name) == value for name, value in fields.items())
