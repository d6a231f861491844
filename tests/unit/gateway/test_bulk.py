"""Whom an answer to many is about, and who is to blame for a refusal of many."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from litellm_key_operator.domain.errors import OutsideError, Rejected, Unavailable
from litellm_key_operator.domain.state import Row
from litellm_key_operator.gateway.bulk import Deletions, Lookups, Told, Vague, Wanted, assigned
from litellm_key_operator.gateway.clock import ProxyClock
from litellm_key_operator.ports import Mark

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def wanted(name: str, revision: int = 1, *, uid: str | None = None) -> Wanted:
    return Wanted(f"token-{name}", Mark(uid or name, revision))


def row(uid: object, revision: object = 1, **features: object) -> Row:
    plain = Row(None, None, None, blocked=False, deleted_at=None, metadata={"llmkeys": _mark(uid, revision)})
    return replace(plain, **features)  # type: ignore[arg-type]


def _mark(uid: object, revision: object) -> dict[str, object]:
    return {name: value for name, value in (("uid", uid), ("revision", revision)) if value is not None}


A, B, C = wanted("a"), wanted("b"), wanted("c")
NO_ROW, UNCLEAR = Vague.NO_ROW, Vague.UNCLEAR


@pytest.mark.parametrize(
    ("asked", "rows", "told"),
    [
        ([A, B], [row("b"), row("a")], ["a", "b"]),
        ([A, B], [row("b")], [NO_ROW, "b"]),
        ([A, B], [], [NO_ROW, NO_ROW]),
        ([A, A], [row("a")], ["a", "a"]),
        # a row that nobody is named by may be anybody's
        ([A, B], [row("b"), row(None, None)], [UNCLEAR, "b"]),
        ([A, B], [row("b"), row("stranger")], [UNCLEAR, "b"]),
        ([A, B], [row("b"), row("a", 2)], [UNCLEAR, "b"]),
        ([A, B], [row("b"), row("a", "1")], [UNCLEAR, "b"]),
        ([A, B], [row("b"), row(7)], [UNCLEAR, "b"]),
        # nor is anybody known by a mark that two bear, or that two are to bear
        ([A, B, C], [row("a"), row("a")], [UNCLEAR, UNCLEAR, UNCLEAR]),
        ([A, B, C], [row("a"), row("b"), row("b")], ["a", UNCLEAR, UNCLEAR]),
        ([A, wanted("b", uid="a")], [row("a")], [UNCLEAR, UNCLEAR]),
        ([A, wanted("b", uid="a"), C], [row("a"), row("c")], [UNCLEAR, UNCLEAR, "c"]),
    ],
)
def test_a_row_is_his_whose_mark_it_bears(asked: list[Wanted], rows: list[Row], told: list[str | Vague]) -> None:
    def name(found: Told) -> object:
        if not isinstance(found, Row):
            return found
        assert found.token_id == f"token-{found.mark['uid']}"
        return found.mark["uid"]

    assert [name(found) for found in assigned(asked, rows)] == told


@dataclass
class Server:
    """Rows by token, of which the deleted are told only to who asks for one."""

    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    deleted: set[str] = field(default_factory=set[str])
    asked: list[object] = field(default_factory=list[object])
    ahead: float = 0.0

    async def one(self, token_id: str) -> Row | None:
        self.asked.append(token_id)
        if token_id in self.deleted:
            return row(None, None, deleted_at=NOW)
        return self.rows.get(token_id)

    async def many(self, token_ids: Sequence[str]) -> list[Row]:
        self.asked.append(list(token_ids))
        return [self.rows[token_id] for token_id in token_ids if token_id in self.rows]

    def lookups(self, lag: timedelta = timedelta(0)) -> Lookups:
        """By a clock of which it is certain only that it is at most so far behind."""
        clock = ProxyClock(NOW.timestamp, lambda: 0.0)
        clock.passed(NOW - lag)
        return Lookups(self.one, self.many, clock)


async def test_a_lone_look_is_a_lone_call_and_several_are_one() -> None:
    server = Server({each.token_id: row(each.mark.uid) for each in (A, B, C)})
    lookups = server.lookups()
    assert await lookups.info(A) == row("a")
    found = await asyncio.gather(lookups.info(A), lookups.left(B), lookups.info(C), lookups.info(A))
    assert [told.mark["uid"] if told else None for told in found] == ["a", "b", "c", "a"]
    assert server.asked == ["token-a", ["token-a", "token-b", "token-c"]]


async def test_who_asks_for_the_same_at_once_asks_once() -> None:
    server = Server({A.token_id: row("a")})
    lookups = server.lookups()
    found = await asyncio.gather(lookups.info(A), lookups.info(A))
    assert list(found) == [row("a")] * 2
    assert server.asked == ["token-a"]


async def test_absence_is_a_question_but_not_after_a_deletion() -> None:
    server = Server({B.token_id: row("b")}, deleted={A.token_id})
    lookups = server.lookups()
    found, other, unknown = await asyncio.gather(lookups.info(A), lookups.info(B), lookups.info(C))
    assert (found is not None and found.deleted_at, unknown) == (NOW, None)
    assert other is not None
    assert server.asked == [["token-a", "token-b", "token-c"], "token-a", "token-c"]
    server.asked.clear()
    assert list(await asyncio.gather(lookups.left(A), lookups.left(C))) == [None, None]
    assert server.asked == [["token-a", "token-c"]]


async def test_after_a_deletion_absence_is_a_question_if_a_row_has_lost_its_mark() -> None:
    server = Server({A.token_id: row(None, None)})
    lookups = server.lookups()
    assert list(await asyncio.gather(lookups.left(A), lookups.left(B))) == [row(None, None), None]
    assert server.asked == [["token-a", "token-b"], "token-a", "token-b"]


@pytest.mark.parametrize(
    ("ends", "lag", "singly"),
    [
        (None, 2 * SECOND, False),
        (NOW + SECOND, 2 * SECOND, False),
        (NOW, 2 * SECOND, True),
        (NOW - SECOND, 2 * SECOND, True),
        (NOW - 2 * SECOND, 2 * SECOND, False),
        (NOW, timedelta(0), False),
        (NOW - SECOND / 2, SECOND / 4, False),
    ],
)
async def test_what_may_just_have_ended_is_asked_for_singly(
    ends: datetime | None, lag: timedelta, singly: bool
) -> None:
    whole = None if ends is None else ends.replace(microsecond=0)
    fraction = timedelta(0) if ends is None or whole is None else ends - whole
    server = Server({A.token_id: row("a", expires=whole, fraction=fraction), B.token_id: row("b")})
    lookups = server.lookups(lag)
    await asyncio.gather(lookups.info(A), lookups.info(B))
    assert server.asked == [["token-a", "token-b"], *(["token-a"] if singly else [])]


@dataclass
class Table:
    """Deletes all, or refuses all for one that is forbidden."""

    forbidden: set[str] = field(default_factory=set[str])
    gone: set[str] = field(default_factory=set[str])
    asked: list[int] = field(default_factory=list[int])
    lost_at: int | None = None

    async def delete(self, token_ids: Sequence[str]) -> None:
        self.asked.append(len(token_ids))
        if len(self.asked) == self.lost_at:
            raise Unavailable("away")
        if self.forbidden & set(token_ids):
            raise Rejected(f"LiteLLM forbids {sorted(self.forbidden)}")
        self.gone |= set(token_ids)


TOKENS = [f"token-{number:03}" for number in range(250)]


async def outcomes(deletions: Deletions, tokens: Sequence[str]) -> list[BaseException | None]:
    return await asyncio.gather(*(deletions.delete([token]) for token in tokens), return_exceptions=True)


async def test_deletions_of_one_moment_go_by_the_hundred() -> None:
    table = Table()
    assert set(await outcomes(Deletions(table.delete), TOKENS)) == {None}
    assert table.gone == set(TOKENS)
    assert table.asked == [100, 100, 50]


async def test_many_at_once_are_as_many_single_ones_and_none_are_none() -> None:
    table = Table()
    deletions = Deletions(table.delete)
    await asyncio.gather(deletions.delete(TOKENS[:150]), deletions.delete(TOKENS[150:]), deletions.delete([]))
    assert table.asked == [100, 100, 50]


@pytest.mark.parametrize("culprits", [[0], [99], [37], [12, 13], [3, 50, 98]])
async def test_only_who_is_to_blame_is_refused(culprits: list[int]) -> None:
    tokens = TOKENS[:100]
    table = Table({tokens[number] for number in culprits})
    found = await outcomes(Deletions(table.delete), tokens)
    assert [number for number, outcome in enumerate(found) if outcome is not None] == culprits
    assert all(isinstance(found[number], Rejected) for number in culprits)
    assert table.gone == set(tokens) - table.forbidden
    assert len(table.asked) <= 1 + 14 * len(culprits)


async def test_who_deletes_several_hears_of_the_one_that_was_refused_once_the_others_are_gone() -> None:
    table = Table({TOKENS[2]})
    with pytest.raises(Rejected):
        await Deletions(table.delete).delete(TOKENS[:5])
    assert table.gone == set(TOKENS[:5]) - table.forbidden


async def test_what_was_lost_on_the_way_is_lost_for_all() -> None:
    table = Table({TOKENS[0]}, lost_at=3)
    found = await outcomes(Deletions(table.delete), TOKENS[:8])
    assert all(isinstance(outcome, Unavailable) for outcome in found)
    assert all(isinstance(outcome, OutsideError) for outcome in found)
