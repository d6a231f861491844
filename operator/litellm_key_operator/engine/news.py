"""What was observed, and whom it concerns: they are looked at, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from litellm_key_operator.api.common import ConditionStatus
from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.state import SecretSeen
from litellm_key_operator.engine.cache import Cache, Name, connection_of, name_of, newer, role_of
from litellm_key_operator.engine.queue import Item, Kind, Lane, Queue

COUNT_PAUSE: Final = 2.0
"""Seconds in which changes of a role's or connection's counts are gathered: a burst of keys is no burst of writes."""


def key_item(key: LiteLLMKey) -> Item:
    """The Key as an item of the queue."""
    return Item(Kind.KEY, key.metadata.namespace, key.metadata.uid)


def lane_of(key: LiteLLMKey) -> Lane:
    """Revocations are urgent."""
    return Lane.URGENT if key.metadata.deletion_timestamp is not None else Lane.NORMAL


@dataclass(frozen=True, slots=True)
class News:
    """Takes observations in. All of it is synchronous and cheap.

    What concerns a Key that a run is under way for waits until it ends: mostly it is the echo of a write whose answer
    is not there yet, and no news by then. A run takes nothing in from here anyway; its writes are fenced.
    """

    cache: Cache
    queue: Queue

    def key_seen(self, key: LiteLLMKey) -> None:
        """A Key as watched or listed; our own writes come back here and are no news."""
        self.queue.once_free(key_item(key), lambda: self._key_seen(key))

    def key_gone(self, key: LiteLLMKey) -> None:
        """A Key was deleted; a last run takes back what it may have left."""
        self.queue.once_free(key_item(key), lambda: self._key_gone(key))

    def _key_seen(self, key: LiteLLMKey) -> None:
        had = self.cache.keys.get(key.metadata.uid)
        if not self.cache.put_key(key):
            return
        if had is None or had.metadata.generation != key.metadata.generation:
            self.queue.fresh(key_item(key))
        self.queue.add(key_item(key), lane_of(key))
        self.count(key)
        if had is not None and role_of(had) != role_of(key):
            self.count(had)

    def _key_gone(self, key: LiteLLMKey) -> None:
        self.cache.drop_key(key.metadata.uid)
        self.queue.add(key_item(key), Lane.URGENT)
        self.count(key)

    def role_seen(self, role: LiteLLMRole) -> None:
        """A Role as watched or listed."""
        had = self.cache.roles.get(name_of(role))
        if had is not None and not _is_news(role, had):
            return
        self.cache.roles[name_of(role)] = role
        if had is None or had.metadata.uid != role.metadata.uid or had.spec != role.spec:
            self.queue.add(Item(Kind.ROLE, *name_of(role)))
            self._add(self.cache.keys_of_role(name_of(role)), anew=True)

    def role_gone(self, role: LiteLLMRole) -> None:
        """A Role was deleted: its keys live on and say so."""
        self.cache.roles.pop(name_of(role), None)
        self._add(self.cache.keys_of_role(name_of(role)))

    def role_turned(self, name: Name) -> None:
        """What a Role lacked is there now, or the other way round."""
        self._add(self.cache.keys_of_role(name))

    def connection_seen(self, connection: LiteLLMConnection) -> None:
        """A Connection as watched or listed."""
        name = name_of(connection)
        had = self.cache.connections.get(name)
        if had is not None and not _is_news(connection, had):
            return
        self.cache.connections[name] = connection
        if had is None or had.metadata.uid != connection.metadata.uid or had.spec != connection.spec:
            self.queue.fresh(Item(Kind.CONNECTION, *name))
            self.queue.add(Item(Kind.CONNECTION, *name), Lane.URGENT)
            if had is not None and had.spec.public_url != connection.spec.public_url:
                self._add(self.keys_behind(name))

    def connection_gone(self, connection: LiteLLMConnection) -> None:
        """A Connection was deleted."""
        name = name_of(connection)
        self.cache.connections.pop(name, None)
        self.queue.add(Item(Kind.CONNECTION, *name))
        self.connection_turned(name, everything=True)

    def connection_turned(self, name: Name, *, everything: bool) -> None:
        """A Connection became ready or unready: those that wait for it are looked at.

        With `everything` all of its keys are: it was checked for the first time, or it is gone.
        """
        for role in self.cache.roles_of(name):
            self.queue.add(Item(Kind.ROLE, *name_of(role)))
        self._add(key for key in self.keys_behind(name) if everything or not is_content(key))

    def keys_behind(self, name: Name) -> list[LiteLLMKey]:
        """The Keys that live in a connection's proxy, and those that want to."""
        behind = {key.metadata.uid: key for key in self.cache.keys_at(name)}
        for role in self.cache.roles_of(name):
            behind |= {key.metadata.uid: key for key in self.cache.keys_of_role(name_of(role))}
        return list(behind.values())

    def secret_seen(self, secret: SecretSeen) -> None:
        """One of our Secrets as watched or listed."""
        self._once_owner_is_free(secret, lambda: self._secret_seen(secret))

    def secret_gone(self, secret: SecretSeen) -> None:
        """One of our Secrets was deleted, or lost the label by which we see it."""
        self._once_owner_is_free(secret, lambda: self._secret_gone(secret))

    def _once_owner_is_free(self, secret: SecretSeen, tell: Callable[[], None]) -> None:
        owner = self.cache.keys.get(secret.owner_uid or "")
        if owner is None:
            tell()
        else:
            self.queue.once_free(key_item(owner), tell)

    def _secret_seen(self, secret: SecretSeen) -> None:
        if self.cache.put_secret(secret):
            self._secret_concerns(secret)

    def _secret_gone(self, secret: SecretSeen) -> None:
        self.cache.drop_secret((secret.namespace, secret.name))
        self._secret_concerns(secret)

    def _secret_concerns(self, secret: SecretSeen) -> None:
        owner = self.cache.keys.get(secret.owner_uid or "")
        self._add([owner] if owner is not None else [])
        self._add(key for key in self.cache.keys_wanting((secret.namespace, secret.name)) if key is not owner)

    def namespace_seen(self, name: str, labels: Mapping[str, str]) -> None:
        """A Namespace; its labels may open or close a role to it."""
        had = self.cache.namespaces.get(name)
        self.cache.namespaces[name] = labels
        if had != labels:
            self._add(key for key in self.cache.keys_in(name) if role_of(key)[0] != name)

    def namespace_gone(self, name: str) -> None:
        """A Namespace was deleted."""
        self.cache.namespaces.pop(name, None)

    def count(self, key: LiteLLMKey) -> None:
        """The numbers that its role and connection show may have changed."""
        self.queue.add_after(Item(Kind.ROLE, *role_of(key)), COUNT_PAUSE)
        role = self.cache.roles.get(role_of(key))
        if role is not None:
            self.queue.add_after(Item(Kind.CONNECTION, *connection_of(role)), COUNT_PAUSE)

    def _add(self, keys: Iterable[LiteLLMKey], *, anew: bool = False) -> None:
        for key in keys:
            if anew:
                self.queue.fresh(key_item(key))
            self.queue.add(key_item(key), lane_of(key))


def is_content(key: LiteLLMKey) -> bool:
    """Whether a Key says that all is well, and says it of its present spec."""
    return (
        bool(key.status.conditions)
        and all(c.status == ConditionStatus.TRUE for c in key.status.conditions)
        and key.status.observed_generation == key.metadata.generation
        and key.metadata.deletion_timestamp is None
    )


def _is_news(one: LiteLLMRole | LiteLLMConnection, had: LiteLLMRole | LiteLLMConnection) -> bool:
    return newer(one.metadata.resource_version, had.metadata.resource_version)
