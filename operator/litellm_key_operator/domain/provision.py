"""What a resource that shall have a key needs next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.ending import gone
from litellm_key_operator.domain.expiry import expire, over
from litellm_key_operator.domain.picture import Seen, Trace, Want
from litellm_key_operator.domain.plan import Ask, Hold, Note, Register, Settled, Step
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.recovery import recover
from litellm_key_operator.domain.rivals import make_way
from litellm_key_operator.domain.state import Life, Revision
from litellm_key_operator.domain.terms import Problem, Terms, registration
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
    target = record.pending or record.current or _next(want, record)
    return expire(want, seen) if over(seen, target) else _carry(want, seen, target)


def _carry(want: Want, seen: Seen, target: Revision) -> Step | Settled:
    """On with the target revision, according to what LiteLLM says of it."""
    settled = target == seen.record.current and seen.record.pending is None
    match seen.life(target):
        case None if settled and not seen.suspect:
            return keep(want, seen, target)
        case None if seen.record.empty and seen.trace.get(target.place) is Trace.NOTED:
            return _register(want, seen, target)  # the very first: not even a tombstone can be there
        case None:
            return Ask((target,))
        case Life.LIVE:
            return keep(want, seen, target)
        case Life.BLOCKED:
            return Settled.all(
                Problem(KeyReason.EXTERNALLY_BLOCKED, "somebody blocked the key in LiteLLM; unblock it there")
            )
        case Life.UNKNOWN if not settled:
            return _register(want, seen, target)
        case life:
            return _replace(want, seen, target, lost=life is Life.UNKNOWN)


def _replace(want: Want, seen: Seen, target: Revision, *, lost: bool) -> Step | Settled:
    """The target does not live any more: note what is to be registered next.

    A value that LiteLLM lost is registered again; one that died (deleted, buried, expired before anybody got it) never.
    """
    record = seen.record
    is_current = record.current is not None and target.place == record.current.place
    blocked = Problem(KeyReason.PAUSED, "paused") if want.paused else want.terms
    if isinstance(blocked, Problem):
        dead = Problem(KeyReason.EXTERNALLY_DELETED, "the key was deleted in LiteLLM")
        return Settled(dead if is_current else blocked, blocked)
    if lost:
        return Note(replace(record, pending=target))
    if is_current:
        # Lost before, and dead now: its second registration may still be on its way.
        record = replace(record, current=seen.as_noted(target))
    elif not gone(seen, target):
        record = record.retire(seen.as_noted(target), seen.now)
    return Note(replace(record, pending=_next(want, replace(record, pending=target)), proxy=want.proxy))


def _next(want: Want, record: Record) -> Revision:
    number = max(revision.number for revision in record.known) + 1
    return want.material.revision(number, want.proxy.url if want.proxy else "")


def _register(want: Want, seen: Seen, target: Revision) -> Step | Settled:
    record = seen.record
    if isinstance(want.terms, Problem):
        return Settled.unless_issued(record, want.terms)
    if want.paused:
        return Settled.unless_issued(record, Problem(KeyReason.PAUSED, "paused before a key was issued"))
    if not record.empty and target != record.pending:
        return Note(replace(record, pending=target, proxy=want.proxy or record.proxy))
    if seen.alias_taken:
        return make_way(want, seen, target.url, str(want.terms.fields["key_alias"]))
    return Register(target, registration(want.terms.fields, target.number, _ttl(seen, target, want.terms)))


def _ttl(seen: Seen, target: Revision, terms: Terms) -> int | None:
    """A value that LiteLLM lost gets the rest of its time, any other the whole."""
    record = seen.record
    if record.current is not None and record.current.place == target.place and record.expires_at is not None:
        return max(1, (record.expires_at - seen.now) // timedelta(seconds=1))
    return terms.ttl
