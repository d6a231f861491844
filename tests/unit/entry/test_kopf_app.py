"""The watches are started anew when they end, and given up when that does not help."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, cast

import kopf
import pytest
import structlog

from litellm_key_operator.api import names
from litellm_key_operator.domain.errors import Unavailable
from litellm_key_operator.entry import kopf_app
from litellm_key_operator.entry.feed import SECRETS, Feed
from litellm_key_operator.entry.kopf_app import FAILURES_IN_A_ROW, KopfRun, WatchError, Watches, Where
from litellm_key_operator.entry.kopf_settings import NoMemories, operator_settings

PLURALS = [*(kind.plural for kind in (names.KEY, names.ROLE, names.CONNECTION)), "secrets", "namespaces"]


class Deaf:
    """An engine that hears nothing of all it is told."""

    def __getattr__(self, name: str) -> Any:
        def ignore(*_: object) -> None:
            return None

        return ignore


class Stand:
    """Stands in for `kopf.spawn_tasks`: what its one task does, and how often it was begun, in which threads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        self.threads: set[threading.Thread] = set()
        self.given: dict[str, Any] = {}
        self.act: Callable[[], Coroutine[Any, Any, Any]] = self.fail
        monkeypatch.setattr(kopf, "spawn_tasks", self)
        monkeypatch.setattr(kopf_app, "FIRST_PAUSE", 0.0)

    async def __call__(self, **given: Any) -> list[asyncio.Task[Any]]:
        self.begun += 1
        self.given = given
        self.threads.add(threading.current_thread())
        return [asyncio.create_task(self.act(), name="a watch")]

    @staticmethod
    async def fail() -> None:
        raise RuntimeError("410? 500!")

    @staticmethod
    async def wait() -> None:
        await asyncio.Event().wait()


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(monkeypatch)


def feed() -> Feed:
    return Feed(cast("Any", Deaf()), lambda call, value: call(value), parse_secret=cast("Any", dict), namespaces=True)


async def everywhere() -> None:
    """Nothing is named."""


async def test_after_enough_failures_in_a_row_it_gives_up(stand: Stand) -> None:
    with pytest.raises(WatchError, match="10 times in a row, last because of RuntimeError: 410"):
        await Watches(feed(), everywhere).keep()
    assert stand.begun == FAILURES_IN_A_ROW
    assert threading.current_thread() not in stand.threads


async def test_where_nothing_may_be_watched_is_a_failure(stand: Stand) -> None:
    async def nowhere() -> Where:
        return Where((), ("team",))

    async def nobody_knows() -> Where:
        raise Unavailable("no answer")

    for find, reason in ((nowhere, "no namespace that may be watched"), (nobody_knows, "Unavailable: no answer")):
        with pytest.raises(WatchError, match=f"10 times in a row, last because of {reason}"):
            await Watches(feed(), find).keep()
    assert stand.begun == 0


async def test_kopf_does_not_have_to_ask_who_it_runs_as(stand: Stand) -> None:
    with pytest.raises(WatchError):
        await Watches(feed(), everywhere).keep()
    assert stand.given["identity"], "the user of a Pod has no name, and kopf fails when it asks for it"


async def test_failures_far_apart_are_not_in_a_row(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    often, loop = asyncio.Event(), asyncio.get_running_loop()

    async def fail() -> None:
        if stand.begun > 2 * FAILURES_IN_A_ROW:
            loop.call_soon_threadsafe(often.set)
        await stand.fail()

    stand.act = fail
    monkeypatch.setattr(kopf_app, "HEALTHY_AFTER", -1.0)
    keeping = asyncio.create_task(Watches(feed(), everywhere).keep())
    await often.wait()
    assert not keeping.done()
    keeping.cancel()
    await asyncio.wait({keeping})


async def test_a_kind_that_is_never_listed_is_a_failure(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.act = stand.wait
    monkeypatch.setattr(kopf_app, "LISTED_WITHIN", 0.01)
    with pytest.raises(WatchError, match=r"no list of litellmconnections, .* within 0\.01 s"):
        await Watches(feed(), everywhere).keep()


async def test_it_has_begun_when_all_is_listed_and_not_before(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    started: asyncio.Queue[KopfRun] = asyncio.Queue()
    start = KopfRun.start

    def note(run: KopfRun) -> None:
        start(run)
        started.put_nowait(run)

    monkeypatch.setattr(KopfRun, "start", note)
    stand.act = stand.wait
    begun = asyncio.Event()
    keeping = asyncio.create_task(Watches(feed(), everywhere, begun=begun.set).keep())
    run = await asyncio.wait_for(started.get(), 5)
    for plural in PLURALS:
        assert not begun.is_set()
        run._list_heard(plural)  # pyright: ignore[reportPrivateUsage]
        await asyncio.sleep(0)
    await asyncio.wait_for(begun.wait(), 5)
    keeping.cancel()
    await asyncio.wait({keeping})


async def test_once_all_is_listed_it_may_be_quiet(stand: Stand) -> None:
    stand.act = stand.wait
    run = KopfRun(feed(), [])
    run.start()
    for plural in PLURALS:
        assert not run.listed.is_set()
        run._list_heard(plural)  # pyright: ignore[reportPrivateUsage]
        await asyncio.sleep(0)
    assert run.listed.is_set()
    await run.stop()
    assert run.ended.result() == "it was stopped"


async def test_one_that_does_not_end_is_left_behind(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()

    async def hang() -> None:
        hanging.wait()

    stand.act = hang
    monkeypatch.setattr(kopf_app, "STOPPED_WITHIN", 0.05)
    run = KopfRun(feed(), [])
    run.start()
    with structlog.testing.capture_logs() as lines:
        await run.stop()
    assert [line["event"] for line in lines] == ["kopf did not end and is left behind"]
    hanging.set()
    await run.ended


async def test_a_task_that_swallows_its_cancellation_is_told_again(stand: Stand) -> None:
    told: list[str] = []

    async def swallow() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("once")
        try:
            await asyncio.Event().wait()
        finally:
            told.append("twice")

    async def fail() -> None:
        swallower = asyncio.create_task(swallow())
        await asyncio.sleep(0)
        assert not swallower.done()
        raise RuntimeError("500")

    stand.act = fail
    run = KopfRun(feed(), [])
    run.start()
    assert await run.ended == "RuntimeError: 500"
    await run.stop()
    assert told == ["once", "twice"]


def test_kopf_writes_nothing_on_its_own() -> None:
    settings = operator_settings()
    assert settings.persistence.finalizer != names.FINALIZER
    assert not settings.posting.enabled
    assert settings.scanning.disabled
    assert settings.process.ultimate_exiting_timeout is None
    assert settings.watching.label_selectors[SECRETS] == "app.kubernetes.io/managed-by=litellm-key-operator"


async def test_no_object_is_remembered_between_its_events(stand: Stand) -> None:
    memories = NoMemories()
    memory = await memories.recall({"metadata": {"uid": "one"}}, noticed_by_listing=True)
    assert memory.noticed_by_listing
    assert list(memories.iter_all_memories()) == []
    with pytest.raises(WatchError):
        await Watches(feed(), everywhere).keep()
    assert isinstance(stand.given["memories"], NoMemories)
