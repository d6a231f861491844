"""Ten thousand keys."""

from __future__ import annotations

from dev import progress
from dev.bench import counters, figures
from dev.bench.copies import Copies
from dev.bench.figures import Figure
from dev.bench.rest import OFTEN, swept
from dev.bench.site import Site


async def many(site: Site, copies: Copies) -> Figure:
    """Memory after a start and a sweep, and the calls of the next sweep. All but one of the keys are copies."""
    count = site.sizes.many
    await site.rest()
    with progress.step(f"{count:,} keys being put there", "90 s"):
        await copies.make([f"many-{number}" for number in range(count - 1)])
    with progress.step("a start with them, and sweeps over them", "45 s"):
        await site.lead()
        await site.sweep_every(OFTEN)
        done = await swept(site, 1)
        called = counters.calls(site.operator)
        await swept(site, done + 1)
        called = counters.calls(site.operator) - called
        memory, peak = counters.memory(site.operator.pid)
    return figures.many(count, memory, peak, called)
