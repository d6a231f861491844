"""Leader election on a real API server."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from litellm_key_operator.cluster.client import MERGE_PATCH, Client
from litellm_key_operator.cluster.lease import Lease
from litellm_key_operator.cluster.paths import LEASES
from tests.support.real_cluster import CutClient

DURATION = timedelta(seconds=4.5)
"""Of a Lease here: renewed after 0.6 s, lost after 3 s, free for others after 4.5 s (in the Lease: 5)."""

LONG = timedelta(minutes=5)


def a_lease(client: Client, namespace: str, who: str, **settings: Any) -> Lease:
    return Lease(client, namespace, "leader", who, duration=DURATION, **settings)


async def is_acquired(lease: Lease, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await lease.acquire()
            return True
    return False


class TestLease:
    async def test_has_one_holder_who_keeps_it(self, client: CutClient, rival: CutClient, namespace: str) -> None:
        one, two = a_lease(client, namespace, "one"), a_lease(rival, namespace, "two")
        assert await is_acquired(one, 5)
        assert not await is_acquired(two, 7)
        assert not one.lost.is_set()
        await one.release()

    async def test_of_many_candidates_one_gets(self, client: CutClient, namespace: str) -> None:
        candidates = [a_lease(client, namespace, str(n)) for n in range(5)]
        held = await asyncio.gather(*(is_acquired(one, 2) for one in candidates))
        assert held.count(True) == 1
        await asyncio.gather(*(one.release() for one in candidates))

    async def test_that_is_released_is_free_at_once(self, client: CutClient, rival: CutClient, namespace: str) -> None:
        async with a_lease(client, namespace, "one"):
            waiting = asyncio.create_task(is_acquired(two := a_lease(rival, namespace, "two"), 15))
            await rival.has_asked(2)
            assert not waiting.done()
        began = time.monotonic()
        assert await waiting
        assert time.monotonic() - began < 3
        await two.release()
        spec = (await client.get(LEASES.of(namespace, "leader")))["spec"]
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("", 1, 2)

    async def test_that_is_long_is_taken_as_soon_when_it_is_released(
        self, client: CutClient, rival: CutClient, namespace: str
    ) -> None:
        one, two = (
            Lease(its, namespace, "leader", who, duration=LONG) for its, who in ((client, "one"), (rival, "two"))
        )
        await one.acquire()
        waiting = asyncio.create_task(is_acquired(two, LONG.total_seconds()))
        await rival.has_asked(2)
        assert not waiting.done()
        await one.release()
        async with asyncio.timeout(LONG.total_seconds() / 30):
            assert await waiting
        await two.release()

    async def test_is_lost_before_anybody_else_can_have_it(
        self, client: CutClient, rival: CutClient, namespace: str
    ) -> None:
        one, two = a_lease(client, namespace, "one"), a_lease(rival, namespace, "two")
        await one.acquire()
        client.cut = True
        cut = time.monotonic()
        lost: list[float] = []

        async def when_lost() -> None:
            await one.lost.wait()
            lost.append(time.monotonic() - cut)

        watching = asyncio.create_task(when_lost())
        assert await is_acquired(two, 15)
        taken = time.monotonic() - cut
        async with asyncio.timeout(5):
            await watching
        # Two thirds of the duration after the last renewal, which was at most one retry before the cut.
        assert 2.2 <= lost[0] <= 3.5
        assert taken >= 4.2
        client.cut = False
        await one.release()
        assert not two.lost.is_set()
        assert (await client.get(LEASES.of(namespace, "leader")))["spec"]["holderIdentity"] == "two"
        await two.release()

    async def test_heeds_nobodys_clock(self, client: CutClient, rival: CutClient, namespace: str) -> None:
        async def contest(name: str, hours: int) -> None:
            def off() -> datetime:
                return datetime.now(UTC) + timedelta(hours=hours)

            one = Lease(client, namespace, name, "one", duration=DURATION)
            two = Lease(rival, namespace, name, "two", duration=DURATION, now=off)
            await one.acquire()
            assert not await is_acquired(two, 4)
            await one.release()
            assert await is_acquired(two, 4)
            assert not await is_acquired(Lease(client, namespace, name, "three", duration=DURATION), 4)
            await two.release()

        await asyncio.gather(contest("slow", -5), contest("fast", 5))

    async def test_survives_a_short_outage_and_a_lost_answer(self, client: CutClient, namespace: str) -> None:
        async with a_lease(client, namespace, "one") as one:
            client.cut = True
            await client.has_asked(1)
            client.cut = False
            # As if a renewal had been stored and its answer lost: the version is another, the holder is not.
            body = {"metadata": {"labels": {"a": "b"}}}
            await client.request("PATCH", LEASES.of(namespace, "leader"), body=body, content_type=MERGE_PATCH)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(4):
                    await one.lost.wait()

    @pytest.mark.parametrize("change", ["taken", "deleted"])
    async def test_is_lost_when_somebody_else_disposes_of_it(
        self, client: CutClient, namespace: str, change: str
    ) -> None:
        one, path = a_lease(client, namespace, "one"), LEASES.of(namespace, "leader")
        await one.acquire()
        if change == "taken":
            body = {"spec": {"holderIdentity": "two"}}
            await client.request("PATCH", path, body=body, content_type=MERGE_PATCH)
        else:
            await client.request("DELETE", path)
        async with asyncio.timeout(2.5):
            await one.lost.wait()
        await one.release()
        if change == "taken":
            assert (await client.get(path))["spec"]["holderIdentity"] == "two"
