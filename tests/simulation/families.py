"""What is searched together: where it begins, and what is tried at which depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Final

from tests.simulation import accidents as a
from tests.simulation import users as u
from tests.simulation.activity import Activity
from tests.simulation.moves import Event, Move, blind, failing, happening, interleaved, meddling, running
from tests.simulation.quiescence import settle
from tests.simulation.world import UIDS, Request, World, fresh


def at_once(event: Event) -> Event:
    """It happens, and every process notices."""

    @wraps(event)
    def noticed(world: World) -> bool:
        happened = event(world)
        a.noticed(world)
        return happened

    return noticed


ANYTHING: Final = happening(
    a.noticed,
    at_once(a.removed),
    at_once(a.lost),
    at_once(a.restored),
    u.deleted,
    u.stripped,
    u.vanished,
    u.recreated,
    u.edited,
    u.renamed,
    u.secret_gone,
    u.secret_edited,
    u.secret_taken,
    u.secret_given_back,
    u.status_cleared,
    u.annotations_gone,
    u.foreign,
    u.paused,
    u.glass_broken,
    a.over,
    a.taken_by_stranger,
    a.taken_by_predecessor,
    a.restored,
    a.lost,
    a.removed,
    a.blocked,
    a.drifted,
    a.extended,
    a.down,
    a.arrived,
    a.restarted,
)
DAMAGE: Final = happening(
    u.deleted, at_once(a.removed), at_once(a.lost), u.status_cleared, a.over, a.arrived, u.vanished, u.recreated
)
ALL: Final = (running, failing, blind, ANYTHING)


@dataclass(frozen=True, slots=True)
class Family:
    """`short` is how deep the unit tests go, `few` from how many of the starts."""

    name: str
    starts: Callable[[], Sequence[World]]
    moves: Sequence[Sequence[Move]]
    short: int
    few: int | None = None


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
    a.removed(world)
    for memories in world.processes:
        memories.clear()
    a.noticed(world)
    settle(world)
    return _anew(world, "issued, deleted in LiteLLM, issued")


def dying(processes: int = 1) -> World:
    """Revision 1 was deleted in LiteLLM; a process noted revision 2, sent it and died."""
    world = issued(processes)
    a.removed(world)
    a.noticed(world)
    world.travelling = _upto_generate(world)
    return _anew(world, "issued, deleted in LiteLLM, the next one sent")


def doubtful() -> World:
    """Issued by the second process, while what the first one sent is still on its way."""
    world = fresh()
    request = _upto_generate(world)
    _anew(world)
    settle(world)
    world.travelling = request
    return _anew(world, "issued in doubt")


def expired() -> World:
    """Its time was over, and that was seen."""
    world = issued()
    a.over(world)
    settle(world)
    return _anew(world, "issued, expired")


def ends(world: World) -> World:
    """... and is being deleted."""
    u.deleted(world)
    world.trail += ("deleted",)
    return world


def _upto_generate(world: World) -> tuple[Request, ...]:
    """A run up to where it sends its registration, which is the answer."""
    activity = Activity(world, UIDS[0])
    while activity.at is not None and (activity.at.name, activity.at.when) != ("generate", "before"):
        activity.go_on()
    request = activity.at.request if activity.at is not None else None
    return () if request is None else (request,)


def _anew(world: World, *trail: str) -> World:
    a.restarted(world)
    world.trail = trail
    return world


def renamed() -> World:
    """Its Secret is to have another name, which nobody has seen yet."""
    world = issued()
    u.renamed(world)
    world.trail += ("renamed",)
    return world


def later() -> list[World]:
    """Every stage of a claim's life."""
    return [
        issued(),
        reissued(),
        doubtful(),
        dying(),
        expired(),
        ends(issued()),
        ends(reissued()),
        ends(doubtful()),
        ends(dying()),
    ]


def twice() -> list[World]:
    """The same for two processes, each of which believes that it is the only one."""
    lost = reissued(2)
    a.lost(lost)
    gone = issued(2)
    a.removed(gone)
    for world in (lost, gone):
        a.noticed(world)
        world.trail += ("both look at LiteLLM",)
    return [fresh(processes=2), ends(issued(2)), ends(dying(2)), dying(2), lost, gone]


def held(world: World) -> World:
    """A process died when nothing but the finalizer was there."""
    activity = Activity(world, UIDS[0])
    while activity.at is not None and (activity.at.name, activity.at.when) != ("resources.hold", "after"):
        activity.go_on()
    return _anew(world, "held")


TENANT: Final = happening(
    u.pointed_elsewhere, u.pointed_nowhere, u.annotations_gone, u.other_seed, u.deleted, u.status_cleared, a.arrived
)
MEDDLING: Final = meddling(
    u.deleted,
    u.stripped,
    u.vanished,
    u.replaced,
    u.status_cleared,
    u.edited,
    u.renamed,
    u.secret_gone,
    u.secret_edited,
    u.secret_taken,
    a.lost,
    a.removed,
    a.over,
    a.down,
)

FAMILIES: Final = (
    Family("anything happens to a new claim", begun, [ALL, ALL, ALL], 2),
    Family("anything happens later", later, [ALL, ALL], 1),
    Family("killed again and again", begun, [(running, DAMAGE)] * 5, 3),
    Family(
        "others come between two calls", lambda: [fresh(), renamed(), *later()], [(MEDDLING,), (running, DAMAGE)], 1
    ),
    Family("two processes", twice, [(interleaved,), (running, happening(u.deleted, a.arrived, a.removed))], 1),
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
    Family("two seeds", begun, [(running, happening(u.deleted)), *[(running, TENANT, happening(a.reseeded))] * 3], 2),
    Family(
        "retained",
        lambda: [fresh(deletionPolicy="Retain"), issued(deletionPolicy="Retain")],
        [(running, failing, DAMAGE)] * 3,
        2,
    ),
    Family(
        "removes itself",
        lambda: [issued(ttlAfterExpired="1h")],
        [(running, happening(a.over, u.deleted, u.secret_gone))] * 4,
        3,
    ),
)
