"""The watches are started anew when they end, and given up when that does not help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import kopf
import pytest

from litellm_key_operator.api import names
from litellm_key_operator.entry import kopf_app
from litellm_key_operator.entry.feed import SECRETS, Engine, Feed
from litellm_key_operator.entry.kopf_app import FAILURES_IN_A_ROW, WatchError, Watches, operator_settings


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of kopf: one task that fails at once, and what came of each."""
    ends: list[str] = []

    async def fail() -> None:
        ends.append("failed")
        raise RuntimeError("410? 500!")

    async def hold() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    async def spawn_tasks(**_: Any) -> list[asyncio.Task[None]]:
        held = asyncio.create_task(hold())
        await asyncio.sleep(0)
        return [asyncio.create_task(fail(), name="a watch"), held]

    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)
    monkeypatch.setattr(kopf_app, "FIRST_PAUSE", 0.0)
    return ends


def watches(reclaimed: Callable[[], None] = lambda: None) -> Watches:
    feed = Feed(cast("Engine", Deaf()), cast("Any", dict), namespaces=True)
    return Watches(feed, [], reclaimed)


class Deaf:
    """An engine that hears nothing of all it is told."""

    def __getattr__(self, name: str) -> Any:
        def ignore(*_: object) -> None:
            return None

        return ignore


async def test_after_enough_failures_in_a_row_it_gives_up(spawned: list[str]) -> None:
    with pytest.raises(WatchError, match="10 times in a row, last because of RuntimeError: 410"):
        await watches().keep()
    assert spawned == ["failed", "cancelled"] * FAILURES_IN_A_ROW


async def test_failures_far_apart_are_not_in_a_row(spawned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kopf_app, "HEALTHY_AFTER", -1.0)
    often = asyncio.Event()
    keeping = asyncio.create_task(watches(lambda: often.set() if len(spawned) > 3 * FAILURES_IN_A_ROW else None).keep())
    await often.wait()
    assert not keeping.done()
    keeping.cancel()


async def test_signals_are_taken_back_after_every_start(spawned: list[str]) -> None:
    taken: list[int] = []
    with pytest.raises(WatchError):
        await watches(lambda: taken.append(len(spawned))).keep()
    assert len(taken) == FAILURES_IN_A_ROW


async def test_a_kind_that_is_never_listed_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def spawn_tasks(**_: Any) -> list[asyncio.Task[bool]]:
        return [asyncio.create_task(asyncio.Event().wait())]

    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)
    monkeypatch.setattr(kopf_app, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(kopf_app, "LISTED_WITHIN", 0.01)
    with pytest.raises(WatchError, match=r"no list of litellmconnections, .* within 0\.01 s"):
        await watches().keep()


async def test_once_all_is_listed_it_may_be_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    async def spawn_tasks(**_: Any) -> list[asyncio.Task[bool]]:
        return [asyncio.create_task(asyncio.Event().wait())]

    monkeypatch.setattr(kopf, "spawn_tasks", spawn_tasks)
    monkeypatch.setattr(kopf_app, "LISTED_WITHIN", 0.05)
    subject = watches()
    keeping = asyncio.create_task(subject.keep())
    await asyncio.sleep(0)
    for kind in (names.KEY, names.ROLE, names.CONNECTION):
        subject._listed(kind.plural)  # pyright: ignore[reportPrivateUsage]
    for plural in ("secrets", "namespaces"):
        subject._listed(plural)  # pyright: ignore[reportPrivateUsage]
    done, _ = await asyncio.wait({keeping}, timeout=0.2)
    assert not done
    keeping.cancel()


def test_kopf_writes_nothing_on_its_own() -> None:
    settings = operator_settings()
    assert settings.persistence.finalizer != names.FINALIZER
    assert not settings.posting.enabled
    assert settings.scanning.disabled
    assert settings.process.ultimate_exiting_timeout is None
    assert settings.watching.label_selectors[SECRETS] == "app.kubernetes.io/managed-by=litellm-key-operator"
