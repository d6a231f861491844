"""The sweep: it finds what differs, nothing else, and asks in batches."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.names import METADATA_KEY
from litellm_key_operator.domain.material import Keyring
from litellm_key_operator.domain.state import TOMBSTONE
from litellm_key_operator.domain.terms import registration
from litellm_key_operator.engine.cache import Cache
from litellm_key_operator.engine.sweep import Sweep
from litellm_key_operator.ports import Gateway
from tests.support.fake_litellm import EPOCH, FakeGateway, FakeLiteLLM

URL = "http://litellm.test"
NAME = ("platform", "default")
RING = Keyring("here", {1: b"s" * 32})


@dataclass
class World:
    """A cache with settled Keys, and a proxy that holds them."""

    cache: Cache = field(default_factory=Cache)
    server: FakeLiteLLM = field(default_factory=FakeLiteLLM)
    calls: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        spec = {"url": URL, "adminKeySecretRef": {"name": "admin"}}
        metadata = {"namespace": NAME[0], "name": NAME[1], "uid": "c", "resourceVersion": "1"}
        self.cache.connections[NAME] = LiteLLMConnection.model_validate({"metadata": metadata, "spec": spec})

    async def _hook(self, when: str, name: str, _args: tuple[object, ...]) -> None:
        if when == "before":
            self.calls.append(name)

    def get(self, namespace: str, name: str, url: str) -> Gateway | None:
        assert (namespace, name) == NAME
        return FakeGateway(self.server, url, self._hook)

    def add(self, uid: str, *, alias: bool = True, **status: Any) -> str:
        """A settled Key with its row; answers its token id."""
        value = RING.value(uid, 1, 1)
        assert value is not None
        mark = {"installation": RING.installation, "uid": uid}
        fields: dict[str, object] = {
            **({"key_alias": f"team/{uid}"} if alias else {}),
            "models": ["fake-small"],
            "rpm_limit": 10,
            "metadata": {METADATA_KEY: mark},
        }
        self.server.generate(value, registration(fields, 1, "3600s"))
        noted = {
            "revision": 1,
            "tokenID": value.token_id,
            "seed": 1,
            "expiresAt": "2026-01-01T01:00:00Z",
            "connection": {"namespace": NAME[0], "name": NAME[1], "url": URL},
            "applied": {**fields, "duration": "3600s"},
            **status,
        }
        metadata = {"namespace": "team", "name": uid, "uid": uid, "resourceVersion": "1"}
        spec = {"roleRef": {"name": "role"}}
        self.cache.put_key(LiteLLMKey.model_validate({"metadata": metadata, "spec": spec, "status": noted}))
        return value.token_id

    @property
    def sweep(self) -> Sweep:
        return Sweep(self.cache, self, RING.installation, timedelta(days=1))


async def test_ten_thousand_settled_keys_cost_twenty_calls_and_nothing_is_found() -> None:
    world = World()
    for n in range(10_000):
        world.add(f"u{n}", alias=False)  # an alias is looked for among all others
    assert await world.sweep.suspects(NAME) == []
    assert world.calls == ["infos"] * 20


@pytest.mark.parametrize(
    "change",
    [
        {"rpm_limit": 99},
        {"models": []},
        {"metadata": {}},
        {"key_alias": "renamed"},
        {"blocked": True},
        {"duration": "1s"},
    ],
    ids=str,
)
async def test_what_somebody_changed_is_found_and_nothing_else(change: dict[str, object]) -> None:
    world = World()
    world.add("same")
    world.server.update(world.add("other"), change)
    assert await world.sweep.suspects(NAME) == ["other"]


async def test_a_deleted_key_is_found() -> None:
    world = World()
    world.add("same")
    world.server.delete([world.add("other")])
    assert await world.sweep.suspects(NAME) == ["other"]


async def test_a_key_that_is_known_to_be_blocked_is_no_news_until_it_is_unblocked() -> None:
    world = World()
    since = "2026-01-01T00:00:00Z"
    blocked = {"type": "Ready", "status": "False", "reason": "ExternallyBlocked", "lastTransitionTime": since}
    token_id = world.add("blocked", conditions=[blocked])
    world.server.update(token_id, {"blocked": True})
    assert await world.sweep.suspects(NAME) == []
    world.server.update(token_id, {"blocked": False})
    assert await world.sweep.suspects(NAME) == ["blocked"]


async def test_an_overdue_key_is_found() -> None:
    world = World()
    world.add("over")
    world.server.clock = EPOCH + timedelta(hours=2)
    assert await world.sweep.suspects(NAME) == ["over"]


async def test_a_key_that_has_ended_is_not_asked_for() -> None:
    world = World()
    expired = {"type": "Ready", "status": "False", "reason": "Expired", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    world.add("ended", conditions=[expired])
    assert await world.sweep.suspects(NAME) == []
    assert world.calls == []


async def test_only_our_own_old_graves_are_cleared() -> None:
    world = World()
    graves = {
        "old": {"installation": "here", TOMBSTONE: "2026-01-01T00:00:00Z"},
        "young": {"installation": "here", TOMBSTONE: "2026-01-01T20:00:00Z"},
        "foreign": {"installation": "elsewhere", TOMBSTONE: "2026-01-01T00:00:00Z"},
        "unreadable": {"installation": "here", TOMBSTONE: "once"},
        "blocked by a user": {"installation": "here"},
    }
    tokens = {}
    for name, mark in graves.items():
        value = RING.value(name, 1, 1)
        assert value is not None
        world.server.generate(value, {"blocked": True, "metadata": {METADATA_KEY: mark}})
        tokens[value.token_id] = name
    world.server.clock = EPOCH + timedelta(days=1)
    assert await world.sweep.clear_graves(NAME) == 1
    assert {tokens[token_id] for token_id in world.server.rows} == set(graves) - {"old"}


async def test_without_a_client_nothing_is_concluded() -> None:
    world = World()
    world.add("one")
    nobody = replace(world.sweep, gateways=_Nobody())
    assert await nobody.suspects(NAME) == []
    assert await nobody.clear_graves(NAME) == 0


class _Nobody:
    def get(self, namespace: str, name: str, url: str) -> Gateway | None:
        del namespace, name, url
        return None
