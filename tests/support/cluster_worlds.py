"""The cluster in memory and a real one behind one interface, for the contract that both keep.

The ports are the operator's side; the methods here are what users and other programs do to the same objects.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from typing_extensions import override

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import KeySpec, LiteLLMKey
from litellm_key_operator.api.names import API_VERSION
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.cluster.client import MERGE_PATCH, Client
from litellm_key_operator.cluster.namespaces import ClusterNamespaces
from litellm_key_operator.cluster.paths import CONFIG_MAPS, CONNECTIONS, KEYS, NAMESPACES, ROLES, SECRETS, Path
from litellm_key_operator.cluster.resources import ClusterResources
from litellm_key_operator.cluster.secrets import ClusterSecrets, seen
from litellm_key_operator.domain.errors import Gone
from litellm_key_operator.domain.state import SecretSeen
from litellm_key_operator.ports import Namespaces, Resources, Secrets
from tests.support.fake_cluster import FakeCluster

R = TypeVar("R", LiteLLMKey, LiteLLMRole, LiteLLMConnection)

_KINDS: dict[type, Path] = {LiteLLMKey: KEYS, LiteLLMRole: ROLES, LiteLLMConnection: CONNECTIONS}


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


class RealWorld(World):
    """A namespace of a real API server."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self._namespace = namespace
        self._resources = ClusterResources(client, [namespace])
        self._secrets = ClusterSecrets(client, [namespace])
        self._namespaces = ClusterNamespaces(client, [namespace])

    @property
    @override
    def namespace(self) -> str:
        return self._namespace

    @property
    @override
    def resources(self) -> Resources:
        return self._resources

    @property
    @override
    def secrets(self) -> Secrets:
        return self._secrets

    @property
    @override
    def namespaces(self) -> Namespaces:
        return self._namespaces

    @override
    async def apply(self, resource: R) -> R:
        kind, meta = _KINDS[type(resource)], resource.metadata
        body: dict[str, Any] = {
            "apiVersion": API_VERSION,
            "kind": type(resource).__name__,
            "metadata": {
                "name": meta.name,
                "labels": meta.labels,
                "annotations": meta.annotations,
                "finalizers": list(meta.finalizers),
            },
            "spec": resource.spec.model_dump(mode="json", by_alias=True, exclude_unset=True),
        }
        made = await self.client.request("POST", kind.within(self.namespace), body=body)
        return type(resource).model_validate(made)

    @override
    async def edit(
        self, name: str, *, spec: KeySpec | None = None, annotations: Mapping[str, str | None] | None = None
    ) -> LiteLLMKey:
        body: dict[str, Any] = {"metadata": {"annotations": dict(annotations or {})}}
        if spec is not None:
            body["spec"] = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return LiteLLMKey.model_validate(await self._patch(KEYS.of(self.namespace, name), body))

    @override
    async def mark_deleted(self, name: str) -> None:
        await self.client.request("DELETE", KEYS.of(self.namespace, name))

    @override
    async def strip_finalizer(self, name: str) -> None:
        await self._patch(KEYS.of(self.namespace, name), {"metadata": {"finalizers": None}})

    @override
    async def clear_status(self, name: str) -> LiteLLMKey:
        return LiteLLMKey.model_validate(await self._patch(KEYS.of(self.namespace, name).status, {"status": None}))

    @override
    async def put_secret(
        self, name: str, data: Mapping[str, str], *, immutable: bool = False, owner: str | None = None
    ) -> SecretSeen:
        owners = [{"apiVersion": API_VERSION, "kind": "LiteLLMKey", "name": "x", "uid": owner}] if owner else []
        body = {"metadata": {"name": name, "ownerReferences": owners}, "stringData": data, "immutable": immutable}
        return seen(await self.client.request("POST", SECRETS.within(self.namespace), body=body))

    @override
    async def label_secret(self, name: str, labels: Mapping[str, str]) -> SecretSeen:
        return seen(await self._patch(SECRETS.of(self.namespace, name), {"metadata": {"labels": labels}}))

    @override
    async def remove_secret(self, name: str) -> None:
        await self.client.request("DELETE", SECRETS.of(self.namespace, name))

    @override
    async def secret_data(self, name: str) -> Mapping[str, str] | None:
        try:
            found = await self.client.get(SECRETS.of(self.namespace, name))
        except Gone:
            return None
        return {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}

    @override
    async def put_config_map(self, name: str, data: Mapping[str, str]) -> None:
        body = {"metadata": {"name": name}, "data": data}
        await self.client.request("POST", CONFIG_MAPS.within(self.namespace), body=body)

    @override
    async def label_namespace(self, labels: Mapping[str, str]) -> None:
        path = Path(NAMESPACES.root, NAMESPACES.resource, name=self.namespace)
        await self._patch(path, {"metadata": {"labels": labels}})

    async def _patch(self, path: Path, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self.client.request("PATCH", path, body=body, content_type=MERGE_PATCH)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait until this asynchronous condition holds; fails when it does not in time."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - the condition is on a server
            await asyncio.sleep(0.1)
