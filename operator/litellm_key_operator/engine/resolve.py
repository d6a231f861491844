"""From a Key to what is wanted of it: its role, its connection, consent, annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_key_operator.api import names
from litellm_key_operator.api.audience import NamespacesFrom
from litellm_key_operator.api.common import ConditionStatus, DeletionPolicy
from litellm_key_operator.api.reasons import ConditionType, ConnectionReason, KeyReason
from litellm_key_operator.domain.consent import consents
from litellm_key_operator.domain.material import Keyring, Material
from litellm_key_operator.domain.picture import Want
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.record import Proxy, Record, installation_of, record
from litellm_key_operator.domain.terms import Terms, terms
from litellm_key_operator.engine.cache import Cache, Name, connection_of, role_of
from litellm_key_operator.engine.roles import unknown_team

if TYPE_CHECKING:
    from litellm_key_operator.api.connection import LiteLLMConnection
    from litellm_key_operator.api.key import LiteLLMKey
    from litellm_key_operator.api.role import LiteLLMRole
    from litellm_key_operator.ports import Gateways


@dataclass(frozen=True, slots=True)
class Resolver:
    """Answers what is wanted of a Key, by the cache."""

    cache: Cache
    gateways: Gateways
    ready: Callable[[Name], bool]
    team_exists: Callable[[LiteLLMRole], bool | None]
    keyring: Keyring
    cluster_name: str

    def want(self, key: LiteLLMKey) -> Want:
        """What is wanted of this Key now."""
        noted = record(key)
        role = self.cache.roles.get(role_of(key))
        declared = self._terms(key, role)
        proxy = self._proxy(noted, role)
        if isinstance(declared, Terms):
            declared = self._here(declared, noted, proxy, role)
        connection = self.cache.connections.get((proxy.namespace, proxy.name)) if proxy else None
        installation = installation_of(key)
        annotations = key.metadata.annotations
        policy = key.spec.deletion_policy or (role.spec.deletion_policy if role else DeletionPolicy.REVOKE)
        retain = (
            policy is DeletionPolicy.RETAIN and role is not None and role.spec.deletion_policy is DeletionPolicy.RETAIN
        )
        return Want(
            key=key,
            material=Material(self.keyring, key.metadata.uid),
            terms=declared,
            proxy=proxy,
            base_url=_base_url(connection, proxy),
            proxies=self._proxies(key, proxy),
            retain=retain,
            skip=annotations.get(names.ANNOTATION_SKIP_REVOCATION) == "true",
            paused=annotations.get(names.ANNOTATION_PAUSED) == "true",
            orphaned=self._orphaned(key, noted),
            foreign=installation if installation not in (None, self.keyring.installation) else None,
        )

    def _terms(self, key: LiteLLMKey, role: LiteLLMRole | None) -> Terms | Problem:
        namespace, name = role_of(key)
        if role is None:
            return Problem(KeyReason.ROLE_NOT_FOUND, f"there is no LiteLLMRole {namespace}/{name}")
        labels = self.cache.namespaces.get(key.metadata.namespace)
        if not consents(role, key.metadata.namespace, labels):
            return _not_admitted(role, key.metadata.namespace, known=labels is not None)
        unready = self._unready(role)
        if unready is not None:
            return unready
        if not self.team_exists(role):
            return Problem(KeyReason.ROLE_NOT_READY, f"role {namespace}/{name}: {unknown_team(role)}")
        return terms(key, role, installation=self.keyring.installation, cluster=self.cluster_name)

    def _unready(self, role: LiteLLMRole) -> Problem | None:
        name = connection_of(role)
        connection = self.cache.connections.get(name)
        if connection is None:
            return Problem(KeyReason.CONNECTION_NOT_READY, f"there is no LiteLLMConnection {name[0]}/{name[1]}")
        if self.ready(name):
            return None
        ready = next((c for c in connection.status.conditions if c.type == ConditionType.READY), None)
        why = f": {ready.message}" if ready is not None and ready.status != ConditionStatus.TRUE else ""
        return Problem(KeyReason.CONNECTION_NOT_READY, f"LiteLLMConnection {name[0]}/{name[1]} is not ready{why}")

    def _proxy(self, noted: Record, role: LiteLLMRole | None) -> Proxy | None:
        """Where its keys live; else where the role points. Never where the annotation does: a tenant can write it."""
        if noted.proxy is not None or role is None:
            return noted.proxy
        namespace, name = connection_of(role)
        connection = self.cache.connections.get((namespace, name))
        return Proxy(namespace, name, connection.spec.url) if connection is not None else None

    def _here(self, declared: Terms, noted: Record, proxy: Proxy | None, role: LiteLLMRole | None) -> Terms | Problem:
        """A live key cannot move to another proxy."""
        if proxy is None or role is None or noted.empty:
            return declared
        namespace, name = connection_of(role)
        connection = self.cache.connections.get((namespace, name))
        url = connection.spec.url if connection is not None else ""
        if (proxy.namespace, proxy.name, proxy.url) == (namespace, name, url):
            return declared
        text = (
            f"the key lives in {proxy.namespace}/{proxy.name} ({proxy.url}), its role is at {namespace}/{name} ({url})"
        )
        return Problem(KeyReason.APPLIES_AT_NEXT_ROTATION, text)

    def _proxies(self, key: LiteLLMKey, proxy: Proxy | None) -> tuple[str, ...]:
        """Where to ask for what is not reported. A tenant can edit the annotation, so a deletion asks everywhere.

        But for proxies that never passed a check: nothing was registered there, and somebody's mistake in a Connection
        must not hold up the Keys of others.
        """
        here = [proxy.url] if proxy is not None else []
        marked = self.cache.connections.get(_marked(key))
        here += [marked.spec.url] if marked is not None else []
        if key.metadata.deletion_timestamp is not None:
            here += [
                connection.spec.url
                for name, connection in self.cache.connections.items()
                if self.ready(name) or connection.status.custom_keys is not None
            ]
        return tuple(dict.fromkeys(here))

    def _orphaned(self, key: LiteLLMKey, noted: Record) -> bool:
        """Whether the connection or its credential is gone and nobody remembers it."""
        if key.metadata.deletion_timestamp is None:
            return False
        if noted.proxy is None:
            marked, there = _marked(key), self.cache.connections
            return noted.held and noted.empty and (marked not in there if marked[1] else not there)
        name = (noted.proxy.namespace, noted.proxy.name)
        if self.gateways.get(*name, noted.proxy.url) is not None:
            return False
        connection = self.cache.connections.get(name)
        if connection is None or connection.spec.url != noted.proxy.url:
            return True
        return any(c.reason == ConnectionReason.SECRET_NOT_FOUND for c in connection.status.conditions)


def _not_admitted(role: LiteLLMRole, namespace: str, *, known: bool) -> Problem:
    text = f"role {role.metadata.namespace}/{role.metadata.name} does not admit namespace {namespace}"
    if known or role.spec.allowed_namespaces.from_ is not NamespacesFrom.SELECTOR:
        return Problem(KeyReason.NAMESPACE_NOT_ALLOWED, f"{text} (spec.allowedNamespaces)")
    why = "its selector asks for labels, which the operator does not know; it may not be permitted to get the Namespace"
    return Problem(KeyReason.NAMESPACE_NOT_ALLOWED, f"{text}: {why}")


def _marked(key: LiteLLMKey) -> Name:
    """The connection that revision 1 was sent to, by the annotation."""
    namespace, _, name = key.metadata.annotations.get(names.ANNOTATION_CONNECTION, "").partition("/")
    return namespace, name


def _base_url(connection: LiteLLMConnection | None, proxy: Proxy | None) -> str | None:
    if connection is not None and proxy is not None and connection.spec.url == proxy.url:
        return connection.spec.public_url or connection.spec.url
    return None
