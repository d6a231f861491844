"""The end of many keys: deleted at once, and expired one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dev import progress
from dev.bench import figures
from dev.bench.clients import BenchError
from dev.bench.copies import Copies
from dev.bench.figures import Figure
from dev.bench.pace import best, spread
from dev.bench.site import AT_A_TIME, Site, until

_BARE = (1, 8)
"""Concurrencies that bare deletes are tried at."""
_HEAD_START = timedelta(seconds=20)
_PER_COPY = timedelta(seconds=0.05)
"""How long a copy may take on a busy machine; a quiet one needs a fifth of it."""
_AFTER = 15.0
"""Seconds after the last expiry in which all have to be gone, or they count as not deleted at all."""
_LATENESS = """
select extract(epoch from deleted_at - expires) from "LiteLLM_DeletedVerificationToken" where key_alias like '%s/%s-%%'
"""


async def deleted(site: Site, claims: Sequence[str], bare: Sequence[str]) -> list[Figure]:
    """Claims deleted at once, with a new one in the middle of it; `bare` are keys for the script to delete."""
    left = iter(bare)
    with progress.step("bare single deletes", "10 s"):
        pace, _ = await best("bare", len(bare) // len(_BARE), lambda _: site.script.delete(next(left)), _BARE)
    with progress.step(f"{len(claims):,} keys deleted at once", "15 s"):
        async with site.departures() as departures, site.arrivals() as arrivals:
            began = time.monotonic()
            deleting = asyncio.create_task(spread(claims, site.delete, AT_A_TIME))

            async def begun() -> bool:
                return bool(departures.at) or deleting.done()

            await until(begun, "the first to be gone")
            applied = time.monotonic()
            await site.apply("meanwhile")
            served = await arrivals.all_of(["meanwhile"])
            await deleting
            over = await departures.all_of(claims)
        await site.remove(["meanwhile"])
    return [
        figures.deletion(len(claims), over - began, pace),
        figures.meanwhile(served - applied, over - applied),
    ]


async def expired(site: Site, copies: Copies) -> Figure:
    """Settled keys that expire one after the other; LiteLLM's own table says when each was deleted."""
    count, window = site.sizes.expiring, site.sizes.window
    names = [f"expiring-{number}" for number in range(count)]
    with progress.step(f"{count:,} keys that expire within {window:g} s", "90 s"):
        await site.rest()
        begin = datetime.now(UTC).replace(microsecond=0) + _HEAD_START + _PER_COPY * count
        ends = {name: begin + timedelta(seconds=int(window * number / count)) for number, name in enumerate(names)}
        await copies.make(names, expires=ends)
        await site.lead()
        if datetime.now(UTC) > begin:
            raise BenchError("this machine is too busy: the first keys expired before the operator worked")
        over = begin + timedelta(seconds=window + _AFTER)

        async def gone() -> bool:
            await asyncio.sleep(1)
            return datetime.now(UTC) > over or len(_late(site)) == count

        await until(gone, "all to be gone")
        late = _late(site)
        await site.remove(names)
    return figures.lateness(late, count, window)


def _late(site: Site) -> list[float]:
    statement = _LATENESS % (site.namespace, "expiring")
    return [float(line) for line in site.proxy.postgres.psql(site.proxy.database, statement).split()]
