"""The second pair of eyes: what LiteLLM holds is compared with what was asked for, in batches and without a write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.reasons import ConditionType, KeyReason
from litellm_key_operator.domain.drift import drift
from litellm_key_operator.domain.record import Record, record
from litellm_key_operator.domain.state import TOMBSTONE, Life, Row
from litellm_key_operator.domain.terms import DURATION, stamped
from litellm_key_operator.engine.cache import Cache, Name
from litellm_key_operator.ports import Gateway, Gateways

T = TypeVar("T")

_ASKED_AT_ONCE: Final = 500
_DELETED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Sweep:
    """Compares. What looks wrong in a batch is only pointed at: a look at the single key decides."""

    cache: Cache
    gateways: Gateways
    installation: str
    tombstone_age: timedelta

    async def suspects(self, name: Name) -> list[str]:
        """The uids of the connection's Keys that have to be looked at one by one: one call for 500 keys.

        Raises Unavailable, Denied.
        """
        gateway = self._gateway(name)
        if gateway is None:
            return []
        # The cache may change at every call; what the keys note is made a part at a time, since it takes room.
        known = tuple(self.cache.keys_at(name))
        keys = ((key, noted) for key in known if (noted := record(key)).current is not None and not noted.ended)
        found: list[str] = []
        for part in _parts(keys, _ASKED_AT_ONCE):
            rows = await gateway.infos([noted.current.token_id for _, noted in part if noted.current is not None])
            by_uid = {row.mark.get("uid"): row for row in rows}
            now = gateway.now()
            found += [key.metadata.uid for key, noted in part if _off(key, noted, by_uid.get(key.metadata.uid), now)]
        return found

    async def clear_graves(self, name: Name) -> int:
        """Remove this installation's tombstones that are old enough for nothing to be on its way to them any more.

        Answers how many went. Raises Unavailable, Denied, Rejected.
        """
        gateway = self._gateway(name)
        if gateway is None:
            return 0
        old = {
            row.token_id async for row in self._blocked(gateway) if row.token_id and self._is_old(row, gateway.now())
        }
        for part in _parts(sorted(old), _DELETED_AT_ONCE):
            await gateway.delete(part)
        return len(old)

    def _gateway(self, name: Name) -> Gateway | None:
        connection = self.cache.connections.get(name)
        return None if connection is None else self.gateways.get(*name, connection.spec.url)

    @staticmethod
    async def _blocked(gateway: Gateway) -> AsyncIterator[Row]:
        # A tombstone is blocked, and expires in the end: LiteLLM lists it under either word.
        for status in ("revoked", "expired"):
            async for row in gateway.walk(status):
                yield row

    def _is_old(self, row: Row, now: datetime) -> bool:
        since = row.mark.get(TOMBSTONE)
        if row.mark.get("installation") != self.installation or not isinstance(since, str):
            return False
        try:
            return datetime.fromisoformat(since) + self.tombstone_age <= now
        except (ValueError, TypeError):
            return False


def _off(key: LiteLLMKey, noted: Record, row: Row | None, now: datetime) -> bool:
    if key.metadata.deletion_timestamp is not None:
        return True
    if row is None or noted.current is None or row.mark.get("revision") != noted.current.number:
        return True
    known_blocked = any(
        c.type == ConditionType.READY and c.reason == KeyReason.EXTERNALLY_BLOCKED for c in key.status.conditions
    )
    if (row.life(now) is Life.BLOCKED) != known_blocked or row.life(now) not in (Life.LIVE, Life.BLOCKED):
        return True
    declared = {field: value for field, value in noted.applied.items() if field != DURATION}
    return row.expires != noted.expires_at or bool(drift(stamped(declared, noted.current.number), row))


def _parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
