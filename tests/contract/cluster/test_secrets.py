"""Secrets in a cluster: never overwritten unless they are the one seen, in memory as on a real API server."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from litellm_key_operator.api.names import LABEL_KEY, LABEL_MANAGED_BY, PROGRAM
from litellm_key_operator.domain.errors import Conflict, Gone, SecretRejected
from litellm_key_operator.domain.state import Manifest
from tests.support.cluster_worlds import OTHER, World, a_key, a_manifest


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

    async def test_is_listed_as_it_was_given_unless_it_has_changed(self, world: World) -> None:
        key = await world.apply(a_key(world))
        made = await world.secrets.create(a_manifest(world, key))
        marked = replace(made, type="marked")
        place = (made.namespace, made.name)
        assert await world.secrets.list_ours({place: marked}) == [marked]
        assert await world.secrets.list_ours({place: replace(marked, uid="of-another")}) == [made]
        newer = await world.secrets.replace(a_manifest(world, key, name="app"), made)
        assert await world.secrets.list_ours({place: marked}) == [newer]

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
