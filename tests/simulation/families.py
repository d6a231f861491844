"""What is searched together: where it begins, and what is tried at which depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from litellm_key_operator.engine.memory import Memory
from tests.simulation import events as e
from tests.simulation.activity import Activity
from tests.simulation.moves import Move, blind, failing, happening, interleaved, meddling, running
from tests.simulation.quiescence import settle
from tests.simulation.world import UIDS, World, fresh

ANYTHING: Final = happening(
    e.deleted,
    e.stripped,
    e.vanished,
    e.recreated,
    e.edited,
    e.renamed,
    e.secret_gone,
    e.secret_edited,
    e.secret_taken,
    e.secret_given_back,
    e.status_cleared,
    e.annotations_gone,
    e.foreign,
    e.paused,
    e.glass_broken,
    e.over,
    e.taken_by_stranger,
    e.taken_by_predecessor,
    e.restored,
    e.lost,
    e.removed,
    e.blocked,
    e.drifted,
    e.extended,
    e.down,
    e.arrived,
    e.restarted,
)
DAMAGE: Final = happening(e.deleted, e.removed, e.lost, e.status_cleared, e.over, e.arrived, e.vanished, e.recreated)
ALL: Final = (running, failing, blind, ANYTHING)


@dataclass(frozen=True, slots=True)
class Family:
    """`short` are the depths that the unit tests go to."""

    name: str
    starts: Callable[[], Sequence[World]]
    moves: Sequence[Sequence[Move]]
    short: int


def begun() -> list[World]:
    """Nothing was done yet."""
    return [fresh()]


def issued(processes: int = 1, *, proxies: int = 1, **spec: object) -> World:
    """A key was issued and all is well; every process is new."""
    world = fresh(processes=processes, proxies=proxies, **spec)
    settle(world)
    return _anew(world, "issued")


def reissued(processes: int = 1) -> World:
    """Revision 1 was deleted in LiteLLM, revision 2 was issued."""
    world = issued(processes)
    e.removed(world)
    for memories in world.processes:
        memories.clear()
    _suspect(world)
    settle(world)
    return _anew(world, "issued, deleted in LiteLLM, issued")


def dying(processes: int = 1) -> World:
    """Revision 1 was deleted in LiteLLM; a process noted revision 2, sent it and died."""
    world = issued(processes)
    e.removed(world)
    _suspect(world)
    activity = Activity(world, UIDS[0])
    while activity.at is not None and (activity.at.name, activity.at.when) != ("generate", "before"):
        activity.go_on()
    if activity.at is not None and activity.at.request is not None:
        world.travelling = (activity.at.request,)
    return _anew(world, "issued, deleted in LiteLLM, the next one sent")


def expired() -> World:
    """Its time was over, and that was seen."""
    world = issued()
    e.over(world)
    settle(world)
    return _anew(world, "issued, expired")


def ends(world: World) -> World:
    """... and is being deleted."""
    e.deleted(world)
    world.trail += ("deleted",)
    return world


def _anew(world: World, *trail: str) -> World:
    e.restarted(world)
    world.trail = trail
    return world


def _suspect(world: World) -> None:
    for memories in world.processes:
        memories.setdefault(UIDS[0], Memory()).suspect = True


def renamed() -> World:
    """Its Secret is to have another name, which nobody has seen yet."""
    world = issued()
    e.renamed(world)
    world.trail += ("renamed",)
    return world


def later() -> list[World]:
    """Every stage of a claim's life."""
    return [issued(), reissued(), dying(), expired(), ends(issued()), ends(reissued()), ends(dying())]


def twice() -> list[World]:
    """The same for two processes, each of which believes that it is the only one."""
    lost = reissued(2)
    e.lost(lost)
    gone = issued(2)
    e.removed(gone)
    for world in (lost, gone):
        _suspect(world)
        world.trail += ("both look at LiteLLM",)
    return [fresh(processes=2), ends(issued(2)), ends(dying(2)), dying(2), lost, gone]


def held(world: World) -> World:
    """A process died when nothing but the finalizer was there."""
    activity = Activity(world, UIDS[0])
    while activity.at is not None and (activity.at.name, activity.at.when) != ("resources.hold", "after"):
        activity.go_on()
    return _anew(world, "held")


TENANT: Final = happening(
    e.pointed_elsewhere, e.pointed_nowhere, e.annotations_gone, e.other_seed, e.deleted, e.status_cleared, e.arrived
)
MEDDLING: Final = meddling(
    e.deleted,
    e.stripped,
    e.vanished,
    e.replaced,
    e.status_cleared,
    e.edited,
    e.renamed,
    e.secret_gone,
    e.secret_edited,
    e.secret_taken,
    e.lost,
    e.removed,
    e.over,
    e.down,
)

FAMILIES: Final = (
    Family("anything happens to a new claim", begun, [ALL, ALL, ALL], 2),
    Family("anything happens later", later, [ALL, ALL], 1),
    Family("killed again and again", begun, [(running, DAMAGE)] * 5, 3),
    Family("others come between two calls", lambda: [fresh(), renamed(), *later()], [(MEDDLING,), (running, DAMAGE)], 1),
    Family("two processes", twice, [(interleaved,), (running, happening(e.deleted, e.arrived, e.removed))], 1),
    Family(
        "two processes, others before",
        lambda: [fresh(processes=2), issued(2)],
        [(running, failing, DAMAGE), (interleaved,)],
        1,
    ),
    Family(
        "two connections",
        lambda: [fresh(proxies=2), issued(proxies=2), held(fresh(proxies=2))],
        [(running, TENANT)] * 4,
        2,
    ),
    Family("two seeds", begun, [(running, happening(e.deleted)), *[(running, TENANT, happening(e.reseeded))] * 3], 2),
    Family("retained", lambda: [fresh(deletionPolicy="Retain"), issued(deletionPolicy="Retain")], [(running, failing, DAMAGE)] * 3, 2),
    Family("removes itself", lambda: [issued(ttlAfterExpired="1h")], [(running, happening(e.over, e.deleted, e.secret_gone))] * 4, 3),
)
