"""The one place that constructs: settings in, a running operator out."""

from __future__ import annotations

import asyncio
import signal
import socket
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

import structlog

from litellm_key_operator import metrics
from litellm_key_operator.api.names import PROGRAM
from litellm_key_operator.cluster import seed
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.events import ClusterJournal
from litellm_key_operator.cluster.lease import Lease
from litellm_key_operator.cluster.namespaces import ClusterNamespaces
from litellm_key_operator.cluster.resources import ClusterResources
from litellm_key_operator.cluster.scope import Scope
from litellm_key_operator.cluster.secrets import ClusterSecrets, seen
from litellm_key_operator.domain.errors import OutsideError
from litellm_key_operator.engine.engine import Engine
from litellm_key_operator.engine.options import Options
from litellm_key_operator.entry import series
from litellm_key_operator.entry.feed import Feed
from litellm_key_operator.entry.http import Health, Phase, serving
from litellm_key_operator.entry.inbox import Inbox
from litellm_key_operator.entry.kopf_app import WatchError, Watches, Where
from litellm_key_operator.entry.lifecycle import FAILED, closing_down, end_within, patiently, unless
from litellm_key_operator.gateway.pool import Pool, Ref
from litellm_key_operator.gateway.transport import Observe
from litellm_key_operator.settings import Run

_log = structlog.get_logger(__name__)

STOPPED_WITHIN: Final = 9.5
"""Seconds from SIGTERM to the end; ten are promised."""
GRACE: Final = 5.0
"""Seconds that work under way has to finish, out of those."""
EVENTS_WITHIN: Final = 0.5
LEFT_WHEN_LOST: Final = 1 / 3
"""What is left of a Lease, as a part of its duration, when it counts as lost: then another one may take over."""


class LeaseLostError(Exception):
    """Another process may hold the Lease by now: nothing more must be done here."""


async def run(settings: Run) -> int:
    """Run the operator until a signal; answers the exit code."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    metrics.BUILD_INFO.labels(version(PROGRAM)).set(1)
    program = Program(settings)
    try:
        async with serving(program.health, metrics.REGISTRY, *settings.http_address) as port:
            _log.info("serving", port=port, version=version(PROGRAM))
            await unless(stop, program.work(), program.stopping)
    except (OSError, OutsideError, seed.BadSeedError, WatchError, LeaseLostError) as error:
        _log.critical("cannot go on", reason=str(error), error=type(error).__name__)
        return FAILED
    except Exception:  # noqa: BLE001 - a bug, and its trace belongs into the log
        _log.critical("failed", exc_info=True)
        return FAILED
    _log.info("stopped")
    return 0


class Program:
    """What is there once per process; its steps follow one another in `work`."""

    def __init__(self, settings: Run) -> None:
        self.health = Health()
        self._settings = settings
        self._identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        self._grace = GRACE

    async def work(self) -> None:
        """Reach the cluster, get the Lease, lead; ends only by an error or by being cancelled."""
        settings = self._settings
        async with await Client.connect(observe=_kubernetes_request, seconds=settings.request_timeout) as client:
            if not settings.leader_election:
                await self._lead(client)
                return
            duration = timedelta(seconds=settings.lease_duration)
            self.health.phase = Phase.STANDBY
            async with Lease(client, settings.operator_namespace, PROGRAM, self._identity, duration=duration) as lease:
                _log.info("has the Lease", identity=self._identity)
                if await unless(lease.lost, self._lead(client), self._lease_lost):
                    raise LeaseLostError("the Lease was lost")

    def stopping(self) -> None:
        """A signal came: what runs may finish, but not for long."""
        _log.info("stopping")
        self.health.phase = Phase.STOPPING
        end_within(STOPPED_WITHIN)

    def _lease_lost(self) -> None:
        """Nothing may finish: another process may begin as soon as the rest of the duration is over."""
        _log.error("lost the Lease and stops at once")
        self.health.phase = Phase.STOPPING
        self._grace = 0.0
        end_within(self._settings.lease_duration * LEFT_WHEN_LOST)

    async def _lead(self, client: Client) -> None:
        """All that only one process may do."""
        settings = self._settings
        self.health.phase = Phase.LISTING
        keyring = await patiently(
            "the seed Secret", lambda: seed.load(client, settings.operator_namespace, settings.seed_secret)
        )
        pool, scope = Pool(_litellm_requests), Scope(client, settings.namespaces)
        journal = ClusterJournal(client, self._identity, idle=lambda: engine.idle)
        engine = Engine(
            resources=ClusterResources(client, settings.namespaces),
            secrets=ClusterSecrets(client, settings.namespaces),
            namespaces=ClusterNamespaces(client, settings.namespaces),
            journal=journal,
            gateways=pool,
            keyring=keyring,
            options=Options(
                cluster_name=settings.cluster_name,
                workers=settings.workers,
                retry_min=settings.retry_min,
                retry_max=settings.retry_max,
                reload_interval=settings.reload_interval,
                namespaces_watched=not settings.namespaces,
                walk_interval=settings.walk_interval,
            ),
        )
        feed = Feed(engine, Inbox().put, parse_secret=seen, namespaces=not settings.namespaces)
        async with closing_down(
            lambda: engine.stop(self._grace), lambda: journal.stop(min(EVENTS_WITHIN, self._grace)), pool.close
        ):
            await patiently("the resources", engine.prime)
            engine.start()
            journal.start()
            with _leading(engine):
                _log.info("leading", keys=len(engine.cache.keys), installation=keyring.installation)
                find = partial(_where, scope, settings)
                await Watches(feed, find, settings.reload_interval, begun=self._watching).keep()

    def _watching(self) -> None:
        """Only now is anything heard of what happens."""
        if self.health.phase is Phase.LISTING:
            self.health.phase = Phase.LEADING


async def _where(scope: Scope, settings: Run) -> Where | None:
    if not settings.namespaces:
        return None
    found = await scope.open()
    return Where(found, tuple(name for name in settings.namespaces if name not in found))


@contextmanager
def _leading(engine: Engine) -> Generator[None]:
    """What the metrics say of a leader."""
    collectors = (
        metrics.KeyCollector(lambda: series.of_keys(engine.cache)),
        metrics.ConnectionCollector(lambda: series.of_connections(engine.cache)),
    )
    for collector in collectors:
        metrics.REGISTRY.register(collector)
    metrics.LEADER.set(1)
    try:
        yield
    finally:
        metrics.LEADER.set(0)
        for collector in collectors:
            metrics.REGISTRY.unregister(collector)


def _kubernetes_request(verb: str, resource: str, code: str) -> None:
    metrics.KUBERNETES_REQUESTS.labels(verb, resource, code).inc()


def _litellm_requests(ref: Ref) -> Observe:
    connection = "/".join(ref)

    def observe(endpoint: str, code: str, seconds: float) -> None:
        metrics.LITELLM_REQUESTS.labels(connection, endpoint, code).inc()
        metrics.LITELLM_SECONDS.labels(connection, endpoint).observe(seconds)

    return observe
