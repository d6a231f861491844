"""What holds once nothing disturbs any more: every process runs until it is content, and all is as it should be."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import timedelta

from litellm_key_operator.api import names
from litellm_key_operator.api.common import ConditionStatus
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.reasons import ConditionType, KeyReason
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.state import Place
from tests.simulation import accidents, users
from tests.simulation.activity import Activity
from tests.simulation.invariants import Violation, check, held_by
from tests.simulation.world import World, origins

READS = frozenset({"info", "left", "find", "resources.read_key", "secrets.read"})
MOST_RUNS = 12
"""Of one process over one resource until it is content; more is no end."""


def settle(world: World) -> None:
    """Run every process over every resource, in turn, until none of them changes anything any more."""
    uids = [key.metadata.uid for key in world.state.keys.values()]
    uids += [uid for memories in world.processes for uid in memories if uid not in uids]
    calls: list[str] = []
    for _ in range(MOST_RUNS):
        calls = [call for number in range(len(world.processes)) for uid in uids for call in _calls(world, uid, number)]
        if READS.issuperset(calls):
            return
    raise Violation(f"does not settle in {MOST_RUNS} runs: {', '.join(calls)}", world)


def _calls(world: World, uid: str, number: int) -> list[str]:
    activity = Activity(world, uid, number)
    activity.finish()
    return activity.calls


def rest(world: World, known: set[Hashable]) -> None:
    """Let the world come to rest: everything is up, what travels arrives, every row is looked at, the claim is deleted.

    So much time passes that the proxy's clock is known.

    `known` are worlds that came to a rest already.
    """
    calm = world.copy("and nothing disturbs any more")
    for proxy in calm.proxies.values():
        proxy.down = False
        proxy.lag = timedelta(0)
    _collect(calm)
    settle(calm)
    key = calm.key()
    if key in known:
        return
    known.add(key)
    if calm.travelling:
        _deleted_first(calm)
    if accidents.arrived(calm):
        settle(calm)
    accidents.noticed(calm)
    settle(calm)
    judge(calm)
    if accidents.retired(calm):
        calm.trail += ("and its overlap is over",)
        settle(calm)
        judge(calm)
    if users.deleted(calm):
        calm.trail += ("and is deleted in the end",)
        settle(calm)
        judge(calm)


def _deleted_first(world: World) -> None:
    """What travels arrives only after all was deleted: then it must find the door closed."""
    gone = world.copy("and is deleted before what travels arrives")
    if users.deleted(gone):
        settle(gone)
    accidents.arrived(gone)
    settle(gone)
    judge(gone)


def _collect(world: World) -> None:
    """The garbage collector: a Secret goes after its owner."""
    uids = {key.metadata.uid for key in world.state.keys.values()}
    for at, secret in list(world.state.secrets.items()):
        if secret.seen.owner_uid is not None and secret.seen.owner_uid not in uids:
            del world.state.secrets[at]


def judge(world: World) -> None:
    """Whether all is as it should be."""
    check(world)
    owed = world.owed & (world.live() | world.coming())
    if owed:
        raise Violation(f"was not taken back: {sorted(owed)}", world)
    for key, record in world.records():
        if key.metadata.deletion_timestamp is not None:
            if not _foreign(key) and not _nowhere(world, key):
                raise Violation("is not let go", world)
        elif not _foreign(key):
            _standing(world, key, record)
    uids = {key.metadata.uid for key in world.state.keys.values()}
    for memories in world.processes:
        if memories.keys() - uids:
            raise Violation("remembers what is gone", world)


def _standing(world: World, key: LiteLLMKey, record: Record) -> None:
    """What the resource says of itself is true, and it says the best that is possible."""
    uid = key.metadata.uid
    said = {condition.type: condition for condition in key.status.conditions}
    live = {place for place in world.live() if origins(world.seeds)[place[1]].uid == uid}
    ready = said["Ready"]
    match ready.reason:
        case KeyReason.ISSUED:
            _issued(world, key, record, live)
        case KeyReason.EXPIRED:
            if live - world.excused or list(held_by(world, key)):
                raise Violation("has expired, and something of it is left", world)
        case reason:
            if not _obstacle(world, key, reason):
                raise Violation(f"is not ready for no good reason: {reason}: {ready.message}", world)
    if uid in world.outlived and ready.reason not in (KeyReason.EXPIRED, *_HANDS_OFF):
        raise Violation(f"its time is over and it is {ready.reason}", world)


_HANDS_OFF = (KeyReason.FOREIGN_INSTALLATION, KeyReason.PAUSED)


def _issued(world: World, key: LiteLLMKey, record: Record, live: set[Place]) -> None:
    current = record.current
    overlapping = {r.revision.place for r in record.retiring if r.retire_at > world.state.clock}
    if current is None or live - overlapping != {current.place} or len(overlapping) > 1:
        raise Violation(f"is ready, and {len(live)} keys of it are live", world)
    synced = next(condition for condition in key.status.conditions if condition.type == ConditionType.SYNCED)
    stopped = record.pending is not None and not _obstacle(world, key, synced.reason)
    if stopped or any(r.retire_at <= world.state.clock for r in record.retiring):
        raise Violation(f"is ready and not done: {record.pending} {record.retiring}", world)
    left_alone = names.ANNOTATION_PAUSED in key.metadata.annotations or _foreign(key)
    secrets = [secret.seen for secret in world.state.secrets.values() if secret.seen.owner_uid == key.metadata.uid]
    names_of = [secret.name for secret in secrets if current.token_id in secret.hashes.values()]
    if not left_alone and names_of != [key.spec.secret.name or key.metadata.name]:
        raise Violation(f"is ready, and the Secrets that hold its key are {names_of}", world)
    row = world.proxies[current.url].rows[current.token_id].row
    for number in range(len(world.processes)):
        calls = _calls(world, key.metadata.uid, number)
        if calls and all(condition.status == ConditionStatus.TRUE for condition in key.status.conditions):
            raise Violation(f"is settled, and is not left alone: {', '.join(calls)}", world)
    if record.pending is None and (row.expires, row.alias) != (record.expires_at, record.alias):
        raise Violation(f"says {record.expires_at} {record.alias}, LiteLLM {row.expires} {row.alias}", world)
    rpm = 10 if key.spec.limits.rpm is None else key.spec.limits.rpm
    if row.fields["rpm_limit"] != rpm and not left_alone:
        raise Violation(f"asks for {rpm} requests a minute, LiteLLM allows {row.fields['rpm_limit']}", world)


def _obstacle(world: World, key: LiteLLMKey, reason: str) -> bool:
    """Whether what it says stands in its way does."""
    alias = f"{key.metadata.namespace}/{key.metadata.name}"
    rows = [stored.row for proxy in world.proxies.values() for stored in proxy.rows.values()]
    secret = world.state.secrets.get((key.metadata.namespace, key.spec.secret.name or key.metadata.name))
    match reason:
        case KeyReason.ALIAS_CONFLICT:
            return any(row.alias == alias and not row.mark for row in rows)
        case KeyReason.EXTERNALLY_BLOCKED:
            return any(row.blocked and "tombstone" not in row.mark for row in rows)
        case KeyReason.SECRET_CONFLICT:
            return secret is not None and secret.seen.owner_uid is None
        case KeyReason.ROLE_NOT_FOUND:
            return not world.state.roles
        case KeyReason.PAUSED | KeyReason.EXTERNALLY_DELETED:
            return names.ANNOTATION_PAUSED in key.metadata.annotations
        case _:
            return False


def _nowhere(world: World, key: LiteLLMKey) -> bool:
    """Its annotation names a connection that there is not, so that what nothing else tells of may live there."""
    namespace, _, name = key.metadata.annotations.get(names.ANNOTATION_CONNECTION, "").partition("/")
    return bool(name) and (namespace, name) not in world.state.connections


def _foreign(key: LiteLLMKey) -> bool:
    return not key.metadata.annotations.get(names.ANNOTATION_INSTALLATION, "here").startswith("here")
