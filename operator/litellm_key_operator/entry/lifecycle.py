"""How the process begins, is patient, and ends in time."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import structlog

from litellm_key_operator.domain.errors import OutsideError

T = TypeVar("T")
_log = structlog.get_logger(__name__)

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
FAILED: Final = 1
"""The exit code of everything but a signal and a bad setting."""


async def unless(event: asyncio.Event, work: Coroutine[Any, Any, None], at_event: Callable[[], None]) -> bool:
    """Do the work until it is done, fails, or the event comes first; answers whether it came.

    Then `at_event` is called, the work is cancelled, and whatever it does at its end is awaited.
    """
    task, waiter = asyncio.create_task(work, name="work"), asyncio.create_task(event.wait(), name="event")
    try:
        await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            return False
        at_event()
        return True
    finally:
        waiter.cancel()
        task.cancel()
        await asyncio.gather(task, waiter, return_exceptions=True)


async def patiently(what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until the outside plays along, with growing pauses; each new reason is said once."""
    pause, said = FIRST_PAUSE, ""
    while True:
        try:
            return await attempt()
        except OutsideError as error:
            if str(error) != said:
                said = str(error)
                _log.warning("cannot start yet", waiting_for=what, reason=said)
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 2)


def end_within(seconds: float) -> None:
    """End the process after so long, come what may: a thread does it, should the event loop be stuck."""
    timer = threading.Timer(seconds, _end)
    timer.daemon = True
    timer.start()


def _end() -> None:
    _log.error("did not stop in time and ends at once")
    os._exit(FAILED)


@asynccontextmanager
async def closing_down(*steps: Callable[[], Awaitable[None]]) -> AsyncGenerator[None]:
    """Take these steps on the way out, one after the other, whether or not those before succeed."""
    try:
        yield
    finally:
        for step in steps:
            try:
                await step()
            except Exception:  # noqa: BLE001 - whatever it is, the next step must be taken
                _log.exception("a step of stopping failed")
