"""What a resource says of itself: its conditions, and the transitions worth an Event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from litellm_key_operator.api.common import Condition, ConditionStatus, rfc3339
from litellm_key_operator.api.reasons import ConditionType, EventReason, KeyReason

if TYPE_CHECKING:
    from litellm_key_operator.api.key import KeyStatus
    from litellm_key_operator.domain.plan import Settled
    from litellm_key_operator.domain.problem import Problem
    from litellm_key_operator.domain.record import Record


@dataclass(frozen=True, slots=True)
class Saying:
    """One condition without its times."""

    type: str
    status: ConditionStatus
    reason: str
    message: str = ""


def conditions(
    before: Iterable[Condition], sayings: Iterable[Saying], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions as they are now; the time of a transition stays as long as the status does."""
    had = {condition.type: condition for condition in before}
    return tuple(_condition(had.get(saying.type), saying, generation, now) for saying in sayings)


def _condition(had: Condition | None, saying: Saying, generation: int, now: datetime) -> Condition:
    since = had.last_transition_time if had is not None and had.status == saying.status else now.replace(microsecond=0)
    return Condition(
        type=saying.type,
        status=saying.status,
        reason=saying.reason,
        message=saying.message,
        last_transition_time=since,
        observed_generation=generation,
    )


def of_key(verdict: Settled, record: Record) -> tuple[Saying, Saying]:
    """Ready and Synced of a Key that came to this verdict."""
    issued = record.current is not None
    ready = verdict.ready
    if ready is None and not issued:
        return _saying(ConditionType.READY, KeyReason.PENDING, ""), _synced(verdict.synced)
    return (
        Saying(ConditionType.READY, ConditionStatus.TRUE, KeyReason.ISSUED, "the Secret holds a working key")
        if ready is None
        else _saying(ConditionType.READY, ready.reason, ready.message)
    ), _synced(verdict.synced)


def _synced(problem: Problem | None) -> Saying:
    if problem is None:
        return Saying(ConditionType.SYNCED, ConditionStatus.TRUE, KeyReason.UP_TO_DATE)
    return _saying(ConditionType.SYNCED, problem.reason, problem.message)


def _saying(kind: ConditionType, reason: KeyReason, message: str) -> Saying:
    status = ConditionStatus.UNKNOWN if reason is KeyReason.UNREACHABLE else ConditionStatus.FALSE
    return Saying(kind, status, reason, message)


_WARNINGS = {
    KeyReason.SECRET_CONFLICT: EventReason.SECRET_CONFLICT,
    KeyReason.EXTERNALLY_BLOCKED: EventReason.EXTERNALLY_BLOCKED,
    KeyReason.EXTERNALLY_DELETED: EventReason.EXTERNALLY_DELETED,
    KeyReason.REVOCATION_BLOCKED: EventReason.REVOCATION_BLOCKED,
    KeyReason.RENEWAL_FAILED: EventReason.RENEWAL_FAILED,
}
_FAILURES = frozenset(
    {
        KeyReason.INVALID_SPEC,
        KeyReason.REJECTED,
        KeyReason.ALIAS_CONFLICT,
        KeyReason.SECRET_REJECTED,
        KeyReason.NAMESPACE_NOT_ALLOWED,
        KeyReason.UNREACHABLE,
    }
)


def transitions(before: KeyStatus, after: KeyStatus) -> Iterator[tuple[EventReason, str]]:
    """The Events that a change of status is worth, with their messages."""
    yield from _values(before, after)
    was, now = ({c.type: c for c in status.conditions} for status in (before, after))
    ready, synced = now.get(ConditionType.READY), now.get(ConditionType.SYNCED)
    for condition in (ready, synced):
        if condition is None or condition.status == ConditionStatus.TRUE:
            continue
        had = was.get(condition.type)
        if had is not None and had.reason == condition.reason:
            continue
        if condition is synced and ready is not None and ready.reason == condition.reason:
            continue
        if condition.reason == KeyReason.EXPIRED:
            yield EventReason.KEY_EXPIRED, "the key's time is over; key and Secret are gone"
        elif condition.reason in _WARNINGS:
            yield _WARNINGS[KeyReason(condition.reason)], condition.message
        elif condition.reason in _FAILURES:
            failed = EventReason.UPDATE_FAILED if after.token_id is not None else EventReason.ISSUE_FAILED
            yield failed, condition.message


def _values(before: KeyStatus, after: KeyStatus) -> Iterator[tuple[EventReason, str]]:
    """What became of the key's values."""
    retiring = {revision.token_id: revision for revision in after.retiring}
    if after.token_id is not None and after.token_id != before.token_id:
        old = retiring.get(before.token_id)
        shown = f"key {after.key_preview or ''}"
        if old is None or old.retire_at is None:
            yield EventReason.KEY_ISSUED, f"{shown} was issued as {after.key_alias or 'no alias'}"
        else:
            text = f"{shown} took over as revision {after.revision}; revision {old.revision} works until "
            yield EventReason.KEY_ROTATED, text + rfc3339(old.retire_at)
    elif after.token_id is not None and after.binding is not None:
        for revision in before.retiring:
            if revision.token_id not in retiring and revision.revision < (after.revision or 0):
                yield EventReason.OLD_KEY_RETIRED, f"revision {revision.revision} was deleted in LiteLLM"
