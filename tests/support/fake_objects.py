"""What the cluster in memory holds, and how its objects come, change and go."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, cast

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.errors import Conflict, Gone
from litellm_key_operator.domain.state import SecretSeen

Place = tuple[str, str]
"""Namespace and name."""
AnyResource = LiteLLMKey | LiteLLMRole | LiteLLMConnection
Hook = Callable[[Literal["before", "after"], str, tuple[object, ...]], Awaitable[None]]
"""Awaited around each effect, with the call's name (such as `secrets.create`) and its arguments."""

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def place(resource: AnyResource) -> Place:
    """Where it stands."""
    return resource.metadata.namespace, resource.metadata.name


def without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same object without its nulls, at any depth but inside lists: a merge patch cannot write them."""
    return {
        name: without_nulls(cast("Mapping[str, Any]", item)) if isinstance(item, Mapping) else item
        for name, item in value.items()
        if item is not None
    }


@dataclass(frozen=True, slots=True)
class FakeSecret:
    """A Secret with its values, and what tells it from another."""

    seen: SecretSeen
    data: Mapping[str, str]
    identity: Hashable

    @staticmethod
    def of(seen: SecretSeen, data: Mapping[str, str]) -> FakeSecret:
        """The Secret that holds this data; the hashes of `seen` are made to fit."""
        hashes = {name: hashlib.sha256(value.encode()).hexdigest() for name, value in data.items()}
        seen = replace(seen, hashes=hashes)
        labels, annotations = frozenset(seen.labels.items()), frozenset(seen.annotations.items())
        told = (seen.owner_uid, seen.type, seen.immutable, labels, annotations, frozenset(hashes.items()))
        return FakeSecret(seen, dict(data), told)


@dataclass(slots=True)
class State:
    """All objects. They are never changed in place, so that copies of the state may share them."""

    keys: dict[Place, LiteLLMKey] = field(default_factory=dict[Place, LiteLLMKey])
    roles: dict[Place, LiteLLMRole] = field(default_factory=dict[Place, LiteLLMRole])
    connections: dict[Place, LiteLLMConnection] = field(default_factory=dict[Place, LiteLLMConnection])
    secrets: dict[Place, FakeSecret] = field(default_factory=dict[Place, FakeSecret])
    config_maps: dict[Place, Mapping[str, str]] = field(default_factory=dict[Place, Mapping[str, str]])
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    ending: frozenset[str] = frozenset()
    clock: datetime = EPOCH
    version: int = 0

    def copy(self) -> State:
        """Another state with the same objects."""
        return replace(
            self,
            keys=dict(self.keys),
            roles=dict(self.roles),
            connections=dict(self.connections),
            secrets=dict(self.secrets),
            config_maps=dict(self.config_maps),
            namespaces=dict(self.namespaces),
        )

    def table(self, resource: AnyResource) -> dict[Place, Any]:
        """All resources of its kind."""
        match resource:
            case LiteLLMKey():
                return self.keys
            case LiteLLMRole():
                return self.roles
            case LiteLLMConnection():
                return self.connections

    def next_version(self) -> str:
        """A resourceVersion (or the end of a uid) that was never given before."""
        self.version += 1
        return str(self.version)

    def fence(self, resource: AnyResource) -> None:
        """Raise Gone or Conflict unless the resource is still the one that was read."""
        stored = self.table(resource).get(place(resource))
        if stored is None or stored.metadata.uid != resource.metadata.uid:
            raise Gone("the resource is gone")
        if stored.metadata.resource_version != resource.metadata.resource_version:
            raise Conflict("the resource changed since it was read")

    def store_key(self, key: LiteLLMKey, **changes: Any) -> LiteLLMKey:
        """Store the Key with these changes of its metadata; one that is deleted goes with its last finalizer."""
        metadata = key.metadata.model_copy(update={**changes, "resource_version": self.next_version()})
        key = key.model_copy(update={"metadata": metadata})
        self.keys[place(key)] = key
        if metadata.deletion_timestamp is not None and not metadata.finalizers:
            self._drop(key)
        return key

    def delete_key(self, key: LiteLLMKey) -> None:
        """What a DELETE does to it."""
        if not key.metadata.finalizers:
            self._drop(key)
        elif key.metadata.deletion_timestamp is None:
            self.store_key(key, deletion_timestamp=self.clock, generation=key.metadata.generation + 1)

    def _drop(self, key: LiteLLMKey) -> None:
        """Remove the Key and, as the garbage collector would, the Secrets that it owns."""
        del self.keys[place(key)]
        for at in [at for at, secret in self.secrets.items() if secret.seen.owner_uid == key.metadata.uid]:
            del self.secrets[at]
