"""What the engine may rely on, of the LiteLLM in memory and the real one, when many ask for single keys at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import pytest

from dev.litellm import Endpoint
from litellm_key_operator.domain.errors import Rejected
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.state import Life
from litellm_key_operator.gateway.client import LiteLLM
from litellm_key_operator.ports import Mark
from tests.support.gateway_worlds import TOMBSTONE, RealWorld, World, credential, declared, fresh


@dataclass(frozen=True)
class Key:
    """A value with the mark that its row bears."""

    value: KeyValue
    mark: Mark

    @property
    def token_id(self) -> str:
        """What it is asked for by."""
        return self.value.token_id

    def fields(self, **more: object) -> dict[str, object]:
        """Of its registration."""
        mark = {"uid": self.mark.uid, "revision": self.mark.revision}
        return declared(self.value, metadata={"llmkeys": mark}, **more)


def a_key() -> Key:
    value = fresh()
    return Key(value, Mark(value.token_id[:16], 3))


async def lives(world: World, keys: list[Key]) -> list[Life]:
    """Where they are in their lives, asked for at once."""
    rows = await asyncio.gather(*(world.gateway.info(key.token_id, key.mark) for key in keys))
    now = world.gateway.now()
    return [Life.UNKNOWN if row is None else row.life(now) for row in rows]


async def test_many_looks_at_once_tell_of_each_what_one_would(world: World) -> None:
    live, blocked, buried, expired, deleted, unknown, unmarked = keys = [a_key() for _ in range(7)]
    for key in keys:
        if key is not unknown:
            await world.gateway.generate(key.value, key.fields(**({"duration": "1s"} if key is expired else {})))
    await world.gateway.update(blocked.token_id, {"blocked": True})
    tombstone = {"llmkeys": {**TOMBSTONE["llmkeys"], "uid": buried.mark.uid, "revision": buried.mark.revision}}
    await world.gateway.update(buried.token_id, {"blocked": True, "metadata": tombstone})
    await world.gateway.update(unmarked.token_id, {"metadata": {}})
    await world.gateway.delete([deleted.token_id])
    await world.pass_time(2.2)
    told = [Life.LIVE, Life.BLOCKED, Life.BURIED, Life.EXPIRED, Life.DELETED, Life.UNKNOWN, Life.LIVE]
    assert await lives(world, keys) == told
    assert [(await lives(world, [key]))[0] for key in keys] == told
    for key in (live, expired, unmarked):
        together, _ = await asyncio.gather(
            world.gateway.info(key.token_id, key.mark), world.gateway.info(live.token_id, live.mark)
        )
        alone = await world.gateway.info(key.token_id)
        assert together is not None
        assert alone is not None
        for row in (together, alone):
            assert row.token_id == row.alias == key.token_id
        assert (together.expires, together.metadata) == (alone.expires, alone.metadata)
        assert together.fields["rpm_limit"] == alone.fields["rpm_limit"] == 10


async def test_of_many_deletions_at_once_each_is_done_and_what_is_left_is_told(world: World) -> None:
    keys = [a_key() for _ in range(120)]
    stays, unknown = a_key(), a_key()
    for key in (*keys, stays):
        await world.gateway.generate(key.value, key.fields())
    await asyncio.gather(*(world.gateway.delete([key.token_id]) for key in (*keys, unknown)))
    left = await asyncio.gather(*(world.gateway.left(key.token_id, key.mark) for key in (*keys, unknown, stays)))
    assert [row for row in left if row is not None and row.deleted_at is None] == [left[-1]]
    assert left[-1] is not None
    assert left[-1].token_id == stays.token_id
    assert set(await lives(world, [*keys[:5], keys[-1]])) == {Life.DELETED}
    assert not await world.serves(keys[60].value)
    assert await world.serves(stays.value)
    alone = await world.gateway.left(keys[0].token_id, keys[0].mark)
    assert alone is None or alone.deleted_at is not None


async def test_a_row_without_its_mark_is_not_taken_for_a_gap(world: World) -> None:
    edited, deleted = a_key(), a_key()
    for key in (edited, deleted):
        await world.gateway.generate(key.value, key.fields())
    await world.gateway.update(edited.token_id, {"metadata": {}})
    await world.gateway.delete([deleted.token_id])
    left = await asyncio.gather(*(world.gateway.left(key.token_id, key.mark) for key in (edited, deleted)))
    assert left[0] is not None
    assert left[0].deleted_at is None
    assert left[1] is None or left[1].deleted_at is not None


@pytest.fixture
def calls() -> Counter[str]:
    """How often the observed gateway called what."""
    return Counter()


@pytest.mark.servers
async def test_two_hundred_at_once_cost_a_few_calls_and_one_costs_one(endpoint: Endpoint, calls: Counter[str]) -> None:
    gateway = LiteLLM(
        credential(endpoint.url, endpoint.master_key), observe=lambda endpoint, _code, _: calls.update([endpoint])
    )
    keys = [a_key() for _ in range(200)]
    await asyncio.gather(*(gateway.generate(key.value, key.fields()) for key in keys))
    calls.clear()
    rows = await asyncio.gather(*(gateway.info(key.token_id, key.mark) for key in keys))
    assert [row.token_id for row in rows if row is not None] == [key.token_id for key in keys]
    await asyncio.gather(*(gateway.delete([key.token_id]) for key in keys))
    assert set(await asyncio.gather(*(gateway.left(key.token_id, key.mark) for key in keys))) == {None}
    assert calls == {"/v2/key/info": 2, "/key/delete": 2}
    calls.clear()
    await gateway.info(keys[0].token_id, keys[0].mark)
    await gateway.delete([keys[0].token_id])
    await gateway.left(keys[0].token_id, keys[0].mark)
    assert calls == {"/key/info": 2, "/key/delete": 1}
    await gateway.close()


@pytest.mark.servers
async def test_one_key_that_the_credential_may_not_touch_keeps_no_other_alive(
    real: RealWorld, endpoint: Endpoint, calls: Counter[str]
) -> None:
    somebody, value = fresh().token_id, fresh()
    admin = real.gateway
    await real.post("/user/new", {"user_id": somebody, "user_role": "internal_user", "auto_create_key": False})
    await admin.generate(value, {"user_id": somebody})
    gateway = LiteLLM(
        credential(endpoint.url, value.reveal()), observe=lambda endpoint, _code, _: calls.update([endpoint])
    )
    own, foreign = [a_key() for _ in range(15)], a_key()
    for key in own:
        await admin.generate(key.value, key.fields(user_id=somebody))
    await admin.generate(foreign.value, foreign.fields())
    keys = [*own[:6], foreign, *own[6:]]
    outcomes = await asyncio.gather(*(gateway.delete([key.token_id]) for key in keys), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].index(Rejected) == 6
    assert [outcome for outcome in outcomes if outcome is not None] == [outcomes[6]]
    assert calls["/key/delete"] == 1 + 2 * 4
    left = await asyncio.gather(*(admin.left(key.token_id, key.mark) for key in keys))
    assert [row.token_id for row in left if row is not None] == [foreign.token_id]
    await gateway.close()
