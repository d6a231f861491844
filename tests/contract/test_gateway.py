"""What the engine may rely on, of the LiteLLM in memory and of the real one: registering, changing, deleting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from litellm_key_operator.domain.errors import AliasTaken, Rejected
from litellm_key_operator.domain.state import Life
from tests.support.gateway_worlds import World, declared, fresh, holds, known, life


async def test_a_registered_key_is_as_declared_and_works(world: World) -> None:
    value = fresh()
    before = world.gateway.now()
    answered = await world.gateway.generate(value, declared(value, duration="600s"))
    seen = await known(world.gateway, value)
    for row in (answered, seen):
        assert row.token_id == value.token_id
        assert row.alias == value.token_id
        assert row.mark == {"uid": "u", "labels": {"a": "b"}}
        assert (row.blocked, row.deleted_at) == (False, None)
        same = {"key_alias", "key_type", "metadata"}
        assert holds(row, {name: told for name, told in declared(value).items() if name not in same})
        assert row.fields["allowed_routes"] == ["llm_api_routes"]
        assert row.fields["spend"] == 0
    assert answered.expires == seen.expires
    assert seen.expires is not None
    assert seen.expires.microsecond == 0
    assert timedelta(seconds=595) < seen.expires - before < timedelta(seconds=605)
    assert await life(world, value) is Life.LIVE
    assert await world.serves(value)


async def test_a_key_without_duration_never_ends(world: World) -> None:
    value = fresh()
    assert (await world.gateway.generate(value, {})).expires is None
    assert (await known(world.gateway, value)).expires is None


async def test_an_unknown_key_is_absent_and_deleting_it_is_no_error(world: World) -> None:
    value = fresh()
    assert await world.gateway.info(value.token_id) is None
    assert await world.gateway.update(value.token_id, {"blocked": True}) is None
    assert await world.gateway.infos([value.token_id]) == []
    assert await world.gateway.find(value.token_id) == []
    await world.gateway.delete([value.token_id])
    await world.gateway.delete([])
    assert await world.gateway.infos([]) == []
    assert not await world.serves(value)


async def test_a_repeated_value_is_echoed_and_nothing_changes(world: World) -> None:
    value, alias = fresh(), fresh().token_id
    await world.gateway.generate(value, declared(value, duration="600s"))
    before = await known(world.gateway, value)
    echo = await world.gateway.generate(
        value, {"key_alias": alias, "max_budget": 99.0, "blocked": True, "duration": "1s", "metadata": {}}
    )
    assert (echo.alias, echo.fields["max_budget"], echo.blocked, echo.metadata) == (alias, 99.0, True, {})
    after = await known(world.gateway, value)
    assert (after.alias, after.expires, after.blocked, after.metadata) == (
        before.alias,
        before.expires,
        before.blocked,
        before.metadata,
    )
    assert after.fields["max_budget"] == 5.0
    assert await world.gateway.find(alias) == []
    assert await world.serves(value)


async def test_an_alias_is_held_by_one_key_even_against_itself(world: World) -> None:
    value, other = fresh(), fresh()
    await world.gateway.generate(value, declared(value))
    with pytest.raises(AliasTaken):
        await world.gateway.generate(value, declared(value))
    with pytest.raises(AliasTaken):
        await world.gateway.generate(other, {"key_alias": value.token_id})
    assert await world.gateway.info(other.token_id) is None
    await world.gateway.generate(other, {})
    with pytest.raises(AliasTaken):
        await world.gateway.update(other.token_id, {"key_alias": value.token_id})
    assert await world.gateway.update(value.token_id, {"key_alias": value.token_id}) is not None


async def test_a_deleted_key_frees_its_alias_and_is_still_known(world: World) -> None:
    value, other = fresh(), fresh()
    await world.gateway.generate(value, declared(value, duration="600s"))
    await world.gateway.delete([value.token_id, other.token_id])
    row = await known(world.gateway, value)
    assert row.life(world.gateway.now()) is Life.DELETED
    assert row.token_id == row.alias == value.token_id
    assert row.deleted_at is not None
    assert abs(row.deleted_at - world.gateway.now()) < timedelta(seconds=5)
    assert row.mark == {"uid": "u", "labels": {"a": "b"}}
    assert not row.outlived
    assert await world.gateway.infos([value.token_id]) == []
    assert await world.gateway.find(value.token_id) == []
    assert await world.gateway.update(value.token_id, {"blocked": True}) is None
    assert not await world.serves(value)
    await world.gateway.delete([value.token_id])
    await world.gateway.generate(other, {"key_alias": value.token_id})
    assert [row.token_id for row in await world.gateway.find(value.token_id)] == [other.token_id]


async def test_a_registration_that_comes_late_makes_a_deleted_key_live_again(world: World) -> None:
    value = fresh()
    await world.gateway.generate(value, declared(value))
    await world.gateway.delete([value.token_id])
    await world.gateway.generate(value, declared(value))
    assert await life(world, value) is Life.LIVE
    assert await world.serves(value)
    await world.gateway.delete([value.token_id])
    assert await life(world, value) is Life.DELETED


async def test_an_update_by_hash_renames_and_keeps_all_else(world: World) -> None:
    value, alias = fresh(), fresh().token_id
    await world.gateway.generate(value, declared(value, duration="600s"))
    before = await known(world.gateway, value)
    answered = await world.gateway.update(value.token_id, {"key_alias": alias})
    assert answered is not None
    for row in (answered, await known(world.gateway, value)):
        assert (row.token_id, row.alias, row.expires) == (value.token_id, alias, before.expires)
        assert (row.metadata, row.fields["tpm_limit"], row.fields["spend"]) == (before.metadata, 100, 0)
    assert await world.gateway.find(value.token_id) == []


async def test_an_update_replaces_metadata_whole_and_clears_by_null(world: World) -> None:
    value = fresh()
    await world.gateway.generate(value, declared(value, metadata={"a": 1, "b": {"c": 2, "d": 3}}))
    changes: dict[str, object] = {
        "metadata": {"b": {"c": 4}},
        "max_budget": None,
        "tpm_limit": None,
        "models": [],
        "allowed_routes": [],
    }
    await world.gateway.update(value.token_id, changes)
    row = await known(world.gateway, value)
    assert row.metadata == {"b": {"c": 4}}
    assert holds(row, {"max_budget": None, "tpm_limit": None, "models": [], "allowed_routes": [], "rpm_limit": 10})


async def test_a_duration_starts_anew_with_each_update_that_has_one(world: World) -> None:
    value = fresh()
    first = await world.gateway.generate(value, {"duration": "60s"})
    row = await world.gateway.update(value.token_id, {"duration": "600s"})
    assert row is not None
    assert first.expires is not None
    assert row.expires is not None
    assert row.expires - first.expires >= timedelta(seconds=539)
    row = await world.gateway.update(value.token_id, {"duration": None})
    assert row is not None
    assert row.expires is None


@pytest.mark.parametrize("duration", ["soon", "30", "1y"])
async def test_a_duration_that_is_none_is_rejected(world: World, duration: str) -> None:
    value = fresh()
    with pytest.raises(Rejected):
        await world.gateway.generate(value, {"duration": duration})
    assert await world.gateway.info(value.token_id) is None
    await world.gateway.generate(value, {})
    with pytest.raises(Rejected):
        await world.gateway.update(value.token_id, {"duration": duration})


async def test_spend_is_handed_over(world: World) -> None:
    value = fresh()
    await world.gateway.generate(value, {"spend": 1.5})
    assert (await known(world.gateway, value)).fields["spend"] == 1.5
    await world.gateway.update(value.token_id, {"rpm_limit": 1})
    assert (await known(world.gateway, value)).fields["spend"] == 1.5
