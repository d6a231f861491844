"""The engine: what is observed goes into cache and queue; runs over what is queued keep the promises."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import structlog

from litellm_key_operator import metrics
from litellm_key_operator.domain.errors import Conflict, Gone, OutsideError
from litellm_key_operator.domain.material import Keyring
from litellm_key_operator.engine.cache import Cache, Name, connection_of, role_of
from litellm_key_operator.engine.connections import Connections
from litellm_key_operator.engine.deadlines import Deadlines
from litellm_key_operator.engine.keys import Keys
from litellm_key_operator.engine.lists import NAMESPACES, Lists
from litellm_key_operator.engine.local import Local
from litellm_key_operator.engine.news import News
from litellm_key_operator.engine.options import Options
from litellm_key_operator.engine.queue import Item, Kind, Lane, Queue
from litellm_key_operator.engine.remote import Remote
from litellm_key_operator.engine.resolve import Resolver
from litellm_key_operator.engine.roles import Roles
from litellm_key_operator.engine.runs import SOON, Runs, asked_to_wait
from litellm_key_operator.engine.sweep import Sweep
from litellm_key_operator.engine.voice import Voice
from litellm_key_operator.ports import Journal, Namespaces, OpenGateways, Resources, Secrets

_LOG = structlog.get_logger(__name__)


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
            self._work,
            workers=options.workers,
            retry_min=options.retry_min,
            retry_max=options.retry_max,
            group=self._connection_behind,
        )
        news = News(self.cache, self._queue)
        self._lists = Lists(self.cache, news, resources, secrets, namespaces)
        self._deadlines = Deadlines(lambda item, _: self._queue.add(item, Lane.URGENT), _now)
        connections = Connections(self.cache, resources, secrets, gateways, _now)
        roles = Roles(self.cache, resources, connections, voice, _now)
        keys = Keys(
            self.cache,
            Resolver(self.cache, gateways, connections.ready, roles.team_exists, keyring, options.cluster_name),
            Remote(self.cache, gateways, voice, _now, timedelta(seconds=options.retry_max)),
            Local(resources, secrets, self.cache, voice),
            _now,
        )
        self._runs = Runs(
            cache=self.cache,
            queue=self._queue,
            deadlines=self._deadlines,
            news=news,
            lists=self._lists,
            keys=keys,
            roles=roles,
            connections=connections,
            sweep=Sweep(self.cache, gateways, keyring.installation, timedelta(seconds=options.tombstone_age)),
            options=options,
            clock=_now,
        )
        self._clock: asyncio.Task[None] | None = None
        # What the watches tell; see News.
        self.key_seen, self.key_gone = news.key_seen, news.key_gone
        self.role_seen, self.role_gone = news.role_seen, news.role_gone
        self.connection_seen, self.connection_gone = news.connection_seen, news.connection_gone
        self.secret_seen, self.secret_gone = news.secret_seen, news.secret_gone
        self.namespace_seen, self.namespace_gone = news.namespace_seen, news.namespace_gone

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits."""
        return self._queue.idle

    def has_key(self, uid: str, version: str) -> bool:
        """Whether this Key is known as of this resourceVersion; from any thread."""
        return self.cache.has_key(uid, version)

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
        if not self._options.namespaces_watched:
            self.relisted(NAMESPACES)

    async def stop(self, grace: float) -> None:
        """Begin nothing more; what runs has `grace` seconds to end."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.gather(self._clock, return_exceptions=True)
        await self._queue.stop(grace)

    def _connection_behind(self, item: Item) -> Name | None:
        """The connection that a run over this Key has to wait for."""
        key = self.cache.keys.get(item.name) if item.kind is Kind.KEY else None
        if key is None:
            return None
        noted, role = key.status.connection, self.cache.roles.get(role_of(key))
        if noted is not None:
            return noted.namespace, noted.name
        return connection_of(role) if role is not None else None

    async def _work(self, item: Item) -> None:
        """One run. Whatever is not foreseen is a bug: logged with its trace, and tried again later."""
        began, result = time.monotonic(), "success"
        try:
            result = await self._runs.dispatch(item)
        except (Conflict, Gone):
            result = "conflict"
            self._queue.add_after(item, SOON)
        except OutsideError as error:
            result = "error"
            pause = self._queue.retry(item, at_least=asked_to_wait(error))
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
