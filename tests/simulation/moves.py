"""What can become of a run: it ends, its process dies at any call, any call fails, others come between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from litellm_key_operator.domain.errors import Unavailable
from tests.simulation.accidents import NOT_FOR_A_RUN_TO_KNOW
from tests.simulation.activity import TO_LITELLM, Activity, Call
from tests.simulation.invariants import owing
from tests.simulation.world import World

Event = Callable[[World], bool]
"""Changes a world, or answers that there is nothing to change."""
Move = Callable[[World], Iterator[World]]
"""All that can come of a world in one way."""


def happening(*choice: Event) -> Move:
    """Each of these events, between two runs."""

    def move(world: World) -> Iterator[World]:
        for event in choice:
            after = world.copy(event.__name__)
            if event(after):
                owing(after)
                yield after

    return move


def running(world: World) -> Iterator[World]:
    """Every process, over every resource that it knows of: to the end, or killed at any call."""
    for number, uid in _runs(world):
        now = world.copy(f"process {number} runs")
        activity = Activity(now, uid, number)
        while activity.at is not None:
            yield from _killed(activity)
            activity.go_on()
        owing(now)
        yield now


def failing(world: World) -> Iterator[World]:
    """Any call of a run fails, with or without an effect, or with one that is still to come; the process lives on."""
    for number, uid in _runs(world):
        for held in _counted(world, uid, number):
            for effect in ("none", "done", "late", "ignored"):
                after = _failed(world, uid, number, held, effect)
                if after is not None:
                    yield after


def blind(world: World) -> Iterator[World]:
    """A run whose watch has not shown it the Secrets yet."""
    for number, uid in _runs(world):
        now = world.copy(f"process {number} runs and has not seen the Secrets")
        yield Activity(now, uid, number, blind=True).finish()


def meddling(*choice: Event) -> Move:
    """At any call of a run, one of these events."""

    def move(world: World) -> Iterator[World]:
        for number, uid in _runs(world):
            for held in _counted(world, uid, number):
                for event in choice:
                    now = world.copy()
                    activity = _upto(now, uid, number, held)
                    if activity.at is None or not event(now):
                        continue
                    now.trail += (f"process {number} runs; {_named(activity.at)}: {event.__name__}",)
                    activity.disturbed = event in NOT_FOR_A_RUN_TO_KNOW
                    activity.finish()
                    owing(now)
                    yield now

    return move


def interleaved(world: World) -> Iterator[World]:
    """Two processes run over the same resource.

    One is frozen at any call, the other runs up to any call or to its end; then the first goes on to its end, and the
    other after it.
    """
    for uid in _uids(world):
        for first, second in ((0, 1), (1, 0)):
            for held in _counted(world, uid, first):
                yield from _alternating(world, uid, (first, second), held)


def _alternating(world: World, uid: str, numbers: tuple[int, int], held: int) -> Iterator[World]:
    again = 0
    while True:
        now = world.copy()
        one = _upto(now, uid, numbers[0], held)
        if one.at is None:
            return
        where = _named(one.at)
        two = _upto(now, uid, numbers[1], again)
        upto = "its end" if two.at is None else _named(two.at)
        now.trail += (f"process {numbers[0]} is frozen {where}, process {numbers[1]} runs up to {upto}",)
        ended = two.at is None
        owing(now)
        one.finish()
        two.finish()
        owing(now)
        yield now
        if ended:
            return
        again += 1


def _killed(activity: Activity) -> Iterator[World]:
    """The process dies here; a request that it had sent may still be on its way."""
    call, number = activity.at, activity.number
    if call is None:
        return
    yield _dead(activity.world, number, f"dies {_named(call)}")
    request = call.request
    if call.when == "before" and request is not None:
        dead = _dead(activity.world, number, f"dies, {call.name} was sent")
        dead.travelling += (request,)
        yield dead


def _dead(world: World, number: int, how: str) -> World:
    dead = world.copy(how)
    dead.restart(number)
    return dead


def _failed(world: World, uid: str, number: int, held: int, effect: str) -> World | None:
    now = world.copy()
    activity = _upto(now, uid, number, held)
    call = activity.at
    if call is None or (call.when == "after") != (effect == "done"):
        return None
    if effect == "ignored":
        return _ignored(activity)
    if effect == "late":
        if call.request is None:
            return None
        now.travelling += (call.request,)
    where = "LiteLLM" if call.name in TO_LITELLM else "cluster"
    now.trail += (f"process {number} runs, {call.name} fails ({where}), effect: {effect}",)
    activity.go_on(Unavailable("no answer", sent=True))
    activity.finish()
    owing(now)
    return now


def _ignored(activity: Activity) -> World | None:
    """LiteLLM answers a deletion with 200 and does nothing: its answer tells nothing of what it missed."""
    call, world = activity.at, activity.world
    if call is None or call.url is None or call.name != "delete":
        return None
    rows = dict(world.proxies[call.url].rows)
    world.trail += (f"process {activity.number} runs, {call.name} is ignored",)
    activity.go_on()
    for token in rows.keys() - world.proxies[call.url].rows.keys():
        world.proxies[call.url].archive.pop(token)
        world.proxies[call.url].rows[token] = rows[token]
    return activity.finish()


def _counted(world: World, uid: str, number: int) -> range:
    """The places to hold at, of an undisturbed run."""
    activity, count = Activity(world.copy(), uid, number), 0
    while activity.at is not None:
        count += 1
        activity.go_on()
    return range(count)


def _upto(world: World, uid: str, number: int, held: int) -> Activity:
    """A run that is held at this place, or over before."""
    activity = Activity(world, uid, number)
    for _ in range(held):
        if activity.at is None:
            break
        activity.go_on()
    return activity


def _uids(world: World) -> list[str]:
    uids = [key.metadata.uid for key in world.state.keys.values()]
    return uids + sorted({uid for memories in world.processes for uid in memories} - set(uids))


def _runs(world: World) -> Iterable[tuple[int, str]]:
    return ((number, uid) for number in range(len(world.processes)) for uid in _uids(world))


def _named(call: Call) -> str:
    return f"{call.when} {call.name}"
