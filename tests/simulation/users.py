"""What users and other programs do to the claim and its Secret."""

from __future__ import annotations

from collections.abc import Mapping

from litellm_key_operator.api import names
from litellm_key_operator.domain.record import record
from tests.simulation.excuses import excuse_vanished, forget, unpublish
from tests.simulation.invariants import held_by
from tests.simulation.world import ELSEWHERE, NAME, NAMESPACE, UIDS, World, claim, origins


def deleted(world: World) -> bool:
    """The user deletes the claim."""
    key = world.claim
    if key is None or key.metadata.deletion_timestamp is not None:
        return False
    world.cluster.mark_deleted(NAMESPACE, NAME)
    excuse_vanished(world, key)
    return True


def stripped(world: World) -> bool:
    """Somebody takes the finalizer off."""
    key = world.claim
    if key is None or names.FINALIZER not in key.metadata.finalizers:
        return False
    world.cluster.strip_finalizer(NAMESPACE, NAME)
    excuse_vanished(world, key)
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
    excuse_vanished(world, key)
    return True


def recreated(world: World) -> bool:
    """A claim of the same name is made, once there is none."""
    used = {
        origins(world.seeds)[token].uid
        for proxy in world.proxies.values()
        for token in origins(world.seeds).keys() & (proxy.rows.keys() | proxy.archive.keys())
    }
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
    if world.state.secrets.pop((NAMESPACE, NAME), None) is None:
        return False
    unpublish(world)
    return True


def secret_edited(world: World) -> bool:
    """Somebody writes something else into the Secret."""
    secret = world.state.secrets.get((NAMESPACE, NAME))
    if secret is None or secret.data == {"api-key": "nonsense"}:
        return False
    world.cluster.edit_secret(NAMESPACE, NAME, {"api-key": "nonsense"})
    unpublish(world)
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
    if key is None or (record(key).empty and not key.status.conditions):
        return False
    rows = [
        (token, row) for proxy in world.proxies.values() for token, row in (*proxy.rows.items(), *proxy.archive.items())
    ]
    known = {token for token, stored in rows if not stored.row.mark.get("blank")}
    if known.isdisjoint(held_by(world, key)):
        world.outlived -= {key.metadata.uid}  # nothing is left that tells of it
    world.cluster.clear_status(NAMESPACE, NAME)
    forget(world)
    return True


def annotations_gone(world: World) -> bool:
    """A tenant removes our annotations."""
    key = world.claim
    if key is None or not _annotated(world, {names.ANNOTATION_INSTALLATION: None, names.ANNOTATION_CONNECTION: None}):
        return False
    excuse_vanished(world, key)
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


def role_gone(world: World) -> bool:
    """The role is deleted."""
    had = bool(world.state.roles)
    world.state.roles.clear()
    return had


def paused(world: World) -> bool:
    """The user asks for no change, or takes that back."""
    key = world.claim
    had = key.metadata.annotations.get(names.ANNOTATION_PAUSED) if key is not None else None
    return _annotated(world, {names.ANNOTATION_PAUSED: None if had else "true"})


def turned(world: World) -> bool:
    """The user asks for a rotation."""
    key = world.claim
    had = key.metadata.annotations.get(names.ANNOTATION_ROTATE) if key is not None else None
    return had != "twice" and _annotated(world, {names.ANNOTATION_ROTATE: "twice" if had else "once"})


def glass_broken(world: World) -> bool:
    """The user lets the claim go without a revocation."""
    key = world.claim
    if key is None or not _annotated(world, {names.ANNOTATION_SKIP_REVOCATION: "true"}):
        return False
    excuse_vanished(world, key)
    return True


def _annotated(world: World, annotations: Mapping[str, str | None]) -> bool:
    key = world.claim
    if key is None or all(key.metadata.annotations.get(name) == text for name, text in annotations.items()):
        return False
    world.cluster.edit(NAMESPACE, NAME, annotations=annotations)
    return True
