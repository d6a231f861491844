"""Look-ups and deletions of single keys, sent together: whom an answer is about, and who is to blame for a refusal."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

from litellm_key_operator.domain.errors import OutsideError, Rejected
from litellm_key_operator.domain.state import Row
from litellm_key_operator.gateway.batch import Batch
from litellm_key_operator.gateway.clock import ProxyClock
from litellm_key_operator.ports import Mark

MOST_LOOKED_UP: Final = 500
MOST_DELETED: Final = 100


class Vague(Enum):
    """What an answer to many says of one, when it is no row."""

    NO_ROW = "no-row"
    """There is no row of it in the table: deleted, or never there."""
    UNCLEAR = "unclear"
    """Nothing that can be relied on."""


Told: TypeAlias = Row | Vague | None
"""A row; None if LiteLLM, asked for this key alone, does not know it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token whose row, if it has one, is known by this mark."""

    token_id: str
    mark: Mark


class Lookups:
    """`/key/info` of many by `/v2/key/info`, whose rows say neither whose they are nor whether their time is over.

    One that is alone is asked for alone.
    """

    def __init__(
        self,
        one: Callable[[str], Awaitable[Row | None]],
        many: Callable[[Sequence[str]], Awaitable[Sequence[Row]]],
        clock: ProxyClock,
        *,
        under_way: int = 1,
    ) -> None:
        """`one` asks `/key/info`, `many` `/v2/key/info`; so many of these at a time."""
        self._one = one
        self._many = many
        self._clock = clock
        self._batch = Batch(self._send, MOST_LOOKED_UP, under_way=under_way)

    async def info(self, wanted: Wanted) -> Row | None:
        """The truth about the token: a row that is absent, or may be another's, is asked for singly."""
        told = await self._batch.submit(wanted)
        return await self._one(wanted.token_id) if isinstance(told, Vague) else told

    async def left(self, wanted: Wanted) -> Row | None:
        """The row that the table still has of it; None if there is none."""
        told = await self._batch.submit(wanted)
        if told is Vague.UNCLEAR:
            return await self._one(wanted.token_id)
        return None if told is Vague.NO_ROW else told

    async def _send(self, wanted: Sequence[Wanted]) -> Sequence[Told | OutsideError]:
        if len({each.token_id for each in wanted}) == 1:
            told = await self._one(wanted[0].token_id)
            return [told for _ in wanted]
        rows = await self._many(sorted({each.token_id for each in wanted}))
        return [self._certain(told) for told in assigned(wanted, rows)]

    def _certain(self, told: Told) -> Told:
        """A row that may just have expired is a question: its answer comes without LiteLLM's word on that."""
        ends = told.ends_at if isinstance(told, Row) else None
        return Vague.UNCLEAR if ends is not None and self._clock.now() < ends <= self._clock.likely_now() else told


def assigned(wanted: Sequence[Wanted], rows: Sequence[Row]) -> list[Told]:
    """Each token's row among those that LiteLLM has of all of them, by the marks that the rows bear.

    An administrator can edit marks. Where one is missing, doubled or strange, absence proves nothing of anybody.
    """
    by_mark = {_mark(row): row for row in rows}
    tokens: Mapping[Mark, set[str]] = {each.mark: set() for each in wanted}
    for each in wanted:
        tokens[each.mark].add(each.token_id)
    bearers = Counter(map(_mark, rows))
    proper = all(count == 1 and mark in tokens for mark, count in bearers.items())
    absent = Vague.NO_ROW if proper else Vague.UNCLEAR

    def told(each: Wanted) -> Told:
        if bearers[each.mark] > 1 or len(tokens[each.mark]) > 1:
            return Vague.UNCLEAR
        row = by_mark.get(each.mark)
        return absent if row is None else replace(row, token_id=each.token_id)

    return [told(each) for each in wanted]


class Deletions:
    """`/key/delete` of many. LiteLLM refuses all of them for one that the credential may not touch."""

    def __init__(self, delete: Callable[[Sequence[str]], Awaitable[None]], *, under_way: int = 1) -> None:
        """`delete` sends one request; raises Rejected if nothing was deleted by it. So many of them at a time."""
        self._delete = delete
        self._batch: Batch[str, None] = Batch(self._send, MOST_DELETED, under_way=under_way)

    async def delete(self, token_ids: Sequence[str]) -> None:
        """Delete them along with others. Raises Rejected only for what was refused by itself."""
        submitted = [self._batch.submit(token_id) for token_id in token_ids]
        for outcome in await asyncio.gather(*submitted, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _send(self, token_ids: Sequence[str]) -> Sequence[OutsideError | None]:
        refused = await self._refused(sorted(set(token_ids)))
        return [refused.get(token_id) for token_id in token_ids]

    async def _refused(self, token_ids: Sequence[str]) -> dict[str, OutsideError]:
        """Those that are to blame for a refusal: found by halves, so that the others are deleted."""
        try:
            await self._delete(token_ids)
        except Rejected as error:
            if len(token_ids) == 1:
                return {token_ids[0]: error}
        else:
            return {}
        middle = len(token_ids) // 2
        return await self._refused(token_ids[:middle]) | await self._refused(token_ids[middle:])


def _mark(row: Row) -> Mark | None:
    uid, revision = row.mark.get("uid"), row.mark.get("revision")
    return Mark(uid, revision) if isinstance(uid, str) and isinstance(revision, int) else None
