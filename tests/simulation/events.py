"""What others do: users, administrators of LiteLLM, restores from backups, time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from litellm_key_operator.api import names
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.domain.errors import OutsideError
from litellm_key_operator.domain.record import record
from litellm_key_operator.domain.state import Row
from tests.simulation.invariants import held_by
from tests.simulation.world import ELSEWHERE, FIRST, NAME, NAMESPACE, TTL, UIDS, World, claim, origins
from tests.support.fake_rows import Stored, issued

Event = Callable[[World], bool]
"""Changes a world, or answers that there is nothing to change."""


def deleted(world: World) -> bool:
    """The user deletes the claim."""
    key = world.claim
    if key is None or key.metadata.deletion_timestamp is not None:
        return False
    world.cluster.mark_deleted(NAMESPACE, NAME)
    _excuse_vanished(world, key)
    return True


def stripped(world: World) -> bool:
    """Somebody takes the finalizer off."""
    key = world.claim
    if key is None or names.FINALIZER not in key.metadata.finalizers:
        return False
    world.cluster.strip_finalizer(NAMESPACE, NAME)
    _excuse_vanished(world, key)
    return True


def vanished(world: World) -> bool:
    """The claim is gone without a trace: its finalizer was taken off, and it was deleted."""
    key = world.claim
    if key is None:
        return False
    if key.metadata.deletion_timestamp is None:
        world.cluster.mark_deleted(NAMESPACE, NAME)
    if world.claim is not None:
        world.cluster.strip_finalizer(NAMESPACE, NAME)
    _excuse_vanished(world, key)
    return True


def recreated(world: World) -> bool:
    """A claim of the same name is made, once there is none."""
    used = {origins(world.seeds)[token].uid for proxy in world.proxies.values() for token in _ours(world, proxy.rows)}
    used |= {uid for memories in world.processes for uid in memories}
    free = [uid for uid in UIDS[1:] if uid not in used]
    if world.claim is not None or not free:
        return False
    world.cluster.apply(claim(free[0]))
    return True


def replaced(world: World) -> bool:
    """The claim is replaced by another of the same name, its finalizer ignored."""
    return vanished(world) and recreated(world)


def edited(world: World) -> bool:
    """The user asks for another rate, or for the first again."""
    key = world.claim
    if key is None or key.metadata.deletion_timestamp is not None:
        return False
    rpm = 5 if key.spec.limits.rpm is None else None
    world.cluster.edit(
        NAMESPACE,
        NAME,
        spec=key.spec.model_copy(update={"limits": key.spec.limits.model_copy(update={"rpm": rpm})}),
    )
    return True


def renamed(world: World) -> bool:
    """The user wants the Secret under another name, or under the first again."""
    key = world.claim
    if key is None or key.metadata.deletion_timestamp is not None:
        return False
    secret = key.spec.secret.model_copy(update={"name": None if key.spec.secret.name else "other"})
    world.cluster.edit(NAMESPACE, NAME, spec=key.spec.model_copy(update={"secret": secret}))
    return True


def secret_gone(world: World) -> bool:
    """Somebody deletes the Secret."""
    return world.state.secrets.pop((NAMESPACE, NAME), None) is not None


def secret_edited(world: World) -> bool:
    """Somebody writes something else into the Secret."""
    secret = world.state.secrets.get((NAMESPACE, NAME))
    if secret is None or secret.data == {"api-key": "nonsense"}:
        return False
    world.cluster.edit_secret(NAMESPACE, NAME, {"api-key": "nonsense"})
    return True


def secret_taken(world: World) -> bool:
    """Somebody has a Secret of the wanted name."""
    if (NAMESPACE, NAME) in world.state.secrets:
        return False
    world.cluster.put_secret(NAMESPACE, NAME, {"mine": "all mine"})
    return True


def secret_given_back(world: World) -> bool:
    """The stranger's Secret goes."""
    secret = world.state.secrets.get((NAMESPACE, NAME))
    if secret is None or secret.seen.owner_uid is not None:
        return False
    del world.state.secrets[NAMESPACE, NAME]
    return True


def status_cleared(world: World) -> bool:
    """Somebody empties the status."""
    key = world.claim
    if key is None or record(key).empty and not key.status.conditions:
        return False
    known = {token for proxy in world.proxies.values() for token in (*proxy.rows, *proxy.archive)}
    if known.isdisjoint(held_by(world, key)):
        world.outlived -= {key.metadata.uid}  # nothing is left that tells of it
    world.cluster.clear_status(NAMESPACE, NAME)
    _forget(world)
    return True


def annotations_gone(world: World) -> bool:
    """A tenant removes our annotations."""
    key = world.claim
    if key is None or not _annotated(world, {names.ANNOTATION_INSTALLATION: None, names.ANNOTATION_CONNECTION: None}):
        return False
    _excuse_vanished(world, key)
    return True


def pointed_elsewhere(world: World) -> bool:
    """A tenant points the annotation at the other connection."""
    return len(world.proxies) > 1 and _annotated(world, {names.ANNOTATION_CONNECTION: f"{NAMESPACE}/two"})


def pointed_nowhere(world: World) -> bool:
    """A tenant points the annotation at a connection that does not exist."""
    return _annotated(world, {names.ANNOTATION_CONNECTION: "nowhere/none"})


def other_seed(world: World) -> bool:
    """A tenant claims that revision 1 has another seed."""
    return world.seeds > 1 and _annotated(world, {names.ANNOTATION_INSTALLATION: f"here/{world.seeds}"})


def foreign(world: World) -> bool:
    """A tenant claims that another installation made the key."""
    return _annotated(world, {names.ANNOTATION_INSTALLATION: f"{ELSEWHERE}/1"})


def paused(world: World) -> bool:
    """The user asks for no change, or takes that back."""
    key = world.claim
    had = key.metadata.annotations.get(names.ANNOTATION_PAUSED) if key is not None else None
    return _annotated(world, {names.ANNOTATION_PAUSED: None if had else "true"})


def glass_broken(world: World) -> bool:
    """The user lets the claim go without a revocation."""
    key = world.claim
    if key is None or not _annotated(world, {names.ANNOTATION_SKIP_REVOCATION: "true"}):
        return False
    _excuse_vanished(world, key)
    return True


def reseeded(world: World) -> bool:
    """The installation gets a new seed, and every process with it."""
    if world.seeds > 1:
        return False
    world.seeds = 2
    for number in range(len(world.processes)):
        world.restart(number)
    return True


def over(world: World) -> bool:
    """The time of every key is over."""
    before = world.live()
    _pass(world, TTL + timedelta(seconds=1))
    ended = before - world.live()
    for key, noted in world.records():
        current = noted.current
        published = current is not None and current.token_id in held_by(world, key)
        if current is not None and published and noted.pending is None and current.place in ended:
            world.outlived |= {key.metadata.uid}
    return True


def taken_by_stranger(world: World) -> bool:
    """A stranger's key has the alias."""
    return _rival(world, "f" * 64, {})


def taken_by_predecessor(world: World) -> bool:
    """The alias belongs to the key of an earlier claim of this name, of whose end nobody heard."""
    mark = {"installation": "here", "namespace": NAMESPACE, "name": NAME, "uid": "uid-zero", "revision": 1}
    return _rival(world, "e" * 64, {"llmkeys": mark})


def restored(world: World) -> bool:
    """LiteLLM is restored from a backup: revision 1 lives and has the alias, nothing else was ever there."""
    key = world.claim
    if key is None:
        return False
    noted, one = record(key), world.revision(key.metadata.uid, 1)
    if noted.empty or one.place in {revision.place for revision in noted.known}:
        return False
    world.proxy.rows.clear()
    world.proxy.archive.clear()
    world.excused |= {one.place}
    mark = {"installation": "here", "namespace": NAMESPACE, "name": NAME, "uid": key.metadata.uid, "revision": 1}
    return _rival(world, one.token_id, {"llmkeys": mark})


def extended(world: World) -> bool:
    """An administrator gives our key a longer time in LiteLLM."""
    found = [token for url, token in world.live() if url == FIRST]
    for token in found:
        world.proxy.update(token, {"duration": "5h"})
    world.outlived = frozenset()
    return bool(found)


def lost(world: World) -> bool:
    """LiteLLM loses all keys, tombstones too; nothing that these were for arrives after that."""
    if not world.proxy.rows and not world.proxy.archive:
        return False
    buried = {token for token, stored in world.proxy.rows.items() if "tombstone" in stored.row.mark}
    world.travelling = tuple(request for request in world.travelling if request.token_id not in buried)
    world.proxy.rows.clear()
    world.proxy.archive.clear()
    world.outlived -= {key.metadata.uid for key, noted in world.records() if noted.empty}
    _forget(world)
    return True


def removed(world: World) -> bool:
    """An administrator deletes our key in LiteLLM."""
    found = [token for _, token in sorted(world.live())]
    world.proxy.delete(found)
    return bool(found)


def blocked(world: World) -> bool:
    """An administrator blocks our key in LiteLLM, or takes that back."""
    ours = [t for t in _ours(world, world.proxy.rows) if "tombstone" not in world.proxy.rows[t].row.mark]
    for token in ours:
        world.proxy.update(token, {"blocked": not world.proxy.rows[token].row.blocked})
    return bool(ours)


def drifted(world: World) -> bool:
    """An administrator edits our key in LiteLLM's UI, which drops what it does not know."""
    found = [token for url, token in world.live() if url == FIRST]
    for token in found:
        world.proxy.update(token, {"rpm_limit": 999, "metadata": {}})
    return bool(found)


def down(world: World) -> bool:
    """The proxy goes down, or comes up again."""
    world.proxy.down = not world.proxy.down
    return True


def arrived(world: World) -> bool:
    """What travels arrives, oldest first."""
    requests, world.travelling = world.travelling, ()
    for request in requests:
        try:
            world.proxies[request.url].commit(request.name, request.args)
        except OutsideError:
            continue
    # Made anew by its registration, a value has its whole time before it.
    world.outlived -= {origins(world.seeds)[token].uid for _, token in world.live()}
    return bool(requests)


def restarted(world: World) -> bool:
    """Every process ends."""
    had = any(world.processes)
    for number in range(len(world.processes)):
        world.restart(number)
    return had


LITELLM: Final = (extended, over, taken_by_stranger, taken_by_predecessor, restored, lost, removed, blocked, drifted)
"""What changes keys in LiteLLM: a run that it happened in could not know."""


def apply(world: World, event: Event) -> bool:
    """Let it happen."""
    return event(world)


def _annotated(world: World, annotations: Mapping[str, str | None]) -> bool:
    key = world.claim
    if key is None or all(key.metadata.annotations.get(name) == text for name, text in annotations.items()):
        return False
    world.cluster.edit(NAMESPACE, NAME, annotations=annotations)
    return True


def _excuse_vanished(world: World, key: LiteLLMKey) -> None:
    """Nothing is left that could tell of what was issued for this resource."""
    left = world.claim
    if left is None or left.metadata.uid != key.metadata.uid or _let_go(left) or not (
        names.FINALIZER in left.metadata.finalizers
        or names.ANNOTATION_INSTALLATION in left.metadata.annotations
        or not record(left).empty
    ):
        _excuse(world, key)


def _forget(world: World) -> None:
    """Neither a status nor LiteLLM tells any more of what travels, except for the revision after those that it knows."""
    known = origins(world.seeds)
    for key, noted in world.records():
        if not noted.empty:
            continue
        uid = key.metadata.uid
        tokens = {token for proxy in world.proxies.values() for token in (*proxy.rows, *proxy.archive)}
        highest = max((known[token].number for token in tokens & known.keys() if known[token].uid == uid), default=0)
        world.excused |= {
            (url, token)
            for url, token in world.coming()
            if known[token].uid == uid and known[token].number > highest + 1
        }


def _let_go(key: LiteLLMKey) -> bool:
    broken = key.metadata.annotations.get(names.ANNOTATION_SKIP_REVOCATION) == "true"
    return broken and key.metadata.deletion_timestamp is not None


def _excuse(world: World, key: LiteLLMKey) -> None:
    world.excused |= {
        (url, token)
        for url in world.proxies
        for token, origin in origins(world.seeds).items()
        if origin.uid == key.metadata.uid
    }


def _ours(world: World, rows: Mapping[str, Stored]) -> list[str]:
    return [token for token in rows if token in origins(world.seeds)]


def _pass(world: World, time: timedelta) -> None:
    world.state.clock += time
    for proxy in world.proxies.values():
        proxy.clock += time


def _rival(world: World, token: str, metadata: Mapping[str, object]) -> bool:
    alias = f"{NAMESPACE}/{NAME}"
    if token in world.proxy.rows or any(stored.row.alias == alias for stored in world.proxy.rows.values()):
        return False
    row: Row = issued(token, {"key_alias": alias, "metadata": metadata, "duration": "30d"}, world.proxy.clock)
    world.proxy.rows[token] = Stored.of(replace(row))
    return True
