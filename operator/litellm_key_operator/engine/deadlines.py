"""Every "later" that is a moment in time: one heap, one task, exact, rebuilt from the first LIST after a restart."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from litellm_key_operator.engine.queue import Item

_LONGEST_SLEEP: Final = 30.0
"""Seconds. The wall clock is read again at least that often, so that a stepped clock or a suspend does no harm."""


class Deadlines:
    """Items with the moment at which each is due next, on this machine's clock. An item has one deadline."""

    def __init__(self, due: Callable[[Item, timedelta], None], now: Callable[[], datetime]) -> None:
        """`due` gets each item once its moment has come, with how late that is."""
        self._due = due
        self._now = now
        self._heap: list[tuple[datetime, Item]] = []
        self._set: dict[Item, datetime] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """How many items have a deadline."""
        return len(self._set)

    def put(self, item: Item, moment: datetime | None) -> None:
        """Make this the item's deadline, or take it away."""
        if moment is None:
            self._set.pop(item, None)
        elif self._set.get(item) != moment:
            self._set[item] = moment
            heapq.heappush(self._heap, (moment, item))
            if self._heap[0][1] == item:
                self._changed.set()

    async def run(self) -> None:
        """Tell of what is due, until cancelled."""
        while True:
            pause = self._tell()
            self._changed.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _tell(self) -> float:
        """Tell of all that is due now; answers the seconds until the next."""
        while self._heap:
            moment, item = self._heap[0]
            if self._set.get(item) != moment:
                heapq.heappop(self._heap)  # it was moved or taken away
                continue
            late = self._now() - moment
            if late < timedelta(0):
                return min(_LONGEST_SLEEP, -late / timedelta(seconds=1))
            heapq.heappop(self._heap)
            del self._set[item]
            self._due(item, late)
        return _LONGEST_SLEEP
