"""Where searches begin: the stages of a claim's life."""

from __future__ import annotations

from tests.simulation import accidents as a
from tests.simulation import users as u
from tests.simulation.activity import Activity
from tests.simulation.quiescence import settle
from tests.simulation.world import UIDS, Request, World, fresh


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


def unseen() -> World:
    """Its key was deleted in LiteLLM, which nobody has noticed yet."""
    world = issued()
    a.removed(world)
    world.trail += ("removed",)
    return world


def expired() -> World:
    """Its time was over, and that was seen."""
    world = issued()
    a.over(world)
    settle(world)
    return _anew(world, "issued, expired")


def turning(processes: int = 1) -> World:
    """A rotation was asked for, which nobody has seen yet."""
    world = issued(processes)
    u.turned(world)
    world.trail += ("a rotation is asked for",)
    return world


def rotated(processes: int = 1) -> World:
    """Revision 2 took over, the overlap is not over."""
    world = turning(processes)
    settle(world)
    return _anew(world, "rotated")


def obstructed() -> World:
    """A process noted revision 2 and died before it was sent; meanwhile a stranger has a Secret of the wanted name."""
    world = turning()
    _upto_generate(world)
    u.secret_gone(world)
    u.secret_taken(world)
    return _anew(world, "issued, the next one noted, a stranger's Secret is in the way")


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


def overdue() -> World:
    """Its time is over, which nobody has seen yet."""
    world = issued()
    a.over(world)
    world.trail += ("over",)
    return world


def later() -> list[World]:
    """Every stage of a claim's life."""
    return [
        issued(),
        unseen(),
        overdue(),
        reissued(),
        rotated(),
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


def sent(world: World) -> World:
    """A process died when its first registration was just done."""
    for request in _upto_generate(world):
        world.proxies[request.url].commit(request.name, request.args)
    return _anew(world, "registered")


def underway(world: World) -> World:
    """A process died when its first registration had just been sent."""
    world.travelling = _upto_generate(world)
    return _anew(world, "sent")
