"""Breadth first through all that can become of a world; worlds that nothing can tell apart are one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from tests.simulation.invariants import check
from tests.simulation.moves import Move
from tests.simulation.quiescence import rest
from tests.simulation.world import World


@dataclass(slots=True)
class Count:
    """`steps`: transitions tried. `worlds`: different ones among what came of them. `rests`: ... once at rest."""

    steps: int = 0
    worlds: int = 0
    rests: int = 0

    def __add__(self, other: Count) -> Count:
        """Both."""
        return Count(self.steps + other.steps, self.worlds + other.worlds, self.rests + other.rests)


def explore(
    starts: Sequence[World],
    moves: Sequence[Sequence[Move]],
    progress: Callable[[int, Count], None] = lambda _depth, _count: None,
) -> Count:
    """Everything that can come of these worlds. `moves` says what is tried at which depth. Raises Violation."""
    count, seen, ended = Count(), set[Hashable](), set[Hashable]()
    frontier = [world for world in starts if _new(world, seen)]
    for depth, choice in enumerate(moves):
        following: list[World] = []
        for world in frontier:
            for move in choice:
                for after in move(world):
                    count.steps += 1
                    check(after)
                    if _new(after, seen):
                        following.append(after)
                        rest(after, ended)
        frontier = following
        count.worlds, count.rests = len(seen), len(ended)
        progress(depth + 1, count)
    return count


def _new(world: World, seen: set[Hashable]) -> bool:
    key = world.key()
    if key in seen:
        return False
    seen.add(key)
    return True
