"""What the metrics show of the objects in the cache.

The pages are written in a thread, while the event loop changes the cache: what is walked over is a copy, made at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from litellm_key_operator.api.common import ConditionStatus
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.reasons import ConditionType, KeyReason
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.engine.cache import Cache, connection_of, role_of
from litellm_key_operator.metrics import ConnectionSeries, KeySeries


def of_keys(cache: Cache) -> Iterator[KeySeries]:
    """One for each Key."""
    for key in list(cache.keys.values()):
        yield _key(key, cache.roles.get(role_of(key)))


def of_connections(cache: Cache) -> Iterator[ConnectionSeries]:
    """One for each Connection that was checked."""
    for name, connection in list(cache.connections.items()):
        for condition in connection.status.conditions:
            if condition.type == ConditionType.READY:
                yield ConnectionSeries("/".join(name), condition.status is ConditionStatus.TRUE, condition.reason)


def _key(key: LiteLLMKey, role: LiteLLMRole | None) -> KeySeries:
    noted = key.status.connection
    name = (noted.namespace, noted.name) if noted is not None else connection_of(role) if role is not None else ()
    renewal = key.spec.renewal.policy or (role.spec.renewal.policy if role is not None else "")
    return KeySeries(
        namespace=key.metadata.namespace,
        name=key.metadata.name,
        role="/".join(role_of(key)),
        connection="/".join(name),
        renewal=renewal,
        expires_at=key.status.expires_at,
        renew_at=key.status.renew_at,
        conditions={c.type: (c.status.value, c.reason) for c in key.status.conditions},
        blocked=any(condition.reason == KeyReason.REVOCATION_BLOCKED for condition in key.status.conditions),
    )
