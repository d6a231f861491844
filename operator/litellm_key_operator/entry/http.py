"""One port: `/healthz` and `/readyz` for the kubelet, `/metrics` for Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

BEAT_EVERY: Final = 1.0
BEAT_MISSED_AFTER: Final = 15.0
"""Seconds without a beat after which the event loop counts as stuck."""


class Phase(Enum):
    """What this process is at, as `/readyz` tells it."""

    STARTING = "starting"
    STANDBY = "standby: waiting for the Lease"
    LISTING = "leading: reading the cluster"
    LEADING = "leading"
    STOPPING = "stopping"

    @property
    def ready(self) -> bool:
        """Whether it does what it should: a standby that waits is as ready as a leader that works."""
        return self in (Phase.STANDBY, Phase.LEADING)


class Health:
    """What the probes ask about."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.phase = Phase.STARTING
        self._clock = clock
        self._last_beat = clock()

    @property
    def silence(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._last_beat

    async def beat(self) -> None:
        """Show every second that the event loop turns; runs until cancelled."""
        while True:
            self._last_beat = self._clock()
            await asyncio.sleep(BEAT_EVERY)


def application(health: Health, registry: CollectorRegistry) -> web.Application:
    """The three pages."""

    async def healthz(_request: web.Request) -> web.Response:
        silence = health.silence
        if silence > BEAT_MISSED_AFTER:
            return web.Response(status=503, text=f"the event loop stood still for {silence:.0f} s\n")
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        return web.Response(status=200 if health.phase.ready else 503, text=f"{health.phase.value}\n")

    async def page(_request: web.Request) -> web.Response:
        # With 10,000 Keys this takes most of a second, which nothing else should have to wait for.
        body = await asyncio.to_thread(generate_latest, registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", page)])
    return app


@asynccontextmanager
async def serving(health: Health, registry: CollectorRegistry, host: str, port: int) -> AsyncGenerator[int]:
    """Serve the pages; answers the port, which is another one if 0 was asked for. Raises OSError if it is taken."""
    runner = web.AppRunner(application(health, registry), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    beat = asyncio.create_task(health.beat(), name="heartbeat")
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        beat.cancel()
        with suppress(asyncio.CancelledError):
            await beat
        await runner.cleanup()
