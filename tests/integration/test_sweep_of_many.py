"""A sweep over ten thousand keys: real rows in LiteLLM's own table, real calls; only the Keys are in memory."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest

from dev.litellm import Proxy
from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.names import METADATA_KEY
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.terms import registration
from litellm_key_operator.engine.cache import Cache
from litellm_key_operator.engine.sweep import Sweep
from litellm_key_operator.gateway.pool import Pool
from litellm_key_operator.ports import Credential
from tests.support.litellm_admin import SMALL

MANY: Final = 10_000
MOST_CALLS: Final = 25
PATIENCE: Final = 60.0
"""Seconds that a sweep may take on a busy machine; it takes 3 to 5."""
HERE: Final = ("platform", "default")
MARK: Final = {"installation": "sweep-of-many", "namespace": "team", "role": "platform/role"}
COPIES: Final = """
insert into "LiteLLM_VerificationToken" select copy.* from "LiteLLM_VerificationToken" t, generate_series(1, %d) n,
lateral jsonb_populate_record(t, jsonb_build_object(
    'token', encode(sha256(('sk-sweep-of-many-' || n)::bytea), 'hex'),
    'key_alias', 'sweep/' || n,
    'metadata', jsonb_set(t.metadata, '{llmkeys}', t.metadata->'llmkeys'
        || jsonb_build_object('uid', 'u' || n, 'name', 'k' || n))
)) copy where t.key_alias = 'sweep/0'
"""
REMOVAL: Final = """delete from "LiteLLM_VerificationToken" where key_alias like 'sweep/%'"""
CHANGES: Final = {
    17: """update "LiteLLM_VerificationToken" set rpm_limit = 101 where key_alias = 'sweep/17'""",
    4711: """update "LiteLLM_VerificationToken" set blocked = true where key_alias = 'sweep/4711'""",
    5000: """delete from "LiteLLM_VerificationToken" where key_alias = 'sweep/5000'""",
    6000: """update "LiteLLM_VerificationToken" set expires = null where key_alias = 'sweep/6000'""",
    9999: """update "LiteLLM_VerificationToken" set metadata = '{}' where key_alias = 'sweep/9999'""",
}
"""What somebody does to some of them."""


def value(number: int) -> KeyValue:
    return KeyValue(f"sk-sweep-of-many-{number}")


def declared(number: int) -> dict[str, Any]:
    """What is asked of LiteLLM for one of them."""
    mark = {**MARK, "uid": f"u{number}", "name": f"k{number}"}
    limits = {"max_budget": 20.0, "rpm_limit": 100, "budget_duration": "30d"}
    return {
        "key_alias": f"sweep/{number}",
        "models": [SMALL],
        "metadata": {METADATA_KEY: mark, "team": "red"},
        **limits,
    }


@dataclass
class World:
    """Ten thousand settled Keys, and what was asked of LiteLLM."""

    litellm: Proxy
    cache: Cache
    calls: list[str]

    @property
    def credential(self) -> Credential:
        """What opens the proxy."""
        key = KeyValue(self.litellm.master_key)
        return Credential(
            self.litellm.url, key, None, insecure_skip_verify=False, timeout=timedelta(seconds=25), max_in_flight=8
        )

    def pool(self) -> Pool:
        """Clients that note their calls."""
        made = Pool(lambda _: lambda endpoint, _code, _seconds: self.calls.append(endpoint))
        made.open(HERE, self.credential)
        return made

    def sql(self, statement: str) -> None:
        """Change the table itself."""
        self.litellm.postgres.psql(self.litellm.database, statement)


@pytest.fixture
def world(own_litellm: Proxy) -> Generator[World]:
    made = World(own_litellm, Cache(), [])
    yield made
    made.sql(REMOVAL)


async def settle(world: World) -> None:
    """Register one key by the operator's own gateway, copy its row, and note what the operator would have noted."""
    pool = world.pool()
    gateway = pool.open(HERE, world.credential)
    row = await gateway.generate(value(0), registration(declared(0), 1, "3600s"))
    await pool.close()
    world.sql(COPIES % (MANY - 1))
    assert row.expires is not None
    spec = {"url": world.litellm.url, "adminKeySecretRef": {"name": "admin"}}
    meta = {"namespace": HERE[0], "name": HERE[1], "uid": "c", "resourceVersion": "1"}
    world.cache.connections[HERE] = LiteLLMConnection.model_validate({"metadata": meta, "spec": spec})
    for number in range(MANY):
        status = {
            "revision": 1,
            "tokenID": hashlib.sha256(value(number).reveal().encode()).hexdigest(),
            "seed": 1,
            "expiresAt": rfc3339(row.expires),
            "connection": {"namespace": HERE[0], "name": HERE[1], "url": world.litellm.url},
            "applied": {**declared(number), "duration": "3600s"},
        }
        metadata = {"namespace": "team", "name": f"k{number}", "uid": f"u{number}", "resourceVersion": "1"}
        whole = {"metadata": metadata, "spec": {"roleRef": {"name": "role"}}, "status": status}
        world.cache.put_key(LiteLLMKey.model_validate(whole))


@pytest.mark.slow
async def test_ten_thousand_keys_cost_at_most_25_calls_and_only_what_differs_is_found(world: World) -> None:
    await settle(world)
    pool = world.pool()
    sweep = Sweep(world.cache, pool, MARK["installation"], timedelta(days=1))
    world.calls.clear()
    began = time.monotonic()
    assert await sweep.suspects(HERE) == []
    assert time.monotonic() - began < PATIENCE
    assert set(world.calls) == {"/v2/key/info"}
    assert len(world.calls) <= MOST_CALLS

    for statement in CHANGES.values():
        world.sql(statement)
    world.calls.clear()
    assert sorted(await sweep.suspects(HERE)) == sorted(f"u{number}" for number in CHANGES)
    assert len(world.calls) <= MOST_CALLS
    await pool.close()
