"""What holds after every step, whoever did it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_key_operator.api import names
from litellm_key_operator.api.common import DeletionPolicy
from litellm_key_operator.api.reasons import ConditionType, KeyReason
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.record import installation_of, record
from litellm_key_operator.domain.state import Life, Manifest, Place, SecretSeen
from tests.simulation.world import ELSEWHERE, World, origins, sent

if TYPE_CHECKING:
    from litellm_key_operator.api.key import LiteLLMKey
    from tests.simulation.activity import Call


_LIVES = {KeyReason.ISSUED, KeyReason.SECRET_CONFLICT, KeyReason.SECRET_REJECTED}
"""What is said of a key that works, as far as LiteLLM is concerned."""


class Violation(AssertionError):
    """Something happened that must never happen. Told with how the world came to it."""

    def __init__(self, message: str, world: World | None = None) -> None:
        super().__init__("\n    ".join([message, *(world.trail if world is not None else ())]))


def check(world: World) -> None:
    """No token lives, or may come to live, that no resource notes and no process that lives will take back."""
    remembered = {place for memories in world.processes for place in sent(memories)}
    for place in sorted(world.live() | world.coming()):
        if place not in remembered | world.excused and not _retained(world, place) and not noted(world, place):
            raise Violation(f"{_told(world, place)} is live, or on its way, and noted nowhere", world)


def _retained(world: World, place: Place) -> bool:
    """Left behind on purpose, as the role wants it."""
    stored = world.proxies[place[0]].rows.get(place[1])
    policies = {role.spec.deletion_policy for role in world.state.roles.values()}
    return stored is not None and "retained" in stored.row.mark and DeletionPolicy.RETAIN in policies


def noted(world: World, place: Place) -> bool:
    """Whether a resource notes this token: by its status or, that being empty, by finalizer or annotation."""
    origin = origins(world.seeds)[place[1]]
    for key, told in world.records():
        if key.metadata.uid != origin.uid:
            continue
        if place in {revision.place for revision in told.known}:
            return True
        if told.empty and (told.held or names.ANNOTATION_INSTALLATION in key.metadata.annotations):
            return True
    return False


def held_by(world: World, key: LiteLLMKey) -> Iterator[str]:
    """The tokens of ours that a resource's Secrets hold."""
    for secret in world.state.secrets.values():
        if secret.seen.owner_uid == key.metadata.uid:
            yield from (token for token in secret.seen.hashes.values() if token in origins(world.seeds))


@dataclass(slots=True)
class Watch:
    """An eye on one run: what lived, and the resource, before each of its effects.

    `dead`: what was so when the run began, or was deleted by it.
    """

    world: World
    uid: str
    live: set[Place] = field(default_factory=set[Place])
    dead: frozenset[Place] = frozenset()
    foreign: bool = False
    read: LiteLLMKey | None = None
    before: LiteLLMKey | None = None

    def __post_init__(self) -> None:
        self.dead = frozenset(
            (url, token)
            for url, proxy in self.world.proxies.items()
            for token in proxy.archive
            if token not in proxy.rows
        )
        key = _resource(self.world, self.uid)
        self.foreign = key is not None and installation_of(key) == ELSEWHERE

    def look(self, call: Call) -> None:
        """Just before an effect."""
        self.live = self.world.live()
        self.before = _resource(self.world, self.uid)
        request = call.request
        token = request.token_id if request is not None else None
        touched = next((arg for arg in call.args if isinstance(arg, SecretSeen)), None)
        if touched is not None and touched.owner_uid is None:
            raise Violation("a stranger's Secret is touched", self.world)
        self._others(call)
        if request is not None and self.foreign:
            raise Violation("a key of another installation is touched", self.world)
        if call.url is not None and token is not None and (call.url, token) in self.dead:
            raise Violation(f"{_told(self.world, (call.url, token))} is registered again after it died", self.world)

    def _others(self, call: Call) -> None:
        """What is not ours is left alone, and what somebody blocked is not given a successor."""
        world, known = self.world, origins(self.world.seeds)
        if call.url is None:
            return
        rows = world.proxies[call.url].rows
        if call.name == "update":
            token = call.args[0]
            if isinstance(token, str) and token in rows and token not in known and not rows[token].row.mark:
                raise Violation("a stranger's key is changed", world)
        request = call.request
        if request is None or request.token_id is None:
            return
        if request.token_id not in known:
            raise Violation("value after value is registered, more than any scenario needs", world)
        self._third(call.url, request.token_id)
        for token in rows.keys() & known.keys():
            row, mine = rows[token].row, known[token].uid == known[request.token_id].uid
            if mine and row.life(world.state.clock) is Life.BLOCKED and (call.url, token) not in world.excused:
                raise Violation(f"{_told(world, (call.url, token))} is blocked, and another is issued", world)

    def _third(self, url: str, token: str) -> None:
        """Never more than two values of a resource live; but for those of which nobody could know."""
        world, known = self.world, origins(self.world.seeds)
        doubtful = {r.place for _, noted in world.records() for r in noted.known if r.doubtful}
        mine = {place for place in world.live() if known[place[1]].uid == known[token].uid}
        if len(mine - doubtful - world.excused - {(url, token)}) > 1:
            raise Violation(f"{_told(world, (url, token))} is registered beside two that live", world)

    def check(self, call: Call | None, *, disturbed: bool) -> None:
        """Just after an effect, or at the end."""
        if call is not None and call.when == "before":
            return
        check(self.world)
        if call is None:
            return
        if call.url is not None:
            ended = self.live - self.world.live()
            for place in ended:
                _may_die(self.world, place)
            if call.name == "delete":
                self.dead |= ended
        else:
            self._of_cluster(call, disturbed=disturbed)

    def _of_cluster(self, call: Call, *, disturbed: bool) -> None:
        """Just after a call to the API server."""
        match call.name, call.args:
            case ("secrets.create", (Manifest() as manifest,)) | ("secrets.replace", (Manifest() as manifest, _)):
                if not disturbed:
                    _works(self.world, manifest)
            case "secrets.delete", (SecretSeen() as secret,):
                _not_wanted(self.world, secret, self.read or _resource(self.world, self.uid))
            case "resources.write_key_status", _:
                if not disturbed:
                    _takes_over(self.world, self.before)
            case "resources.read_key", _:
                self.read = _resource(self.world, self.uid)
            case _:
                pass


def _may_die(world: World, place: Place) -> None:
    """A token ends with its resource, or after its successor was published and the overlap is over."""
    uid = origins(world.seeds)[place[1]].uid
    key = _resource(world, uid)
    if key is None or key.metadata.deletion_timestamp is not None:
        return
    noted, now = record(key), world.state.clock
    retired = {r.revision.place for r in noted.retiring if r.retire_at <= now}
    if place in retired and noted.expires_at is not None and noted.expires_at <= now:
        return  # its successor was published, and has had all of its time
    if noted.rotates and noted.current is not None and place == noted.current.place:
        raise Violation(f"{_told(world, place)} was ended while it was reported as the key", world)
    live = {token for _, token in world.live()}
    if (
        not any(token in live for token in held_by(world, key))
        and names.ANNOTATION_PAUSED not in key.metadata.annotations
    ):
        raise Violation(f"{_told(world, place)} was ended before its time, and no other is published", world)
    overlapping = {r.revision.place for r in noted.retiring if r.retire_at > now}
    if place in overlapping and noted.pending is None:
        raise Violation(f"{_told(world, place)} was ended before its overlap was over", world)


def _resource(world: World, uid: str) -> LiteLLMKey | None:
    return next((key for key in world.state.keys.values() if key.metadata.uid == uid), None)


def _not_wanted(world: World, secret: SecretSeen, key: LiteLLMKey | None) -> None:
    """A Secret goes with its resource, with its key, or after the name that it had: by the resource as last read."""
    if key is None or key.metadata.deletion_timestamp is not None:
        return
    live = {token for _, token in world.live()}
    as_wanted = secret.name == (key.spec.secret.name or key.metadata.name) and secret.type == key.spec.secret.type
    if as_wanted and live.intersection(secret.hashes.values()):
        raise Violation("a Secret that is wanted and holds a working key was removed", world)


def _works(world: World, manifest: Manifest) -> None:
    key = _resource(world, manifest.owner_uid)
    if key is None or key.metadata.deletion_timestamp is not None:
        return
    live = {token for _, token in world.live()}
    for text in manifest.data.values():
        token = KeyValue(text).token_id
        if token in origins(world.seeds) and token not in live:
            raise Violation(f"{_told(world, ('', token))} was published and does not work", world)


def owing(world: World) -> None:
    """Bring up to date what living processes have to take back themselves."""
    remembered = {place for memories in world.processes for place in sent(memories)}
    uids = {key.metadata.uid for key in world.state.keys.values()}
    world.owed |= {place for place in remembered if origins(world.seeds)[place[1]].uid not in uids}


def _takes_over(world: World, before: LiteLLMKey | None) -> None:
    """What is reported as the key from now on is said to work, and leaves what worked before its overlap."""
    key = _resource(world, before.metadata.uid) if before is not None else None
    if before is None or key is None or key.metadata.deletion_timestamp is not None:
        return
    old, noted = record(before).current, record(key)
    current = noted.current
    if current is None or current == old or noted.pending is not None:
        return
    said = {condition.reason for condition in key.status.conditions if condition.type == ConditionType.READY}
    if current.place in world.live() and current.token_id in held_by(world, key) and not said & _LIVES:
        raise Violation(f"{_told(world, current.place)} is reported and published, and not said to work", world)
    said = {condition.reason for condition in before.status.conditions if condition.type == ConditionType.READY}
    over = {r.revision.place for r in noted.retiring if r.retire_at <= world.state.clock}
    if old is not None and said & _LIVES and old.place in world.live() & over:
        raise Violation(f"{_told(world, old.place)} worked, and has no overlap", world)


def _told(world: World, place: Place) -> str:
    origin = origins(world.seeds)[place[1]]
    return f"revision {origin.number} of {origin.uid}{' at ' + place[0] if place[0] else ''}"
