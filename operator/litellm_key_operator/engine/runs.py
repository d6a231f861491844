"""What is done about each kind of item, and when it is to be looked at again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.domain.errors import Denied, OutsideError, Rejected, Unavailable
from litellm_key_operator.engine.cache import Cache, Name, connection_of, role_of
from litellm_key_operator.engine.connections import Connections
from litellm_key_operator.engine.deadlines import Deadlines
from litellm_key_operator.engine.keys import Keys, Outcome
from litellm_key_operator.engine.lists import NAMESPACES, Lists
from litellm_key_operator.engine.news import News, key_item, lane_of
from litellm_key_operator.engine.options import Options
from litellm_key_operator.engine.queue import Item, Kind, Lane, Queue
from litellm_key_operator.engine.roles import Roles
from litellm_key_operator.engine.sweep import Sweep

SOON: Final = 0.25
"""Seconds until the next look at something that is due by our clock and not yet by LiteLLM's."""
_FIRST_GRAVES: Final = 0.1
"""Part of the walk's interval after which the first one begins."""
_TEAM_PAUSE: Final = 60.0
"""Seconds until a team that did not exist is looked for again."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Dispatches items to those who know what to do, and turns their answers into times."""

    cache: Cache
    queue: Queue
    deadlines: Deadlines
    news: News
    lists: Lists
    keys: Keys
    roles: Roles
    connections: Connections
    sweep: Sweep
    options: Options
    clock: Callable[[], datetime]

    async def dispatch(self, item: Item) -> str:
        """One run over one item; answers its result for the metrics. Raises what the outside did not answer."""
        name: Name = item.namespace, item.name
        match item.kind:
            case Kind.KEY:
                return await self._run_key(item)
            case Kind.ROLE:
                await self._run_role(item, name)
            case Kind.CONNECTION:
                return await self._run_connection(item, name)
            case Kind.SWEEP:
                await self._run_sweep(item, name)
            case Kind.GRAVES:
                await self._run_graves(item, name)
            case Kind.LIST:
                await self._run_list(item)
            case _:
                assert_never(item.kind)
        self.queue.fresh(item)
        return "success"

    async def _run_key(self, item: Item) -> str:
        key = self.cache.keys.get(item.name)
        if key is not None and self._waits_for_check(key):
            return "waits"
        was_ready = key.status.conditions if key is not None else ()
        outcome = await self.keys.run(item.name)
        key = self.cache.keys.get(item.name)
        if key is not None and key.status.conditions != was_ready:
            self.news.count(key)
        if outcome.gone:
            self.deadlines.put(item, None)
            self.queue.forget(item)
            return "gone"
        self.deadlines.put(item, outcome.due)
        return self._go_on(item, key, outcome)

    def _go_on(self, item: Item, key: LiteLLMKey | None, outcome: Outcome) -> str:
        lane = lane_of(key) if key is not None else Lane.URGENT
        error = outcome.error
        if outcome.again:
            self.queue.add(item, lane)
            return "conflict"
        if isinstance(error, Denied | Unavailable) and key is not None:
            for name in self._behind(key)[:1]:
                self._doubt(name)
        if isinstance(error, Rejected) and lane is Lane.NORMAL:
            self.queue.add_after(item, self.options.retry_max, lane)
            return "rejected"
        if error is not None or outcome.retry:
            self.queue.retry(item, lane, at_least=asked_to_wait(error))
            return "error" if error is not None else "waits"
        self.queue.fresh(item)
        late = self.clock() - outcome.due if outcome.due is not None else timedelta(-1)
        if late >= timedelta(0):
            self.deadlines.put(item, None)
            self.queue.add_after(item, while_overdue(late, self.options.retry_max), Lane.URGENT)
        return "success"

    def _waits_for_check(self, key: LiteLLMKey) -> bool:
        """After a start nothing is said of a Key before its Connection was checked; that check brings it back."""
        behind, role = self._behind(key), self.cache.roles.get(role_of(key))
        if any(name in self.cache.connections and name not in self.connections.opened for name in behind):
            return True
        # Nor before its role's team was looked up.
        return role is not None and self.connections.ready(connection_of(role)) and self.roles.team_exists(role) is None

    def _doubt(self, name: Name) -> None:
        """Something is wrong with a Connection, perhaps: one check of that keeps all other keys from finding out."""
        self.connections.doubt(name)
        self.queue.add(Item(Kind.CONNECTION, *name), Lane.URGENT)

    def _behind(self, key: LiteLLMKey) -> list[Name]:
        """The connection that holds the key, and the one that its role names."""
        noted, role = key.status.connection, self.cache.roles.get(role_of(key))
        behind = [(noted.namespace, noted.name)] if noted is not None else []
        return behind if role is None else [*behind, connection_of(role)]

    async def _run_role(self, item: Item, name: Name) -> None:
        # Told before it is written down, which may fail: no later run would find it to be news.
        if await self.roles.look_for_team(name):
            self.news.role_turned(name)
        await self.roles.say(name)
        role = self.cache.roles.get(name)
        if role is not None and not self.roles.team_exists(role):
            self.queue.add_after(item, _TEAM_PAUSE)

    async def _run_connection(self, item: Item, name: Name) -> str:
        ready = await self.connections.run(name)
        connection, known = self.cache.connections.get(name), self.connections.opened.get(name)
        if connection is None or known is None:
            self.queue.fresh(item)
            return "gone"
        if ready is not known.told:
            # Perhaps the news of an earlier run, which could not write it down.
            self.news.connection_turned(name, everything=known.told is None)
            known.told = ready
        self.queue.add_after(item, self.options.reload_interval)
        if not ready:
            self.queue.retry(item)
            return "not-ready"
        self.queue.fresh(item)
        self.queue.add_after(Item(Kind.SWEEP, *name), connection.spec.sweep_interval.seconds)
        self.queue.add_after(Item(Kind.GRAVES, *name), self.options.walk_interval * _FIRST_GRAVES)
        return "success"

    async def _run_sweep(self, item: Item, name: Name) -> None:
        connection = self.cache.connections.get(name)
        if connection is None:
            return
        try:
            suspects = await self.sweep.suspects(name)
        except (Denied, Unavailable):
            self._doubt(name)  # where nothing else is to be done, nobody else would find out
            raise
        for uid in suspects:
            self.keys.suspect(uid)
            key = self.cache.keys.get(uid)
            if key is not None:
                self.queue.add(key_item(key), lane_of(key))
        self.connections.swept(name, self.clock())
        self.queue.add_after(item, connection.spec.sweep_interval.seconds)

    async def _run_list(self, item: Item) -> None:
        await self.lists.again(item.name)
        if item.name == NAMESPACES and not self.options.namespaces_watched:
            self.queue.add_after(item, self.options.reload_interval)

    async def _run_graves(self, item: Item, name: Name) -> None:
        if name in self.cache.connections:
            await self.sweep.clear_graves(name)
            self.queue.add_after(item, self.options.walk_interval)


def while_overdue(late: timedelta, longest: float) -> float:
    """Seconds until the next look at something that was due so long ago, and could not be done yet.

    LiteLLM's clock is behind ours by a second or so. What is overdue for longer waits for something else, for its role
    perhaps or for somebody who unblocks it, and must not be looked at all the time.
    """
    return min(longest, max(SOON, late / timedelta(seconds=2)))


def asked_to_wait(error: OutsideError | None) -> float:
    """Seconds that a server asked for before the next request."""
    return error.retry_after or 0.0 if isinstance(error, Unavailable) else 0.0
