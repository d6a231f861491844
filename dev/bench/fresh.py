"""Fresh keys: one on an idle system, and many at once between two measurements of the floors."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from dev import progress
from dev.bench import counters, figures
from dev.bench.figures import Figure, Floors
from dev.bench.pace import best, spread
from dev.bench.site import Site

_WARM_UP = 16
"""Keys until both servers have opened their connections and compiled their statements."""
_REST = 0.3
"""Seconds in which a system that has done its work becomes idle."""


async def floors(site: Site, when: str) -> tuple[Floors, list[str]]:
    """Both floors, and the names of the keys that the bare proxy made. No operator runs."""
    script, count = site.script, site.sizes.floor
    with progress.step(f"the floors, {when}", "30 s"):
        await spread([f"warm-up-{when}-{number}" for number in range(_WARM_UP)], script.fresh, _WARM_UP)
        proxy, made = await best(f"proxy-{when}", count, script.generate)
        work, _ = await best(f"work-{when}", count, script.fresh)
    return Floors(proxy, work), made


async def idle(site: Site) -> Figure:
    """The operator and the script by turns."""
    ours, bare = list[float](), list[float]()
    claims = [f"idle-{number}" for number in range(site.sizes.idle)]
    with progress.step("single keys on an idle system", "30 s"):
        async with site.arrivals() as arrivals:
            for claim in claims:
                began = time.monotonic()
                await site.apply(claim)
                ours.append(await arrivals.all_of([claim]) - began)
                await site.all_ready([claim])
                await asyncio.sleep(_REST)
                bare.append(await site.script.timed(claim))
                await asyncio.sleep(_REST)
        await site.remove(claims)
    return figures.idle(ours, bare)


async def _warm_up(site: Site) -> None:
    """A few keys, gone again: now the operator has checked its connection and opened its sockets."""
    claims = [f"warm-up-{number}" for number in range(_WARM_UP)]
    await site.apply_all(claims)
    await site.all_ready(claims)
    await site.remove(claims)


class Burst:
    """Many keys at once: how fast, and what they cost."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.claims = [f"burst-{number}" for number in range(site.sizes.burst)]
        self._seconds = self._per_key = self._per_event = 0.0
        self._calls = 0
        self._changed: Counter[counters.Write] = Counter()

    async def run(self) -> None:
        """Apply them and watch."""
        site, operator = self._site, self._site.operator
        await _warm_up(site)
        written, called = await counters.writes(site.kubernetes), counters.calls(operator)
        posted, busy = counters.events(operator), counters.cpu(operator.pid)
        with progress.step(f"{len(self.claims):,} keys at once", "30 s"):
            async with site.arrivals() as arrivals:
                began = time.monotonic()
                await site.apply_all(self.claims)
                await arrivals.all_of(self.claims)
            await site.all_ready(self.claims)
            self._seconds = time.monotonic() - began
        used = counters.cpu(operator.pid) - busy
        told = counters.events(operator) - posted
        self._calls = (counters.calls(operator) - called).total()
        self._changed = await counters.writes(site.kubernetes) - written
        self._per_event = await self._cost_of_event()
        count = len(self.claims)
        self._per_key = (used - told * self._per_event) / count + self._per_event

    def figures(self, around: Floors) -> list[Figure]:
        """The rows, by the floors on both sides."""
        count = len(self.claims)
        return [
            figures.burst(count, self._seconds, around),
            figures.fresh(count, self._changed, self._calls),
            figures.cpu(self._per_key, self._per_event, around.work.cpu),
        ]

    async def _cost_of_event(self) -> float:
        """Most Events are posted after a burst, a few a second; what else goes on then counts as theirs."""
        operator = self._site.operator
        with progress.step("its Events being posted"):
            posted, busy = counters.events(operator), counters.cpu(operator.pid)
            await asyncio.sleep(self._site.sizes.trickle)
            used = counters.cpu(operator.pid) - busy
            told = counters.events(operator) - posted
        return used / told if told else 0.0
