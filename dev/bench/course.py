"""One run, from the first floor to the last figure."""

from __future__ import annotations

from pathlib import Path

from dev.bench import endings, fresh, rest
from dev.bench.copies import Copies
from dev.bench.figures import Figure, middle
from dev.bench.many import many
from dev.bench.report import Report
from dev.bench.site import opened
from dev.bench.sizes import Sizes
from dev.controlplane import Access
from dev.controlplane.access import define
from dev.litellm import Proxy


async def run(plane: Access, proxy: Proxy, folder: Path, sizes: Sizes) -> Report:
    """Measure everything on these servers, which nobody else uses meanwhile.

    The floors stand as near to the burst as they can. Raises BenchError, ServerError, OperatorError.
    """
    define(plane)
    rows: list[Figure] = []
    async with opened(plane, proxy, folder, sizes) as site:
        await site.lead()
        single = await fresh.idle(site)
        await site.rest()
        before, bare = await fresh.floors(site, "before")
        await site.lead()
        burst = fresh.Burst(site)
        await burst.run()
        await site.rest()
        after, _ = await fresh.floors(site, "after")
        first, *others = burst.figures(middle(before, after))
        rows += [first, single, *others]
        await site.lead()
        rows.append(await rest.settled(site, sizes.burst))
        rows += await rest.restarted(site, sizes.burst)
        gone = await endings.deleted(site, burst.claims, bare)
        copies = await Copies.of_one(site, folder)
        late = await endings.expired(site, copies)
        rows += [await many(site, copies), *gone, late]
        await site.rest()
    return Report(sizes, before, after, rows)
