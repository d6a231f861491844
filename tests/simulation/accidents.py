"""What happens to LiteLLM, to processes and to requests, and that time passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from litellm_key_operator.domain.errors import OutsideError
from litellm_key_operator.domain.record import record
from litellm_key_operator.domain.state import Place, Row
from litellm_key_operator.engine.memory import Memory
from tests.simulation.excuses import forget
from tests.simulation.invariants import held_by
from tests.simulation.world import FIRST, NAME, NAMESPACE, TTL, World, origins
from tests.support.fake_rows import Stored, issued

JUST_NOW: Final = timedelta(seconds=1)


def over(world: World) -> bool:
    """The time of every key is over."""
    before = world.live()
    passed = TTL + JUST_NOW
    world.state.clock += passed
    for proxy in world.proxies.values():
        proxy.clock += passed
    _end(world, before - world.live())
    return True


def _end(world: World, ended: set[Place]) -> None:
    for key, noted in world.records():
        current = noted.current
        published = current is not None and current.token_id in held_by(world, key)
        if current is not None and published and noted.pending is None and current.place in ended:
            world.outlived |= {key.metadata.uid}


def just_over(world: World) -> bool:
    """The same, so short a time ago that it cannot be told from the proxy's clock."""
    for proxy in world.proxies.values():
        proxy.proved = proxy.certain
        proxy.lag = 2 * JUST_NOW
    return over(world)


def due(world: World) -> bool:
    """The time for the renewal of the claim's key has come."""
    key = world.claim
    return key is not None and _later(world, record(key).renew_at)


def retired(world: World) -> bool:
    """The overlap of a rotation is over."""
    key = world.claim
    moments = [r.retire_at for r in record(key).retiring] if key is not None else []
    return _later(world, max(moments, default=None))


def _later(world: World, moment: datetime | None) -> bool:
    """It is a second after this moment, if that is not over yet."""
    passed = timedelta() if moment is None else moment + timedelta(seconds=1) - world.state.clock
    if passed <= timedelta(0):
        return False
    world.state.clock += passed
    for proxy in world.proxies.values():
        proxy.clock += passed
    return True


def arrived(world: World) -> bool:
    """What travels arrives, oldest first."""
    requests, before = world.travelling, world.live()
    world.travelling = ()
    for request in requests:
        try:
            world.proxies[request.url].commit(request.name, request.args)
        except OutsideError:
            continue
    # Made anew by its registration, a value has its whole time before it.
    world.outlived -= {origins(world.seeds)[token].uid for _, token in world.live() - before}
    return bool(requests)


def restarted(world: World) -> bool:
    """Every process ends."""
    had = any(world.processes)
    for number in range(len(world.processes)):
        world.restart(number)
    return had


def reseeded(world: World) -> bool:
    """The installation gets a new seed, and every process with it."""
    if world.seeds > 1:
        return False
    world.seeds = 2
    for number in range(len(world.processes)):
        world.restart(number)
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
    _only_records_tell(world)
    world.excused |= {one.place}
    mark = {"installation": "here", "namespace": NAMESPACE, "name": NAME, "uid": key.metadata.uid, "revision": 1}
    return _rival(world, one.token_id, {"llmkeys": mark})


def lost(world: World) -> bool:
    """LiteLLM loses all keys, tombstones too; of what was on its way to them only registrations still arrive."""
    if not world.proxy.rows and not world.proxy.archive:
        return False
    buried = {token for token, stored in world.proxy.rows.items() if "tombstone" in stored.row.mark}
    world.travelling = tuple(request for request in world.travelling if request.token_id not in {None, *buried})
    world.proxy.rows.clear()
    world.proxy.archive.clear()
    _only_records_tell(world)
    forget(world)
    return True


def _only_records_tell(world: World) -> None:
    """LiteLLM forgot whose time is over."""
    now = world.state.clock
    told = {key.metadata.uid for key, noted in world.records() if noted.expires_at and noted.expires_at <= now}
    world.outlived &= told | {key.metadata.uid for key, noted in world.records() if noted.ended}


def removed(world: World) -> bool:
    """An administrator deletes our key in LiteLLM."""
    found = [token for _, token in sorted(world.live())]
    world.proxy.delete(found)
    return bool(found)


def blocked(world: World) -> bool:
    """An administrator blocks our key in LiteLLM, or takes that back."""
    ours = [
        t
        for t in sorted(origins(world.seeds).keys() & world.proxy.rows.keys())
        if "tombstone" not in world.proxy.rows[t].row.mark
    ]
    for token in ours:
        world.proxy.update(token, {"blocked": not world.proxy.rows[token].row.blocked})
    return bool(ours)


def drifted(world: World) -> bool:
    """An administrator edits our key in LiteLLM's UI, which drops what it does not know."""
    found = [token for url, token in world.live() if url == FIRST]
    for token in found:
        world.proxy.update(token, {"rpm_limit": 999, "metadata": {}})
    return bool(found)


def extended(world: World) -> bool:
    """An administrator gives our key a longer time in LiteLLM."""
    found = [token for url, token in world.live() if url == FIRST]
    for token in found:
        world.proxy.update(token, {"duration": "5h"})
    world.outlived = frozenset()
    return bool(found)


def shortened(world: World) -> bool:
    """An administrator ends the time of our key in LiteLLM, and whoever looks there sees it."""
    found, before = [token for url, token in world.live() if url == FIRST], world.live()
    for token in found:
        world.proxy.update(token, {"duration": "0s"})
    _end(world, before - world.live())
    return bool(found)


def down(world: World) -> bool:
    """The proxy goes down, or comes up again."""
    world.proxy.down = not world.proxy.down
    return True


def _rival(world: World, token: str, metadata: Mapping[str, object]) -> bool:
    alias = f"{NAMESPACE}/{NAME}"
    if token in world.proxy.rows or any(stored.row.alias == alias for stored in world.proxy.rows.values()):
        return False
    row: Row = issued(token, {"key_alias": alias, "metadata": metadata, "duration": "30d"}, world.proxy.clock)
    world.proxy.rows[token] = Stored.of(replace(row))
    return True


def noticed(world: World) -> bool:
    """The sweep, in every process, saw that something is not as it should be."""
    for memories in world.processes:
        for key in world.state.keys.values():
            memories.setdefault(key.metadata.uid, Memory()).suspect = True
    return True


NOT_FOR_A_RUN_TO_KNOW = frozenset(
    {
        extended,
        shortened,
        over,
        just_over,
        due,
        retired,
        taken_by_stranger,
        taken_by_predecessor,
        restored,
        lost,
        removed,
        blocked,
        drifted,
    }
)
"""What changes a key in LiteLLM: a run that it happens in cannot know of it."""
