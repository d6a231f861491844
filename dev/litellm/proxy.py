"""The running proxy."""

import secrets
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev import children, progress
from dev.litellm import install
from dev.litellm.postgres import Postgres
from dev.ports import LOOPBACK, free_port

CONFIG: Final = Path(__file__).resolve().parent / "config.yaml"
PATIENCE: Final = 240.0
"""Seconds that the proxy gets to be ready; it needs ten, many more on a busy machine."""
DRAINED_WITHIN: Final = 120.0
"""Seconds that it gets to book what was spent, some hundred requests a second, before it ends."""


@dataclass
class Endpoint:
    """A LiteLLM, our own or somebody else's, and the key that may do everything there."""

    url: str
    master_key: str


class Proxy(Endpoint):
    """LiteLLM on a free port with a random master key, on a cluster of PostgreSQL of its own, both empty at first."""

    def __init__(self, installation: install.Installation, home: Path, host: str = LOOPBACK) -> None:
        self.host, self.port = host, free_port()
        super().__init__(f"http://{host}:{self.port}", f"sk-{secrets.token_hex(16)}")
        self.home = home
        self.log = home / "litellm.log"
        self.database = install.SCHEMA
        self._installation = installation
        (home / "postgres").mkdir()
        home.chmod(0o711)
        self.postgres = Postgres(home / "postgres", installation.cluster)
        self._child: children.Child | None = None

    def start(self) -> None:
        """Starts PostgreSQL and the proxy where they do not run, on the same port, and waits until it is ready."""
        self.postgres.start()
        if self._child is None or self._child.ended():
            self._child = self._spawn()
        self.wait()

    def stop(self) -> None:
        """Ends the proxy and its query engine; PostgreSQL runs on."""
        if self._child is not None:
            self._child.stop(DRAINED_WITHIN)

    def wait(self) -> None:
        """Returns when the proxy is ready; raises `ServerError` if it ends or takes too long."""
        if self._child is None:
            raise children.ServerError("LiteLLM was not started")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + PATIENCE
        while True:
            self._child.require_alive()
            try:
                opener.open(f"{self.url}/health/readiness", timeout=5).close()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise children.ServerError(
                        f"LiteLLM is not ready: {error}; its log ends\n{children.tail(self.log)}"
                    ) from error
                time.sleep(0.1)
            else:
                return

    def _spawn(self) -> children.Child:
        where = ("--host", self.host, "--port", str(self.port), "--num_workers", "1")
        connection = {"DATABASE_URL": self.postgres.url(self.database), "LITELLM_MASTER_KEY": self.master_key}
        command = (self._installation.venv / "bin/litellm", "--config", CONFIG, *where)
        return children.Child(command, log=self.log, cwd=self.home, env=self._installation.env | connection)


@contextmanager
def started(release: install.Release = install.Release.NEWEST, host: str = LOOPBACK) -> Generator[Proxy]:
    """A proxy with a database of its own, ended on the way out; both are installed first if need be."""
    installation = install.ready(release)
    with children.temporary_folder("llmkeys-litellm") as home:
        proxy = Proxy(installation, home, host)
        try:
            with progress.step(f"starting LiteLLM {release.version}", "10 s"):
                proxy.start()
            yield proxy
        finally:
            proxy.stop()
            proxy.postgres.stop()
