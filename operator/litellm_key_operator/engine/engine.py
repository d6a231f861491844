"""The engine: what is observed goes into cache and queue; runs over what is queued keep the promises."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

import structlog

from litellm_key_operator import metrics
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.domain.errors import Conflict, Denied, Gone, OutsideError, Rejected, Unavailable
from litellm_key_operator.domain.material import Keyring
from litellm_key_operator.engine.cache import Cache, Name, connection_of, role_of
from litellm_key_operator.engine.connections import Connections
from litellm_key_operator.engine.deadlines import Deadlines
from litellm_key_operator.engine.keys import Keys, Outcome
from litellm_key_operator.engine.lists import Lists
from litellm_key_operator.engine.local import Local
from litellm_key_operator.engine.news import News, key_item, lane_of
from litellm_key_operator.engine.options import Options
from litellm_key_operator.engine.queue import Item, Kind, Lane, Queue
from litellm_key_operator.engine.remote import Remote
from litellm_key_operator.engine.resolve import Resolver
from litellm_key_operator.engine.roles import Roles
from litellm_key_operator.engine.sweep import Sweep
from litellm_key_operator.engine.voice import Voice
from litellm_key_operator.ports import Journal, Namespaces, OpenGateways, Resources, Secrets

_LOG = structlog.get_logger(__name__)

_SOON: Final = 0.25
"""Seconds until the next look at something that is due by our clock and not yet by LiteLLM's."""
_FIRST_GRAVES: Final = 0.1
"""Part of the walk's interval after which the first one begins."""


_TEAM_PAUSE: Final = 60.0
"""Seconds until a team that did not exist is looked for again."""


def _now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Owns cache, queue and deadlines, and dispatches what is due."""

    def __init__(
        self,
        *,
        resources: Resources,
        secrets: Secrets,
        namespaces: Namespaces,
        journal: Journal,
        gateways: OpenGateways,
        keyring: Keyring,
        options: Options,
    ) -> None:
        """Put the parts together; nothing begins before `prime` and `start`."""
        self.cache = Cache()
        self.primed = False
        self._options = options
        voice = Voice(journal)
        self._queue = Queue(
            self._work, workers=options.workers, retry_min=options.retry_min, retry_max=options.retry_max
        )
        self._news = News(self.cache, self._queue)
        self._lists = Lists(self.cache, self._news, resources, secrets, namespaces)
        self._deadlines = Deadlines(self._due, _now)
        self._connections = Connections(self.cache, resources, secrets, gateways, _now)
        self._roles = Roles(self.cache, resources, self._connections, voice, _now)
        self._sweep = Sweep(self.cache, gateways, keyring.installation, timedelta(seconds=options.tombstone_age))
        patience = timedelta(seconds=options.retry_max)
        self._keys = Keys(
            self.cache,
            Resolver(
                self.cache,
                gateways,
                self._connections.ready,
                self._roles.team_exists,
                keyring,
                options.cluster_name,
            ),
            Remote(self.cache, gateways, voice, _now, patience),
            Local(resources, secrets, self.cache, voice),
            _now,
        )
        self._clock: asyncio.Task[None] | None = None
        # What the watches tell; see News.
        self.key_seen, self.key_gone = self._news.key_seen, self._news.key_gone
        self.role_seen, self.role_gone = self._news.role_seen, self._news.role_gone
        self.connection_seen, self.connection_gone = self._news.connection_seen, self._news.connection_gone
        self.secret_seen, self.secret_gone = self._news.secret_seen, self._news.secret_gone
        self.namespace_seen, self.namespace_gone = self._news.namespace_seen, self._news.namespace_gone

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits."""
        return self._queue.idle

    def relisted(self, kind: str) -> None:
        """Kopf listed a kind: what was deleted before that is never reported."""
        self._queue.add(Item(Kind.LIST, "", kind))

    async def prime(self) -> None:
        """List everything into the cache. Raises Unavailable or Denied."""
        await self._lists.all()
        self.primed = True

    def start(self) -> None:
        """Let the work begin."""
        self._clock = asyncio.create_task(self._deadlines.run(), name="deadlines")
        self._queue.start()

    async def stop(self, grace: float) -> None:
        """Begin nothing more; what runs has `grace` seconds to end."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        await self._queue.stop(grace)

    def _due(self, item: Item, late: timedelta) -> None:
        del late
        self._queue.add(item, Lane.URGENT)

    async def _work(self, item: Item) -> None:
        """One run. Whatever is not foreseen is a bug: logged with its trace, and tried again later."""
        began, result = time.monotonic(), "success"
        try:
            result = await self._dispatch(item)
        except (Conflict, Gone):
            result = "conflict"
            self._queue.add_after(item, _SOON)
        except OutsideError as error:
            result = "error"
            pause = self._queue.retry(item, at_least=_asked_to_wait(error))
            _LOG.warning(
                "failed", item=item.kind.name, namespace=item.namespace, name=item.name, why=str(error), pause=pause
            )
        except Exception:  # noqa: BLE001 - whatever it is, one resource must not end the work on all others
            result = "bug"
            self._queue.retry(item)
            _LOG.exception("bug", item=item.kind.name, namespace=item.namespace, name=item.name)
        kind = item.kind.name.lower()
        metrics.RECONCILES.labels(kind=kind, result=result).inc()
        metrics.RECONCILE_SECONDS.labels(kind=kind).observe(time.monotonic() - began)
        metrics.QUEUE_DEPTH.set(len(self._queue))

    async def _dispatch(self, item: Item) -> str:
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
                await self._lists.again(item.name)
            case _:
                assert_never(item.kind)
        self._queue.fresh(item)
        return "success"

    async def _run_key(self, item: Item) -> str:
        key = self.cache.keys.get(item.name)
        if key is not None and self._waits_for_check(key):
            return "waits"
        was_ready = key.status.conditions if key is not None else ()
        outcome = await self._keys.run(item.name)
        key = self.cache.keys.get(item.name)
        if key is not None and key.status.conditions != was_ready:
            self._news.count(key)
        if outcome.gone:
            self._deadlines.put(item, None)
            self._queue.forget(item)
            return "gone"
        self._deadlines.put(item, outcome.due)
        return self._go_on(item, key, outcome)

    def _go_on(self, item: Item, key: LiteLLMKey | None, outcome: Outcome) -> str:
        lane = lane_of(key) if key is not None else Lane.URGENT
        error = outcome.error
        if outcome.again:
            self._queue.add(item, lane)
            return "conflict"
        if isinstance(error, Denied) and key is not None:
            self._doubt(key)
        if isinstance(error, Rejected) and lane is Lane.NORMAL:
            self._queue.add_after(item, self._options.retry_max, lane)
            return "rejected"
        if error is not None or outcome.retry:
            self._queue.retry(item, lane, at_least=_asked_to_wait(error))
            return "error" if error is not None else "waits"
        self._queue.fresh(item)
        if outcome.due is not None and outcome.due <= _now():
            self._deadlines.put(item, None)
            self._queue.add_after(item, _SOON, Lane.URGENT)
        return "success"

    def _waits_for_check(self, key: LiteLLMKey) -> bool:
        """After a start nothing is said of a Key before its Connection was checked; that check brings it back."""
        noted, role = key.status.connection, self.cache.roles.get(role_of(key))
        behind = {(noted.namespace, noted.name)} if noted is not None else set()
        behind |= {connection_of(role)} if role is not None else set()
        if any(name in self.cache.connections and name not in self._connections.opened for name in behind):
            return True
        # Nor before its role's team was looked up.
        return (
            role is not None and self._connections.ready(connection_of(role)) and self._roles.team_exists(role) is None
        )

    def _doubt(self, key: LiteLLMKey) -> None:
        noted, role = key.status.connection, self.cache.roles.get(role_of(key))
        name = (noted.namespace, noted.name) if noted is not None else connection_of(role) if role is not None else None
        if name is not None:
            self._connections.doubt(name)
            self._queue.add(Item(Kind.CONNECTION, *name), Lane.URGENT)

    async def _run_role(self, item: Item, name: Name) -> None:
        if await self._roles.run(name):
            self._news.role_turned(name)
        role = self.cache.roles.get(name)
        if role is not None and not self._roles.team_exists(role):
            self._queue.add_after(item, _TEAM_PAUSE)

    async def _run_connection(self, item: Item, name: Name) -> str:
        first, was = name not in self._connections.opened, self._connections.ready(name)
        ready = await self._connections.run(name)
        connection = self.cache.connections.get(name)
        if connection is None:
            self._queue.fresh(item)
            return "gone"
        if first or ready != was:
            self._news.connection_turned(name, everything=first)
        self._queue.add_after(item, self._options.reload_interval)
        if not ready:
            self._queue.retry(item)
            return "not-ready"
        self._queue.fresh(item)
        self._queue.add_after(Item(Kind.SWEEP, *name), connection.spec.sweep_interval.seconds)
        self._queue.add_after(Item(Kind.GRAVES, *name), self._options.walk_interval * _FIRST_GRAVES)
        return "success"

    async def _run_sweep(self, item: Item, name: Name) -> None:
        connection = self.cache.connections.get(name)
        if connection is None:
            return
        for uid in await self._sweep.suspects(name):
            self._keys.suspect(uid)
            key = self.cache.keys.get(uid)
            if key is not None:
                self._queue.add(key_item(key), lane_of(key))
        self._connections.swept(name, _now())
        self._queue.add_after(item, connection.spec.sweep_interval.seconds)

    async def _run_graves(self, item: Item, name: Name) -> None:
        if name in self.cache.connections:
            await self._sweep.clear_graves(name)
            self._queue.add_after(item, self._options.walk_interval)


def _asked_to_wait(error: OutsideError | None) -> float:
    return error.retry_after or 0.0 if isinstance(error, Unavailable) else 0.0
