"""LISTs of our own: the first of all, and those after kopf listed again and may have missed deletions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from litellm_key_operator.api import names
from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.errors import NotPermitted
from litellm_key_operator.engine.cache import Cache, Name, name_of
from litellm_key_operator.engine.news import News
from litellm_key_operator.ports import Namespaces, Resources, Secrets

R = TypeVar("R", LiteLLMRole, LiteLLMConnection)

NAMESPACES: Final = "Namespace"
"""The kind that cannot be watched by who may look at some namespaces only."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Brings the cache level with the API server. All of it raises Unavailable or Denied."""

    cache: Cache
    news: News
    resources: Resources
    secrets: Secrets
    namespaces: Namespaces

    async def all(self) -> None:
        """Every kind, into an empty cache."""
        namespaces, connections, roles, secrets, keys = await asyncio.gather(
            self.namespaces.labels(),
            self.resources.list_connections(),
            self.resources.list_roles(),
            self.secrets.list_ours(),
            self.resources.list_keys(),
        )
        for name, labels in namespaces.items():
            self.news.namespace_seen(name, labels)
        for connection in connections:
            self.news.connection_seen(connection)
        for role in roles:
            self.news.role_seen(role)
        for secret in secrets:
            self.news.secret_seen(secret)
        for key in keys:
            self.news.key_seen(key)

    async def again(self, kind: str) -> None:
        """One kind. What is not in the list is taken for gone only if it was known before the list began."""
        lists = {
            names.KEY.kind: self._keys,
            names.ROLE.kind: self._roles,
            names.CONNECTION.kind: self._connections,
            "Secret": self._secrets,
            NAMESPACES: self._namespaces,
        }
        await lists[kind]()

    async def _roles(self) -> None:
        known = dict(self.cache.roles)
        listed = await self.resources.list_roles()
        for role in listed:
            self.news.role_seen(role)
        for gone in self._gone(known, self.cache.roles, listed):
            self.news.role_gone(gone)

    async def _connections(self) -> None:
        known = dict(self.cache.connections)
        listed = await self.resources.list_connections()
        for connection in listed:
            self.news.connection_seen(connection)
        for gone in self._gone(known, self.cache.connections, listed):
            self.news.connection_gone(gone)

    async def _namespaces(self) -> None:
        known = set(self.cache.namespaces)
        listed = await self.namespaces.labels()
        for name, labels in listed.items():
            self.news.namespace_seen(name, labels)
        for name in known - set(listed):
            self.news.namespace_gone(name)

    async def _keys(self) -> None:
        known = dict(self.cache.keys)
        listed = await self.resources.list_keys(known)
        for key in listed:
            self.news.key_seen(key)
        for uid in known.keys() - {key.metadata.uid for key in listed}:
            lost = self.cache.keys.get(uid)
            if lost is None:
                continue
            try:
                found = await self.resources.read_key(*name_of(lost))
            except NotPermitted:
                continue
            if found is None or found.metadata.uid != uid:
                self.news.key_gone(lost)

    async def _secrets(self) -> None:
        known = {(secret.namespace, secret.name): secret for secret in self.cache.secrets()}
        listed = await self.secrets.list_ours(known)
        for secret in listed:
            self.news.secret_seen(secret)
        for place in known.keys() - {(secret.namespace, secret.name) for secret in listed}:
            try:
                found = await self.secrets.read(*place)
            except NotPermitted:
                continue
            if found is None or found.owner_uid is None:
                self.news.secret_gone(known[place])

    def _gone(self, known: dict[Name, R], now: dict[Name, R], listed: Iterable[R]) -> list[R]:
        """Those that were known before the list, could be in it and are not, and were not seen again meanwhile."""
        there = {name_of(resource) for resource in listed}
        missing = [name for name in known if name not in there and not self.resources.is_closed(name[0])]
        return [known[name] for name in missing if now.get(name) is known[name]]
