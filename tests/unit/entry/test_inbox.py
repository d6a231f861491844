"""What comes from another thread arrives, in order, and leaves room for everything else."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

from litellm_key_operator.entry.inbox import IN_ONE_TURN, Inbox

FLOOD = 50_000
"""More calls than the pipe of a loop takes bytes."""


def flood(box: Inbox, heard: list[int]) -> None:
    """All of it from another thread, while this one stands still as it does in a long call."""

    def put() -> None:
        for number in range(FLOOD):
            box.put(heard.append, number)

    thread = threading.Thread(target=put)
    thread.start()
    thread.join()


async def all_of(box: Inbox) -> None:
    """Return when everything that was put until now has arrived."""
    arrived = asyncio.Event()
    box.put(lambda event: event.set(), arrived)
    async with asyncio.timeout(30):
        await arrived.wait()


async def test_all_arrives_in_order() -> None:
    box, heard = Inbox(), list[int]()
    flood(box, heard)
    await all_of(box)
    assert heard == list(range(FLOOD))


async def test_a_signal_is_heard_in_a_flood() -> None:
    signalled, heard, loop = asyncio.Event(), list[int](), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, signalled.set)
    try:
        flood(Inbox(), heard)
        os.kill(os.getpid(), signal.SIGUSR1)
        async with asyncio.timeout(30):
            await signalled.wait()
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)


async def test_others_have_their_turn_in_between() -> None:
    heard: list[int] = []
    flood(Inbox(), heard)
    await asyncio.sleep(0)
    assert 0 < len(heard) <= IN_ONE_TURN


async def test_a_call_that_fails_takes_no_other_along() -> None:
    heard: list[int] = []
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))

    def fail(_: int) -> None:
        raise ValueError("bad")

    box = Inbox()
    box.put(fail, 0)
    flood(box, heard)
    await all_of(box)
    assert heard == list(range(FLOOD))
    assert [type(failure) for failure in failures] == [ValueError]
