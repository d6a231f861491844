"""What a resource that is being deleted needs next. The finalizer goes only when nothing lives or can come to live."""

from __future__ import annotations

from datetime import timedelta

from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.api.names import ANNOTATION_SKIP_REVOCATION, METADATA_KEY
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.ending import end, last, out_of_the_way
from litellm_key_operator.domain.picture import Seen, Want, first
from litellm_key_operator.domain.plan import Ask, Cause, Release, Settled, Step, Update
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.publication import withdraw
from litellm_key_operator.domain.recovery import following, survey, under_way
from litellm_key_operator.domain.state import Life, Revision

CLOCKS_DIFFER = timedelta(minutes=5)
"""Added to the expiry where no proxy can be asked for its clock."""

RETAINED = "retained"
"""In `metadata.llmkeys` of a key that was left behind on purpose."""


def remove(want: Want, seen: Seen) -> Step | Settled:
    """The next step towards the resource's end."""
    record = seen.record
    if not record.held and record.empty:
        return Settled.all(Problem(KeyReason.REVOKING, "nothing was issued"))
    if want.skip:
        # An empty status stands for revision 1: whoever breaks the glass is told of that one.
        return Release(left=tuple(revision.token_id for revision in record.known or (first(want, ""),)))
    if record.ended:
        # All that it had was seen to be gone when its time was over: nobody has to be asked again.
        return withdraw(want, seen) or Release()
    if want.orphaned:
        return _without_credential(seen)
    revisions = record.known if not record.empty else _unreported(want, seen)
    if isinstance(revisions, Ask):
        return revisions
    kept = record.current if want.retain else None
    if kept is not None:
        step = _retain(want, seen, kept)
        if step is not None:
            return step
        kept = kept if seen.life(kept) is Life.LIVE else None
    step = end(want, seen, [revision for revision in revisions if revision != kept])
    step = step or withdraw(want, seen, keep=kept is not None)
    if step is not None:
        return step
    left = () if kept is None else (kept.token_id,)
    return Release(left) if record.held else Settled.all(Problem(KeyReason.REVOKING, "revoked"))


def _unreported(want: Want, seen: Seen) -> tuple[Revision, ...] | Ask:
    """With an empty status, what this process was about to issue; else all that the proxies know, and the next.

    The next may be on its way to any of them.
    """
    one = under_way(want, seen)
    if one is not None:
        return (one,)
    known = survey(want, seen)
    if isinstance(known, Ask):
        return known
    # The tombstones made here do not count: else each would ask for one more behind it.
    number = max((revision.number for revision in known if not last(seen, revision)), default=0)
    return (*known, *following(want, number))


def _without_credential(seen: Seen) -> Step | Settled:
    """Nobody can revoke any more; LiteLLM itself ends the key at its expiry."""
    record = seen.record
    only = record.current is not None and record.known == (record.current,)
    if only and record.expires_at is not None and record.expires_at + CLOCKS_DIFFER <= seen.now:
        return Release(left=tuple(revision.token_id for revision in record.known))
    until = (
        f"waits for {rfc3339(record.expires_at)}, when the key ends"
        if only and record.expires_at
        else "the key does not end"
    )
    text = f"the connection or its credential is gone; {until}; annotation {ANNOTATION_SKIP_REVOCATION}=true lets it go"
    return Settled.all(Problem(KeyReason.REVOCATION_BLOCKED, text))


def _retain(want: Want, seen: Seen, kept: Revision) -> Step | None:
    """Rename and mark the key that is left: its alias is free for others, and nobody takes it for a leak."""
    if kept.place not in seen.rows:
        return Ask((kept,))
    row = seen.rows[kept.place]
    if row is None or seen.life(kept) is not Life.LIVE or row.mark.get(RETAINED):
        return None
    metadata = {**row.metadata, METADATA_KEY: {**row.mark, "revision": kept.number, RETAINED: True}}
    return Update(
        kept.place, {"key_alias": out_of_the_way(row.alias, want.material.uid), "metadata": metadata}, Cause.RETAIN
    )
