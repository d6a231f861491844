"""Who runs next: an item at most once at a time, urgent ones first, connections and their namespaces in turn."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias


class Kind(IntEnum):
    """What an item is."""

    KEY = 0
    ROLE = 1
    CONNECTION = 2
    SWEEP = 3
    GRAVES = 4
    LIST = 5


class Item(NamedTuple):
    """Something to be looked at: `name` is the uid of a key, the name of a role or connection, the kind of a list."""

    kind: Kind
    namespace: str
    name: str


class Lane(IntEnum):
    """Revocations go first, three to one, so that neither a flood of them nor one of new keys starves the other."""

    URGENT = 0
    NORMAL = 1


Line: TypeAlias = dict[Hashable, dict[str, deque[Item]]]
"""Per group, and in that per namespace, its items; groups and namespaces in the order of their turns."""

_TURNS: Final = (Lane.URGENT, Lane.URGENT, Lane.URGENT, Lane.NORMAL)


class Queue:
    """Items that want a run. One that is added while it runs is run once more, however often it was added."""

    def __init__(
        self,
        work: Callable[[Item], Awaitable[None]],
        *,
        workers: int,
        retry_min: float,
        retry_max: float,
        group: Callable[[Item], Hashable] = lambda _: None,
    ) -> None:
        """`work` runs one item and does not raise; retries wait from `retry_min` to `retry_max` seconds.

        Items of one `group` have half of the workers at most, those of the group None all: who waits for a proxy that
        hangs must not keep others from theirs.
        """
        self._work = work
        self._workers = workers
        self._group = group
        self._busy: Counter[Hashable] = Counter()
        self._retry_min, self._retry_max = retry_min, retry_max
        self._lanes: dict[Lane, Line] = {lane: {} for lane in Lane}
        self._waiting: dict[Item, Lane] = {}
        self._running: dict[Item, asyncio.Task[None]] = {}
        self._again: dict[Item, Lane] = {}
        self._put_off: dict[Item, list[Callable[[], None]]] = {}
        self._later: dict[Item, asyncio.TimerHandle] = {}
        self._failures: dict[Item, int] = {}
        self._turn = 0
        self._open = False

    def __len__(self) -> int:
        """How many items wait for a worker, apart from those that wait for a time."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits for a worker."""
        return not self._waiting and not self._running

    def start(self) -> None:
        """Let work begin; what was added before is kept until then."""
        self._open = True
        self._pump()

    async def stop(self, grace: float) -> None:
        """Begin nothing more, give what runs `grace` seconds to end, then cancel it."""
        self._open = False
        for handle in self._later.values():
            handle.cancel()
        self._later.clear()
        running = list(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def add(self, item: Item, lane: Lane = Lane.NORMAL) -> None:
        """Run it as soon as there is a worker."""
        self._unschedule(item)
        if item in self._running:
            self._again[item] = min(lane, self._again.get(item, lane))
            return
        had = self._waiting.get(item)
        if had is None or lane < had:
            # An item that moved to a better lane stays in the worse one too, to be passed over at its turn there.
            self._waiting[item] = lane
            self._lanes[lane].setdefault(self._group(item), {}).setdefault(item.namespace, deque()).append(item)
            self._pump()

    def add_after(self, item: Item, pause: float, lane: Lane = Lane.NORMAL) -> None:
        """Run it in `pause` seconds, unless it is to run earlier anyway."""
        loop = asyncio.get_running_loop()
        due = self._later.get(item)
        if item in self._waiting or item in self._again or (due is not None and due.when() <= loop.time() + pause):
            return
        self._unschedule(item)
        self._later[item] = loop.call_later(pause, self.add, item, lane)

    def once_free(self, item: Item, tell: Callable[[], None]) -> None:
        """Call it now, or when the run over this item that is under way ends."""
        if item in self._running:
            self._put_off.setdefault(item, []).append(tell)
        else:
            tell()

    def retry(self, item: Item, lane: Lane = Lane.NORMAL, *, at_least: float = 0.0) -> float:
        """Run it after a pause that doubles with each failure in a row; answers the pause in seconds."""
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        longest = min(self._retry_max, self._retry_min * 2.0 ** min(failures, 30))
        pause = max(at_least, longest * random.uniform(0.75, 1.0))  # noqa: S311 - spreads load, protects nothing
        self.add_after(item, pause, lane)
        return pause

    def fresh(self, item: Item) -> None:
        """Its failures are forgotten: it went well, or what is asked for has changed."""
        self._failures.pop(item, None)

    def forget(self, item: Item) -> None:
        """It is gone for good; a run of it that is under way ends by itself."""
        self._unschedule(item)
        self._failures.pop(item, None)
        self._again.pop(item, None)

    def _unschedule(self, item: Item) -> None:
        handle = self._later.pop(item, None)
        if handle is not None:
            handle.cancel()

    def _pump(self) -> None:
        while self._open and self._waiting and len(self._running) < self._workers:
            found = self._next()
            if found is None:
                return
            item, group = found
            self._busy[group] += 1
            self._running[item] = asyncio.get_running_loop().create_task(self._run(item, group))

    def _next(self) -> tuple[Item, Hashable] | None:
        self._turn = (self._turn + 1) % len(_TURNS)
        first = _TURNS[self._turn]
        return self._pick(first) or self._pick(Lane.NORMAL if first is Lane.URGENT else Lane.URGENT)

    def _pick(self, lane: Lane) -> tuple[Item, Hashable] | None:
        line = self._lanes[lane]
        for group in list(line):
            while group in line and self._has_room(group):
                item = _pop(line, group)
                if self._waiting.get(item) is lane:
                    del self._waiting[item]
                    return item, group
        return None

    def _has_room(self, group: Hashable) -> bool:
        return group is None or self._busy[group] < max(1, self._workers // 2)

    async def _run(self, item: Item, group: Hashable) -> None:
        try:
            await self._work(item)
        finally:
            for tell in self._put_off.pop(item, ()):
                tell()
            del self._running[item]
            self._busy[group] -= 1
            if not self._busy[group]:
                del self._busy[group]
            again = self._again.pop(item, None)
            if again is not None:
                self.add(item, again)
            self._pump()


def _pop(line: Line, group: Hashable) -> Item:
    """The item whose turn it is in a group; the group and the namespace go to the end."""
    namespaces = line.pop(group)
    namespace, items = next(iter(namespaces.items()))
    del namespaces[namespace]
    item = items.popleft()
    if items:
        namespaces[namespace] = items
    if namespaces:
        line[group] = namespaces
    return item
