"""Connections, Roles and Keys as trees, from whatever of them could be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from litellm_key_operator.api.common import Condition, ConditionStatus
from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.reasons import ConditionType, KeyReason
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.plugin.shapes import ConnectionShape, Found, KeyShape, RetiringShape, RoleShape

Name: TypeAlias = tuple[str, str]
"""Namespace and name."""

READY = "Ready"
DELETING = "Deleting"
_UNOBSERVED = KeyReason.PENDING
_GOING = frozenset({KeyReason.REVOKING, KeyReason.REVOCATION_BLOCKED})


@dataclass(slots=True)
class Objects:
    """What was read. For a Role or Connection that was not, `found` says why."""

    keys: list[LiteLLMKey] = field(default_factory=list[LiteLLMKey])
    roles: dict[Name, LiteLLMRole] = field(default_factory=dict[Name, LiteLLMRole])
    connections: dict[Name, LiteLLMConnection] = field(default_factory=dict[Name, LiteLLMConnection])
    found: dict[tuple[str, Name], Found] = field(default_factory=dict[tuple[str, Name], Found])


def key_shape(key: LiteLLMKey) -> KeyShape:
    """A Key as it is shown."""
    status, meta = key.status, key.metadata
    ready, synced = (_condition(status.conditions, kind) for kind in (ConditionType.READY, ConditionType.SYNCED))
    state, message = _standing(status.conditions)
    if meta.deletion_timestamp is not None and state not in _GOING:
        state = DELETING
    return KeyShape(
        namespace=meta.namespace,
        name=meta.name,
        state=state,
        message=message,
        ready=ready.status if ready else ConditionStatus.UNKNOWN,
        synced=synced.reason if synced else "",
        role="/".join(key.role),
        secret=status.binding.name if status.binding else key.secret[1],
        revision=status.revision,
        token_id=status.token_id,
        preview=status.key_preview,
        alias=status.key_alias,
        issued_at=status.issued_at,
        expires_at=status.expires_at,
        renew_at=status.renew_at,
        pending=status.pending.revision if status.pending else None,
        retiring=tuple(
            RetiringShape(revision=r.revision, token_id=r.token_id, retire_at=r.retire_at) for r in status.retiring
        ),
    )


def grow(objects: Objects) -> tuple[ConnectionShape, ...]:
    """The trees. A Role that could not be read hangs where its Keys' status says that it does."""
    keys: dict[Name, list[LiteLLMKey]] = {name: [] for name in objects.roles}
    for key in objects.keys:
        keys.setdefault(key.role, []).append(key)
    roles: dict[tuple[str, str | None], list[RoleShape]] = {name: [] for name in objects.connections}
    for name in sorted(keys):
        above = connection_of(name, objects.roles.get(name), keys[name])
        roles.setdefault(above, []).append(_role(name, objects, keys[name]))
    return tuple(_connection(name, objects, roles[name]) for name in sorted(roles, key=lambda n: (n[0], n[1] or "")))


def connection_of(name: Name, role: LiteLLMRole | None, keys: Iterable[LiteLLMKey]) -> tuple[str, str | None]:
    """The Connection behind a Role: by itself, else by a Key of it; no name if none of them tells."""
    if role is not None:
        return name[0], role.spec.connection_ref.name
    marks = [key.status.connection for key in keys if key.status.connection is not None]
    return next(((mark.namespace, mark.name) for mark in marks), (name[0], None))


def _role(name: Name, objects: Objects, keys: Iterable[LiteLLMKey]) -> RoleShape:
    role = objects.roles.get(name)
    state, message = _standing(role.status.conditions) if role else ("", "")
    return RoleShape(
        namespace=name[0],
        name=name[1],
        found=_found(objects.found, "role", name, there=role is not None),
        state=state,
        message=message,
        keys_in_all=role.status.keys if role else None,
        keys=tuple(key_shape(key) for key in sorted(keys, key=lambda k: (k.metadata.namespace, k.metadata.name))),
    )


def _connection(name: tuple[str, str | None], objects: Objects, roles: Iterable[RoleShape]) -> ConnectionShape:
    connection = None if name[1] is None else objects.connections.get((name[0], name[1]))
    state, message = _standing(connection.status.conditions) if connection else ("", "")
    told = (k.status.connection for k in objects.keys if k.status.connection is not None)
    return ConnectionShape(
        namespace=name[0],
        name=name[1],
        found=Found.UNKNOWN
        if name[1] is None
        else _found(objects.found, "connection", (name[0], name[1]), there=connection is not None),
        state=state,
        message=message,
        url=connection.spec.url
        if connection
        else next((mark.url for mark in told if (mark.namespace, mark.name) == name), None),
        version=connection.status.version if connection else None,
        roles=tuple(roles),
    )


def _found(found: Mapping[tuple[str, Name], Found], kind: str, name: Name, *, there: bool) -> Found:
    return Found.READ if there else found.get((kind, name), Found.UNKNOWN)


def _standing(conditions: Iterable[Condition]) -> tuple[str, str]:
    """Ready or why not, and what the first condition that is not True says."""
    listed = list(conditions)
    ready = _condition(listed, ConditionType.READY)
    message = next((c.message for c in listed if c.status is not ConditionStatus.TRUE), "")
    if ready is None:
        return _UNOBSERVED, message
    return READY if ready.status is ConditionStatus.TRUE else ready.reason, message


def _condition(conditions: Iterable[Condition], kind: ConditionType) -> Condition | None:
    return next((condition for condition in conditions if condition.type == kind), None)
