"""The Gateway to one LiteLLM proxy: which endpoint is asked how, and what its answers mean."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Literal, TypeVar

from litellm_key_operator.domain.errors import (
    CustomKeysForbidden,
    Denied,
    NotPermitted,
    OutsideError,
    Rejected,
    TooLong,
    Unavailable,
    quoted,
)
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.state import Row
from litellm_key_operator.gateway import wire
from litellm_key_operator.gateway.bulk import Deletions, Lookups, Wanted
from litellm_key_operator.gateway.clock import ProxyClock
from litellm_key_operator.gateway.errors import absent, astray, no_team, refusal
from litellm_key_operator.gateway.transport import MEBIBYTE, Observe, Transport
from litellm_key_operator.gateway.wire import Reply
from litellm_key_operator.ports import Credential, Mark, Preflight

T = TypeVar("T")

_PARTS_OF_A_PAGE = 10
_PAGE = _PARTS_OF_A_PAGE**2
"""Rows of a page; one whose rows are too long for one answer is read in so many parts, and these again."""
_MOST_IN_A_LIST = 8 * MEBIBYTE
_TOKEN = re.compile(r"[0-9a-f]{64}")
_PART_FOR_MANY = 4
"""Of the calls at once, one in four may be a deletion of many, and one in four a look-up of many."""
_NOBODY = "0" * 64
"""A hash that no key has."""
_IMPOSSIBLE = KeyValue("x")
"""Refused for its form wherever clients may choose key values, and for being chosen where they may not."""


class LiteLLM:
    """One proxy, spoken to with one admin credential. Fulfils `ports.Gateway`."""

    def __init__(
        self,
        credential: Credential,
        *,
        observe: Observe | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = credential.url
        self._clock = ProxyClock(wall, monotonic)
        self._transport = Transport(credential, self._clock, observe)
        many = max(1, credential.max_in_flight // _PART_FOR_MANY)
        self._lookups = Lookups(self._info, self.infos, self._clock, under_way=many)
        self._deletions = Deletions(self._delete, under_way=many)

    @property
    def url(self) -> str:
        """As the Connection spells it."""
        return self._url

    def now(self) -> datetime:
        """The moment that the proxy's clock has certainly reached, in UTC."""
        return self._clock.now()

    def likely_now(self) -> datetime:
        """The moment on the proxy's clock, in UTC, at a guess."""
        return self._clock.likely_now()

    async def generate(self, value: KeyValue, fields: Mapping[str, object]) -> Row:
        """Register this value. Raises AliasTaken, CustomKeysForbidden, Rejected."""
        reply = await self._transport.exchange("POST", "/key/generate", body=fields, value=value)
        budget = fields.get("budget_id")
        if reply.status == HTTPStatus.INTERNAL_SERVER_ERROR and isinstance(budget, str):
            await self._need_budget(budget)
        return await self._read(reply, partial(wire.generated, token_id=value.token_id))

    async def info(self, token_id: str, mark: Mark | None = None) -> Row | None:
        """What LiteLLM knows of one token; None if it says that it knows nothing."""
        return await (self._info(token_id) if mark is None else self._lookups.info(Wanted(_hash(token_id), mark)))

    async def left(self, token_id: str, mark: Mark) -> Row | None:
        """What is left of a token whose deletion was answered: None, or a row."""
        return await self._lookups.left(Wanted(_hash(token_id), mark))

    async def infos(self, token_ids: Sequence[str]) -> list[Row]:
        """The rows of those of the tokens that have one; by halves if they are too long for one answer."""
        if not token_ids:
            return []
        body = {"keys": [_hash(token_id) for token_id in token_ids]}
        try:
            reply = await self._transport.exchange("POST", "/v2/key/info", body=body, most=_MOST_IN_A_LIST)
        except TooLong:
            if len(token_ids) == 1:
                raise
        else:
            return await self._read(reply, wire.batch)
        middle = len(token_ids) // 2
        return [*await self.infos(token_ids[:middle]), *await self.infos(token_ids[middle:])]

    async def update(self, token_id: str, changes: Mapping[str, object]) -> Row | None:
        """Change one row; None if LiteLLM says that it has none. Raises AliasTaken, Rejected."""
        reply = await self._transport.exchange("POST", "/key/update", body={**changes, "key": _hash(token_id)})
        return None if absent(reply) else await self._read(reply, partial(wire.updated, token_id=token_id))

    async def delete(self, token_ids: Sequence[str]) -> None:
        """Delete rows. Raises Rejected if the credential may not touch one of them; the others are deleted."""
        await self._deletions.delete([_hash(token_id) for token_id in token_ids])

    async def find(self, alias: str) -> list[Row]:
        """The rows that have exactly this alias: some versions answer with those that contain it, too."""
        return [row async for row in self._pages({"key_alias": alias}) if row.alias == alias]

    def walk(self, status: Literal["active", "expired", "revoked"] | None = None) -> AsyncIterator[Row]:
        """All rows, oldest first. Rows deleted meanwhile shift the pages, so that others may be missed."""
        return self._pages({} if status is None else {"status": status})

    async def preflight(self) -> Preflight:
        """What the proxy is and lets us do. Without a database that is only said, and `custom_keys` is a guess.

        Every endpoint that is needed is asked in a way that changes nothing. Raises Denied if one of them is closed.
        """
        database = await self._database()
        if not database:
            return Preflight(version=await self._version(), database=False, custom_keys=True)
        custom_keys = await self._custom_keys()
        await self._reach_all()
        return Preflight(version=await self._version(), database=True, custom_keys=custom_keys)

    async def models(self) -> frozenset[str]:
        """Model names, wildcards and access groups. Raises Denied if the credential may not ask for them."""
        params = {"scope": "expand", "return_wildcard_routes": "true", "include_model_access_groups": "true"}
        reply = await self._transport.exchange("GET", "/v1/models", params=params, most=_MOST_IN_A_LIST)
        return await self._read(reply, wire.model_names)

    async def has_team(self, team_id: str) -> bool:
        """Whether there is such a team. Raises Denied if the credential may not ask."""
        reply = await self._transport.exchange("GET", "/team/info", params={"team_id": team_id}, most=_MOST_IN_A_LIST)
        if no_team(reply):
            return False
        await self._answer(reply)
        return True

    async def close(self) -> None:
        """Close; calls under way fail with Unavailable."""
        await self._transport.close()

    async def drain(self) -> None:
        """Close once the calls under way are over."""
        await self._transport.drain()

    async def _info(self, token_id: str) -> Row | None:
        reply = await self._transport.exchange("GET", "/key/info", params={"key": _hash(token_id)})
        if absent(reply):
            return None
        row = await self._read(reply, partial(wire.informed, token_id=token_id))
        if row.ends_at is not None and row.fields.get("status") == "expired":
            self._clock.passed(row.ends_at)
        return row

    async def _delete(self, token_ids: Sequence[str]) -> None:
        reply = await self._transport.exchange("POST", "/key/delete", body={"keys": list(token_ids)})
        if not absent(reply):
            await self._answer(reply)

    async def _pages(self, params: Mapping[str, str]) -> AsyncIterator[Row]:
        seen: set[str | None] = set()
        size, number = _PAGE, 0
        while True:
            number += 1
            try:
                reply = await self._list({**params, "size": str(size), "page": str(number)})
            except TooLong:
                if size == 1:
                    raise
                # What was read lies before the same place of the smaller pages.
                number, size = (number - 1) * _PARTS_OF_A_PAGE, size // _PARTS_OF_A_PAGE
                continue
            page = await self._read(reply, partial(wire.page, number=number))
            fresh = [row for row in page.rows if row.token_id not in seen]
            seen.update(row.token_id for row in fresh)
            for row in fresh:
                yield row
            # A page with nothing new on it: whoever answers would go on like this for ever.
            if page.last or not fresh:
                return

    async def _list(self, params: Mapping[str, str]) -> Reply:
        order = {"return_full_object": "true", "sort_by": "created_at", "sort_order": "asc"}
        return await self._transport.exchange("GET", "/key/list", params={**order, **params}, most=_MOST_IN_A_LIST)

    async def _read(self, reply: Reply, read: Callable[[Reply], T]) -> T:
        answer = await self._answer(reply)
        try:
            return read(answer)
        except Unavailable as error:
            lost = error
        # Without the frames of the reading: they hold the answer, and that may quote what was sent.
        raise lost.with_traceback(None)

    async def _answer(self, reply: Reply) -> Reply:
        """The reply, if it is no refusal.

        A proxy that has lost its database takes its administrators for strangers: Denied is believed only if the
        database is there.
        """
        if reply.status == HTTPStatus.OK:
            return reply
        error = refusal(reply)
        if isinstance(error, Denied) and not await self._database():
            raise Unavailable("LiteLLM has no database to look the admin credential up in")
        raise error

    async def _database(self) -> bool:
        """Whether a database is connected, False if none is configured. Raises Unavailable if it is away."""
        reply = await self._transport.exchange("GET", "/health/readiness")
        state = wire.text(reply, "db")
        if reply.status == HTTPStatus.OK and state is not None:
            if state == "connected":
                return True
            if state == "Not connected":
                return False
        if state is not None:
            raise Unavailable(f"LiteLLM's database is {quoted(state)}", retry_after=reply.retry_after)
        raise Unavailable(astray(reply), retry_after=reply.retry_after)

    async def _need_budget(self, budget: str) -> None:
        """Raises Rejected if there is none of this id: of that a registration says but "Internal Server Error"."""
        try:
            reply = await self._transport.exchange("POST", "/budget/info", body={"budgets": [budget]})
        except OutsideError:
            return
        if reply.status == HTTPStatus.OK and reply.payload == []:
            raise Rejected(f"LiteLLM knows no budget {quoted(budget)}")

    async def _custom_keys(self) -> bool:
        try:
            await self.generate(_IMPOSSIBLE, {})
        except CustomKeysForbidden:
            return False
        except Rejected:
            return True
        # Old versions take any value.
        await self._delete([_IMPOSSIBLE.token_id])
        return True

    async def _reach_all(self) -> None:
        """Ask every endpoint that is needed about nobody. Raises Denied if one of them is closed."""
        await self.info(_NOBODY)
        await self.infos([_NOBODY])
        await self._answer(await self._list({"size": "1"}))
        try:
            await self.update(_NOBODY, {"blocked": True})
            await self._delete([_NOBODY])
        except Rejected as error:
            raise NotPermitted(str(error)) from None

    async def _version(self) -> str | None:
        for endpoint in ("/public/model_hub/info", "/health/readiness/details"):
            try:
                reply = await self._transport.exchange("GET", endpoint)
            except OutsideError:
                continue
            version = wire.text(reply, "litellm_version")
            if reply.status == HTTPStatus.OK and version:
                return quoted(version)
        return None


def _hash(token_id: str) -> str:
    """The token's hash, proved to be one: it goes into URLs and logs, where a value must never be."""
    if not _TOKEN.fullmatch(token_id):
        raise ValueError("a token is named by the hex sha256 of its value")
    return token_id
