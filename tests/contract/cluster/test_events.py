"""Events on a real API server."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

from dev.controlplane import Access
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.events import ClusterJournal
from litellm_key_operator.cluster.paths import EVENTS
from litellm_key_operator.ports import Notice
from tests.support.cluster_worlds import until
from tests.support.real_cluster import CutClient


def a_notice(namespace: str, **changes: Any) -> Notice:
    notice = Notice("LiteLLMKey", namespace, "app", str(uuid4()), "KeyIssued", "a key was issued")
    return replace(notice, **changes)


class TestEvents:
    async def posted(self, client: Client, namespace: str) -> list[str]:
        found = await client.list_all(EVENTS.within(namespace), dict)
        return [event["note"] for event in sorted(found, key=lambda event: event["eventTime"])]

    async def test_are_what_kubectl_shows(self, client: CutClient, control_plane: Access, namespace: str) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: True)
        journal.note(a_notice(namespace, reason="IssueFailed", message="no: " + "ü" * 2000, warning=True, uid="u"))
        await journal.stop()
        shown = json.loads(control_plane.kubectl("get", "events", "-n", namespace, "-o", "json"))["items"]
        (event,) = shown
        assert (event["type"], event["reason"]) == ("Warning", "IssueFailed")
        assert event["reportingComponent"] == "litellm-key-operator"
        assert (event["involvedObject"]["kind"], event["involvedObject"]["uid"]) == ("LiteLLMKey", "u")
        assert event["message"].startswith("no: ü")

    async def test_wait_until_nothing_better_is_to_be_done(self, client: CutClient, namespace: str) -> None:
        busy, looked = True, 0

        def idle() -> bool:
            nonlocal looked
            looked += 1
            return not busy

        async def often() -> bool:
            return looked >= 10

        journal = ClusterJournal(client, "pod-1", idle=idle)
        journal.start()
        journal.note(a_notice(namespace, message="one"))
        await until(often)
        assert await self.posted(client, namespace) == []
        busy = False

        async def one() -> bool:
            return await self.posted(client, namespace) == ["one"]

        await until(one, 3)
        await journal.stop()

    async def test_wait_no_longer_than_five_seconds_for_that(self, client: CutClient, namespace: str) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: False)
        journal.start()
        began = time.monotonic()
        journal.note(a_notice(namespace, message="one"))

        async def one() -> bool:
            return await self.posted(client, namespace) == ["one"]

        await until(one, 8)
        assert time.monotonic() - began >= 4
        await journal.stop()

    async def test_are_few_a_second_and_all_posted_at_the_end(self, client: CutClient, namespace: str) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: True)
        journal.start()
        began = time.monotonic()
        for n in range(30):
            journal.note(a_notice(namespace, message=f"{n:02}"))

        async def two() -> bool:
            return len(await self.posted(client, namespace)) >= 2

        async def eight() -> bool:
            return len(await self.posted(client, namespace)) >= 8

        await until(two, 1.1)
        await until(eight)
        assert time.monotonic() - began > 1.1
        await journal.stop(10)
        assert await self.posted(client, namespace) == [f"{n:02}" for n in range(30)]

    async def test_the_oldest_are_dropped_when_far_too_many_wait_and_equal_ones_are_one(
        self, client: CutClient, namespace: str
    ) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: False, capacity=2)
        for text in ("a", "b", "b", "c"):
            journal.note(a_notice(namespace, message=text, uid="u"))
        await journal.stop()
        assert await self.posted(client, namespace) == ["b", "c"]

    async def test_that_cannot_be_posted_harm_nobody(self, client: CutClient, namespace: str) -> None:
        journal = ClusterJournal(client, "pod-1", idle=lambda: True)
        journal.start()
        journal.note(a_notice("no-such-namespace"))
        await client.has_asked(1)
        client.cut = True
        journal.note(a_notice(namespace, message="lost"))
        await client.has_asked(1)
        client.cut = False
        journal.note(a_notice(namespace, message="after"))
        await journal.stop()
        assert await self.posted(client, namespace) == ["after"]
