"""Questions of one moment, asked together."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from litellm_key_operator.domain.errors import OutsideError

Item = TypeVar("Item")
Answer = TypeVar("Answer")

Send = Callable[[Sequence[Item]], Awaitable[Sequence[Answer | OutsideError]]]
"""Sends items, one at least; answers for each, in their order, what it got. What it raises, all of them got."""


class Batch(Generic[Item, Answer]):
    """Gathers items while others are under way, and sends at most so many at once.

    Nothing waits for a time: an item that is alone goes out alone, at once. So many requests may be under way, so that
    one that hangs does not hold up all that follow.
    """

    def __init__(self, send: Send[Item, Answer], most: int, *, under_way: int = 1) -> None:
        """Begin empty."""
        self._send = send
        self._most = most
        self._under_way = under_way
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._senders: set[asyncio.Task[None]] = set()
        self._begins = False

    def submit(self, item: Item) -> asyncio.Future[Answer]:
        """What will have come of it: an answer, what its own sending raised, or that of all that went along.

        Who is cancelled takes nothing away from the others; what has not been sent by then is not.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if not self._begins and len(self._senders) < self._under_way:
            # A task begins with the next turn of the loop: what is submitted in this one goes along.
            self._begins = True
            sender = asyncio.create_task(self._send_all())
            self._senders.add(sender)
            sender.add_done_callback(self._end)
        return future

    async def _send_all(self) -> None:
        self._begins = False
        while part := self._next():
            await self._send_part(part)
        # Now, not when the loop comes to `_end`: who hears the last answer may submit before that, and would be sent by
        # nobody.
        self._senders.difference_update({asyncio.current_task()})

    def _end(self, sender: asyncio.Task[None]) -> None:
        self._senders.discard(sender)
        if sender.cancelled():
            self._begins = False
            if not self._senders:
                for _, future in self._waiting:
                    future.cancel()  # there is nobody left to send them
                self._waiting.clear()

    def _next(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        wanted = [(item, future) for item, future in self._waiting if not future.done()]
        self._waiting = wanted[self._most :]
        return wanted[: self._most]

    async def _send_part(self, part: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> None:
        futures = [future for _, future in part]
        try:
            answers = await self._send([item for item, _ in part])
            for future, answer in zip(futures, answers, strict=True):
                _tell(future, answer)
        except asyncio.CancelledError:
            for future in futures:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            for future in futures:
                _tell(future, error)


def _tell(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        # Each gets its own: a raised error is changed by whoever handles it.
        future.set_exception(copy.copy(answer))
    else:
        future.set_result(answer)
