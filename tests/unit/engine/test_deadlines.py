"""The heap of deadlines: exact, one per item, moved and taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from litellm_key_operator.engine.deadlines import Deadlines
from litellm_key_operator.engine.queue import Item, Kind


def item(name: str) -> Item:
    return Item(Kind.KEY, "a", name)


class Told:
    """What came due, and how late."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.late: list[timedelta] = []
        self.some = asyncio.Event()

    def due(self, it: Item, late: timedelta) -> None:
        self.items.append(it.name)
        self.late.append(late)
        self.some.set()


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def running(deadlines: Deadlines) -> AsyncGenerator[None]:
    task = asyncio.create_task(deadlines.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(told: Told, count: int) -> None:
    async with asyncio.timeout(5):
        while len(told.items) < count:
            told.some.clear()
            await told.some.wait()


async def test_items_come_in_the_order_of_their_moments_and_not_before() -> None:
    told = Told()
    deadlines = Deadlines(told.due, now)
    begin = now()
    async with running(deadlines):
        deadlines.put(item("second"), begin + timedelta(seconds=0.08))
        deadlines.put(item("first"), begin + timedelta(seconds=0.04))
        await until(told, 2)
    assert told.items == ["first", "second"]
    assert min(told.late) >= timedelta(0)
    assert len(deadlines) == 0


async def test_what_is_overdue_comes_at_once() -> None:
    told = Told()
    deadlines = Deadlines(told.due, now)
    deadlines.put(item("old"), now() - timedelta(hours=1))
    async with running(deadlines):
        await until(told, 1)
    assert told.late[0] >= timedelta(hours=1)


async def test_a_moved_deadline_counts_where_it_is_now() -> None:
    told = Told()
    deadlines = Deadlines(told.due, now)
    async with running(deadlines):
        deadlines.put(item("moved earlier"), now() + timedelta(hours=1))
        deadlines.put(item("moved later"), now() + timedelta(seconds=0.02))
        await asyncio.sleep(0)
        deadlines.put(item("moved later"), now() + timedelta(hours=1))
        deadlines.put(item("moved earlier"), now() + timedelta(seconds=0.04))
        await until(told, 1)
    assert told.items == ["moved earlier"]
    assert len(deadlines) == 1


async def test_a_deadline_that_was_taken_away_does_not_come() -> None:
    told = Told()
    deadlines = Deadlines(told.due, now)
    async with running(deadlines):
        deadlines.put(item("gone"), now() + timedelta(seconds=0.02))
        deadlines.put(item("gone"), None)
        deadlines.put(item("other"), now() + timedelta(seconds=0.05))
        await until(told, 1)
    assert told.items == ["other"]


async def test_ten_thousand_are_cheap_to_put() -> None:
    told = Told()
    deadlines = Deadlines(told.due, now)
    begin = now() - timedelta(seconds=10)
    for n in range(10_000):
        deadlines.put(item(str(n)), begin + timedelta(milliseconds=n % 1000))
    async with running(deadlines):
        await until(told, 10_000)
    assert len(set(told.items)) == 10_000
