"""A small HTTP server on loopback, for answers that no proper proxy gives."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

READY = {"status": "healthy", "db": "connected"}


@asynccontextmanager
async def served(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncGenerator[str]:
    """Answers all requests by one handler; yields the URL."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port: int = runner.addresses[0][1]
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    finally:
        # A connection that a client gave up may be accepted only now, and be closed only after the clean-up.
        await asyncio.sleep(0.02)
        await runner.cleanup()
        await asyncio.sleep(0.02)


def always(status: int, text: str, headers: dict[str, str] | None = None) -> Handler:
    """The same answer to everything but the question for the database, which is there."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/health/readiness":
            return web.json_response(READY)
        return web.Response(status=status, text=text, headers=headers, content_type="application/json")

    return handle
