"""How revisions end: deleted, or buried where a registration may still arrive, and looked at again afterwards."""

from __future__ import annotations

from collections.abc import Iterable

from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.api.names import METADATA_KEY
from litellm_key_operator.domain.picture import Seen, Want
from litellm_key_operator.domain.plan import Ask, Bury, Revoke
from litellm_key_operator.domain.state import OUTLIVED, TOMBSTONE, Life, Revision

BLANK = "blank"
"""In `metadata.llmkeys` of a tombstone: LiteLLM did not know its value, so there may never have been such a key."""

LAST = "last"
"""In the same, of a blank one: made while the resource was being deleted, when nothing more was registered for it."""


def gone(seen: Seen, revision: Revision) -> bool:
    """Whether nothing of it lives or can come to live."""
    match seen.life(revision):
        case Life.BURIED:
            return True
        case Life.DELETED | Life.UNKNOWN:
            # A late registration would make it anew: the row of a deleted key is gone.
            return not seen.doubtful(revision)
        case _:
            return False


def blank(seen: Seen, revision: Revision) -> bool:
    """Whether it is only a tombstone for a value that LiteLLM never heard of."""
    return _marked(seen, revision, BLANK)


def last(seen: Seen, revision: Revision) -> bool:
    """Whether it is only such a tombstone, and made by a deletion: no value after it was ever registered."""
    return _marked(seen, revision, LAST)


def _marked(seen: Seen, revision: Revision, name: str) -> bool:
    row = seen.rows.get(revision.place)
    return row is not None and bool(row.mark.get(name))


def end(want: Want, seen: Seen, revisions: Iterable[Revision]) -> Ask | Revoke | Bury | None:
    """The next step towards all of them being gone; None when they are."""
    rest = [revision for revision in revisions if not gone(seen, revision) and not _forgotten(want, seen, revision)]
    for revision in rest:
        if revision.place not in seen.rows and revision.place not in seen.deleted and not seen.doubtful(revision):
            # Nobody has to be asked first: to delete what is not there is no error.
            return Revoke(revision)
    unasked = tuple(revision for revision in rest if revision.place not in seen.rows)
    if unasked:
        return Ask(unasked)
    for revision in rest:
        row = seen.rows[revision.place]
        has_row = row is not None and row.deleted_at is None
        if seen.doubtful(revision):
            return Bury(revision, has_row, _tombstone(want, seen, revision))
        return Revoke(revision)
    return None


def _forgotten(want: Want, seen: Seen, revision: Revision) -> bool:
    """Neither a row that could be blocked, nor a seed to make one from: nobody knows the value any more."""
    return seen.life(revision) in (Life.UNKNOWN, Life.DELETED) and want.material.value(revision) is None


def out_of_the_way(alias: str | None, uid: str) -> str:
    """The alias that a key gets which is not to hold its own any more."""
    return f"{alias or 'key'}@{uid[:8]}"


def aside(seen: Seen, name: str, token_id: str) -> str:
    """The name, or if somebody has it already one that nobody else can have."""
    return f"{name}/{token_id[:8]}" if seen.aside_taken else name


def _tombstone(want: Want, seen: Seen, revision: Revision) -> dict[str, object]:
    unheard_of = seen.life(revision) is Life.UNKNOWN
    mark = {
        "installation": want.material.keyring.installation,
        "uid": want.material.uid,
        "revision": revision.number,
        TOMBSTONE: rfc3339(seen.now),
        BLANK: unheard_of,
        LAST: unheard_of and want.deleting,
        OUTLIVED: seen.expired(revision),
    }
    # The value is in the alias as well: two tombstones of one resource, perhaps of two seeds, must not collide.
    alias = f"{out_of_the_way(want.alias, want.material.uid)}/{revision.number}.{revision.token_id[:8]}"
    return {"blocked": True, "key_alias": alias, "metadata": {METADATA_KEY: mark}, "models": ["no-default-models"]}
