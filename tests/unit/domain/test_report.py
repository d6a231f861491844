from datetime import timedelta

import pytest

from litellm_key_operator.api.common import Condition, ConditionStatus
from litellm_key_operator.api.key import Binding, KeyStatus, NotedRevision, RetiringRevision
from litellm_key_operator.api.reasons import EventReason, KeyReason
from litellm_key_operator.domain.errors import (
    AliasTaken,
    CustomKeysForbidden,
    Denied,
    OutsideError,
    Rejected,
    SecretRejected,
    Unavailable,
)
from litellm_key_operator.domain.expiry import EXPIRED
from litellm_key_operator.domain.plan import Settled
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.report import conditions, of_key, transitions
from litellm_key_operator.domain.verdict import of_error
from tests.unit.domain.objects import NOW, TWO, issued, want

R = KeyReason
NEW = Record(held=True)


def problem(reason: KeyReason) -> Problem:
    return Problem(reason, "why")


@pytest.mark.parametrize(
    ("verdict", "record", "ready", "synced"),
    [
        (Settled(), issued(), ("True", R.ISSUED), ("True", R.UP_TO_DATE)),
        (Settled(None, problem(R.DRIFTED)), issued(), ("True", R.ISSUED), ("False", R.DRIFTED)),
        (Settled(None, problem(R.UNREACHABLE)), issued(), ("True", R.ISSUED), ("Unknown", R.UNREACHABLE)),
        (Settled.all(problem(R.EXPIRED)), issued(), ("False", R.EXPIRED), ("False", R.EXPIRED)),
        (Settled(), NEW, ("False", R.PENDING), ("True", R.UP_TO_DATE)),
        (Settled.unless_issued(issued(), problem(R.PAUSED)), issued(), ("True", R.ISSUED), ("False", R.PAUSED)),
        (Settled.unless_issued(NEW, problem(R.PAUSED)), NEW, ("False", R.PAUSED), ("False", R.PAUSED)),
    ],
)
def test_what_a_verdict_sounds_like(
    verdict: Settled, record: Record, ready: tuple[str, str], synced: tuple[str, str]
) -> None:
    assert [(said.status, said.reason) for said in of_key(verdict, record)] == [ready, synced]


@pytest.mark.parametrize(
    ("error", "new", "old"),
    [
        (Unavailable("why"), (R.PENDING, R.UNREACHABLE), (None, R.UNREACHABLE)),
        (Denied("why"), (R.CONNECTION_NOT_READY, R.CONNECTION_NOT_READY), (None, R.CONNECTION_NOT_READY)),
        (CustomKeysForbidden("why"), (R.CONNECTION_NOT_READY, R.CONNECTION_NOT_READY), (None, R.CONNECTION_NOT_READY)),
        (AliasTaken("why"), (R.ALIAS_CONFLICT, R.ALIAS_CONFLICT), (None, R.ALIAS_CONFLICT)),
        (SecretRejected("why"), (R.SECRET_REJECTED, R.SECRET_REJECTED), (None, R.SECRET_REJECTED)),
        (Rejected("why"), (R.REJECTED, R.REJECTED), (None, R.REJECTED)),
    ],
)
def test_an_error_takes_ready_from_nobody_who_has_it(
    error: OutsideError, new: tuple[KeyReason, KeyReason], old: tuple[None, KeyReason]
) -> None:
    def said(record: Record) -> tuple[KeyReason | None, KeyReason | None]:
        verdict = of_error(error, want(), record, NOW)
        ready, synced = (None if said is None else said.reason for said in (verdict.ready, verdict.synced))
        return ready, synced

    assert (said(NEW), said(issued())) == (new, old)
    assert said(issued(pending=TWO)) == new
    assert of_error(error, want(), issued(ended=True), NOW) == Settled.all(EXPIRED)


def test_the_time_of_a_transition_stays_as_long_as_the_status_does() -> None:
    first = conditions((), of_key(Settled(), issued()), 1, NOW)
    later = conditions(first, of_key(Settled(None, problem(R.DRIFTED)), issued()), 2, NOW + timedelta(hours=1))

    assert [c.last_transition_time for c in later] == [NOW, NOW + timedelta(hours=1)]
    assert [c.observed_generation for c in later] == [2, 2]


def status(ready: KeyReason | None = None, synced: KeyReason | None = None, **features: object) -> KeyStatus:
    def told(kind: str, reason: KeyReason) -> Condition:
        good = reason in (R.ISSUED, R.UP_TO_DATE)
        state = ConditionStatus.TRUE if good else ConditionStatus.FALSE
        return Condition(
            type=kind, status=state, reason=reason, message="why", last_transition_time=NOW, observed_generation=1
        )

    said = [told(kind, reason) for kind, reason in (("Ready", ready), ("Synced", synced)) if reason is not None]
    return KeyStatus.model_validate({"conditions": said, **features})


WELL = status(R.ISSUED, R.UP_TO_DATE, revision=1, token_id="t1", key_preview="sk-...abcd", key_alias="team-a/app")
RETIRING = RetiringRevision(revision=1, token_id="t1", retire_at=NOW)
TAKEN_OVER = WELL.model_copy(update={"token_id": "t2", "revision": 2, "binding": Binding(name="app")})


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (WELL, WELL, []),
        (KeyStatus(), WELL, [EventReason.KEY_ISSUED]),
        (WELL, WELL.model_copy(update={"token_id": "t2", "revision": 2}), [EventReason.KEY_ISSUED]),
        (
            WELL,
            WELL.model_copy(update={"token_id": "t2", "revision": 2, "retiring": (RETIRING,)}),
            [EventReason.KEY_ROTATED],
        ),
        (
            WELL.model_copy(update={"retiring": (RETIRING,), "revision": 2, "token_id": "t2"}),
            TAKEN_OVER,
            [EventReason.OLD_KEY_RETIRED],
        ),
        (WELL, WELL.model_copy(update={"pending": NotedRevision(revision=2)}), []),
        (WELL, WELL.model_copy(update={"pending": NotedRevision(revision=1)}), []),
        (WELL, status(R.EXTERNALLY_DELETED, R.EXTERNALLY_DELETED, token_id="t1"), [EventReason.EXTERNALLY_DELETED]),
        (WELL, status(R.ISSUED, R.RENEWAL_FAILED, token_id="t1"), [EventReason.RENEWAL_FAILED]),
        (KeyStatus(), status(R.INVALID_SPEC, R.INVALID_SPEC), [EventReason.ISSUE_FAILED]),
        (status(R.INVALID_SPEC, R.INVALID_SPEC), status(R.INVALID_SPEC, R.INVALID_SPEC), []),
        (WELL, status(R.ISSUED, R.INVALID_SPEC, token_id="t1"), [EventReason.UPDATE_FAILED]),
        (WELL, status(R.EXPIRED, R.EXPIRED, token_id="t1"), [EventReason.KEY_EXPIRED]),
        (WELL, status(R.EXTERNALLY_BLOCKED, R.EXTERNALLY_BLOCKED, token_id="t1"), [EventReason.EXTERNALLY_BLOCKED]),
        (WELL, status(R.REVOCATION_BLOCKED, R.REVOCATION_BLOCKED, token_id="t1"), [EventReason.REVOCATION_BLOCKED]),
        (KeyStatus(), status(R.SECRET_CONFLICT, R.SECRET_CONFLICT), [EventReason.SECRET_CONFLICT]),
        (WELL, status(R.ISSUED, R.PAUSED, token_id="t1"), []),
        (WELL, status(R.ISSUED, R.UNREACHABLE, token_id="t1"), [EventReason.UPDATE_FAILED]),
    ],
)
def test_the_events_that_a_change_is_worth(before: KeyStatus, after: KeyStatus, events: list[EventReason]) -> None:
    assert [reason for reason, _ in transitions(before, after)] == events
