"""kopf, embedded: it logs in, watches, and is started anew when it ends; it writes nothing and decides nothing."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, cast

import aiohttp
import kopf
import structlog

from litellm_key_operator import metrics
from litellm_key_operator.domain.errors import OutsideError
from litellm_key_operator.entry.access import open_session
from litellm_key_operator.entry.feed import KEYS, Feed, Source
from litellm_key_operator.entry.kopf_settings import NoMemories, operator_settings
from litellm_key_operator.settings import PROGRAM

_log = structlog.get_logger(__name__)

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
HEALTHY_AFTER: Final = 120.0
"""Seconds after which a run counts as one that worked."""
LISTED_WITHIN: Final = 90.0
"""Seconds within which every kind has to be listed: kopf idles without a word if a CRD is missing when it starts."""
FAILURES_IN_A_ROW: Final = 10
ROUNDS: Final = 3
ROUND: Final = 0.5
"""Seconds that kopf's tasks get to end each time they are cancelled; some have to be told twice."""
STOPPED_WITHIN: Final = 2.0
"""Seconds after which a run of kopf that does not end is left to itself."""


class WatchError(Exception):
    """The cluster could not be watched, time and again."""


class KopfRun:
    """One life of kopf, in a thread with an event loop of its own.

    `kopf.operator()` is not used: it cancels every task of its loop that is younger than itself, and it never ends
    after some errors, as its watchers swallow their cancellation and then wait for a login that nobody serves any more.
    So its tasks run where none of ours do, and what is left of them when they are over ends with their loop.
    """

    def __init__(self, feed: Feed, namespaces: Sequence[str]) -> None:
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.listed = asyncio.Event()
        self.unlisted = {resource.plural for resource in feed.sources}
        self._feed = feed
        self._namespaces = namespaces
        self._ours = asyncio.get_running_loop()
        self._gone = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._live = True
        self._sessions: list[aiohttp.ClientSession] = []
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)

    def start(self) -> None:
        """Begin; `ended` tells, some time, why it is over."""
        self._thread.start()

    async def stop(self) -> None:
        """End it, or leave it to itself if it will not; nothing is heard of it any more either way."""
        self._live = False
        with suppress(RuntimeError):  # its loop may be closed already
            self._loop.call_soon_threadsafe(self._stop.set)
        try:
            async with asyncio.timeout(STOPPED_WITHIN):
                await self._gone.wait()
        except TimeoutError:
            _log.warning("kopf did not end and is left behind")

    def _run(self) -> None:
        """The thread."""
        asyncio.set_event_loop(self._loop)
        try:
            reason = self._loop.run_until_complete(self._operate())
        except Exception as error:  # noqa: BLE001 - whatever ended kopf, it is started anew
            reason = _said(error)
        self._tell(self._end, reason)
        self._loop.run_until_complete(self._clear())
        self._loop.close()
        self._tell(self._gone.set)

    def _tell(self, call: Callable[..., None], *told: str) -> None:
        """Say something in our thread, if it still listens: this run may have been left behind."""
        with suppress(RuntimeError):
            self._ours.call_soon_threadsafe(call, *told)

    def _end(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)

    async def _operate(self) -> str:
        """Run kopf until it is told to stop, or one of its tasks is over, which none should be; answers why."""
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        roots = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=operator_settings(),
            memories=NoMemories(),
            standalone=True,
            # For a peering that there is none of. Left to itself kopf asks for its user's name: a Pod's has none.
            identity=cast("Any", PROGRAM),
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
        )
        done, _ = await asyncio.wait({stop, *roots}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stop}:
            error = None if task.cancelled() else task.exception()
            return f"the end of its {task.get_name()}" if error is None else _said(error)
        return "it was stopped"

    async def _clear(self) -> None:
        """Cancel what is left, again and again; give up at last, for a task whose loop stands still does no harm."""
        for _ in range(ROUNDS):
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=ROUND)
        for session in self._sessions:
            await session.close()

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry, id="login")
        async def login(**kwargs: Any) -> kopf.AiohttpSession:
            opened = await open_session(self._list_heard, **kwargs)
            self._sessions.append(opened.aiohttp_session)
            return opened

        for resource, source in self._feed.sources.items():
            kopf.on.event(*resource, registry=registry)(self._handler(source))
        return registry

    def _handler(self, source: Source[Any]) -> Callable[..., Any]:
        async def handle(event: kopf.RawEvent, **_: Any) -> None:
            if self._live:
                source.receive(event["type"], event["object"])

        handle.__name__ = f"{source.kind.lower()}_event"
        return handle

    def _list_heard(self, plural: str) -> None:
        if self._live:
            self._tell(self._listed, plural)

    def _listed(self, plural: str) -> None:
        self.unlisted.discard(plural)
        if not self.unlisted:
            self.listed.set()
        self._feed.listed(plural)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


class Where(NamedTuple):
    """The namespaces that are to be watched: those that may be, and the others."""

    open: tuple[str, ...]
    closed: tuple[str, ...]


Find = Callable[[], Awaitable[Where | None]]
"""Looks where to watch; None is everywhere. Raises OutsideError."""


class Watches:
    """The watches of one process: started, looked after, started anew; where they could not be is looked at again."""

    def __init__(
        self, feed: Feed, find: Find, look_again: float = 30.0, *, begun: Callable[[], None] = lambda: None
    ) -> None:
        """`begun` is called whenever all kinds have been listed, and are watched from then on."""
        self._feed = feed
        self._find = find
        self._look_again = look_again
        self._begun = begun

    async def keep(self) -> None:
        """Watch until cancelled; raises WatchError if that fails too often in a row."""
        # It says at every start that signals are not its business here.
        logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
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
        try:
            where = await self._find()
        except OutsideError as error:
            return _said(error)
        if where is not None and not where.open:
            return "no namespace that may be watched"
        run = KopfRun(self._feed, where.open if where else ())
        listing = asyncio.create_task(run.listed.wait(), name="first lists")
        run.start()
        try:
            either: set[asyncio.Future[Any]] = {listing, run.ended}
            done, _ = await asyncio.wait(either, timeout=LISTED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return f"no list of {', '.join(sorted(run.unlisted))} within {LISTED_WITHIN:g} s"
            if listing.done():
                self._begun()
            if where is None or not where.closed:
                return await asyncio.shield(run.ended)
            return await self._until_other(where, run.ended)
        finally:
            listing.cancel()
            await run.stop()

    async def _until_other(self, where: Where, ended: asyncio.Future[str]) -> str:
        """Watch until it fails or something else may be watched; answers which. Keys where no watch is are listed."""
        while not (await asyncio.wait({ended}, timeout=self._look_again))[0]:
            self._feed.listed(KEYS.plural)
            with suppress(OutsideError):
                if await self._find() != where:
                    return "other namespaces that may be watched"
        return ended.result()
