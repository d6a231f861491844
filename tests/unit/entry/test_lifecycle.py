"""Patience at the start, and an end in time."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
import structlog

from litellm_key_operator.domain.errors import Denied, Unavailable
from litellm_key_operator.entry import lifecycle
from litellm_key_operator.entry.lifecycle import closing_down, end_within, patiently, unless


async def test_work_that_is_done_needs_no_event() -> None:
    told: list[str] = []

    async def work() -> None:
        told.append("done")

    assert not await unless(asyncio.Event(), work(), lambda: told.append("event"))
    assert told == ["done"]


async def test_work_that_fails_fails() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await unless(asyncio.Event(), work(), lambda: None)


async def test_the_event_comes_first_and_the_end_of_the_work_is_awaited() -> None:
    event, told = asyncio.Event(), list[str]()

    async def work() -> None:
        try:
            event.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            told.append("tidied up")

    assert await unless(event, work(), lambda: told.append("event"))
    assert told == ["event", "tidied up"]


async def test_whoever_is_cancelled_takes_the_work_along() -> None:
    begun, told = asyncio.Event(), list[str]()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            told.append("tidied up")

    outer = asyncio.create_task(unless(asyncio.Event(), work(), lambda: told.append("event")))
    await begun.wait()
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert told == ["tidied up"]


async def test_what_is_not_there_yet_is_waited_for_and_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "FIRST_PAUSE", 0.0)
    answers: list[Exception | int] = [Unavailable("nobody there"), Unavailable("nobody there"), Denied("not you"), 42]

    async def attempt() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with structlog.testing.capture_logs() as lines:
        assert await patiently("the answer", attempt) == 42
    assert [(line["waiting_for"], line["reason"]) for line in lines] == [
        ("the answer", "nobody there"),
        ("the answer", "not you"),
    ]


async def test_a_bug_is_not_waited_out() -> None:
    async def attempt() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await patiently("nothing", attempt)


async def test_a_step_that_fails_does_not_keep_the_next_from_being_taken() -> None:
    taken: list[str] = []

    async def first() -> None:
        raise ValueError("no")

    async def second() -> None:
        taken.append("second")

    with structlog.testing.capture_logs() as lines, pytest.raises(RuntimeError, match="why it ends"):
        async with closing_down(first, second):
            raise RuntimeError("why it ends")
    assert taken == ["second"]
    assert [line["event"] for line in lines] == ["a step of stopping failed"]


def test_a_process_that_is_stuck_ends_all_the_same() -> None:
    stuck = f"from {end_within.__module__} import end_within; end_within(0.1)\nwhile True: pass"
    ended = subprocess.run([sys.executable, "-c", stuck], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "did not stop in time" in ended.stdout + ended.stderr
