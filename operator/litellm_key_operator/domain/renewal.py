"""A key that goes on before its time is over: by a later end, or by a new value that takes over from it.

a rotation   noted: the next revision, fenced
             deleted: what still retires, so that never more than two values live
             renamed: the old key, to <alias>@r<n>; the answer tells what it has spent
             registered: the new one, under the alias and with that spend
             published, reported; the old one retires after the overlap
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.api.renewal import RenewalPolicy
from litellm_key_operator.domain.ending import aside, end
from litellm_key_operator.domain.picture import Seen, Want, successor
from litellm_key_operator.domain.plan import Ask, Cause, Note, Publish, Settled, Step, Update
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.publication import deliver
from litellm_key_operator.domain.record import Record, turn_asked
from litellm_key_operator.domain.state import Life, Revision
from litellm_key_operator.domain.terms import DURATION, Terms, in_seconds

OVERLAP: Final = timedelta(hours=1)
"""How long an old value works on if there is no role any more that says it."""
_SPREAD: Final = 0.1
"""Part of the time before the end by which renewals are earlier than they must be, at the most."""
INEXACT: Final = timedelta(seconds=2)
"""By which an end may be earlier than it was asked for: the proxy's clock is not known better, and seconds are cut."""
_STANDS_IN_THE_WAY: Final = frozenset({KeyReason.CONNECTION_NOT_READY, KeyReason.ROLE_NOT_READY})


def renewal_of(record: Record, terms: Terms, uid: str) -> datetime | None:
    """When the key is renewed: so long before its end, and a bit earlier by chance of its uid.

    It is the same after a restart, and the keys of a fleet that was issued at once are not renewed at once.
    """
    span, expires = terms.span, record.expires_at
    if span.policy is RenewalPolicy.NONE or span.ttl is None or span.before is None or expires is None:
        return None
    chance = int.from_bytes(hashlib.sha256(uid.encode()).digest()[:4]) / 2**32
    spread = chance * min(span.before * _SPREAD, (span.ttl - span.before) / 2)
    return (expires - span.before - spread).replace(microsecond=0)


def renew(want: Want, seen: Seen, record: Record) -> Note | Update | None:
    """The first step of a renewal that is due; None if none is."""
    current, terms = record.current, want.terms
    if current is None or isinstance(terms, Problem):
        return None
    asked = turn_asked(want.key) not in (None, record.handled)
    outdated = current.seed != want.material.keyring.newest and terms.span.policy is not RenewalPolicy.NONE
    if asked or outdated:
        return _rotate(want, seen, record)
    if not overdue(record, seen.now) or seen.extended:
        return None  # an extension in this run did not help: it is not repeated at once
    until = _extension(want, record, terms, seen.now) if terms.span.policy is RenewalPolicy.EXTEND else None
    if until is None:
        return None if _overlaps(record, terms, seen.now) else _rotate(want, seen, record)
    applied = {**record.applied, DURATION: terms.duration}
    return Update(current.place, {DURATION: in_seconds(until - seen.now)}, Cause.EXTEND, applied)


def overdue(record: Record, now: datetime) -> bool:
    """Whether the time for its renewal has come."""
    return record.renew_at is not None and record.renew_at <= now


def _overlaps(record: Record, terms: Terms, now: datetime) -> bool:
    """Whether an older value still works, which a rotation on time waits for if that leaves it half of its time.

    A rotation that was slow comes close to the next one; nobody asked for the older value to end early.
    """
    if record.expires_at is None or terms.span.before is None:
        return False
    latest = record.expires_at - terms.span.before / 2
    return any(now < r.retire_at <= latest for r in record.retiring)


def _rotate(want: Want, seen: Seen, record: Record) -> Note:
    retiring = tuple(replace(r, retire_at=min(r.retire_at, seen.now)) for r in record.retiring)
    return Note(replace(record, pending=successor(want, record), retiring=retiring, handled=turn_asked(want.key)))


def _extension(want: Want, record: Record, terms: Terms, now: datetime) -> datetime | None:
    """The later end that the key can have; None if it would have to be renewed at once again."""
    span = terms.span
    if span.ttl is None:
        return None
    until = now + span.ttl
    if span.most is not None and record.issued_at is not None:
        until = min(until, record.issued_at + span.most)
    following = renewal_of(replace(record, expires_at=until - INEXACT), terms, want.material.uid)
    return until if following is not None and following > now else None


def hand_over(want: Want, seen: Seen, target: Revision) -> Step | Settled | None:
    """The next step before the registration of a revision that follows the current one; None when all is prepared."""
    record, terms = seen.record, want.terms
    current = record.current
    if current is None or current.place == target.place or isinstance(terms, Problem):
        return None
    row, asked = seen.rows.get(current.place), current.place in seen.rows
    if not asked and not record.works:
        return Ask((current,))
    if asked and (row is None or row.deleted_at is not None):
        # Nothing is left to take over from, which is said at once: nobody knows how long the registration will take.
        return Note(record, Settled.all(taken_away(current.number))) if record.works else None
    if seen.life(current) is Life.BLOCKED:
        text = "somebody blocked the key in LiteLLM, which a successor would undo; unblock it there"
        return Settled.all(Problem(KeyReason.EXTERNALLY_BLOCKED, text))
    step = end(want, seen, [r.revision for r in record.retiring])
    if step is not None:
        return step
    alias = terms.fields["key_alias"]
    if row is None or row.alias == alias:
        name = aside(seen, f"{alias}@r{current.number}", current.token_id)
        return Update(current.place, {"key_alias": name}, Cause.ROTATE)
    return None


def keep_delivered(want: Want, seen: Seen) -> Step | Settled | None:
    """The next step towards a Secret that holds the current value until another takes over; None when it does.

    If nobody knows the value any more, the Secret is left as it is.
    """
    current = seen.record.current
    if current is None or not seen.record.rotates or want.material.value(current) is None:
        return None
    if seen.life(current) not in (None, Life.LIVE):
        return None
    step = deliver(want, seen, seen.record)
    dead_perhaps = isinstance(step, Publish) and current.place not in seen.rows
    return Ask((current,)) if dead_perhaps else step


def spent(seen: Seen, target: Revision) -> Mapping[str, object]:
    """What the key that is taken over from has spent in its budget's window, as a field of the registration."""
    current = seen.record.current
    if current is None or current.place == target.place or seen.life(current) is not Life.LIVE:
        return {}
    row = seen.rows[current.place]
    spend = row.fields.get("spend") if row is not None else None
    return {"spend": spend} if isinstance(spend, int | float) and spend > 0 else {}


def retirement(want: Want, seen: Seen, old: Revision) -> datetime:
    """When a value that was taken over from ends: after the overlap, at the latest by itself; a dead one at once."""
    if not seen.record.works or seen.life(old) in (Life.UNKNOWN, Life.DELETED):
        return seen.now
    until = seen.now + (want.terms.span.overlap if isinstance(want.terms, Terms) else OVERLAP)
    expires = seen.record.expires_at
    return until if expires is None else min(until, expires)


def taken_away(number: int) -> Problem:
    """The Secret holds what does not work any more."""
    text = f"revision {number} is not in LiteLLM any more; another one follows"
    return Problem(KeyReason.EXTERNALLY_DELETED, text)


def held_up(seen: Seen, problem: Problem) -> Problem:
    """The problem, said as what it means for a renewal that is due: that it failed, and since when."""
    return failed(seen.record, problem, seen.now) if problem.reason in _STANDS_IN_THE_WAY else problem


def failed(record: Record, problem: Problem, now: datetime) -> Problem:
    """The problem as that of the renewal that it keeps from being done, if one is due or under way."""
    if record.works and overdue(record, now) and record.renew_at is not None:
        return Problem(KeyReason.RENEWAL_FAILED, f"due since {rfc3339(record.renew_at)}: {problem.message}")
    if record.rotates:
        return Problem(KeyReason.RENEWAL_FAILED, f"the rotation goes on later: {problem.message}")
    return problem
