"""A real cluster behind the interface of the contract, and a client whose network can be cut."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any, TypeVar

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
from litellm_key_operator.domain.errors import Gone, Unavailable
from litellm_key_operator.domain.state import SecretSeen
from litellm_key_operator.ports import Namespaces, Resources, Secrets
from tests.support.cluster_worlds import World, until

R = TypeVar("R", LiteLLMKey, LiteLLMRole, LiteLLMConnection)

_KINDS: dict[type, Path] = {LiteLLMKey: KEYS, LiteLLMRole: ROLES, LiteLLMConnection: CONNECTIONS}


class CutClient(Client):
    """A client whose network can be cut; `asked` counts its requests, those that came to nothing too."""

    cut = False
    asked = 0

    @override
    async def request(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.asked += 1
        if self.cut:
            await asyncio.sleep(0.05)
            raise Unavailable("cut")
        return await super().request(*args, **kwargs)

    async def has_asked(self, times: int) -> None:
        """Wait until it has begun so many more requests."""
        enough = self.asked + times

        async def asked() -> bool:
            return self.asked >= enough

        await until(asked)


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
