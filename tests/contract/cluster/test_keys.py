"""Keys in a cluster: what the one in memory and a real API server both do with finalizers, deletions and lists."""

from __future__ import annotations

import pytest

from litellm_key_operator.api.key import KeySpec, RoleRef
from litellm_key_operator.api.names import FINALIZER
from litellm_key_operator.domain.errors import Conflict, Gone, Rejected
from tests.support.cluster_worlds import OTHER, World, a_key, a_manifest, read, recreated, until


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


class TestReading:
    async def test_absence_is_a_value(self, world: World) -> None:
        assert await world.resources.read_key(world.namespace, "app") is None
        assert await world.secrets.read(world.namespace, "app") is None
        assert await world.resources.list_keys() == []
        assert await world.secrets.list_ours() == []

    async def test_lists_what_is_there(self, world: World) -> None:
        keys = [await world.apply(a_key(world, name=name)) for name in ("a", "b")]
        assert sorted(await world.resources.list_keys(), key=lambda key: key.metadata.name) == keys

    async def test_lists_what_has_not_changed_as_it_was_given(self, world: World) -> None:
        key = await world.apply(a_key(world))
        marked = key.model_copy(update={"spec": KeySpec(role_ref=RoleRef(name="marked"))})
        assert await world.resources.list_keys({key.metadata.uid: marked}) == [marked]
        held = await world.resources.hold(key, {})
        assert await world.resources.list_keys({key.metadata.uid: marked}) == [held]

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
