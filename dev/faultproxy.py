"""A proxy before a real server that makes requests fail at a chosen moment.

Nothing is imitated: the server behind is the real one, and what a client sees without a rule is what that server says.
"""

import asyncio
import re
import ssl
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from dev import children
from dev.controlplane.access import Access, write_kubeconfig
from dev.controlplane.certificates import Authority
from dev.faultrules import (
    Answer,
    Delay,
    Drip,
    Drop,
    Fault,
    Hold,
    Interject,
    Match,
    Moment,
    Passed,
    Rewrite,
    Rule,
)
from dev.forwarding import LARGEST, Forwarding, Trip, Upstream
from dev.litellm import Endpoint
from dev.ports import LOOPBACK, free_port

__all__ = [
    "Answer",
    "Delay",
    "Drip",
    "Drop",
    "FaultProxy",
    "Hold",
    "Interject",
    "Moment",
    "Passed",
    "Rewrite",
    "Rule",
    "before_api_server",
    "before_litellm",
]


class FaultProxy:
    """A proxy in a thread of its own: a context manager whose methods may be called from anywhere, at any moment."""

    def __init__(self, upstream: Upstream, tls: ssl.SSLContext | None = None) -> None:
        """Listens on `url`, by TLS if told how."""
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://{LOOPBACK}:{self.port}"
        self._upstream = upstream
        self._tls = tls
        self._forwarding: Forwarding | None = None
        self._rules: list[Rule] = []
        self._requests: list[Passed] = []
        self._lock = threading.Lock()
        self._listening: Future[None] = Future()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"fault proxy {self.port}", daemon=True)

    def on(
        self,
        method: str,
        path: str,
        fault: Fault,
        *,
        moment: Moment = Moment.BEFORE,
        nth: int | None = 1,
        where: Callable[[bytes], bool] | None = None,
    ) -> Rule:
        """Adds a rule for requests that arrive from now on; of the rules for a moment the first that is met counts.

        `path` is a regular expression, searched in path and query; `nth` counts the matches from 1, None means each.
        """
        rule = Rule(Match(method, re.compile(path), where), fault, moment, nth)
        with self._lock:
            self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Takes a rule away and lets go what it holds."""
        with self._lock:
            self._rules.remove(rule)
        rule.release()

    def clear(self) -> None:
        """Takes every rule away, lets go what they hold, and forgets the requests so far."""
        with self._lock:
            rules, self._rules, self._requests = self._rules, [], []
        for rule in rules:
            rule.release()

    def requests(self, method: str = "*", path: str = "") -> list[Passed]:
        """The requests that came to their end, oldest first, those chosen as `on` does."""
        match = Match(method, re.compile(path))
        with self._lock:
            return [one for one in self._requests if match(one.method, one.target, one.body)]

    def count(self, method: str = "*", path: str = "") -> int:
        """How many these are."""
        return len(self.requests(method, path))

    def under_way(self, method: str = "*", path: str = "") -> int:
        """How many requests, chosen as `on` does, have arrived and are not over; their clients may have gone away."""
        return asyncio.run_coroutine_threadsafe(self._count_trips(method, path), self._loop).result()

    def cut(self, method: str = "*", path: str = "") -> None:
        """Cuts the connections of the clients whose requests are under way; what the server does goes on."""
        asyncio.run_coroutine_threadsafe(self._cut_trips(method, path), self._loop).result()

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _met(self, method: str, target: str, body: bytes) -> dict[Moment, Rule]:
        met: dict[Moment, Rule] = {}
        with self._lock:
            for rule in self._rules:
                if rule.meets(method, target, body):
                    met.setdefault(rule.moment, rule)
        return met

    def _trips(self, method: str, path: str) -> list[Trip]:
        match = Match(method, re.compile(path))
        under_way = self._forwarding.under_way if self._forwarding else ()
        return [trip for trip in under_way if match(trip.request.method, trip.request.raw_path, trip.body)]

    async def _count_trips(self, method: str, path: str) -> int:
        return len(self._trips(method, path))

    async def _cut_trips(self, method: str, path: str) -> None:
        for trip in self._trips(method, path):
            if trip.request.transport is not None:
                trip.request.transport.abort()

    def _pass(self, request: Passed) -> None:
        with self._lock:
            self._requests.append(request)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        forwarding = self._forwarding = Forwarding(self._upstream, self._met, self._pass)
        app = web.Application(client_max_size=LARGEST)
        app.router.add_route("*", "/{path:.*}", forwarding.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, self.port, ssl_context=self._tls).start()
            self._listening.set_result(None)
            await self._over.wait()
        except OSError as error:
            self._listening.set_exception(error)
        finally:
            await runner.cleanup()
            await forwarding.close()


def before_litellm(endpoint: Endpoint) -> FaultProxy:
    """A proxy before LiteLLM: put its `url` where LiteLLM's would be."""
    return FaultProxy(Upstream(endpoint.url))


@contextmanager
def before_api_server(access: Access, token: str | None = None) -> Generator[tuple[FaultProxy, Path]]:
    """A proxy before the API server, and the kubeconfig that leads to it, with a token if one is given.

    Who comes with a token is that user; who comes without is the administrator. The certificate is from an authority of
    the proxy's own, as the API server's may belong to somebody else.
    """
    with children.temporary_folder("llmkeys-faults") as home:
        authority = Authority(home, "litellm-key-operator-faults")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*authority.server("proxy", (LOOPBACK, "localhost")))
        upstream = Upstream(access.url, access.tls(), access.token, access.tls(anonymous=True))
        with FaultProxy(upstream, tls) as proxy:
            kubeconfig = home / "kubeconfig"
            # The proxy does not ask for the certificate, but kubectl asks its user for a password if it has none.
            anybody = token or authority.client("anybody", "anybody")
            write_kubeconfig(kubeconfig, proxy.url, authority.certificate, anybody)
            yield proxy, kubeconfig
