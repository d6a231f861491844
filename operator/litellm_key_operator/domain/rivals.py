"""The alias is taken. Ours, or that of a predecessor of the same name, makes way; a stranger's is left alone."""

from __future__ import annotations

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.ending import aside, out_of_the_way
from litellm_key_operator.domain.picture import Seen, Want
from litellm_key_operator.domain.plan import AskAlias, Cause, Note, Settled, Step, Update
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.recovery import candidates
from litellm_key_operator.domain.state import Row


def make_way(want: Want, seen: Seen, url: str, alias: str) -> Step | Settled:
    """The next step towards the alias being free, or why it will not be."""
    if seen.rivals is None:
        return AskAlias(url, alias)
    ours = {r.token_id: r for r in (*candidates(want, seen, url), *seen.record.known) if r.url == url}
    noted = {r.place for r in seen.record.known}
    for rival in seen.rivals:
        own = ours.get(rival.token_id or "")
        if own is not None and own.place not in noted:
            # Another revision of ours that nothing notes: it has to be noted before anything is done with it.
            return Note(seen.record.retire(own.in_doubt(), seen.now))
        if own is not None:
            name = aside(seen, f"{alias}@r{own.number}", own.token_id)
            return Update(own.place, {"key_alias": name}, Cause.MAKE_WAY)
        uid = _predecessor(want, rival)
        if uid is None or rival.token_id is None:
            text = f"alias {alias} belongs to another key, token {(rival.token_id or 'unknown')[:12]}"
            return Settled.unless_issued(seen.record, Problem(KeyReason.ALIAS_CONFLICT, text))
        name = aside(seen, out_of_the_way(alias, uid), rival.token_id)
        return Update((url, rival.token_id), {"key_alias": name}, Cause.MAKE_WAY)
    return Settled.unless_issued(seen.record, Problem(KeyReason.ALIAS_CONFLICT, f"alias {alias} is taken"))


def _predecessor(want: Want, rival: Row) -> str | None:
    """The uid of the resource that had our namespace and name before: it is gone, as we have its place."""
    mark, meta = rival.mark, want.key.metadata
    if mark.get("installation") != want.material.keyring.installation:
        return None
    uid = mark.get("uid")
    same_place = (mark.get("namespace"), mark.get("name")) == (meta.namespace, meta.name)
    return uid if same_place and isinstance(uid, str) and uid != meta.uid else None
