from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from litellm_key_operator.api.names import ANNOTATION_ROTATE
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.material import Keyring, Material
from litellm_key_operator.domain.picture import Seen, Want
from litellm_key_operator.domain.plan import Ask, Cause, Note, Revoke, Settled, Update
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.record import Record, Retiring, turn_asked
from litellm_key_operator.domain.renewal import failed, hand_over, renew, renewal_of, retirement, spent
from litellm_key_operator.domain.terms import Terms
from tests.unit.domain.objects import LATER, MATERIAL, NOW, ONE, RING, TWO, URL, agreed, issued, key, role, row, want

SECOND = timedelta(seconds=1)
READY = {"lives": True, "applied": {"key_alias": "team-a/app"}}
RESEEDED = Material(Keyring("here", {**RING.seeds, 2: b"2" * 32}), "uid-one")
OLDER = MATERIAL.revision(3, URL)
PENDING = issued(pending=TWO, **READY)


def wanted(annotations: dict[str, str] | None = None, **renewal: Any) -> Want:
    claim = key(annotations=annotations)
    return want(claim, terms=agreed(claim, role(ttl="1h", maxTTL="90m", renewal=renewal)))


def terms_of(seen: Want) -> Terms:
    assert isinstance(seen.terms, Terms)
    return seen.terms


def noted(step: object) -> Record:
    assert isinstance(step, Note)
    return step.record


def test_a_fleet_that_was_issued_at_once_is_renewed_at_different_moments_and_each_always_at_the_same() -> None:
    terms = terms_of(wanted(before="20m"))
    moments = [renewal_of(issued(), terms, f"uid-{number}") for number in range(50)]

    assert len(set(moments)) > 40
    assert all(m is not None and LATER - timedelta(minutes=22) <= m <= LATER - timedelta(minutes=20) for m in moments)
    assert moments == [renewal_of(issued(), terms, f"uid-{number}") for number in range(50)]


@pytest.mark.parametrize(
    ("policy", "record"), [("None", issued()), ("Rotate", issued(expires_at=None)), ("Extend", issued(expires_at=None))]
)
def test_what_does_not_end_or_may_not_go_on_is_not_renewed(policy: str, record: Record) -> None:
    assert renewal_of(record, terms_of(wanted(policy=policy)), "uid") is None


@pytest.mark.parametrize(
    ("claim", "record"),
    [
        (wanted(), issued(renew_at=NOW + SECOND)),
        (wanted(), issued(renew_at=None)),
        (wanted({ANNOTATION_ROTATE: "once"}), issued(handled="once")),
        (want(terms=Problem(KeyReason.ROLE_NOT_FOUND, "gone")), issued(renew_at=NOW)),
        (replace(wanted(policy="None"), material=RESEEDED), issued()),
    ],
)
def test_nothing_is_renewed_before_its_time(claim: Want, record: Record) -> None:
    assert renew(claim, Seen(NOW, record), record) is None


@pytest.mark.parametrize(
    ("claim", "record"),
    [
        (wanted(), issued(renew_at=NOW)),
        (wanted({ANNOTATION_ROTATE: "once"}), issued()),
        (wanted({ANNOTATION_ROTATE: "twice"}, policy="None"), issued(handled="once")),
        (replace(wanted(), material=RESEEDED), issued()),
        (wanted(policy="Extend"), issued(renew_at=NOW, issued_at=NOW - timedelta(minutes=80))),
    ],
)
def test_a_rotation_notes_the_next_revision_first(claim: Want, record: Record) -> None:
    after = noted(renew(claim, Seen(NOW, record), record))

    assert after.pending == claim.material.revision(2, URL)
    assert after.current == ONE
    assert after.handled == turn_asked(claim.key)


@pytest.mark.parametrize(
    ("claim", "retires"),
    [
        (wanted({ANNOTATION_ROTATE: "now"}), LATER),
        (replace(wanted(), material=RESEEDED), NOW + SECOND),
        (wanted(before="20m"), LATER - timedelta(minutes=9)),
    ],
)
def test_a_rotation_that_cannot_wait_lets_what_still_retires_end_at_once(claim: Want, retires: datetime) -> None:
    record = issued(current=TWO, renew_at=NOW, retiring=(Retiring(ONE, retires),))

    assert noted(renew(claim, Seen(NOW, record), record)).retiring == (Retiring(ONE, NOW),)


@pytest.mark.parametrize("policy", ["Rotate", "Extend"])
def test_a_renewal_that_is_due_follows_a_change_in_place(policy: str) -> None:
    claim, record = wanted(policy=policy), issued(renew_at=NOW)
    changed = Seen(NOW, record, applied=terms_of(claim).applied)

    assert renew(claim, changed, record) is not None
    assert renew(claim, replace(changed, extended=True), record) is None


def test_a_rotation_on_time_waits_until_the_older_value_has_retired() -> None:
    record = issued(current=TWO, renew_at=NOW, retiring=(Retiring(ONE, LATER - timedelta(minutes=10)),))
    claim = wanted(before="20m")

    assert renew(claim, Seen(NOW, record), record) is None
    assert renew(claim, Seen(LATER - timedelta(minutes=10), record), record) is not None


@pytest.mark.parametrize(
    ("issued_ago", "duration"), [(timedelta(minutes=40), "3000s"), (timedelta(minutes=20), "3600s")]
)
def test_an_extension_goes_on_until_the_most(issued_ago: timedelta, duration: str) -> None:
    record = issued(renew_at=NOW, issued_at=NOW - issued_ago)
    step = renew(wanted(policy="Extend"), Seen(NOW, record), record)

    assert isinstance(step, Update)
    assert (step.place, step.changes, step.cause) == (ONE.place, {"duration": duration}, Cause.EXTEND)


def test_a_long_annotation_is_remembered_by_its_hash() -> None:
    claim = key(annotations={ANNOTATION_ROTATE: "x" * 64})

    assert len(turn_asked(claim) or "") == 64
    assert turn_asked(claim) != "x" * 64


OLD = row(fields={"spend": 1.5})


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        (Seen(NOW, PENDING), "rename"),
        (Seen(NOW, PENDING, {ONE.place: OLD}), "rename"),
        (Seen(NOW, PENDING, {ONE.place: OLD}, aside_taken=True), "rename otherwise"),
        (Seen(NOW, PENDING, {ONE.place: replace(OLD, alias="team-a/app@r1")}), None),
        (Seen(NOW, replace(PENDING, lives=False)), Ask((ONE,))),
        (Seen(NOW, replace(PENDING, lives=False), {ONE.place: None}), None),
        (Seen(NOW, replace(PENDING, retiring=(Retiring(OLDER, LATER),))), Revoke(OLDER)),
    ],
)
def test_what_is_done_before_another_takes_over(seen: Seen, step: object) -> None:
    names = {"rename": "team-a/app@r1", "rename otherwise": f"team-a/app@r1/{ONE.token_id[:8]}"}
    expected = Update(ONE.place, {"key_alias": names[step]}, Cause.ROTATE) if isinstance(step, str) else step

    assert hand_over(wanted(), seen, TWO) == expected


def test_a_key_that_is_blocked_gets_no_successor() -> None:
    step = hand_over(wanted(), Seen(NOW, PENDING, {ONE.place: replace(OLD, blocked=True)}), TWO)

    assert isinstance(step, Settled)
    assert step.ready is not None
    assert step.ready.reason is KeyReason.EXTERNALLY_BLOCKED


def test_a_key_that_is_gone_is_said_to_be_before_its_successor_is_registered() -> None:
    step = hand_over(wanted(), Seen(NOW, PENDING, {ONE.place: None}), TWO)

    assert isinstance(step, Note)
    assert step.verdict is not None
    assert step.verdict.ready is not None
    assert step.verdict.ready.reason is KeyReason.EXTERNALLY_DELETED


def test_what_was_spent_goes_along() -> None:
    assert spent(Seen(NOW, PENDING, {ONE.place: OLD}), TWO) == {"spend": 1.5}
    assert spent(Seen(NOW, PENDING, {ONE.place: replace(OLD, fields={"spend": 0.0})}), TWO) == {}
    assert spent(Seen(NOW, PENDING, {ONE.place: replace(OLD, deleted_at=NOW)}), TWO) == {}
    assert spent(Seen(NOW, PENDING, {ONE.place: OLD}), ONE) == {}


@pytest.mark.parametrize(
    ("seen", "overlap", "after"),
    [
        (Seen(NOW, PENDING), "5m", timedelta(minutes=5)),
        (Seen(NOW, PENDING, {ONE.place: OLD}), "5m", timedelta(minutes=5)),
        (Seen(NOW, PENDING), "2h", timedelta(hours=1)),
        (Seen(NOW, replace(PENDING, expires_at=None)), "2h", timedelta(hours=2)),
        (Seen(NOW, PENDING, {ONE.place: None}), "5m", timedelta(0)),
        (Seen(NOW, replace(PENDING, lives=False)), "5m", timedelta(0)),
    ],
)
def test_an_old_value_works_for_the_overlap_and_not_beyond_its_own_end(
    seen: Seen, overlap: str, after: timedelta
) -> None:
    assert retirement(wanted(overlap=overlap), seen, ONE) == NOW + after


@pytest.mark.parametrize(
    ("record", "reason", "words"),
    [
        (issued(renew_at=NOW), KeyReason.RENEWAL_FAILED, "due since 2026-01-01T12:00:00Z: no answer"),
        (PENDING, KeyReason.RENEWAL_FAILED, "the rotation goes on later: no answer"),
        (issued(renew_at=NOW + SECOND), KeyReason.UNREACHABLE, "no answer"),
        (issued(), KeyReason.UNREACHABLE, "no answer"),
    ],
)
def test_a_problem_in_the_way_of_a_renewal_says_so(record: Record, reason: KeyReason, words: str) -> None:
    assert failed(record, Problem(KeyReason.UNREACHABLE, "no answer"), NOW) == Problem(reason, words)
