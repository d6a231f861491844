"""How fast many calls go, a few at a time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

BEST_OF: Final = (8, 16)
"""Concurrencies that a floor is tried at."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Calls per second, and this process's CPU seconds per call, at a concurrency."""

    rate: float
    cpu: float
    concurrency: int


async def spread(names: Sequence[str], work: Callable[[str], Awaitable[object]], concurrency: int) -> None:
    """Do the work for each name, so many at a time. Raises what the first failure raises."""
    left: Iterator[str] = iter(names)

    async def worker() -> None:
        for name in left:
            await work(name)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(worker())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed


async def paced(names: Sequence[str], work: Callable[[str], Awaitable[object]], concurrency: int) -> Pace:
    """The same, with a watch in hand."""
    began, busy = time.monotonic(), time.process_time()
    await spread(names, work, concurrency)
    took, cpu = time.monotonic() - began, time.process_time() - busy
    return Pace(len(names) / took, cpu / len(names), concurrency)


async def best(
    prefix: str, count: int, work: Callable[[str], Awaitable[object]], at: Sequence[int] = BEST_OF
) -> tuple[Pace, list[str]]:
    """The fastest of some concurrencies, each with so many names of its own; and all names."""
    tried, names = list[Pace](), list[str]()
    for concurrency in at:
        fresh = [f"{prefix}-{concurrency}-{number}" for number in range(count)]
        tried.append(await paced(fresh, work, concurrency))
        names += fresh
    return max(tried, key=lambda pace: pace.rate), names


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so many (0 to 1) of them do not exceed; infinite if there are none."""
    ordered = sorted(values) or [math.inf]
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
