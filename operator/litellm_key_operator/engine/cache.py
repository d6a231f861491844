"""What the watches showed last. Good for finding one's way; no absence is ever concluded from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeAlias, TypeVar

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.state import SecretSeen

K = TypeVar("K")
V = TypeVar("V")
Name: TypeAlias = tuple[str, str]
"""Namespace and name."""


def newer(one: str, other: str) -> bool:
    """Whether a resourceVersion is younger than another of the same kind; API servers count them."""
    return int(one) > int(other) if one.isdigit() and other.isdigit() else one != other


class Few(Generic[K, V]):
    """Values by key, of which most keys have one: in a tuple, which takes a quarter of the room of a set."""

    def __init__(self) -> None:
        """Begin empty."""
        self._values: dict[K, tuple[V, ...]] = {}

    def get(self, key: K) -> tuple[V, ...]:
        """Those of a key."""
        return self._values.get(key, ())

    def add(self, key: K, value: V) -> None:
        """One more, unless it is there."""
        had = self.get(key)
        if value not in had:
            self._values[key] = (*had, value)

    def discard(self, key: K, value: V) -> None:
        """One less, if it is there."""
        left = tuple(one for one in self.get(key) if one != value)
        if left:
            self._values[key] = left
        else:
            self._values.pop(key, None)


class Cache:
    """The objects by name and uid, and who refers to whom."""

    def __init__(self) -> None:
        """Begin empty."""
        self.keys: dict[str, LiteLLMKey] = {}
        self.roles: dict[Name, LiteLLMRole] = {}
        self.connections: dict[Name, LiteLLMConnection] = {}
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self._secrets: dict[Name, SecretSeen] = {}
        self._uid_of: dict[Name, str] = {}
        self._keys_of_role: dict[Name, set[str]] = {}
        self._keys_in: dict[str, set[str]] = {}
        self._keys_wanting: Few[Name, str] = Few()
        self._secrets_of: Few[str, Name] = Few()

    def put_key(self, key: LiteLLMKey) -> bool:
        """Keep it unless a younger one is known; answers whether it was news."""
        uid, had = key.metadata.uid, self.keys.get(key.metadata.uid)
        if had is not None and not newer(key.metadata.resource_version, had.metadata.resource_version):
            return False
        if had is not None:
            self._keys_of_role.get(role_of(had), set()).discard(uid)
            self._keys_wanting.discard(secret_of(had), uid)
        self.keys[uid] = key
        self._uid_of[name_of(key)] = uid
        self._keys_of_role.setdefault(role_of(key), set()).add(uid)
        self._keys_in.setdefault(key.metadata.namespace, set()).add(uid)
        self._keys_wanting.add(secret_of(key), uid)
        return True

    def has_key(self, uid: str, version: str) -> bool:
        """Whether it is known as of this resourceVersion."""
        had = self.keys.get(uid)
        return had is not None and had.metadata.resource_version == version

    def drop_key(self, uid: str) -> None:
        """Forget it."""
        had = self.keys.pop(uid, None)
        if had is None:
            return
        if self._uid_of.get(name_of(had)) == uid:
            del self._uid_of[name_of(had)]
        self._keys_of_role.get(role_of(had), set()).discard(uid)
        self._keys_in.get(had.metadata.namespace, set()).discard(uid)
        self._keys_wanting.discard(secret_of(had), uid)

    def key_named(self, namespace: str, name: str) -> LiteLLMKey | None:
        """The Key of this name, if one is known."""
        return self.keys.get(self._uid_of.get((namespace, name), ""))

    def keys_of_role(self, role: Name) -> list[LiteLLMKey]:
        """The Keys that name this role."""
        return [self.keys[uid] for uid in self._keys_of_role.get(role, ())]

    def keys_in(self, namespace: str) -> list[LiteLLMKey]:
        """The Keys of a namespace."""
        return [self.keys[uid] for uid in self._keys_in.get(namespace, ())]

    def keys_wanting(self, secret: Name) -> list[LiteLLMKey]:
        """The Keys that want a Secret of this name."""
        return [self.keys[uid] for uid in self._keys_wanting.get(secret)]

    def roles_of(self, connection: Name) -> Iterator[LiteLLMRole]:
        """The Roles that use this connection."""
        return (role for role in self.roles.values() if connection_of(role) == connection)

    def keys_at(self, connection: Name) -> Iterator[LiteLLMKey]:
        """The Keys whose values the connection's proxy holds."""
        for key in self.keys.values():
            noted = key.status.connection
            if noted is not None and (noted.namespace, noted.name) == connection:
                yield key

    def put_secret(self, secret: SecretSeen) -> bool:
        """Keep it unless a younger one is known; answers whether it was news."""
        name = (secret.namespace, secret.name)
        had = self._secrets.get(name)
        if had is not None and had.uid == secret.uid and not newer(secret.resource_version, had.resource_version):
            return False
        self.drop_secret(name)
        self._secrets[name] = secret
        if secret.owner_uid is not None:
            self._secrets_of.add(secret.owner_uid, name)
        return True

    def drop_secret(self, name: Name) -> None:
        """Forget it."""
        had = self._secrets.pop(name, None)
        if had is not None and had.owner_uid is not None:
            self._secrets_of.discard(had.owner_uid, name)

    def secrets_for(self, key: LiteLLMKey) -> tuple[SecretSeen, ...]:
        """The Secrets that belong to a Key, and the one that has the name it wants, whosever it is."""
        names = {*self._secrets_of.get(key.metadata.uid), secret_of(key)}
        return tuple(self._secrets[name] for name in sorted(names) if name in self._secrets)

    def secrets(self) -> Iterable[SecretSeen]:
        """All of ours."""
        return self._secrets.values()


def name_of(resource: LiteLLMKey | LiteLLMRole | LiteLLMConnection) -> Name:
    """Namespace and name."""
    return resource.metadata.namespace, resource.metadata.name


def role_of(key: LiteLLMKey) -> Name:
    """The role that a Key names."""
    return key.role


def secret_of(key: LiteLLMKey) -> Name:
    """The Secret that a Key wants."""
    return key.secret


def connection_of(role: LiteLLMRole) -> Name:
    """The connection that a Role names."""
    return role.metadata.namespace, role.spec.connection_ref.name
