"""A settled system: what it costs when nothing changes, and when the operator starts again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from dev import progress
from dev.bench import counters, figures
from dev.bench.figures import Figure
from dev.bench.site import Site, until

SWEEPS = 2
OFTEN = "10s"
"""The shortest interval between sweeps."""
SELDOM = "1h"
SCRAPED = 2.0
"""Seconds between looks at the metrics: with many Keys their page is most of what the operator does meanwhile."""


async def settled(site: Site, count: int) -> Figure:
    """Two sweeps over so many keys; whoever waits for the first knows that all news before it is settled."""
    with progress.step("a settled system being swept", "30 s"):
        await site.sweep_every(OFTEN)
        done = await swept(site, counters.sweeps(site.operator) + 1)
        written, called = await counters.writes(site.kubernetes), counters.calls(site.operator)
        await swept(site, done + SWEEPS)
        called = counters.calls(site.operator) - called
        changed = await counters.writes(site.kubernetes) - written
        await site.sweep_every(SELDOM)
    return figures.settled(count, changed.total(), called, SWEEPS)


async def swept(site: Site, times: float) -> float:
    """Return when so many sweeps were made; answers how many were."""

    async def enough() -> bool:
        return await asyncio.to_thread(counters.sweeps, site.operator) >= times

    await until(enough, "sweeps", every=SCRAPED)
    return counters.sweeps(site.operator)


async def restarted(site: Site, count: int) -> list[Figure]:
    """Two restarts: one with nothing to do, one with a key that waits."""
    seconds = site.sizes.watched
    with progress.step("a restart with nothing to do", "65 s"):
        await site.rest()
        written = await counters.writes(site.kubernetes)
        began = time.monotonic()
        await site.lead()
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
        called: Counter[str] = counters.calls(site.operator)
        changed = await counters.writes(site.kubernetes) - written
    with progress.step("a restart with a key that waits", "5 s"):
        await site.rest()
        async with site.arrivals() as arrivals:
            await site.apply("waiting")
            began = time.monotonic()
            await site.lead()
            waited = await arrivals.all_of(["waiting"]) - began
        await site.remove(["waiting"])
    return [figures.restart(count, seconds, changed.total(), called), figures.served(count, waited)]
