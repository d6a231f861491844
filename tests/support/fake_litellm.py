"""A LiteLLM in memory, as far as its keys go, and the Gateway to it.

It needs no event loop: nothing here waits, except for the hook that a test gives. The contract tests hold it to what
the real proxy does, oddities included.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal, TypeVar, cast

from litellm_key_operator.domain.errors import AliasTaken, CustomKeysForbidden, Denied, Unavailable
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.state import Row
from litellm_key_operator.ports import Mark, Preflight
from tests.support.fake_rows import Stored, changed, issued

Status = Literal["active", "expired", "revoked"]
Hook = Callable[[Literal["before", "after"], str, tuple[object, ...]], Awaitable[None]]
T = TypeVar("T")

PAGE = 100
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class FakeLiteLLM:
    """The proxy's state: living rows and the last deleted row by token id, its clock, its switches."""

    clock: datetime = EPOCH
    rows: dict[str, Stored] = field(default_factory=dict[str, Stored])
    archive: dict[str, Stored] = field(default_factory=dict[str, Stored])
    custom_keys_forbidden: bool = False
    down: bool = False
    denied: bool = False
    models: frozenset[str] = frozenset({"fake-small", "fake-large"})
    teams: frozenset[str] = frozenset()
    lag: timedelta = timedelta(0)
    """By how much the proved part of its clock is behind."""
    proved: datetime = EPOCH

    def copy(self) -> FakeLiteLLM:
        """Another proxy in the same state."""
        return replace(self, rows=dict(self.rows), archive=dict(self.archive))

    def key(self) -> Hashable:
        """Equal for equal states; of two states that differ only in the order of their rows, too."""
        rows = frozenset((token_id, stored.identity) for token_id, stored in self.rows.items())
        gone = frozenset((token_id, stored.identity) for token_id, stored in self.archive.items())
        return rows, gone, self.clock, self.custom_keys_forbidden, self.down, self.denied, self.certain

    @property
    def certain(self) -> datetime:
        """The moment that its clock has certainly reached, as its clients know it."""
        return max(self.proved, self.clock - self.lag)

    def accepts(self, token_id: str) -> bool:
        """Whether a request made with this key is served now."""
        stored = self.rows.get(token_id)
        if stored is None or stored.row.blocked:
            return False
        return stored.row.expires is None or self.clock < stored.row.expires

    def generate(self, value: KeyValue, fields: Mapping[str, object]) -> Row:
        """`POST /key/generate`. A value that has a row is answered with an echo, and nothing is changed."""
        alias = cast("str | None", fields.get("key_alias"))
        if alias is not None:
            self._refuse_taken(alias, self.rows)
        if self.custom_keys_forbidden:
            raise CustomKeysForbidden("the proxy does not let its clients choose key values")
        row = issued(value.token_id, fields, self.clock)
        if value.token_id not in self.rows:
            self.rows[value.token_id] = Stored.of(row)
        return row

    def info(self, token_id: str) -> Row | None:
        """`GET /key/info`: the living row, else the one deleted last."""
        stored = self.rows.get(token_id) or self.archive.get(token_id)
        if stored is None:
            return None
        row = stored.row
        word = "deleted" if row.deleted_at is not None else self._status(row)
        if word == "expired" and row.expires is not None:
            self.proved = max(self.proved, row.expires)
        return replace(row, fields={**row.fields, "status": word})

    def left(self, token_id: str) -> Row | None:
        """`POST /v2/key/info` for one: the living row alone."""
        stored = self.rows.get(token_id)
        return None if stored is None else stored.row

    def infos(self, token_ids: Sequence[str]) -> list[Row]:
        """`POST /v2/key/info`: living rows only, without their token ids."""
        wanted = set(token_ids)
        return [replace(stored.row, token_id=None) for token, stored in self.rows.items() if token in wanted]

    def update(self, token_id: str, changes: Mapping[str, object]) -> Row | None:
        """`POST /key/update`: a row may be given the alias it has, but not another's."""
        stored = self.rows.get(token_id)
        if stored is None:
            return None
        alias = cast("str | None", changes.get("key_alias"))
        if alias is not None:
            self._refuse_taken(alias, (other for other in self.rows if other != token_id))
        row = changed(stored.row, changes, self.clock)
        self.rows[token_id] = Stored.of(row)
        return row

    def delete(self, token_ids: Sequence[str]) -> None:
        """`POST /key/delete`: rows go to the archive; unknown ones are passed over."""
        for token_id in token_ids:
            stored = self.rows.pop(token_id, None)
            if stored is not None:
                self.archive[token_id] = Stored.of(replace(stored.row, deleted_at=self.clock.replace(microsecond=0)))

    def listed(self, status: Status | None = None) -> list[Row]:
        """`GET /key/list`, all pages, oldest first. Blocked ones are `revoked`, be they expired or not."""
        rows = [stored.row for stored in self.rows.values()]
        return rows if status is None else [row for row in rows if self._status(row) == status]

    def charge(self, token_id: str, amount: float) -> None:
        """Requests were made with this key that cost so many USD."""
        row = self.rows[token_id].row
        spend = cast("float", row.fields["spend"]) + amount
        self.rows[token_id] = Stored.of(replace(row, fields={**row.fields, "spend": spend}))

    def commit(self, name: str, args: tuple[object, ...]) -> object:
        """The effect of one call of the Gateway, by name, as if its request arrived only now."""
        effects: dict[str, Callable[..., object]] = {
            "generate": self.generate,
            "info": self.info,
            "infos": self.infos,
            "update": self.update,
            "delete": self.delete,
        }
        return effects[name](*args)

    def _refuse_taken(self, alias: str, among: Iterable[str]) -> None:
        if any(self.rows[token_id].row.alias == alias for token_id in among):
            raise AliasTaken("another key has the alias")

    def _status(self, row: Row) -> Status:
        if row.blocked:
            return "revoked"
        return "expired" if row.expires is not None and row.expires <= self.clock else "active"


async def _nothing(_when: str, _name: str, _args: tuple[object, ...]) -> None:
    """The hook of a test that has none."""


class FakeGateway:
    """A Gateway to a FakeLiteLLM. `hook` is awaited before and after each effect; what it raises, the call raises."""

    def __init__(self, server: FakeLiteLLM, url: str = "http://litellm.test", hook: Hook = _nothing) -> None:
        self.server = server
        self.hook = hook
        self._url = url

    @property
    def url(self) -> str:
        return self._url

    def now(self) -> datetime:
        return self.server.certain

    async def generate(self, value: KeyValue, fields: Mapping[str, object]) -> Row:
        return await self._call("generate", (value, fields), lambda: self.server.generate(value, fields))

    def likely_now(self) -> datetime:
        return self.server.clock

    async def info(self, token_id: str, mark: Mark | None = None) -> Row | None:
        del mark
        return await self._call("info", (token_id,), lambda: self.server.info(token_id))

    async def left(self, token_id: str, mark: Mark) -> Row | None:
        del mark
        return await self._call("left", (token_id,), lambda: self.server.left(token_id))

    async def infos(self, token_ids: Sequence[str]) -> list[Row]:
        return await self._call("infos", (token_ids,), lambda: self.server.infos(token_ids))

    async def update(self, token_id: str, changes: Mapping[str, object]) -> Row | None:
        return await self._call("update", (token_id, changes), lambda: self.server.update(token_id, changes))

    async def delete(self, token_ids: Sequence[str]) -> None:
        await self._call("delete", (token_ids,), lambda: self.server.delete(token_ids))

    async def find(self, alias: str) -> list[Row]:
        return await self._call("find", (alias,), lambda: [row for row in self.server.listed() if row.alias == alias])

    async def walk(self, status: Status | None = None) -> AsyncIterator[Row]:
        for number in itertools.count(1):
            page = await self._call("walk", (status, number), partial(self._page, status, number))
            for row in page:
                yield row
            if len(page) < PAGE:
                return

    async def preflight(self) -> Preflight:
        return await self._call(
            "preflight", (), lambda: Preflight("1.106.2", True, not self.server.custom_keys_forbidden)
        )

    async def models(self) -> frozenset[str]:
        return await self._call("models", (), lambda: self.server.models)

    async def has_team(self, team_id: str) -> bool:
        return await self._call("has_team", (team_id,), lambda: team_id in self.server.teams)

    async def close(self) -> None:
        """Nothing is open."""

    def commit(self, name: str, args: tuple[object, ...]) -> object:
        """The effect of one call alone: no hook, no outage, no refusal."""
        return self.server.commit(name, args)

    def _page(self, status: Status | None, number: int) -> list[Row]:
        return self.server.listed(status)[(number - 1) * PAGE : number * PAGE]

    async def _call(self, name: str, args: tuple[object, ...], effect: Callable[[], T]) -> T:
        await self.hook("before", name, args)
        if self.server.down:
            raise Unavailable("the proxy is down", sent=False)
        if self.server.denied:
            raise Denied("the proxy refuses the credential")
        answer = effect()
        await self.hook("after", name, args)
        return answer
