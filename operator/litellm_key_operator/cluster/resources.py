"""The custom resources: read as types, written as merge patches that name the version they were made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError
from typing_extensions import override

from litellm_key_operator.api.common import Model
from litellm_key_operator.api.connection import ConnectionStatus, LiteLLMConnection
from litellm_key_operator.api.key import KeyStatus, LiteLLMKey
from litellm_key_operator.api.names import FINALIZER
from litellm_key_operator.api.role import LiteLLMRole, RoleStatus
from litellm_key_operator.cluster.client import MERGE_PATCH, Client
from litellm_key_operator.cluster.patch import Json, merge_patch
from litellm_key_operator.cluster.paths import CONNECTIONS, KEYS, ROLES, Path
from litellm_key_operator.cluster.scope import Scope
from litellm_key_operator.domain.errors import Conflict, Gone, Rejected
from litellm_key_operator.ports import Resources

R = TypeVar("R", LiteLLMKey, LiteLLMRole, LiteLLMConnection)

log = structlog.get_logger(__name__)


class ClusterResources(Resources):
    """The custom resources in these namespaces; in all, if none is named."""

    def __init__(self, client: Client, namespaces: Sequence[str] = ()) -> None:
        self._client = client
        self._scope = Scope(client, namespaces)

    @override
    async def read_key(self, namespace: str, name: str) -> LiteLLMKey | None:
        try:
            return typed(LiteLLMKey, await self._client.get(KEYS.of(namespace, name)))
        except Gone:
            return None

    @override
    async def list_keys(self, known: Mapping[str, LiteLLMKey] | None = None) -> list[LiteLLMKey]:
        return await self._list(KEYS, LiteLLMKey, known)

    @override
    async def list_roles(self) -> list[LiteLLMRole]:
        return await self._list(ROLES, LiteLLMRole)

    @override
    async def list_connections(self) -> list[LiteLLMConnection]:
        return await self._list(CONNECTIONS, LiteLLMConnection)

    @override
    def is_closed(self, namespace: str) -> bool:
        return self._scope.is_closed(namespace)

    @override
    async def hold(self, key: LiteLLMKey, annotations: Mapping[str, str]) -> LiteLLMKey:
        had = key.metadata.finalizers
        finalizers = had if FINALIZER in had else (*had, FINALIZER)
        return await self._patch(KEYS, key, {"finalizers": list(finalizers), "annotations": dict(annotations)})

    @override
    async def release(self, key: LiteLLMKey) -> None:
        others = [name for name in key.metadata.finalizers if name != FINALIZER]
        await self._patch(KEYS, key, {"finalizers": others})

    @override
    async def delete_key(self, key: LiteLLMKey) -> None:
        meta = key.metadata
        preconditions = {"uid": meta.uid, "resourceVersion": meta.resource_version}
        path = KEYS.of(meta.namespace, meta.name)
        try:
            await self._client.request("DELETE", path, body={"preconditions": preconditions})
        except Conflict as conflict:
            raise await self._reason(path, meta.uid, conflict) from None

    @override
    async def write_key_status(self, key: LiteLLMKey, status: KeyStatus) -> LiteLLMKey:
        return await self._write_status(KEYS, key, status)

    @override
    async def write_role_status(self, role: LiteLLMRole, status: RoleStatus) -> LiteLLMRole:
        return await self._write_status(ROLES, role, status)

    @override
    async def write_connection_status(self, conn: LiteLLMConnection, status: ConnectionStatus) -> LiteLLMConnection:
        return await self._write_status(CONNECTIONS, conn, status)

    async def _list(self, kind: Path, model: type[R], known: Mapping[str, R] | None = None) -> list[R]:
        def read(item: Json) -> R | None:
            had = (known or {}).get(item["metadata"]["uid"])
            same = had is not None and had.metadata.resource_version == item["metadata"]["resourceVersion"]
            return had if same else _readable(model, item)

        return [one for one in await self._scope.list(kind, read) if one is not None]

    async def _write_status(self, kind: Path, old: R, status: Model) -> R:
        change = merge_patch(_written(old.status), _written(status))
        return await self._patch(kind, old, {}, {"status": change}, status=True)

    async def _patch(
        self, kind: Path, old: R, metadata: Json, body: Mapping[str, Any] | None = None, *, status: bool = False
    ) -> R:
        meta = old.metadata
        path = kind.of(meta.namespace, meta.name)
        # A /status patch ignores a uid, but no other object ever has this resourceVersion.
        fenced = {**(body or {}), "metadata": {**metadata, "resourceVersion": meta.resource_version}}
        try:
            written = await self._client.request(
                "PATCH", path.status if status else path, body=fenced, content_type=MERGE_PATCH
            )
        except Conflict as conflict:
            raise await self._reason(path, meta.uid, conflict) from None
        return typed(type(old), written)

    async def _reason(self, path: Path, uid: str, conflict: Conflict) -> Conflict | Gone:
        """A 409 says the same of a changed object and of another one under its name: look which it is."""
        try:
            there = await self._client.get(path)
        except Gone as gone:
            return gone
        if there["metadata"]["uid"] != uid:
            return Gone("the name belongs to another object now")
        return conflict


def _written(status: Model) -> Json:
    """A status as it stands in JSON; what has its default is left out, as it is when it was never written."""
    return status.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def typed(model: type[R], item: Json) -> R:
    """The typed resource. Raises Rejected if the API server stores what this version of the operator cannot read."""
    try:
        return model.model_validate(item)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, e["loc"])) for e in error.errors(include_input=False)}))
        raise Rejected(f"this {model.__name__} cannot be read; look at {fields}") from None


def _readable(model: type[R], item: Json) -> R | None:
    """The typed resource if it can be read: one that cannot must not keep all others from being served."""
    try:
        return typed(model, item)
    except Rejected as error:
        meta = item["metadata"]
        log.warning("unreadable", namespace=meta.get("namespace"), name=meta["name"], error=str(error))
        return None
