"""What a resource that shall have a key needs next."""

from __future__ import annotations

from dataclasses import replace

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.ending import gone
from litellm_key_operator.domain.expiry import expire, over
from litellm_key_operator.domain.picture import Seen, Trace, Want, successor
from litellm_key_operator.domain.plan import Ask, Hold, Note, Register, Settled, Step
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.record import turn_asked
from litellm_key_operator.domain.recovery import recover
from litellm_key_operator.domain.renewal import hand_over, held_up, keep_delivered, spent, taken_away
from litellm_key_operator.domain.rivals import make_way
from litellm_key_operator.domain.state import Life, Revision
from litellm_key_operator.domain.terms import Terms, in_seconds, registration
from litellm_key_operator.domain.upkeep import keep


def provide(want: Want, seen: Seen) -> Step | Settled:
    """The next step of a resource that is not being deleted."""
    record = seen.record
    if record.ended:
        return expire(want, seen)
    if not record.held:
        # A finalizer that somebody took off is put back; what the status says stays.
        return Settled.all(want.terms) if record.empty and isinstance(want.terms, Problem) else Hold()
    if record.empty:
        found = recover(want, seen)
        if not isinstance(found, Revision):
            return found
        return _carry(want, seen, found)
    target = record.pending or record.current or successor(want, record)
    return expire(want, seen) if over(seen, target) else _carry(want, seen, target)


def _carry(want: Want, seen: Seen, target: Revision) -> Step | Settled:
    """On with the target revision, according to what LiteLLM says of it."""
    record = seen.record
    settled = target == record.current and record.pending is None
    match seen.life(target):
        case None if settled and not seen.suspect:
            return keep(want, seen, target)
        case None if not settled and (record.empty or record.works) and seen.trace.get(target.place) is Trace.NOTED:
            # The very first, of which not even a tombstone can be there, or one that takes over: then the old one's
            # answer to its new name, and a look at what was registered, say all that a question could.
            return _register(want, seen, target)
        case None:
            return Ask((target,))
        case Life.LIVE:
            step = keep(want, seen, target)
            lost = not settled and isinstance(step, Settled) and want.material.value(target) is None
            return _replace(want, seen, target) if lost else step
        case Life.BLOCKED:
            problem = Problem(KeyReason.EXTERNALLY_BLOCKED, "somebody blocked the key in LiteLLM; unblock it there")
            return Settled.all(problem) if settled else Settled.unless_issued(record, problem)
        case Life.UNKNOWN if not settled and want.material.value(target) is not None:
            return _register(want, seen, target)
        case _:
            return _replace(want, seen, target)


def _replace(want: Want, seen: Seen, target: Revision) -> Step | Settled:
    """The target does not live any more, or nobody can make its value: note what is to be registered next.

    A value that LiteLLM lost is registered again; one that died (deleted, buried, expired before anybody got it) never,
    and none whose seed is lost.
    """
    record = seen.record
    lost = seen.life(target) is Life.UNKNOWN and want.material.value(target) is not None
    is_current = record.current is not None and target.place == record.current.place
    dead = taken_away(target.number)
    blocked = Problem(KeyReason.PAUSED, "paused") if want.paused else want.terms
    if isinstance(blocked, Problem):
        return Settled(dead if is_current else blocked, blocked)
    if lost:
        return Note(replace(record, pending=target), Settled.all(dead))
    if is_current:
        # Lost before, and dead now: its second registration may still be on its way.
        record = replace(record, current=seen.as_noted(target))
    elif not gone(seen, target):
        record = record.retire(seen.as_noted(target), seen.now)
    following = successor(want, replace(record, pending=target))
    record = replace(record, pending=following, proxy=want.proxy, handled=turn_asked(want.key))
    return Note(record, Settled.all(dead) if is_current else None)


def _register(want: Want, seen: Seen, target: Revision) -> Step | Settled:
    record, terms = seen.record, want.terms
    step = keep_delivered(want, seen)
    if step is not None:
        return step
    if isinstance(terms, Problem):
        return Settled.unless_issued(record, held_up(seen, terms))
    if want.paused:
        return Settled.unless_issued(record, Problem(KeyReason.PAUSED, "paused before a key was issued"))
    if not record.empty and target != record.pending:
        return Note(replace(record, pending=target, proxy=want.proxy or record.proxy))
    step = hand_over(want, seen, target)
    if step is not None:
        return step
    if seen.alias_taken:
        return make_way(want, seen, target.url, str(terms.fields["key_alias"]))
    fields = registration(terms.fields, target.number, _duration(seen, target, terms))
    return Register(target, {**fields, **spent(seen, target)})


def _duration(seen: Seen, target: Revision, terms: Terms) -> str | None:
    """A value that LiteLLM lost gets the rest of its time, any other the whole."""
    record = seen.record
    if record.current is not None and record.current.place == target.place and record.expires_at is not None:
        return in_seconds(record.expires_at - seen.now)
    return terms.duration
