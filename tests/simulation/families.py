"""What is searched together: where it begins, and what is tried at which depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Final

from tests.simulation import accidents as a
from tests.simulation import users as u
from tests.simulation.moves import Event, Move, blind, failing, happening, interleaved, meddling, running
from tests.simulation.starts import (
    begun,
    held,
    issued,
    later,
    obstructed,
    reissued,
    renamed,
    rotated,
    sent,
    turning,
    twice,
    underway,
)
from tests.simulation.world import World, fresh


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
    u.turned,
    u.glass_broken,
    a.over,
    a.due,
    a.retired,
    a.just_over,
    at_once(a.shortened),
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


TENANT: Final = happening(
    u.pointed_elsewhere,
    u.pointed_nowhere,
    u.annotations_gone,
    u.other_seed,
    u.role_gone,
    u.deleted,
    u.status_cleared,
    a.arrived,
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
    u.turned,
    a.due,
    a.retired,
    a.lost,
    a.removed,
    a.over,
    a.extended,
    a.down,
)

RENEWING: Final = happening(
    u.turned, a.due, a.retired, a.over, u.deleted, u.status_cleared, at_once(a.removed), at_once(a.lost), a.arrived
)

FAMILIES: Final = (
    Family("anything happens to a new claim", begun, [ALL, ALL, ALL], 2),
    Family("anything happens later", later, [ALL, ALL], 1),
    Family("killed again and again", begun, [(running, DAMAGE)] * 6, 3),
    Family(
        "others come between two calls",
        lambda: [fresh(), renamed(), *later()],
        [(MEDDLING,), (running, DAMAGE), (running, DAMAGE)],
        1,
    ),
    Family("rotated", lambda: [turning(), rotated()], [(running, failing, RENEWING)] * 3, 1),
    Family(
        "rotated by two", lambda: [turning(2), rotated(2)], [(interleaved,), (running, RENEWING), (interleaved,)], 1
    ),
    Family("rotated, killed again and again", lambda: [turning()], [(running, RENEWING)] * 4, 2),
    Family(
        "rotated, while others come between two calls",
        lambda: [turning(), rotated()],
        [(MEDDLING,), (running, RENEWING), (running, RENEWING)],
        1,
    ),
    Family(
        "rotated, while a Secret is in the way",
        lambda: [obstructed()],
        [(running, RENEWING, happening(u.secret_given_back))] * 4,
        3,
    ),
    Family("extended", lambda: [issued(renewal={"policy": "Extend"})], [(running, failing, RENEWING)] * 3, 2),
    Family("two processes", twice, [(interleaved,), (running, DAMAGE), (interleaved,)], 1),
    Family(
        "two processes, others before",
        lambda: [fresh(processes=2), issued(2)],
        [(running, failing, DAMAGE), (interleaved,)],
        1,
    ),
    Family(
        "two connections",
        lambda: [fresh(proxies=2), issued(proxies=2), held(fresh(proxies=2)), sent(fresh(proxies=2))],
        [(running, TENANT)] * 4,
        2,
    ),
    Family(
        "two seeds", lambda: [fresh(), underway(fresh()), reissued()], [(running, TENANT, happening(a.reseeded))] * 4, 2
    ),
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
