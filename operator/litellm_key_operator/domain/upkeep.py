"""A key that lives: its terms in LiteLLM, its Secret, its predecessors, and what the resource says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.drift import changes, drift
from litellm_key_operator.domain.ending import end, gone
from litellm_key_operator.domain.picture import Seen, Want
from litellm_key_operator.domain.plan import Ask, Cause, Note, Publish, Settled, Step, Update
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.publication import deliver
from litellm_key_operator.domain.record import Record, turn_asked
from litellm_key_operator.domain.renewal import INEXACT, held_up, renew, renewal_of, retirement
from litellm_key_operator.domain.rivals import make_way
from litellm_key_operator.domain.state import Revision, Row
from litellm_key_operator.domain.terms import DURATION, Terms, in_seconds, stamped, tightened


def keep(want: Want, seen: Seen, target: Revision) -> Step | Settled:
    """The next step of a resource whose target revision lives, or, if it is the settled one, is taken to live."""
    record = _reported(want, seen, target)
    step: Step | Settled | None = _terms(want, seen, target, record)
    if step is not None:
        return step
    settled = seen.record.pending is None and seen.record.current == target
    renewed = renew(want, seen, record) if settled and not want.paused else None
    if renewed is not None and want.material.value(target) is None:
        return renewed  # before its Secret is lost as well
    if not (want.paused and seen.record.current == target):
        step = deliver(want, seen, record)
        if isinstance(step, Publish) and target.place not in seen.rows:
            return Ask((target,))  # a dead key is never published
        if step is not None:
            return step
        record = replace(record, binding=want.secret_name)
    due = [r.revision for r in record.retiring if r.retire_at <= seen.now]
    if settled:
        # Only after the successor is published and reported does a predecessor end.
        step = end(want, seen, due)
        if step is not None:
            return step
        record = record.forget(frozenset(revision.place for revision in due))
    verdict = _verdict(want, seen, target, record)
    if record != seen.record:
        # Said at once, whatever comes next: a value that is not known to work gets no overlap.
        return Note(record, verdict)
    return renewed or verdict


def _reported(want: Want, seen: Seen, target: Revision) -> Record:
    """The record once the target is reported as issued."""
    record, row = seen.record, seen.rows.get(target.place)
    if record.current != target or record.pending is not None:
        value = want.material.value(target)
        old = record.current
        record = replace(
            record,
            current=seen.as_noted(target),
            pending=None,
            issued_at=record.issued_at if old is not None and old.token_id == target.token_id else _issued(seen, row),
            preview=value.preview if value else None,
            proxy=want.proxy or record.proxy,
            applied=want.terms.applied if isinstance(want.terms, Terms) else {},
        )
        if old is not None and old.token_id != target.token_id and not gone(seen, old):
            record = record.retire(old, retirement(want, seen, old))
        if old is None:
            record = replace(record, handled=turn_asked(want.key))
    if seen.applied is not None:
        # A status holds no null: one that is compared with what was written would be news for ever.
        record = replace(record, applied={name: value for name, value in seen.applied.items() if value is not None})
    if row is not None:
        record = replace(record, expires_at=row.expires, alias=row.alias)
    if isinstance(want.terms, Terms):
        record = replace(record, renew_at=renewal_of(record, want.terms, want.material.uid))
    return record


def _issued(seen: Seen, row: Row | None) -> datetime:
    """As LiteLLM tells it, so that a record that was lost does not make a key younger."""
    created = row.created if row is not None else None
    return created or seen.now


def _terms(want: Want, seen: Seen, target: Revision, record: Record) -> Step | Settled | None:
    """What LiteLLM has to be told: what is declared and was not asked for yet, or what somebody changed there."""
    if seen.alias_taken and isinstance(want.terms, Terms):
        return make_way(want, seen, target.url, str(want.terms.fields["key_alias"]))
    row = seen.rows.get(target.place)
    asked = {name: value for name, value in record.applied.items() if name != DURATION}
    declared: Mapping[str, object] = asked
    if isinstance(want.terms, Terms):
        declared = tightened(want.terms.fields, asked) if want.paused else want.terms.fields
    applied = {**declared, DURATION: record.applied.get(DURATION)}
    new = changes(declared, asked)
    if new:
        return Update(target.place, _stamp(new, declared, target), Cause.DECLARED, applied)
    if row is None or want.paused or seen.applied is not None or seen.registered == target.place:
        return None
    off = drift(stamped(declared, target.number), row)
    return Update(target.place, _stamp(off, declared, target), Cause.DRIFT, applied) if off else None


def _stamp(sent: Mapping[str, object], declared: Mapping[str, object], target: Revision) -> dict[str, object]:
    """Metadata is replaced whole in LiteLLM, so it is sent whole, with the mark that says whose key it is."""
    return {**sent, "metadata": stamped(declared, target.number)["metadata"]} if "metadata" in sent else dict(sent)


def _lasts(record: Record, terms: Terms) -> object:
    """The duration that the key was issued with; if nobody knew its terms when it was reported, as its times tell."""
    noted = record.applied.get(DURATION)
    if noted is not None or record.expires_at is None or record.issued_at is None:
        return noted
    lasts = record.expires_at - record.issued_at
    as_declared = terms.span.ttl is not None and abs(lasts - terms.span.ttl) <= INEXACT
    return terms.duration if as_declared else in_seconds(lasts)


def _verdict(want: Want, seen: Seen, target: Revision, record: Record) -> Settled:
    if isinstance(want.terms, Problem):
        return Settled(None, held_up(seen, want.terms))
    if want.paused:
        return Settled(None, Problem(KeyReason.PAUSED, "the annotation asks for no change"))
    if _lasts(record, want.terms) != want.terms.duration:
        return Settled(
            None, Problem(KeyReason.APPLIES_AT_NEXT_ROTATION, "spec.ttl: a live key keeps the time it was issued with")
        )
    row = seen.rows.get(target.place) if seen.registered != target.place else None
    off = drift(stamped(want.terms.fields, target.number), row) if row is not None else {}
    if off:
        return Settled(None, Problem(KeyReason.DRIFTED, f"LiteLLM holds something else in {', '.join(sorted(off))}"))
    return Settled()
