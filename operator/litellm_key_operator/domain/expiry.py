"""The end of a key's time. LiteLLM refuses it from that moment by itself; what is left of it is cleaned up here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.ending import end
from litellm_key_operator.domain.picture import Seen, Trace, Want
from litellm_key_operator.domain.plan import Ask, Note, Remove, Settled, Step
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.publication import withdraw
from litellm_key_operator.domain.state import Life, Revision

EXPIRED = Problem(KeyReason.EXPIRED, "the key's time is over")


def over(seen: Seen, target: Revision) -> bool:
    """Whether the published key's time is over, and no successor lives already.

    By the record, and at a guess, until LiteLLM was asked; then by what LiteLLM says. Where it has no row there is
    nothing that could be deleted too early, and nothing is issued anew for the rest of a second.
    """
    current, expires = seen.record.current, seen.record.expires_at
    if current is None or (target != current and (seen.life(target) is Life.LIVE or _to_be_asked(seen, target))):
        return False
    match seen.life(current):
        case Life.LIVE | Life.BLOCKED:
            return False
        case _:
            return seen.expired(current) or (expires is not None and expires <= (seen.likely or seen.now))


def _to_be_asked(seen: Seen, successor: Revision) -> bool:
    """It may live already: an earlier process may have registered it."""
    return successor.place not in seen.rows and seen.trace.get(successor.place) is not Trace.NOTED


def expire(want: Want, seen: Seen) -> Step | Settled:
    """The next step of cleaning up, and in the end of the resource itself, if it is to go by itself."""
    record = seen.record
    if record.ended:
        return _afterwards(want, seen)
    current = record.current
    if current is not None and current.place not in seen.rows and current.place not in seen.deleted:
        # Nothing is deleted before LiteLLM itself says that the time is over.
        return Ask((current,))
    step = end(want, seen, record.known) or withdraw(want, seen)
    if step is not None:
        return step
    return Note(replace(record, ended=True, renew_at=None, pending=None, retiring=(), binding=None))


def _afterwards(want: Want, seen: Seen) -> Step | Settled:
    expired, stay = seen.record.expires_at, want.key.spec.ttl_after_expired
    if stay is not None and expired is not None and expired + timedelta(seconds=stay.seconds) <= seen.now:
        return Remove()
    return Settled.all(EXPIRED)
