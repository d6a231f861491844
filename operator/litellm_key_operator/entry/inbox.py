"""From kopf's thread into the engine's."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

IN_ONE_TURN: Final = 100
"""Calls between which nothing else has its turn; a few milliseconds."""


class Inbox:
    """Calls in the order in which they came, in the event loop that it was made in, without flooding it.

    `loop.call_soon_threadsafe` writes a byte into the loop's pipe at each call. A LIST of many objects fills it, and
    then a signal has no room in it: SIGTERM would be lost. It would also put all calls before whatever the loop has to
    do meanwhile, such as the renewal of the Lease.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._woken = False

    def put(self, call: Callable[[Any], None], value: Any) -> None:
        """Have it called with this value; from any thread. Raises RuntimeError if the loop is closed."""
        self._calls.append((call, value))
        # Two threads that both find it asleep wake it twice, which does no harm.
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        # First this: what is put from here on either wakes anew or is found below.
        self._woken = False
        try:
            for _ in range(IN_ONE_TURN):
                if not self._calls:
                    return
                call, value = self._calls.popleft()
                call(value)
        finally:
            if self._calls and not self._woken:
                self._woken = True
                self._loop.call_soon(self._take)
