"""The cluster in memory and a real one behind one interface, for the contract that both keep.

The ports are the operator's side; the methods here are what users and other programs do to the same objects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from typing_extensions import override

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import KeySpec, LiteLLMKey
from litellm_key_operator.api.names import LABEL_KEY
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.state import Manifest, SecretSeen
from litellm_key_operator.ports import Namespaces, Resources, Secrets
from tests.support.fake_cluster import FakeCluster

R = TypeVar("R", LiteLLMKey, LiteLLMRole, LiteLLMConnection)

OTHER = "example.com/other"
"""A finalizer or annotation of somebody else."""


class World(Protocol):
    """One namespace of a cluster."""

    @property
    def namespace(self) -> str: ...
    @property
    def resources(self) -> Resources: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def namespaces(self) -> Namespaces: ...

    async def apply(self, resource: R) -> R: ...
    async def edit(
        self, name: str, *, spec: KeySpec | None = None, annotations: Mapping[str, str | None] | None = None
    ) -> LiteLLMKey: ...
    async def mark_deleted(self, name: str) -> None: ...
    async def strip_finalizer(self, name: str) -> None: ...
    async def clear_status(self, name: str) -> LiteLLMKey: ...
    async def put_secret(
        self, name: str, data: Mapping[str, str], *, immutable: bool = False, owner: str | None = None
    ) -> SecretSeen: ...
    async def label_secret(self, name: str, labels: Mapping[str, str]) -> SecretSeen: ...
    async def remove_secret(self, name: str) -> None: ...
    async def secret_data(self, name: str) -> Mapping[str, str] | None: ...
    async def put_config_map(self, name: str, data: Mapping[str, str]) -> None: ...
    async def label_namespace(self, labels: Mapping[str, str]) -> None: ...


class FakeWorld(World):
    """A namespace in memory."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.cluster.put_namespace(self.namespace, {})

    @property
    @override
    def namespace(self) -> str:
        return "team-a"

    @property
    @override
    def resources(self) -> Resources:
        return self.cluster.resources

    @property
    @override
    def secrets(self) -> Secrets:
        return self.cluster.secrets

    @property
    @override
    def namespaces(self) -> Namespaces:
        return self.cluster.namespaces

    @override
    async def apply(self, resource: R) -> R:
        return self.cluster.apply(resource)

    @override
    async def edit(
        self, name: str, *, spec: KeySpec | None = None, annotations: Mapping[str, str | None] | None = None
    ) -> LiteLLMKey:
        return self.cluster.edit(self.namespace, name, spec=spec, annotations=annotations)

    @override
    async def mark_deleted(self, name: str) -> None:
        self.cluster.mark_deleted(self.namespace, name)

    @override
    async def strip_finalizer(self, name: str) -> None:
        self.cluster.strip_finalizer(self.namespace, name)

    @override
    async def clear_status(self, name: str) -> LiteLLMKey:
        return self.cluster.clear_status(self.namespace, name)

    @override
    async def put_secret(
        self, name: str, data: Mapping[str, str], *, immutable: bool = False, owner: str | None = None
    ) -> SecretSeen:
        return self.cluster.put_secret(self.namespace, name, data, immutable=immutable, owner_uid=owner)

    @override
    async def label_secret(self, name: str, labels: Mapping[str, str]) -> SecretSeen:
        old = await self.secrets.read(self.namespace, name)
        assert old is not None
        return self.cluster.edit_secret(self.namespace, name, labels={**old.labels, **labels})

    @override
    async def remove_secret(self, name: str) -> None:
        self.cluster.remove_secret(self.namespace, name)

    @override
    async def secret_data(self, name: str) -> Mapping[str, str] | None:
        return self.cluster.secret_data(self.namespace, name)

    @override
    async def put_config_map(self, name: str, data: Mapping[str, str]) -> None:
        self.cluster.put_config_map(self.namespace, name, data)

    @override
    async def label_namespace(self, labels: Mapping[str, str]) -> None:
        self.cluster.put_namespace(self.namespace, labels)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait until this asynchronous condition holds; fails when it does not in time."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the condition is on a server
            await asyncio.sleep(0.1)


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


async def read(world: World, name: str = "app") -> LiteLLMKey:
    found = await world.resources.read_key(world.namespace, name)
    assert found is not None
    return found


async def recreated(world: World) -> tuple[LiteLLMKey, LiteLLMKey]:
    """A Key, and the one that has its name after it."""
    old = await world.apply(a_key(world))
    await world.mark_deleted("app")
    return old, await world.apply(a_key(world))
