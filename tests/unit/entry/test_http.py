"""The three pages, asked over a real socket."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge

from litellm_key_operator.entry.http import BEAT_MISSED_AFTER, Health, Phase, serving


async def ask(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


@pytest.mark.parametrize(
    ("phase", "status"),
    [
        (Phase.STARTING, 503),
        (Phase.STANDBY, 200),
        (Phase.LISTING, 503),
        (Phase.LEADING, 200),
        (Phase.STOPPING, 503),
    ],
)
async def test_readiness_says_what_the_process_is_at(phase: Phase, status: int) -> None:
    health = Health()
    health.phase = phase
    async with serving(health, CollectorRegistry(), "127.0.0.1", 0) as port:
        assert await ask(port, "/readyz") == (status, f"{phase.value}\n")


async def test_a_turning_loop_is_healthy_though_not_ready() -> None:
    async with serving(Health(), CollectorRegistry(), "127.0.0.1", 0) as port:
        assert await ask(port, "/healthz") == (200, "ok\n")


async def test_a_loop_that_stood_still_is_not() -> None:
    now = [0.0]
    async with serving(Health(lambda: now[0]), CollectorRegistry(), "127.0.0.1", 0) as port:
        now[0] = BEAT_MISSED_AFTER + 1
        assert await ask(port, "/healthz") == (503, "the event loop stood still for 16 s\n")


async def test_the_heart_beats() -> None:
    now = [0.0]
    health = Health(lambda: now[0])
    now[0] = 100.0
    assert health.silence == 100
    beat = asyncio.create_task(health.beat())
    await asyncio.sleep(0)
    assert health.silence == 0
    beat.cancel()


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Gauge("answer", "To everything", registry=registry).set(42)
    async with serving(Health(), registry, "127.0.0.1", 0) as port:
        status, text = await ask(port, "/metrics")
    assert status == 200
    assert "answer 42.0" in text


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with serving(Health(), CollectorRegistry(), "127.0.0.1", 0) as port:
        with pytest.raises(OSError, match="in use"):
            async with serving(Health(), CollectorRegistry(), "127.0.0.1", port):
                pass
