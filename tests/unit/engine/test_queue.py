"""The queue: one run at a time, urgent first, namespaces in turn, pauses that double."""

from __future__ import annotations

import asyncio

from litellm_key_operator.engine.queue import Item, Kind, Lane, Queue


def item(name: str, namespace: str = "a") -> Item:
    return Item(Kind.KEY, namespace, name)


class Worker:
    """Notes what runs, and lets it go when told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.running: set[str] = set()
        self.first = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def work(self, it: Item) -> None:
        assert it.name not in self.running, "an item runs twice at once"
        self.running.add(it.name)
        self.begun.append(it.name)
        self.first.set()
        await self.gate.wait()
        await asyncio.sleep(0)
        self.running.remove(it.name)


def queue(worker: Worker, workers: int = 1) -> Queue:
    return Queue(worker.work, workers=workers, retry_min=0.01, retry_max=0.04)


async def drained(q: Queue) -> None:
    async with asyncio.timeout(5):
        while not q.idle:  # noqa: ASYNC110 - the queue tells nobody that it is idle
            await asyncio.sleep(0)


async def test_nothing_runs_before_the_start_and_nothing_is_lost() -> None:
    worker = Worker()
    q = queue(worker)
    q.add(item("one"))
    await asyncio.sleep(0)
    assert worker.begun == []
    assert len(q) == 1
    q.start()
    await drained(q)
    assert worker.begun == ["one"]


async def test_many_adds_make_one_run_and_adds_during_a_run_one_more() -> None:
    worker = Worker()
    q = queue(worker, workers=4)
    for _ in range(5):
        q.add(item("one"))
    q.start()
    worker.gate.clear()
    await asyncio.sleep(0)
    for _ in range(5):
        q.add(item("one"))
    worker.gate.set()
    await drained(q)
    assert worker.begun == ["one", "one"]


async def test_urgent_ones_go_first_three_to_one() -> None:
    worker = Worker()
    q = queue(worker)
    for n in range(4):
        q.add(item(f"normal{n}"))
    for n in range(6):
        q.add(item(f"urgent{n}"), Lane.URGENT)
    q.start()
    await drained(q)
    kinds = ["urgent" if name.startswith("urgent") else "normal" for name in worker.begun]
    assert kinds[:8].count("urgent") == 6
    assert "normal" in kinds[:4]


async def test_a_namespace_that_floods_does_not_starve_another() -> None:
    worker = Worker()
    q = queue(worker)
    for n in range(50):
        q.add(item(f"flood{n}", "loud"))
    q.add(item("single", "quiet"))
    q.start()
    await drained(q)
    assert worker.begun.index("single") <= 2
    assert len(worker.begun) == 51


async def test_an_item_that_becomes_urgent_runs_once() -> None:
    worker = Worker()
    q = queue(worker)
    q.add(item("other"))
    q.add(item("one"))
    q.add(item("one"), Lane.URGENT)
    q.start()
    await drained(q)
    assert worker.begun == ["one", "other"]


async def test_pauses_double_up_to_the_longest_and_start_anew_after_success() -> None:
    worker = Worker()
    q = queue(worker)
    pauses = [q.retry(item("one")) for _ in range(5)]
    assert pauses[0] <= 0.01 < pauses[2] <= 0.04
    assert pauses[-1] <= 0.04
    q.fresh(item("one"))
    assert q.retry(item("one")) <= 0.01
    assert q.retry(item("one"), at_least=7.0) == 7.0
    await q.stop(0)


async def test_of_two_times_the_earlier_one_counts() -> None:
    worker = Worker()
    q = queue(worker)
    q.start()
    q.add_after(item("one"), 30)
    q.add_after(item("one"), 0.01)
    q.add_after(item("one"), 30)
    async with asyncio.timeout(5):
        await worker.first.wait()
    await drained(q)
    assert worker.begun == ["one"]


async def test_an_add_overtakes_a_time() -> None:
    worker = Worker()
    q = queue(worker)
    q.start()
    q.add_after(item("one"), 30)
    q.add(item("one"))
    await drained(q)
    assert worker.begun == ["one"]


async def test_stopping_lets_what_runs_end_and_begins_nothing_more() -> None:
    worker = Worker()
    q = queue(worker)
    worker.gate.clear()
    q.start()
    q.add(item("one"))
    q.add(item("two"))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(q.stop(grace=5))
    await asyncio.sleep(0)
    worker.gate.set()
    await stopping
    assert worker.begun == ["one"]
    assert worker.running == set()


async def test_stopping_cancels_what_does_not_end() -> None:
    worker = Worker()
    q = queue(worker)
    worker.gate.clear()
    q.start()
    q.add(item("one"))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await q.stop(grace=0.01)
    assert q.idle


async def test_a_group_has_half_of_the_workers_at_most_and_the_rest_is_for_others() -> None:
    worker = Worker()
    q = Queue(worker.work, workers=4, retry_min=0.01, retry_max=0.04, group=lambda it: it.name[0])
    worker.gate.clear()
    q.start()
    for n in range(9):
        q.add(item(f"x{n}"), Lane.URGENT if n % 2 else Lane.NORMAL)
    q.add(item("y0"))
    await asyncio.sleep(0)
    assert worker.running == {"x0", "x1", "y0"}
    assert len(q) == 7
    worker.gate.set()
    await drained(q)
    assert sorted(worker.begun) == [*(f"x{n}" for n in range(9)), "y0"]


async def test_what_belongs_to_no_group_may_have_all_workers() -> None:
    worker = Worker()
    q = queue(worker, workers=4)
    worker.gate.clear()
    q.start()
    for n in range(5):
        q.add(item(f"x{n}"))
    await asyncio.sleep(0)
    assert len(worker.running) == 4
    worker.gate.set()
    await drained(q)


async def test_what_is_told_of_an_item_waits_for_the_end_of_its_run() -> None:
    worker = Worker()
    worker.gate.clear()
    q = queue(worker, workers=4)
    told: list[str] = []

    def tell(text: str, *, news: bool) -> None:
        told.append(text)
        if news:
            q.add(item("one"))

    q.once_free(item("one"), lambda: tell("at once", news=False))
    assert told == ["at once"]
    q.add(item("one"))
    q.start()
    await worker.first.wait()
    q.once_free(item("one"), lambda: tell("an echo", news=False))
    q.once_free(item("two"), lambda: tell("of another", news=False))
    assert told == ["at once", "of another"]
    worker.gate.set()
    await drained(q)
    assert told == ["at once", "of another", "an echo"]
    assert worker.begun == ["one"]

    worker.gate.clear()
    worker.first.clear()
    q.add(item("one"))
    await worker.first.wait()
    for text in ("first", "second"):
        q.once_free(item("one"), lambda text=text: tell(text, news=True))  # type: ignore[misc]
    worker.gate.set()
    await drained(q)
    assert told[-2:] == ["first", "second"]
    assert worker.begun == ["one", "one", "one"], "news make one more run, however many they are"
