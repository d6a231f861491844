"""A cluster in memory, as far as the operator sees one.

It needs no event loop: nothing here waits, except for the hook that a test gives. The contract tests hold it to what a
real kube-apiserver does. Moments in a status must be whole seconds, which is all that an API server keeps of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import KeySpec, LiteLLMKey
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.state import SecretSeen
from tests.support.fake_objects import AnyResource, FakeSecret, Hook, State, place
from tests.support.fake_ports import FakeNamespaces, FakeResources, FakeSecrets

R = TypeVar("R", LiteLLMKey, LiteLLMRole, LiteLLMConnection)


async def nothing(_when: Literal["before", "after"], _name: str, _args: tuple[object, ...]) -> None:
    """A hook that lets everything pass."""


@dataclass(slots=True)
class FakeCluster:
    """The cluster as one process sees it, through its hook, and as its users do, by the methods here."""

    state: State = field(default_factory=State)
    hook: Hook = nothing
    resources: FakeResources = field(init=False)
    secrets: FakeSecrets = field(init=False)
    namespaces: FakeNamespaces = field(init=False)

    def __post_init__(self) -> None:
        self.resources = FakeResources(self.state, self.hook)
        self.secrets = FakeSecrets(self.state, self.hook)
        self.namespaces = FakeNamespaces(self.state, self.hook)

    def copy(self, hook: Hook = nothing) -> FakeCluster:
        """Another cluster in the same state."""
        return FakeCluster(self.state.copy(), hook)

    def seen_by(self, hook: Hook) -> FakeCluster:
        """This same cluster, for another process."""
        return FakeCluster(self.state, hook)

    def key(self) -> Hashable:
        """Equal for states that differ in nothing but resourceVersions and uids of Secrets."""
        s = self.state
        return (
            frozenset(_told(key) for key in s.keys.values()),
            frozenset(_told(role) for role in s.roles.values()),
            frozenset(_told(connection) for connection in s.connections.values()),
            frozenset((at, secret.identity) for at, secret in s.secrets.items()),
            frozenset((at, frozenset(data.items())) for at, data in s.config_maps.items()),
            frozenset((name, frozenset(labels.items())) for name, labels in s.namespaces.items()),
            s.ending,
            s.clock,
        )

    def apply(self, resource: R) -> R:
        """`kubectl apply`: create it, with an empty status, or replace its spec; labels and annotations are added."""
        s, new = self.state, resource.metadata
        s.namespaces.setdefault(new.namespace, {})
        old: R | None = s.table(resource).get(place(resource))
        changes: dict[str, object] = {"resource_version": s.next_version()}
        if old is None:
            changes |= {"uid": new.uid or f"uid-{s.next_version()}", "generation": 1, "creation_timestamp": s.clock}
            metadata, status = new.model_copy(update=changes), type(resource).model_fields["status"].default
        else:
            changes |= {
                "generation": old.metadata.generation + (old.spec != resource.spec),
                "labels": {**old.metadata.labels, **new.labels},
                "annotations": {**old.metadata.annotations, **new.annotations},
            }
            metadata, status = old.metadata.model_copy(update=changes), old.status
        applied = resource.model_copy(update={"metadata": metadata, "status": status})
        s.table(resource)[place(resource)] = applied
        return applied

    def remove(self, resource: LiteLLMRole | LiteLLMConnection) -> None:
        """`kubectl delete` of a Role or Connection; for Keys there is `mark_deleted`."""
        del self.state.table(resource)[place(resource)]

    def read(self, namespace: str, name: str) -> LiteLLMKey | None:
        """A Key as it stands, past the hook."""
        return self.state.keys.get((namespace, name))

    def edit(
        self,
        namespace: str,
        name: str,
        *,
        spec: KeySpec | None = None,
        annotations: Mapping[str, str | None] | None = None,
    ) -> LiteLLMKey:
        """A user's edit of a Key: another spec; annotations to set or, by None, to remove."""
        key = self.state.keys[namespace, name]
        wanted = {**key.metadata.annotations, **(annotations or {})}
        changes: dict[str, object] = {"annotations": {k: v for k, v in wanted.items() if v is not None}}
        if spec is not None and spec != key.spec:
            key = key.model_copy(update={"spec": spec})
            changes["generation"] = key.metadata.generation + 1
        return self.state.store_key(key, **changes)

    def mark_deleted(self, namespace: str, name: str) -> None:
        """`kubectl delete` of a Key: it goes at once or, if it has finalizers, with the last of them."""
        self.state.delete_key(self.state.keys[namespace, name])

    def strip_finalizer(self, namespace: str, name: str) -> None:
        """Somebody removes all finalizers of a Key."""
        self.state.store_key(self.state.keys[namespace, name], finalizers=())

    def clear_status(self, namespace: str, name: str) -> LiteLLMKey:
        """Somebody, or a restore from a backup, empties the status of a Key."""
        empty = LiteLLMKey.model_fields["status"].default
        return self.state.store_key(self.state.keys[namespace, name].model_copy(update={"status": empty}))

    def end_namespace(self, name: str) -> None:
        """The namespace is being deleted: its Keys are, and nothing new can be made in it."""
        self.state.ending |= {name}
        for key in [key for (namespace, _), key in self.state.keys.items() if namespace == name]:
            self.state.delete_key(key)

    def put_secret(self, namespace: str, name: str, data: Mapping[str, str], **features: Any) -> SecretSeen:
        """Somebody makes a Secret; `features` are fields of SecretSeen, such as `labels` or `owner_uid`."""
        s = self.state
        s.namespaces.setdefault(namespace, {})
        seen = SecretSeen(
            namespace=namespace,
            name=name,
            uid=f"uid-{s.next_version()}",
            resource_version=s.next_version(),
            owner_uid=None,
            type="Opaque",
            immutable=False,
            labels={},
            annotations={},
        )
        s.secrets[namespace, name] = made = FakeSecret.of(replace(seen, **features), data)
        return made.seen

    def edit_secret(
        self, namespace: str, name: str, data: Mapping[str, str] | None = None, **features: Any
    ) -> SecretSeen:
        """Somebody writes other data, or other `features`, into a Secret; it keeps its uid."""
        old = self.state.secrets[namespace, name]
        seen = replace(old.seen, **features, resource_version=self.state.next_version())
        self.state.secrets[namespace, name] = edited = FakeSecret.of(seen, old.data if data is None else data)
        return edited.seen

    def remove_secret(self, namespace: str, name: str) -> None:
        """Somebody deletes a Secret."""
        del self.state.secrets[namespace, name]

    def secret_data(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """What a workload reads out of a Secret; None if there is none."""
        secret = self.state.secrets.get((namespace, name))
        return None if secret is None else secret.data

    def put_config_map(self, namespace: str, name: str, data: Mapping[str, str]) -> None:
        """Somebody makes or replaces a ConfigMap."""
        self.state.config_maps[namespace, name] = dict(data)

    def put_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """Somebody makes a namespace, or sets its labels."""
        self.state.namespaces[name] = dict(labels)


def _told(resource: AnyResource) -> str:
    """All of a resource but its resourceVersion."""
    return resource.model_dump_json(exclude={"metadata": {"resource_version": True}})
