"""What the engine may rely on in a cluster: kept by the one in memory and by a real API server alike."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest

from litellm_key_operator.api.common import Condition, ConditionStatus
from litellm_key_operator.api.connection import ConnectionStatus, LiteLLMConnection
from litellm_key_operator.api.key import Binding, ConnectionMark, KeySpec, KeyStatus, LiteLLMKey, NotedRevision
from litellm_key_operator.api.names import FINALIZER, LABEL_KEY, LABEL_MANAGED_BY, PROGRAM
from litellm_key_operator.api.role import LiteLLMRole, RoleStatus
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.domain.errors import Conflict, Gone, Rejected, SecretRejected
from litellm_key_operator.domain.state import Manifest
from tests.support.cluster_worlds import FakeWorld, RealWorld, World, until

OTHER = "example.com/other"
MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.servers)])
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    if request.param == "fake":
        yield FakeWorld()
        return
    kubeconfig = request.getfixturevalue("crds").kubeconfig
    async with await Client.connect(kubeconfig) as client:
        yield RealWorld(client, request.getfixturevalue("namespace"))


def a_key(world: World, *finalizers: str, name: str = "app") -> LiteLLMKey:
    meta = {"name": name, "namespace": world.namespace, "finalizers": finalizers, "annotations": {OTHER: "stays"}}
    return LiteLLMKey.model_validate({"metadata": meta, "spec": {"roleRef": {"name": "role"}}})


def a_manifest(world: World, key: LiteLLMKey, **data: str) -> Manifest:
    return Manifest(
        namespace=world.namespace,
        name="app",
        owner_name=key.metadata.name,
        owner_uid=key.metadata.uid,
        type="Opaque",
        labels={LABEL_KEY: "app", "team": "a"},
        annotations={"llmkeys.io/revision": "1", OTHER: "mine"},
        data=data or {"api-key": "sk-one", "base-url": "http://proxy"},
    )


def a_condition(kind: str, status: ConditionStatus = ConditionStatus.TRUE) -> Condition:
    return Condition(type=kind, status=status, reason="Because", message="so", last_transition_time=MOMENT)


async def read(world: World, name: str = "app") -> LiteLLMKey:
    found = await world.resources.read_key(world.namespace, name)
    assert found is not None
    return found


async def recreated(world: World) -> tuple[LiteLLMKey, LiteLLMKey]:
    """A Key, and the one that has its name after it."""
    old = await world.apply(a_key(world))
    await world.mark_deleted("app")
    return old, await world.apply(a_key(world))


class TestHold:
    async def test_puts_finalizer_and_annotations_on_in_one_write_and_keeps_those_of_others(self, world: World) -> None:
        key = await world.apply(a_key(world, OTHER))
        held = await world.resources.hold(key, {"llmkeys.io/installation": "i/1"})
        assert held.metadata.finalizers == (OTHER, FINALIZER)
        assert held.metadata.annotations == {OTHER: "stays", "llmkeys.io/installation": "i/1"}
        assert held.metadata.generation == key.metadata.generation
        assert held == await read(world)

    async def test_of_a_key_that_is_held_adds_nothing_twice(self, world: World) -> None:
        held = await world.resources.hold(await world.apply(a_key(world)), {"llmkeys.io/installation": "i/1"})
        again = await world.resources.hold(held, {"llmkeys.io/installation": "i/2"})
        assert again.metadata.finalizers == (FINALIZER,)
        assert again.metadata.annotations["llmkeys.io/installation"] == "i/2"

    async def test_of_a_key_that_changed_is_a_conflict_and_changes_nothing(self, world: World) -> None:
        key = await world.apply(a_key(world))
        edited = await world.edit("app", annotations={"a": "b"})
        with pytest.raises(Conflict):
            await world.resources.hold(key, {})
        assert await read(world) == edited

    async def test_of_a_key_that_is_gone(self, world: World) -> None:
        key = await world.apply(a_key(world))
        await world.mark_deleted("app")
        with pytest.raises(Gone):
            await world.resources.hold(key, {})

    async def test_of_a_key_whose_name_another_one_has_now(self, world: World) -> None:
        old, new = await recreated(world)
        with pytest.raises(Gone):
            await world.resources.hold(old, {})
        assert await read(world) == new

    async def test_of_a_key_that_is_being_deleted_is_refused(self, world: World) -> None:
        await world.apply(a_key(world, OTHER))
        await world.mark_deleted("app")
        with pytest.raises(Rejected):
            await world.resources.hold(await read(world), {})


class TestRelease:
    async def test_leaves_the_finalizers_of_others(self, world: World) -> None:
        held = await world.resources.hold(await world.apply(a_key(world, OTHER)), {})
        await world.resources.release(held)
        assert (await read(world)).metadata.finalizers == (OTHER,)

    async def test_lets_a_deleted_key_go(self, world: World) -> None:
        await world.resources.hold(await world.apply(a_key(world)), {})
        await world.mark_deleted("app")
        await world.resources.release(await read(world))
        assert await world.resources.read_key(world.namespace, "app") is None

    async def test_of_a_key_that_changed_is_a_conflict(self, world: World) -> None:
        held = await world.resources.hold(await world.apply(a_key(world)), {})
        await world.edit("app", annotations={"a": "b"})
        with pytest.raises(Conflict):
            await world.resources.release(held)
        assert (await read(world)).metadata.finalizers == (FINALIZER,)

    async def test_of_a_key_that_is_gone(self, world: World) -> None:
        old, new = await recreated(world)
        with pytest.raises(Gone):
            await world.resources.release(old)
        assert await read(world) == new


class TestDeletion:
    async def test_waits_for_finalizers_and_counts_as_a_generation(self, world: World) -> None:
        held = await world.resources.hold(await world.apply(a_key(world)), {})
        await world.mark_deleted("app")
        deleted = await read(world)
        assert deleted.metadata.deletion_timestamp is not None
        assert deleted.metadata.generation == held.metadata.generation + 1
        await world.mark_deleted("app")
        assert await read(world) == deleted

    async def test_goes_through_when_somebody_strips_the_finalizer(self, world: World) -> None:
        await world.resources.hold(await world.apply(a_key(world)), {})
        await world.mark_deleted("app")
        await world.strip_finalizer("app")
        assert await world.resources.read_key(world.namespace, "app") is None

    async def test_by_the_operator_waits_for_the_finalizer_too(self, world: World) -> None:
        held = await world.resources.hold(await world.apply(a_key(world)), {})
        await world.resources.delete_key(held)
        assert (await read(world)).metadata.deletion_timestamp is not None

    async def test_by_the_operator_is_for_this_version_of_this_key_only(self, world: World) -> None:
        key = await world.apply(a_key(world))
        edited = await world.edit("app", annotations={"a": "b"})
        with pytest.raises(Conflict):
            await world.resources.delete_key(key)
        await world.resources.delete_key(edited)
        new = await world.apply(a_key(world))
        with pytest.raises(Gone):
            await world.resources.delete_key(edited)
        assert await read(world) == new
        await world.mark_deleted("app")
        with pytest.raises(Gone):
            await world.resources.delete_key(new)

    async def test_takes_the_owned_secret_along(self, world: World) -> None:
        key = await world.apply(a_key(world))
        await world.secrets.create(a_manifest(world, key))
        await world.mark_deleted("app")

        async def gone() -> bool:
            return await world.secrets.read(world.namespace, "app") is None

        await until(gone, 40)


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
        assert (await read(world)).status == KeyStatus()

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
        assert (await world.clear_status("app")).status == KeyStatus()

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


class TestReading:
    async def test_absence_is_a_value(self, world: World) -> None:
        assert await world.resources.read_key(world.namespace, "app") is None
        assert await world.secrets.read(world.namespace, "app") is None
        assert await world.resources.list_keys() == []
        assert await world.secrets.list_ours() == []

    async def test_lists_what_is_there(self, world: World) -> None:
        keys = [await world.apply(a_key(world, name=name)) for name in ("a", "b")]
        assert sorted(await world.resources.list_keys(), key=lambda key: key.metadata.name) == keys

    async def test_labels_of_namespaces(self, world: World) -> None:
        await world.label_namespace({"llm": "yes"})
        labels = await world.namespaces.labels()
        assert labels[world.namespace].items() >= {"llm": "yes"}.items()

    async def test_text_of_secrets_and_config_maps(self, world: World) -> None:
        await world.put_secret("admin", {"master-key": "sk-Ä"})
        await world.put_config_map("ca", {"ca.crt": "PEM"})
        text, ns = world.secrets.text, world.namespace
        assert await text("Secret", ns, "admin", "master-key") == "sk-Ä"
        assert await text("ConfigMap", ns, "ca", "ca.crt") == "PEM"
        assert await text("Secret", ns, "admin", "other") is None
        assert await text("Secret", ns, "ca", "ca.crt") is None
        assert await text("ConfigMap", ns, "admin", "master-key") is None


class TestSecret:
    async def test_is_created_whole(self, world: World) -> None:
        key = await world.apply(a_key(world))
        made = await world.secrets.create(a_manifest(world, key))
        assert made == await world.secrets.read(world.namespace, "app")
        assert made.owner_uid == key.metadata.uid
        assert made.hashes["api-key"] == hashlib.sha256(b"sk-one").hexdigest()
        assert made.labels == {LABEL_KEY: "app", "team": "a", LABEL_MANAGED_BY: PROGRAM}
        assert made.annotations == {"llmkeys.io/revision": "1", OTHER: "mine"}
        assert (made.type, made.immutable) == ("Opaque", False)
        assert await world.secret_data("app") == {"api-key": "sk-one", "base-url": "http://proxy"}
        assert await world.secrets.list_ours() == [made]

    async def test_is_not_created_over_anybodys(self, world: World) -> None:
        key = await world.apply(a_key(world))
        there = await world.put_secret("app", {"a": "b"})
        with pytest.raises(Conflict):
            await world.secrets.create(a_manifest(world, key))
        assert await world.secrets.read(world.namespace, "app") == there
        assert await world.secrets.list_ours() == []

    async def test_owner_is_seen(self, world: World) -> None:
        key = await world.apply(a_key(world))
        assert (await world.put_secret("x", {})).owner_uid is None
        assert (await world.put_secret("y", {}, owner=key.metadata.uid)).owner_uid == key.metadata.uid

    async def test_is_replaced_with_all_of_its_data_and_foreign_names_kept(self, world: World) -> None:
        key = await world.apply(a_key(world))
        await world.secrets.create(a_manifest(world, key))
        old = await world.label_secret("app", {"tool": "x", "llmkeys.io/old": "x"})
        manifest = a_manifest(world, key, OPENAI_API_KEY="sk-two")
        new = await world.secrets.replace(manifest, old)
        assert await world.secret_data("app") == {"OPENAI_API_KEY": "sk-two"}
        assert new == await world.secrets.read(world.namespace, "app")
        assert new.uid == old.uid
        assert new.labels == {LABEL_KEY: "app", "team": "a", LABEL_MANAGED_BY: PROGRAM, "tool": "x"}
        assert new.annotations == {"llmkeys.io/revision": "1", OTHER: "mine"}

    async def test_is_not_replaced_unless_it_is_the_one_seen(self, world: World) -> None:
        key = await world.apply(a_key(world))
        manifest = a_manifest(world, key)
        old = await world.secrets.create(manifest)
        edited = await world.label_secret("app", {"tool": "x"})
        with pytest.raises(Conflict):
            await world.secrets.replace(manifest, old)
        assert await world.secrets.read(world.namespace, "app") == edited
        await world.remove_secret("app")
        with pytest.raises(Conflict):
            await world.secrets.replace(manifest, edited)
        somebodys = await world.put_secret("app", {"a": "b"})
        with pytest.raises(Conflict):
            await world.secrets.replace(manifest, edited)
        assert await world.secrets.read(world.namespace, "app") == somebodys

    async def test_of_another_type_or_immutable_cannot_be_replaced(self, world: World) -> None:
        key = await world.apply(a_key(world))
        manifest = a_manifest(world, key)
        fixed = await world.put_secret("app", {"a": "b"}, immutable=True)
        assert fixed.immutable
        with pytest.raises(SecretRejected):
            await world.secrets.replace(manifest, fixed)
        await world.remove_secret("app")
        made = await world.secrets.create(manifest)
        other = Manifest(world.namespace, "app", "app", key.metadata.uid, "example.com/other", {}, {}, {"a": "b"})
        with pytest.raises(SecretRejected):
            await world.secrets.replace(other, made)
        await world.secrets.delete(made)
        assert (await world.secrets.create(other)).type == "example.com/other"

    async def test_is_deleted_only_if_it_is_the_one_seen(self, world: World) -> None:
        key = await world.apply(a_key(world))
        made = await world.secrets.create(a_manifest(world, key))
        await world.label_secret("app", {"tool": "x"})
        await world.secrets.delete(made)
        assert await world.secrets.read(world.namespace, "app") is None
        await world.secrets.delete(made)
        somebodys = await world.put_secret("app", {"a": "b"})
        await world.secrets.delete(made)
        assert await world.secrets.read(world.namespace, "app") == somebodys

    async def test_is_left_to_its_users(self, world: World) -> None:
        key = await world.apply(a_key(world))
        made = await world.secrets.create(a_manifest(world, key))
        await world.secrets.disown(made)
        left = await world.secrets.read(world.namespace, "app")
        assert left is not None
        assert (left.owner_uid, left.labels, left.hashes) == (None, {"team": "a"}, made.hashes)
        assert await world.secrets.list_ours() == []
        with pytest.raises(Conflict):
            await world.secrets.disown(made)
        await world.remove_secret("app")
        await world.secrets.disown(made)

    async def test_needs_its_namespace(self, world: World) -> None:
        manifest = Manifest("no-such-namespace", "app", "app", "uid", "Opaque", {}, {}, {"a": "b"})
        with pytest.raises(Gone):
            await world.secrets.create(manifest)
