"""Statuses in a cluster: written to the letter and fenced, in memory as on a real API server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from litellm_key_operator.api.common import NOT_SEEN, Condition, ConditionStatus
from litellm_key_operator.api.connection import ConnectionStatus, LiteLLMConnection
from litellm_key_operator.api.key import Binding, ConnectionMark, KeySpec, KeyStatus, NotedRevision
from litellm_key_operator.api.role import LiteLLMRole, RoleStatus
from litellm_key_operator.domain.errors import Conflict, Gone
from tests.support.cluster_worlds import OTHER, World, a_key, read, recreated

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def a_condition(kind: str, status: ConditionStatus = ConditionStatus.TRUE) -> Condition:
    return Condition(type=kind, status=status, reason="Because", message="so", last_transition_time=MOMENT)


class TestStatus:
    FULL = KeyStatus(
        conditions=(a_condition("Ready"), a_condition("Synced", ConditionStatus.UNKNOWN)),
        observed_generation=1,
        revision=2,
        token_id="a" * 64,
        seed=1,
        key_alias="team-a/app",
        key_preview="sk-...abcd",
        doubtful=True,
        issued_at=MOMENT,
        expires_at=MOMENT,
        pending=NotedRevision(revision=3, token_id="b" * 64, seed=1, url="http://proxy", doubtful=True),
        binding=Binding(name="app"),
        connection=ConnectionMark(namespace="platform", name="default", url="http://proxy"),
        applied={
            "models": ["a", "b"],
            "max_budget": 1.5,
            "metadata": {"llmkeys": {"name": "app", "labels": {"x": "y"}}},
        },
    )

    async def test_is_written_as_given_and_touches_nothing_else(self, world: World) -> None:
        key = await world.resources.hold(await world.apply(a_key(world, OTHER)), {"a": "b"})
        written = await world.resources.write_key_status(key, self.FULL)
        assert written == await read(world)
        assert written.status == self.FULL
        assert written.spec == key.spec
        meta = written.metadata.model_copy(update={"resource_version": key.metadata.resource_version})
        assert meta == key.metadata

    @pytest.mark.parametrize(
        "second",
        [
            KeyStatus(),
            FULL.model_copy(update={"pending": None, "doubtful": False, "expires_at": None}),
            FULL.model_copy(update={"conditions": (a_condition("Ready", ConditionStatus.FALSE),)}),
            FULL.model_copy(update={"conditions": ()}),
            FULL.model_copy(update={"pending": NotedRevision(revision=4)}),
            FULL.model_copy(update={"applied": {"models": ["b"], "metadata": {"llmkeys": {"name": "app"}}}}),
            FULL.model_copy(update={"applied": {"models": [], "metadata": {"llmkeys": {"name": {"now": "deeper"}}}}}),
            FULL.model_copy(update={"applied": {}}),
        ],
        ids=["nothing", "fewer fields", "fewer conditions", "none", "less pending", "less applied", "deeper", "{}"],
    )
    async def test_replaces_the_one_before_to_the_letter(self, world: World, second: KeyStatus) -> None:
        first = await world.resources.write_key_status(await world.apply(a_key(world)), self.FULL)
        written = await world.resources.write_key_status(first, second)
        assert written.status == second
        assert written == await read(world)

    async def test_keeps_no_nulls(self, world: World) -> None:
        key = await world.apply(a_key(world))
        status = KeyStatus(applied={"max_budget": None, "metadata": {"x": None, "y": 1}})
        written = await world.resources.write_key_status(key, status)
        assert written.status.applied == {"metadata": {"y": 1}}

    async def test_is_fenced(self, world: World) -> None:
        key = await world.apply(a_key(world))
        await world.edit("app", annotations={"a": "b"})
        with pytest.raises(Conflict):
            await world.resources.write_key_status(key, self.FULL)
        assert (await read(world)).status == KeyStatus(observed_generation=NOT_SEEN)

    async def test_is_not_written_to_another_key_of_the_name(self, world: World) -> None:
        old, new = await recreated(world)
        with pytest.raises(Gone):
            await world.resources.write_key_status(old, self.FULL)
        assert await read(world) == new

    async def test_is_not_written_to_a_key_that_is_gone(self, world: World) -> None:
        key = await world.apply(a_key(world))
        await world.mark_deleted("app")
        with pytest.raises(Gone):
            await world.resources.write_key_status(key, self.FULL)

    async def test_survives_an_edit_of_the_spec_and_not_its_clearing(self, world: World) -> None:
        key = await world.resources.write_key_status(await world.apply(a_key(world)), self.FULL)
        spec = KeySpec.model_validate({"roleRef": {"name": "role"}, "ttl": "1h"})
        edited = await world.edit("app", spec=spec, annotations={OTHER: None})
        assert (edited.spec, edited.status) == (spec, self.FULL)
        assert edited.metadata.generation == key.metadata.generation + 1
        assert OTHER not in edited.metadata.annotations
        assert (await world.clear_status("app")).status == KeyStatus(observed_generation=NOT_SEEN)

    async def test_of_a_role(self, world: World) -> None:
        spec = {"models": ["m"], "ttl": "1h"}
        role = LiteLLMRole.model_validate({"metadata": {"name": "r", "namespace": world.namespace}, "spec": spec})
        role = await world.apply(role)
        written = await world.resources.write_role_status(role, RoleStatus(conditions=(a_condition("Ready"),), keys=3))
        assert (written.status.keys, written.status.conditions) == (3, (a_condition("Ready"),))
        assert await world.resources.list_roles() == [written]
        with pytest.raises(Conflict):
            await world.resources.write_role_status(role, RoleStatus())
        assert (await world.resources.write_role_status(written, RoleStatus())).status == RoleStatus()

    async def test_of_a_connection(self, world: World) -> None:
        spec = {"url": "http://proxy", "adminKeySecretRef": {"name": "admin"}}
        place = {"name": "c", "namespace": world.namespace}
        conn = await world.apply(LiteLLMConnection.model_validate({"metadata": place, "spec": spec}))
        status = ConnectionStatus(version="1.106.2", last_sweep_time=MOMENT, keys=0)
        written = await world.resources.write_connection_status(conn, status)
        assert written.status == status
        assert await world.resources.list_connections() == [written]
        with pytest.raises(Conflict):
            await world.resources.write_connection_status(conn, status)
