"""The rows of the LiteLLM in memory: how a request changes them, and what tells one from another."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from litellm_key_operator.domain.errors import Rejected
from litellm_key_operator.domain.state import Row

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 30 * 86400}
_DEFAULTS: Mapping[str, object] = {
    "spend": 0.0,
    "models": [],
    "max_budget": None,
    "soft_budget": None,
    "budget_duration": None,
    "budget_id": None,
    "tpm_limit": None,
    "rpm_limit": None,
    "max_parallel_requests": None,
    "team_id": None,
    "user_id": None,
    "organization_id": None,
    "project_id": None,
    "allowed_routes": [],
}
_ROUTES = {"llm_api": ["llm_api_routes"], "management": ["management_routes"], "read_only": ["info_routes"]}


def _frozen(value: object) -> Hashable:
    """The same JSON value, hashable."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return frozenset((name, _frozen(item)) for name, item in items)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_frozen(item) for item in cast("Sequence[object]", value))
    return value


def _lifetime(text: object) -> timedelta | None:
    """A `duration` as LiteLLM reads it; None for no end."""
    if text is None or text == "-1":
        return None
    found = re.match(r"(\d+)(mo|[smhdw])", str(text))
    if found is None:
        raise Rejected("LiteLLM does not understand the duration")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the table or of the archive. Never changed in place, so that copies of the state may share it."""

    row: Row
    identity: Hashable

    @staticmethod
    def of(row: Row) -> Stored:
        """The row with what tells it from another."""
        told = (row.alias, row.expires, row.blocked, row.deleted_at, _frozen(row.metadata), _frozen(row.fields))
        return Stored(row, told)


def issued(token_id: str, fields: Mapping[str, object], clock: datetime) -> Row:
    """The row that a registration makes, at this moment; `key_type` only stands for routes."""
    routes = _ROUTES.get(str(fields.get("key_type")))
    row = Row(token_id, None, None, blocked=False, deleted_at=None, metadata={}, fields=_DEFAULTS)
    return changed(row, fields if routes is None else {**fields, "allowed_routes": routes}, clock)


def changed(row: Row, changes: Mapping[str, object], clock: datetime) -> Row:
    """The row after a request that says this, at this moment; fields that LiteLLM does not know are dropped."""
    fields = {**row.fields, **{name: changes[name] for name in changes if name in _DEFAULTS}}
    expires = row.expires
    if "duration" in changes:
        lifetime = _lifetime(changes["duration"])
        expires = None if lifetime is None else (clock + lifetime).replace(microsecond=0)
    return replace(
        row,
        alias=cast("str | None", changes.get("key_alias", row.alias)),
        expires=expires,
        blocked=bool(changes.get("blocked", row.blocked)),
        metadata=cast("Mapping[str, object] | None", changes.get("metadata", row.metadata)) or {},
        fields=fields,
    )
