"""What the engine may rely on, of the LiteLLM in memory and the real one: blocked, buried, expired; many at once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from litellm_key_operator.domain.errors import AliasTaken
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.state import Life
from tests.support.gateway_worlds import TOMBSTONE, World, declared, fresh, known, life


async def test_a_blocked_key_is_refused_until_it_is_unblocked(world: World) -> None:
    value = fresh()
    await world.gateway.generate(value, {"blocked": True})
    assert await life(world, value) is Life.BLOCKED
    assert not await world.serves(value)
    await world.gateway.update(value.token_id, {"blocked": False})
    assert await life(world, value) is Life.LIVE
    assert await world.serves(value)
    await world.gateway.update(value.token_id, {"blocked": True})
    assert not await world.serves(value)


async def test_a_live_key_can_be_buried(world: World) -> None:
    value = fresh()
    fields = declared(value)
    await world.gateway.generate(value, fields)
    grave = f"{value.token_id}@u"
    row = await world.gateway.update(
        value.token_id, {"blocked": True, "key_alias": grave, "metadata": TOMBSTONE, "duration": "86400s"}
    )
    assert row is not None
    assert row.life(world.gateway.now()) is Life.BURIED
    await stays_buried(world, value, fields, grave)


async def test_an_unknown_value_can_be_buried(world: World) -> None:
    value = fresh()
    grave = f"{value.token_id}@u"
    await world.gateway.generate(
        value, {"blocked": True, "key_alias": grave, "metadata": TOMBSTONE, "duration": "86400s"}
    )
    await stays_buried(world, value, declared(value), grave)


async def stays_buried(world: World, value: KeyValue, fields: Mapping[str, object], grave: str) -> None:
    """The registration that was in doubt arrives only now."""
    late = await world.gateway.generate(value, fields)
    assert (late.alias, late.blocked) == (value.token_id, False)
    row = await known(world.gateway, value)
    assert row.life(world.gateway.now()) is Life.BURIED
    assert (row.alias, row.metadata) == (grave, TOMBSTONE)
    assert not await world.serves(value)
    assert await world.gateway.find(value.token_id) == []


async def test_an_expired_key_is_refused_and_holds_its_alias(world: World) -> None:
    value, other = fresh(), fresh()
    fields = declared(value, duration="1s")
    await world.gateway.generate(value, fields)
    await world.pass_time(2.2)
    row = await known(world.gateway, value)
    assert await life(world, value) is Life.EXPIRED
    assert not await world.serves(value)
    with pytest.raises(AliasTaken):
        await world.gateway.generate(other, fields)
    assert [row.expires for row in await world.gateway.infos([value.token_id])] == [row.expires]
    listed = [row async for row in world.gateway.walk("expired")]
    assert value.token_id in {row.token_id for row in listed}
    await world.gateway.delete([value.token_id])
    row = await known(world.gateway, value)
    assert row.life(world.gateway.now()) is Life.DELETED
    assert row.outlived


async def test_a_batch_has_the_rows_that_are_there_without_their_tokens(world: World) -> None:
    values = [fresh() for _ in range(3)]
    for value in values:
        await world.gateway.generate(value, declared(value))
    unknown = [fresh().token_id for _ in range(497)]
    rows = await world.gateway.infos([*unknown, *(value.token_id for value in values)])
    assert {row.alias for row in rows} == {value.token_id for value in values}
    assert {row.token_id for row in rows} == {None}
    assert all(row.fields["soft_budget"] == 3.0 and row.mark["uid"] == "u" for row in rows)


async def test_an_alias_is_found_exactly(world: World) -> None:
    value, longer = fresh(), fresh()
    alias = f"team a/{value.token_id[:20]}@x:1"
    await world.gateway.generate(value, {"key_alias": alias, "metadata": TOMBSTONE})
    await world.gateway.generate(longer, {"key_alias": f"{alias}-2"})
    rows = await world.gateway.find(alias)
    assert [(row.token_id, row.alias, row.metadata) for row in rows] == [(value.token_id, alias, TOMBSTONE)]
    assert await world.gateway.find(alias.upper()) == []


async def test_a_walk_meets_each_row_once_oldest_first_by_status(world: World) -> None:
    values = [fresh() for _ in range(4)]
    active, blocked, both, gone = (value.token_id for value in values)
    kinds: list[dict[str, object]] = [{}, {"blocked": True}, {"blocked": True, "duration": "0s"}, {}]
    for value, fields in zip(values, kinds, strict=True):
        await world.gateway.generate(value, fields)
    await world.gateway.delete([gone])
    ours = {active, blocked, both, gone}
    walked = [row.token_id async for row in world.gateway.walk()]
    assert [token for token in walked if token in ours] == [active, blocked, both]
    assert len(walked) == len(set(walked))
    assert {row.token_id async for row in world.gateway.walk("active")} & ours == {active}
    assert {row.token_id async for row in world.gateway.walk("revoked")} & ours == {blocked, both}
    assert {row.token_id async for row in world.gateway.walk("expired")} & ours == set()


async def test_a_walk_goes_over_all_pages(world: World) -> None:
    values = [fresh() for _ in range(101)]
    for value in values:
        await world.gateway.generate(value, {})
    walked = [row.token_id async for row in world.gateway.walk()]
    assert len(walked) == len(set(walked))
    assert {value.token_id for value in values} <= set(walked)
    await world.gateway.delete([value.token_id for value in values])
    assert await world.gateway.infos([value.token_id for value in values]) == []


async def test_the_preflight_tells_what_it_is(world: World) -> None:
    told = await world.gateway.preflight()
    assert (told.database, told.custom_keys) == (True, True)
    assert told.version is not None
    assert told.version.startswith("1.")
    assert await world.gateway.models() >= {"fake-small", "fake-large"}


async def test_a_team_is_known_once_it_is_made(world: World) -> None:
    team = fresh().token_id
    assert not await world.gateway.has_team(team)
    await world.make_team(team)
    assert await world.gateway.has_team(team)
