"""The benchmark's arithmetic, its table, and what its exit code says."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from dev.bench import __main__ as bench
from dev.bench import counters, figures, pace
from dev.bench.clients import BenchError, Server
from dev.bench.counters import Write
from dev.bench.figures import Figure, Floors
from dev.bench.pace import Pace
from dev.bench.report import Report
from dev.bench.sizes import FULL, QUICK, Sizes

FLOORS = Floors(Pace(50.0, 0.001, 8), Pace(25.0, 0.005, 8))
LATE = [0.1] * 98 + [0.9] * 2


@pytest.mark.parametrize(
    ("reached", "missed"),
    [
        (lambda: figures.burst(100, 5.0, FLOORS), lambda: figures.burst(100, 5.1, FLOORS)),
        (lambda: figures.idle([0.1, 0.2, 0.9], [0.19]), lambda: figures.idle([0.1, 0.201, 0.9], [0.19])),
        (lambda: figures.fresh(10, _writes(20, 99), 10), lambda: figures.fresh(10, _writes(21, 0), 10)),
        (lambda: figures.fresh(10, _writes(20, 99), 10), lambda: figures.fresh(10, _writes(20, 0), 11)),
        (lambda: figures.cpu(0.010, 0.001, 0.005), lambda: figures.cpu(0.011, 0.001, 0.005)),
        (lambda: figures.settled(1000, 0, _calls(4), 2), lambda: figures.settled(1000, 0, _calls(5), 2)),
        (lambda: figures.settled(1000, 0, _calls(4), 2), lambda: figures.settled(1000, 1, _calls(4), 2)),
        (lambda: figures.settled(1001, 0, _calls(6), 2), lambda: figures.settled(1000, 0, _calls(6), 2)),
        (lambda: figures.restart(1, 60, 0, _calls(10)), lambda: figures.restart(1, 60, 0, _calls(11))),
        (lambda: figures.restart(1, 60, 0, _calls(10)), lambda: figures.restart(1, 60, 1, _calls(10))),
        (lambda: figures.served(1, 4.9), lambda: figures.served(1, 5.0)),
        (lambda: figures.many(1, 199, 250, _calls(25)), lambda: figures.many(1, 200, 250, _calls(25))),
        (lambda: figures.many(1, 199, 250, _calls(25)), lambda: figures.many(1, 199, 250, _calls(26))),
        (lambda: figures.deletion(100, 1, FLOORS.proxy), lambda: figures.deletion(100, 1.1, FLOORS.proxy)),
        (lambda: figures.meanwhile(3.0, 2.0), lambda: figures.meanwhile(3.1, 2.0)),
        (lambda: figures.lateness(LATE, 100, 1), lambda: figures.lateness([*LATE, 1.1, 1.1], 102, 1)),
        (lambda: figures.lateness(LATE, 100, 1), lambda: figures.lateness(LATE, 101, 1)),
        (lambda: figures.lateness(LATE, 100, 1), lambda: figures.lateness([-0.1, *LATE], 101, 1)),
        (lambda: figures.lateness(LATE, 100, 1), lambda: figures.lateness([], 1, 1)),
    ],
)
def test_a_figure_is_reached_up_to_its_limit(reached: Callable[[], Figure], missed: Callable[[], Figure]) -> None:
    assert reached().reached
    assert not missed().reached


def _writes(patches: int, others: int) -> Counter[Write]:
    """To ten fresh keys with their Secrets, to their role, and those of their user."""
    made = {Write("POST", "litellmkeys"): 10, Write("POST", "secrets"): 10}
    return Counter({**made, Write("PATCH", "litellmkeys"): patches, Write("PATCH", "litellmroles"): others})


def _calls(count: int) -> Counter[str]:
    return Counter({"/v2/key/info": count - 1, "/key/list": 1})


def test_ratios_are_made_with_the_middle_of_both_measurements() -> None:
    later = Floors(Pace(100.0, 0.003, 16), Pace(35.0, 0.007, 16))
    around = figures.middle(FLOORS, later)
    assert (around.proxy.rate, around.work.rate) == (75.0, 30.0)
    assert around.work.cpu == pytest.approx(0.006)
    assert figures.burst(60, 2.0, around).values == {"rate": 30.0, "of_work": 1.0, "of_proxy": 0.4}


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [pace.percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 50.0, 99.0, 100.0]
    assert pace.percentile([7.0], 0.99) == 7.0


async def test_a_floor_is_the_fastest_of_its_concurrencies_and_does_each_name_once() -> None:
    done: list[str] = []

    async def work(name: str) -> None:
        done.append(name)

    fastest, names = await pace.best("a", 3, work, (1, 2))
    assert fastest.concurrency in (1, 2)
    assert sorted(done) == sorted(names) == ["a-1-0", "a-1-1", "a-1-2", "a-2-0", "a-2-1", "a-2-2"]


async def test_a_failure_in_one_call_is_told_as_it_is() -> None:
    async def work(_: str) -> None:
        raise BenchError("refused")

    with pytest.raises(BenchError, match="refused"):
        await pace.spread(["a", "b"], work, 2)


def test_what_users_write_is_not_the_operators() -> None:
    counted = Counter(
        {
            Write("POST", "litellmkeys"): 7,
            Write("DELETE", "litellmkeys"): 7,
            Write("PATCH", "litellmkeys"): 3,
            Write("POST", "secrets"): 2,
            Write("PATCH", "litellmroles"): 1,
        }
    )
    assert counters.to_keys(counted) == 5
    assert counters.to_others(counted) == 1


async def test_writes_are_told_when_no_more_are_counted() -> None:
    counts = iter([16, 22, 32])

    async def page(_: web.Request) -> web.Response:
        count = next(counts, 32)
        return web.Response(text=f'apiserver_request_total{{resource="secrets",verb="POST"}} {count}')

    app = web.Application()
    app.router.add_get("/metrics", page)
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("")) as session:
        told = await counters.writes(Server(session, "the API server"))
    assert told == {Write("POST", "secrets"): 32}


def report(*, reached: bool) -> Report:
    rows = [
        Figure("a", "apples", "7 [sic]", ">= 7", reached=True),
        Figure("p", "pears", "1", ">= 2", reached, {"pears": 1.0}),
    ]
    return Report(QUICK, FLOORS, FLOORS, rows)


def test_the_table_shows_both_floors_and_what_was_missed() -> None:
    page = io.StringIO()
    report(reached=False).show(Console(file=page, width=120))
    text = page.getvalue()
    assert "50.0 keys/s (8 at a time)" in text
    assert [line.split() for line in text.splitlines() if "apples" in line] == [
        ["apples", "7", "[sic]", ">=", "7", "reached"]
    ]
    assert [line.split() for line in text.splitlines() if "pears" in line] == [["pears", "1", ">=", "2", "missed"]]


@pytest.mark.parametrize(("quick", "sizes"), [("", FULL), ("1", QUICK)])
@pytest.mark.parametrize("reached", [True, False])
def test_the_exit_code_says_whether_all_was_reached(
    quick: str, sizes: Sizes, reached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sizes] = []

    def measure(sizes: Sizes) -> Report:
        asked.append(sizes)
        return report(reached=reached)

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(bench, "RESULT", tmp_path / "results" / "bench.json")
    monkeypatch.setenv("QUICK", quick)
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == (0 if reached else 1)
    assert asked == [sizes]
    written = json.loads(bench.RESULT.read_bytes())
    assert written["reached"] is reached
    assert written["floors"]["before"]["work"] == {"rate": 25.0, "cpu": 0.005, "concurrency": 8}
    assert [figure["values"] for figure in written["figures"]] == [{}, {"pears": 1.0}]


def test_what_cannot_be_measured_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(_: Sizes) -> Report:
        raise BenchError("too busy")

    monkeypatch.setattr(bench, "measure", measure)
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 2
