"""kopf, embedded: it logs in, watches, and goes on watching; it writes nothing and decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import kopf
import structlog
from typing_extensions import override

from litellm_key_operator import metrics
from litellm_key_operator.api import names
from litellm_key_operator.entry.access import open_session
from litellm_key_operator.entry.feed import SECRETS, Feed, Source

_log = structlog.get_logger(__name__)

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
HEALTHY_AFTER: Final = 120.0
"""Seconds after which a run counts as one that worked."""
LISTED_WITHIN: Final = 90.0
"""Seconds within which every kind has to be listed: kopf idles without a word if a CRD is missing when it starts."""
FAILURES_IN_A_ROW: Final = 10


class WatchError(Exception):
    """The cluster could not be watched, time and again."""


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no last-seen state: nothing here asks for differences, and half of kopf's work per event is saved."""

    @override
    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    @override
    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return kopf.BodyEssence()

    @override
    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        return


class NoProgress(kopf.ProgressStorage):
    """Keeps no progress: there are no handlers that could be half done."""

    @override
    def fetch(self, *, key: Any, body: kopf.Body) -> None:
        return None

    @override
    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        return

    @override
    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        return

    @override
    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        return

    @override
    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


def operator_settings() -> kopf.OperatorSettings:
    """How kopf is to behave; every line is there because of a trap."""
    settings = kopf.OperatorSettings()
    # kopf takes its own finalizer off whenever no handler needs it: under our name it would take ours off, for ever.
    settings.persistence.finalizer = f"{names.GROUP}/kopf-unused"
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.watching.chunk_size = 500
    settings.watching.connect_timeout = 10
    settings.watching.reconnect_backoff = 1.0
    # The server filters; `labels=` of a handler would have every Secret of the cluster sent here.
    settings.watching.label_selectors[SECRETS] = f"{names.LABEL_MANAGED_BY}={names.PROGRAM}"
    # A worker per object lives so long; a limit of workers would be a limit of objects per such time.
    settings.queueing.idle_timeout = 0.5
    settings.queueing.exit_timeout = 1.0
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = (0.5, 1, 2, 4, 8, 15, 30)
    settings.execution.max_workers = 2
    # Set, it kills the process ten minutes after a run of kopf has ended, though another one may be under way.
    settings.process.ultimate_exiting_timeout = None
    return settings


class Watches:
    """The watches of one process: started, looked after, started anew.

    kopf's own `operator()` is not used: at its end it cancels every task of the event loop that is younger than itself,
    the engine's and the HTTP server's too. `spawn_tasks` starts the same; ending them is done here.
    """

    def __init__(self, feed: Feed, namespaces: Sequence[str], reclaim_signals: Callable[[], None]) -> None:
        self._feed = feed
        self._namespaces = namespaces
        self._reclaim_signals = reclaim_signals
        self._unlisted: set[str] = set()
        self._all_listed = asyncio.Event()

    async def keep(self) -> None:
        """Watch until cancelled; raises WatchError if that fails too often in a row."""
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            reason = await self._watch_once()
            failures = 1 if loop.time() - began > HEALTHY_AFTER else failures + 1
            metrics.WATCH_RESTARTS.inc()
            if failures >= FAILURES_IN_A_ROW:
                raise WatchError(f"watching failed {failures} times in a row, last because of {reason}")
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1))
            _log.warning("watches ended and are started anew", reason=reason, failures=failures, pause=pause)
            await asyncio.sleep(pause)

    async def _watch_once(self) -> str:
        """Watch until it fails; answers why it did."""
        async with self._running() as tasks:
            listing = asyncio.create_task(self._all_listed.wait(), name="first lists")
            try:
                done, _ = await asyncio.wait(
                    {listing, *tasks}, timeout=LISTED_WITHIN, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    return f"no list of {', '.join(sorted(self._unlisted))} within {LISTED_WITHIN:g} s"
                if done == {listing}:
                    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                listing.cancel()
        ended = next(iter(done - {listing}))
        error = None if ended.cancelled() else ended.exception()
        return f"{type(error).__name__}: {error}" if error else f"the end of its {ended.get_name()}"

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[set[asyncio.Task[Any]]]:
        """Kopf's tasks, cancelled and awaited on the way out."""
        self._unlisted = {resource.plural for resource in self._feed.sources}
        self._all_listed.clear()
        tasks = set(
            await kopf.spawn_tasks(
                registry=self._registry(),
                settings=operator_settings(),
                standalone=True,
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
            )
        )
        self._reclaim_signals()
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry, id="login")
        async def login(**kwargs: Any) -> kopf.AiohttpSession:
            return await open_session(self._listed, **kwargs)

        for resource, source in self._feed.sources.items():
            kopf.on.event(*resource, registry=registry)(_handler(source))
        return registry

    def _listed(self, plural: str) -> None:
        self._unlisted.discard(plural)
        if not self._unlisted:
            self._all_listed.set()
        self._feed.listed(plural)


def _handler(source: Source[Any]) -> Callable[..., Any]:
    async def handle(event: kopf.RawEvent, **_: Any) -> None:
        source.receive(event["type"], event["object"])

    handle.__name__ = f"{source.kind.lower()}_event"
    return handle
