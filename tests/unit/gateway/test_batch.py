"""What is asked together: nothing waits for a time, nobody suffers from another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from litellm_key_operator.domain.errors import OutsideError, Rejected, Unavailable
from litellm_key_operator.gateway.batch import Batch


class Server:
    """Answers with the item doubled; `answer` lets the next request pass."""

    def __init__(self, *, open_for_all: bool = False) -> None:
        self.asked: list[list[int]] = []
        self.failing: Exception | None = None
        self.refused: set[int] = set()
        self.open_for_all = open_for_all
        self._came = asyncio.Event()
        self._go = asyncio.Event()

    async def send(self, items: Sequence[int]) -> list[int | OutsideError]:
        self.asked.append(list(items))
        if not self.open_for_all:
            self._came.set()
            await self._go.wait()
            self._go.clear()
        if self.failing is not None:
            raise self.failing
        return [Rejected(f"not {item}") if item in self.refused else 2 * item for item in items]

    async def asked_once_more(self) -> None:
        await asyncio.wait_for(self._came.wait(), 10)
        self._came.clear()

    def answer(self) -> None:
        self._go.set()


async def test_what_comes_in_one_moment_goes_together_and_one_that_is_alone_alone() -> None:
    server = Server(open_for_all=True)
    batch = Batch(server.send, 10)
    assert await asyncio.gather(*(batch.submit(n) for n in range(5))) == [0, 2, 4, 6, 8]
    assert await batch.submit(7) == 14
    assert server.asked == [[0, 1, 2, 3, 4], [7]]


@pytest.mark.parametrize("under_way", [1, 2])
async def test_who_asks_again_as_soon_as_the_answer_is_there_is_heard(under_way: int) -> None:
    asked: asyncio.Queue[Sequence[int]] = asyncio.Queue()
    go = asyncio.Event()

    async def send(items: Sequence[int]) -> Sequence[int]:
        asked.put_nowait(items)
        await go.wait()
        return items

    batch: Batch[int, int] = Batch(send, 10, under_way=under_way)

    async def ask_twice() -> list[int]:
        return [await batch.submit(1), await batch.submit(2)]

    async with asyncio.timeout(10):
        twice = asyncio.create_task(ask_twice())
        assert await asked.get() == [1]
        others: list[asyncio.Future[int]] = []
        for other in range(10, 9 + under_way):
            others.append(batch.submit(other))
            assert await asked.get() == [other]
        go.set()  # all that may be under way end in one moment
        assert await twice == [1, 2]
        assert all(future.done() for future in others)


async def test_what_comes_while_others_are_under_way_goes_next_so_many_at_once() -> None:
    server = Server()
    batch = Batch(server.send, 3)
    first = batch.submit(0)
    await server.asked_once_more()
    rest = [batch.submit(n) for n in range(1, 6)]
    server.answer()
    await server.asked_once_more()
    assert await first == 0
    assert not any(future.done() for future in rest)
    server.answer()
    await server.asked_once_more()
    server.answer()
    assert await asyncio.gather(*rest) == [2, 4, 6, 8, 10]
    assert server.asked == [[0], [1, 2, 3], [4, 5]]


async def test_who_is_cancelled_takes_nothing_away_from_the_others_and_is_not_sent() -> None:
    server = Server()
    batch = Batch(server.send, 10)

    async def wait(item: int) -> int:
        return await batch.submit(item)

    under_way = [asyncio.create_task(wait(n)) for n in range(2)]
    await server.asked_once_more()
    waiting = [asyncio.create_task(wait(n)) for n in range(2, 5)]
    await asyncio.sleep(0)
    for task in (under_way[0], waiting[0]):
        task.cancel()
    server.answer()
    await server.asked_once_more()
    server.answer()
    assert await asyncio.gather(under_way[1], *waiting[1:]) == [2, 6, 8]
    assert under_way[0].cancelled()
    assert waiting[0].cancelled()
    assert server.asked == [[0, 1], [3, 4]]


async def test_a_failure_is_told_to_each_who_waited_for_it_and_to_nobody_else() -> None:
    server = Server()
    batch = Batch(server.send, 10)
    failed = [batch.submit(n) for n in range(3)]
    await server.asked_once_more()
    later = batch.submit(3)
    server.failing = Unavailable("away", sent=False, retry_after=7.0)
    server.answer()
    await server.asked_once_more()
    server.failing = None
    server.answer()
    assert await later == 6
    errors = [
        error for error in await asyncio.gather(*failed, return_exceptions=True) if isinstance(error, Unavailable)
    ]
    assert [(str(error), error.sent, error.retry_after) for error in errors] == [("away", False, 7.0)] * 3
    assert len({id(error) for error in errors}) == 3


async def test_one_that_is_refused_is_told_so_alone() -> None:
    server = Server(open_for_all=True)
    server.refused = {1}
    batch = Batch(server.send, 10)
    outcomes = await asyncio.gather(*(batch.submit(n) for n in range(3)), return_exceptions=True)
    assert (outcomes[0], outcomes[2]) == (0, 4)
    assert isinstance(outcomes[1], Rejected)


async def test_an_answer_that_is_too_short_leaves_nobody_waiting() -> None:
    async def short(items: Sequence[int]) -> list[int]:
        return list(items[1:])

    batch: Batch[int, int] = Batch(short, 10)
    outcomes = await asyncio.gather(*(batch.submit(n) for n in range(2)), return_exceptions=True)
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], ValueError)


async def test_a_sender_that_is_cancelled_leaves_nobody_waiting() -> None:
    server = Server()
    batch = Batch(server.send, 1)
    futures = [batch.submit(n) for n in range(2)]
    await server.asked_once_more()
    sender = next(task for task in asyncio.all_tasks() if task is not asyncio.current_task())
    sender.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sender
    assert all(future.cancelled() for future in futures)


async def test_one_that_hangs_holds_up_no_other_while_another_may_be_under_way() -> None:
    server = Server()
    batch = Batch(server.send, 10, under_way=2)
    hangs = batch.submit(0)
    await server.asked_once_more()
    server.open_for_all = True
    assert await asyncio.gather(*(batch.submit(n) for n in (1, 2))) == [2, 4]
    assert not hangs.done()
    server.answer()
    assert await hangs == 0
    assert server.asked == [[0], [1, 2]]
