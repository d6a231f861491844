"""What holds after every step, whoever did it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_key_operator.api import names
from litellm_key_operator.api.common import DeletionPolicy
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.state import Manifest, Place
from tests.simulation.world import World, origins, sent

if TYPE_CHECKING:
    from litellm_key_operator.api.key import LiteLLMKey
    from tests.simulation.activity import Call


class Violation(AssertionError):
    """Something happened that must never happen."""

    def __init__(self, message: str, world: World) -> None:
        super().__init__("\n    ".join([message, *world.trail]))
        self.message = message


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
    for key, record in world.records():
        if key.metadata.uid != origin.uid:
            continue
        if place in {revision.place for revision in record.known}:
            return True
        if record.empty and (record.held or names.ANNOTATION_INSTALLATION in key.metadata.annotations):
            return True
    return False


def held_by(world: World, key: LiteLLMKey) -> Iterator[str]:
    """The tokens of ours that a resource's Secrets hold."""
    for secret in world.state.secrets.values():
        if secret.seen.owner_uid == key.metadata.uid:
            yield from (token for token in secret.seen.hashes.values() if token in origins(world.seeds))


@dataclass(slots=True)
class Watch:
    """An eye on one run: what lived before each of its effects, and what was dead when it began."""

    world: World
    live: set[Place] = field(default_factory=set[Place])
    dead: frozenset[Place] = frozenset()

    def __post_init__(self) -> None:
        self.dead = frozenset(
            (url, token)
            for url, proxy in self.world.proxies.items()
            for token in proxy.archive
            if token not in proxy.rows
        )

    def look(self, call: Call) -> None:
        """Just before an effect."""
        self.live = self.world.live()
        request = call.request
        token = request.token_id if request is not None else None
        if call.url is not None and token is not None and (call.url, token) in self.dead:
            raise Violation(f"{_told(self.world, (call.url, token))} is registered again after it died", self.world)

    def check(self, call: Call | None, *, disturbed: bool) -> None:
        """Just after an effect, or at the end."""
        if call is not None and call.when == "before":
            return
        check(self.world)
        if call is None:
            return
        if call.url is not None:
            for place in self.live - self.world.live():
                _may_die(self.world, place)
        elif call.name in {"secrets.create", "secrets.replace"} and not disturbed:
            manifest = call.args[0]
            if isinstance(manifest, Manifest):
                _works(self.world, manifest)


def _may_die(world: World, place: Place) -> None:
    """A token ends with its resource, or after its successor was published."""
    uid = origins(world.seeds)[place[1]].uid
    key = next((key for key in world.state.keys.values() if key.metadata.uid == uid), None)
    if key is None or key.metadata.deletion_timestamp is not None:
        return
    live = {token for _, token in world.live()}
    if not any(token in live for token in held_by(world, key)):
        raise Violation(f"{_told(world, place)} was ended before its time, and no other is published", world)


def _works(world: World, manifest: Manifest) -> None:
    key = next((k for k in world.state.keys.values() if k.metadata.uid == manifest.owner_uid), None)
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


def _told(world: World, place: Place) -> str:
    origin = origins(world.seeds)[place[1]]
    return f"revision {origin.number} of {origin.uid}{' at ' + place[0] if place[0] else ''}"
