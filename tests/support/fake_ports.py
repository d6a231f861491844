"""The ports to the cluster in memory. Each call: the hook, the effect, the hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from typing_extensions import override

from litellm_key_operator.api.connection import ConnectionStatus, LiteLLMConnection
from litellm_key_operator.api.key import KeyStatus, LiteLLMKey
from litellm_key_operator.api.names import FINALIZER, GROUP, LABEL_MANAGED_BY, PROGRAM
from litellm_key_operator.api.role import LiteLLMRole, RoleStatus
from litellm_key_operator.domain.errors import Conflict, Gone, Rejected, SecretRejected
from litellm_key_operator.domain.state import Manifest, SecretSeen
from litellm_key_operator.ports import Namespaces, Resources, Secrets
from tests.support.fake_objects import FakeSecret, Hook, State, place, without_nulls

R = TypeVar("R", LiteLLMRole, LiteLLMConnection)


@dataclass(slots=True)
class FakeResources(Resources):
    """The custom resources."""

    state: State
    hook: Hook

    @override
    async def read_key(self, namespace: str, name: str) -> LiteLLMKey | None:
        await self.hook("before", "resources.read_key", (namespace, name))
        key = self.state.keys.get((namespace, name))
        await self.hook("after", "resources.read_key", (namespace, name))
        return key

    @override
    def is_closed(self, namespace: str) -> bool:
        return False

    @override
    async def list_keys(self, known: Mapping[str, LiteLLMKey] | None = None) -> list[LiteLLMKey]:
        await self.hook("before", "resources.list_keys", ())
        found: list[LiteLLMKey] = []
        for key in self.state.keys.values():
            had = (known or {}).get(key.metadata.uid, key)
            found.append(had if had.metadata.resource_version == key.metadata.resource_version else key)
        await self.hook("after", "resources.list_keys", ())
        return found

    @override
    async def list_roles(self) -> list[LiteLLMRole]:
        await self.hook("before", "resources.list_roles", ())
        found = list(self.state.roles.values())
        await self.hook("after", "resources.list_roles", ())
        return found

    @override
    async def list_connections(self) -> list[LiteLLMConnection]:
        await self.hook("before", "resources.list_connections", ())
        found = list(self.state.connections.values())
        await self.hook("after", "resources.list_connections", ())
        return found

    @override
    async def hold(self, key: LiteLLMKey, annotations: Mapping[str, str]) -> LiteLLMKey:
        await self.hook("before", "resources.hold", (key, annotations))
        self.state.fence(key)
        had = key.metadata.finalizers
        if key.metadata.deletion_timestamp is not None and FINALIZER not in had:
            raise Rejected("no new finalizers can be added if the object is being deleted")
        finalizers = had if FINALIZER in had else (*had, FINALIZER)
        wanted = {**key.metadata.annotations, **annotations}
        held = self.state.store_key(key, finalizers=finalizers, annotations=wanted)
        await self.hook("after", "resources.hold", (key, annotations))
        return held

    @override
    async def release(self, key: LiteLLMKey) -> None:
        await self.hook("before", "resources.release", (key,))
        self.state.fence(key)
        self.state.store_key(key, finalizers=tuple(f for f in key.metadata.finalizers if f != FINALIZER))
        await self.hook("after", "resources.release", (key,))

    @override
    async def delete_key(self, key: LiteLLMKey) -> None:
        await self.hook("before", "resources.delete_key", (key,))
        self.state.fence(key)
        self.state.delete_key(key)
        await self.hook("after", "resources.delete_key", (key,))

    @override
    async def write_key_status(self, key: LiteLLMKey, status: KeyStatus) -> LiteLLMKey:
        await self.hook("before", "resources.write_key_status", (key, status))
        self.state.fence(key)
        # Nulls are what a merge patch cannot write.
        applied = None if status.applied is None else without_nulls(status.applied)
        written = self.state.store_key(
            key.model_copy(update={"status": status.model_copy(update={"applied": applied})})
        )
        await self.hook("after", "resources.write_key_status", (key, status))
        return written

    @override
    async def write_role_status(self, role: LiteLLMRole, status: RoleStatus) -> LiteLLMRole:
        return await self._write_status("resources.write_role_status", role, status)

    @override
    async def write_connection_status(self, conn: LiteLLMConnection, status: ConnectionStatus) -> LiteLLMConnection:
        return await self._write_status("resources.write_connection_status", conn, status)

    async def _write_status(self, name: str, old: R, status: RoleStatus | ConnectionStatus) -> R:
        await self.hook("before", name, (old, status))
        self.state.fence(old)
        metadata = old.metadata.model_copy(update={"resource_version": self.state.next_version()})
        written = old.model_copy(update={"metadata": metadata, "status": status})
        self.state.table(old)[place(old)] = written
        await self.hook("after", name, (old, status))
        return written


@dataclass(slots=True)
class FakeSecrets(Secrets):
    """The Secrets and, for a CA, the ConfigMaps."""

    state: State
    hook: Hook

    @override
    async def read(self, namespace: str, name: str) -> SecretSeen | None:
        await self.hook("before", "secrets.read", (namespace, name))
        secret = self.state.secrets.get((namespace, name))
        await self.hook("after", "secrets.read", (namespace, name))
        return None if secret is None else secret.seen

    @override
    async def list_ours(self, known: Mapping[tuple[str, str], SecretSeen] | None = None) -> list[SecretSeen]:
        await self.hook("before", "secrets.list_ours", ())
        found: list[SecretSeen] = []
        for named, secret in self.state.secrets.items():
            if secret.seen.labels.get(LABEL_MANAGED_BY) == PROGRAM:
                had = (known or {}).get(named, secret.seen)
                same = (had.uid, had.resource_version) == (secret.seen.uid, secret.seen.resource_version)
                found.append(had if same else secret.seen)
        await self.hook("after", "secrets.list_ours", ())
        return found

    @override
    async def create(self, manifest: Manifest) -> SecretSeen:
        await self.hook("before", "secrets.create", (manifest,))
        at = manifest.namespace, manifest.name
        if at[0] in self.state.ending or at[0] not in self.state.namespaces:
            raise Gone("the namespace is ending or gone")
        if at in self.state.secrets:
            raise Conflict("the Secret exists already")
        seen = SecretSeen(
            namespace=manifest.namespace,
            name=manifest.name,
            uid=f"uid-{self.state.next_version()}",
            resource_version=self.state.next_version(),
            owner_uid=manifest.owner_uid,
            type=manifest.type,
            immutable=False,
            labels={**manifest.labels, LABEL_MANAGED_BY: PROGRAM},
            annotations=dict(manifest.annotations),
        )
        # An owner that is gone already does not hold it: the garbage collector comes for it sooner or later.
        self.state.secrets[at] = created = FakeSecret.of(seen, manifest.data)
        await self.hook("after", "secrets.create", (manifest,))
        return created.seen

    @override
    async def replace(self, manifest: Manifest, seen: SecretSeen) -> SecretSeen:
        await self.hook("before", "secrets.replace", (manifest, seen))
        old = self.state.secrets.get((seen.namespace, seen.name))
        if old is None or old.seen.resource_version != seen.resource_version:
            raise Conflict("the Secret changed since it was read")
        if manifest.type != seen.type or (seen.immutable and manifest.data != old.data):
            raise SecretRejected("the Secret is of another type, or immutable")
        written = replace(
            seen,
            resource_version=self.state.next_version(),
            owner_uid=manifest.owner_uid,
            labels={**_foreign(seen.labels), **manifest.labels, LABEL_MANAGED_BY: PROGRAM},
            annotations={**_foreign(seen.annotations), **manifest.annotations},
        )
        self.state.secrets[seen.namespace, seen.name] = replaced = FakeSecret.of(written, manifest.data)
        await self.hook("after", "secrets.replace", (manifest, seen))
        return replaced.seen

    @override
    async def delete(self, seen: SecretSeen) -> None:
        await self.hook("before", "secrets.delete", (seen,))
        there = self.state.secrets.get((seen.namespace, seen.name))
        if there is not None and there.seen.uid == seen.uid:
            del self.state.secrets[seen.namespace, seen.name]
        await self.hook("after", "secrets.delete", (seen,))

    @override
    async def disown(self, seen: SecretSeen) -> None:
        await self.hook("before", "secrets.disown", (seen,))
        there = self.state.secrets.get((seen.namespace, seen.name))
        if there is not None and there.seen.uid == seen.uid:
            if there.seen.resource_version != seen.resource_version:
                raise Conflict("the Secret changed since it was read")
            labels = {name: value for name, value in _foreign(seen.labels).items() if name != LABEL_MANAGED_BY}
            left = replace(seen, owner_uid=None, labels=labels, resource_version=self.state.next_version())
            self.state.secrets[seen.namespace, seen.name] = FakeSecret.of(left, there.data)
        await self.hook("after", "secrets.disown", (seen,))

    @override
    async def text(self, kind: Literal["Secret", "ConfigMap"], namespace: str, name: str, key: str) -> str | None:
        await self.hook("before", "secrets.text", (kind, namespace, name, key))
        secret = self.state.secrets.get((namespace, name))
        empty: Mapping[str, str] = {}
        data = secret.data if secret else empty
        config_map = self.state.config_maps.get((namespace, name), empty)
        await self.hook("after", "secrets.text", (kind, namespace, name, key))
        return (data if kind == "Secret" else config_map).get(key)


@dataclass(slots=True)
class FakeNamespaces(Namespaces):
    """The namespaces."""

    state: State
    hook: Hook

    @override
    async def labels(self) -> dict[str, dict[str, str]]:
        await self.hook("before", "namespaces.labels", ())
        found = dict(self.state.namespaces)
        await self.hook("after", "namespaces.labels", ())
        return found


def _foreign(names: Mapping[str, str]) -> dict[str, str]:
    """Labels or annotations that are not of this operator's group."""
    return {name: value for name, value in names.items() if not name.startswith(f"{GROUP}/")}
