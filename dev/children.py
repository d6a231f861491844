"""Processes that this one begins: they end with it, whichever way it ends."""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias

from dev import watchdog
from dev.progress import Step

Command: TypeAlias = Sequence[str | Path]


class ServerError(Exception):
    """A server could not be built, installed or started; the message says which, why, and where its log is."""


class _Watch:
    """Our end of the watchdog's list; the watchdog is begun with the first entry."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dog: subprocess.Popen[str] | None = None

    def tell(self, line: str) -> None:
        """One line for the watchdog, which has read it even if this process dies at once."""
        with self._lock:
            if self._dog is None:
                atexit.register(self._dismiss)
                command = [sys.executable, "-I", "-S", watchdog.__file__]
                self._dog = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,  # whoever reads our output to its end must not wait for the watchdog
                    stderr=subprocess.DEVNULL,
                    text=True,
                    start_new_session=True,
                    cwd="/",
                )
            assert self._dog.stdin is not None  # noqa: S101 - a pipe, as asked for
            self._dog.stdin.write(line + "\n")
            self._dog.stdin.flush()

    def _dismiss(self) -> None:
        """Lets the watchdog end what is left on its list, and waits for it."""
        if self._dog is not None and self._dog.stdin is not None:
            self._dog.stdin.close()
            self._dog.wait()


_watch: Final = _Watch()


@contextmanager
def temporary_folder(prefix: str) -> Generator[Path]:
    """A folder that is removed on the way out, or by the watchdog."""
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-"))
    _watch.tell(f"+{folder}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _watch.tell(f"-{folder}")


class Child:
    """A server that this process began, with its children in a session of their own."""

    def __init__(
        self,
        command: Command,
        *,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_with: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = Path(command[0]).name
        self.log = log
        self._stop_with = stop_with
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [os.fspath(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=cwd or "/",
                env=env,
                start_new_session=True,
                user=user,
                group=None if user is None else pwd.getpwnam(user).pw_gid,
                extra_groups=None if user is None else (),
            )
        self.pid: int = self._process.pid
        _watch.tell(f"+{self.pid} {int(stop_with)}")

    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None

    def require_alive(self) -> None:
        """Raises `ServerError` with the end of the log if it is gone."""
        if self.ended():
            raise ServerError(f"{self.name} ended with {self._process.returncode}; its log ends\n{tail(self.log)}")

    def wait(self) -> int:
        """Waits until it ends by itself, and answers with its exit code."""
        code = self._process.wait()
        _watch.tell(f"-{self.pid}")
        return code

    def stop(self, patience: float = 10.0) -> None:
        """Asks it to end, kills it and its children after `patience` seconds, and waits until it is gone."""
        if not self.ended():
            self._process.send_signal(self._stop_with)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        watchdog.end({self.pid: signal.SIGKILL})
        self._process.wait()
        _watch.tell(f"-{self.pid}")


def run(
    command: Command,
    step: Step,
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    detail: Callable[[int, str], str] | None = None,
) -> None:
    """Runs a command that ends, its output into a log; raises `ServerError` with the end of it if it fails.

    `detail` makes the step's detail of the number of lines so far and the last one.
    """
    words = [os.fspath(part) for part in command]
    with (
        log.open("a", encoding="utf-8") as out,
        subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=cwd,
            env=env,
            start_new_session=True,
        ) as process,
    ):
        _watch.tell(f"+{process.pid} {int(signal.SIGTERM)}")
        try:
            assert process.stdout is not None  # noqa: S101 - a pipe, as asked for
            for number, line in enumerate(process.stdout, 1):
                out.write(line)
                if detail:
                    step.detail = detail(number, line.strip())
            process.wait()
        finally:
            if process.poll() is None:
                watchdog.end({process.pid: signal.SIGTERM})
            _watch.tell(f"-{process.pid}")
    if process.returncode:
        command_line = " ".join(words[:4])
        raise ServerError(f"{step.what}: `{command_line} ...` ended with {process.returncode}; {log} ends\n{tail(log)}")


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented."""
    with log.open(encoding="utf-8", errors="replace") as file:
        return "".join(f"    {line}" for line in deque(file, lines))
