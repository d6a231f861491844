"""Leader election and Events on a real API server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from typing_extensions import override

from dev.controlplane import Access
from litellm_key_operator.cluster.client import MERGE_PATCH, Client
from litellm_key_operator.cluster.events import ClusterJournal
from litellm_key_operator.cluster.lease import Lease
from litellm_key_operator.cluster.paths import EVENTS, LEASES
from litellm_key_operator.domain.errors import Unavailable
from litellm_key_operator.ports import Notice
from tests.support.cluster_worlds import until

DURATION = timedelta(seconds=3)
"""Of a Lease here: renewed after 0.4 s, lost after 2 s, free for others after 3 s."""


class Cut(Client):
    """A client whose network can be cut."""

    cut = False

    @override
    async def request(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if self.cut:
            await asyncio.sleep(0.05)
            raise Unavailable("cut")
        return await super().request(*args, **kwargs)


@pytest.fixture
async def client(control_plane: Access) -> AsyncGenerator[Cut]:
    async with await Cut.connect(control_plane.kubeconfig) as client:
        yield client


@pytest.fixture
async def rival(control_plane: Access) -> AsyncGenerator[Cut]:
    async with await Cut.connect(control_plane.kubeconfig) as client:
        yield client


def a_lease(client: Client, namespace: str, who: str, **settings: Any) -> Lease:
    return Lease(client, namespace, "leader", who, duration=DURATION, **settings)


async def is_acquired(lease: Lease, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await lease.acquire()
            return True
    return False


class TestLease:
    async def test_has_one_holder_who_keeps_it(self, client: Cut, rival: Cut, namespace: str) -> None:
        one, two = a_lease(client, namespace, "one"), a_lease(rival, namespace, "two")
        assert await is_acquired(one, 5)
        assert not await is_acquired(two, 5)
        assert not one.lost.is_set()
        await one.release()

    async def test_of_many_candidates_one_gets(self, client: Cut, namespace: str) -> None:
        candidates = [a_lease(client, namespace, str(n)) for n in range(5)]
        held = await asyncio.gather(*(is_acquired(one, 2) for one in candidates))
        assert held.count(True) == 1
        await asyncio.gather(*(one.release() for one in candidates))

    async def test_that_is_released_is_free_at_once(self, client: Cut, rival: Cut, namespace: str) -> None:
        async with a_lease(client, namespace, "one"):
            waiting = asyncio.create_task(is_acquired(two := a_lease(rival, namespace, "two"), 10))
            await asyncio.sleep(1)
            assert not waiting.done()
        began = time.monotonic()
        assert await waiting
        assert time.monotonic() - began < 1.5
        await two.release()
        spec = (await client.get(LEASES.of(namespace, "leader")))["spec"]
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("", 1, 2)

    async def test_is_lost_before_anybody_else_can_have_it(self, client: Cut, rival: Cut, namespace: str) -> None:
        one, two = a_lease(client, namespace, "one"), a_lease(rival, namespace, "two")
        await one.acquire()
        client.cut = True
        cut = time.monotonic()
        lost: list[float] = []

        async def when_lost() -> None:
            await one.lost.wait()
            lost.append(time.monotonic() - cut)

        watching = asyncio.create_task(when_lost())
        assert await is_acquired(two, 10)
        taken = time.monotonic() - cut
        await watching
        # Two thirds of the duration after the last renewal, which was at most 0.4 s before the cut.
        assert 1.4 <= lost[0] <= 2.3
        assert 2.4 <= taken <= 4.5
        client.cut = False
        await one.release()
        assert not two.lost.is_set()
        assert (await client.get(LEASES.of(namespace, "leader")))["spec"]["holderIdentity"] == "two"
        await two.release()

    async def test_heeds_nobodys_clock(self, client: Cut, rival: Cut, namespace: str) -> None:
        async def contest(name: str, hours: int) -> None:
            def off() -> datetime:
                return datetime.now(UTC) + timedelta(hours=hours)

            one = Lease(client, namespace, name, "one", duration=DURATION)
            two = Lease(rival, namespace, name, "two", duration=DURATION, now=off)
            await one.acquire()
            assert not await is_acquired(two, 4)
            await one.release()
            assert await is_acquired(two, 2)
            assert not await is_acquired(Lease(client, namespace, name, "three", duration=DURATION), 4)
            await two.release()

        await asyncio.gather(contest("slow", -5), contest("fast", 5))

    async def test_survives_a_short_outage_and_a_lost_answer(self, client: Cut, namespace: str) -> None:
        async with a_lease(client, namespace, "one") as one:
            client.cut = True
            await asyncio.sleep(1)
            client.cut = False
            # As if a renewal had been stored and its answer lost: the version is another, the holder is not.
            body = {"metadata": {"labels": {"a": "b"}}}
            await client.request("PATCH", LEASES.of(namespace, "leader"), body=body, content_type=MERGE_PATCH)
            await asyncio.sleep(2.5)
            assert not one.lost.is_set()

    @pytest.mark.parametrize("change", ["taken", "deleted"])
    async def test_is_lost_when_somebody_else_disposes_of_it(self, client: Cut, namespace: str, change: str) -> None:
        one, path = a_lease(client, namespace, "one"), LEASES.of(namespace, "leader")
        await one.acquire()
        if change == "taken":
            body = {"spec": {"holderIdentity": "two"}}
            await client.request("PATCH", path, body=body, content_type=MERGE_PATCH)
        else:
            await client.request("DELETE", path)
        async with asyncio.timeout(1.5):
            await one.lost.wait()
        await one.release()
        if change == "taken":
            assert (await client.get(path))["spec"]["holderIdentity"] == "two"


def a_notice(namespace: str, **changes: Any) -> Notice:
    notice = Notice("LiteLLMKey", namespace, "app", str(uuid4()), "KeyIssued", "a key was issued")
    return replace(notice, **changes)


class TestEvents:
    async def posted(self, client: Client, namespace: str) -> list[str]:
        found = await client.list_all(EVENTS.within(namespace))
        return [event["note"] for event in sorted(found, key=lambda event: event["eventTime"])]

    async def test_are_what_kubectl_shows(self, client: Cut, control_plane: Access, namespace: str) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: True)
        journal.note(a_notice(namespace, reason="IssueFailed", message="no: " + "ü" * 2000, warning=True, uid="u"))
        await journal.stop()
        shown = json.loads(control_plane.kubectl("get", "events", "-n", namespace, "-o", "json"))["items"]
        (event,) = shown
        assert (event["type"], event["reason"]) == ("Warning", "IssueFailed")
        assert event["reportingComponent"] == "litellm-key-operator"
        assert (event["involvedObject"]["kind"], event["involvedObject"]["uid"]) == ("LiteLLMKey", "u")
        assert event["message"].startswith("no: ü")

    async def test_wait_until_nothing_better_is_to_be_done(self, client: Cut, namespace: str) -> None:
        busy = True
        journal = ClusterJournal(client, "pod-1", idle=lambda: not busy)
        journal.start()
        journal.note(a_notice(namespace, message="one"))
        await asyncio.sleep(1)
        assert await self.posted(client, namespace) == []
        busy = False

        async def one() -> bool:
            return await self.posted(client, namespace) == ["one"]

        await until(one, 3)
        await journal.stop()

    async def test_wait_no_longer_than_five_seconds_for_that(self, client: Cut, namespace: str) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: False)
        journal.start()
        journal.note(a_notice(namespace, message="one"))
        await asyncio.sleep(4)
        assert await self.posted(client, namespace) == []

        async def one() -> bool:
            return await self.posted(client, namespace) == ["one"]

        await until(one, 4)
        await journal.stop()

    async def test_are_few_a_second_and_all_posted_at_the_end(self, client: Cut, namespace: str) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: True)
        journal.start()
        for n in range(30):
            journal.note(a_notice(namespace, message=f"{n:02}"))
        await asyncio.sleep(1.1)
        assert 2 <= len(await self.posted(client, namespace)) <= 7
        await journal.stop(10)
        assert await self.posted(client, namespace) == [f"{n:02}" for n in range(30)]

    async def test_the_oldest_are_dropped_when_far_too_many_wait_and_equal_ones_are_one(
        self, client: Cut, namespace: str
    ) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: False, capacity=2)
        for text in ("a", "b", "b", "c"):
            journal.note(a_notice(namespace, message=text, uid="u"))
        await journal.stop()
        assert await self.posted(client, namespace) == ["b", "c"]

    async def test_that_cannot_be_posted_harm_nobody(self, client: Cut, namespace: str) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: True)
        journal.start()
        journal.note(a_notice("no-such-namespace"))
        client.cut = True
        journal.note(a_notice(namespace, message="lost"))
        await asyncio.sleep(0.6)
        client.cut = False
        journal.note(a_notice(namespace, message="after"))
        await journal.stop()
        assert await self.posted(client, namespace) == ["after"]
