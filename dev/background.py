"""Servers that are left running: one process holds them, and a file says which.

`python -m dev.servers up` leaves one such set, a demo that is kept another; each has its name.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from dev import cache, children, progress, watchdog

ROOT: Final = Path(__file__).resolve().parent.parent
SERVERS: Final = "servers"
PATIENCE: Final = 300.0
"""Seconds that both servers get to start, longer than each of them takes to give up."""


@dataclass(frozen=True)
class Running:
    """What the holder wrote when its servers were ready."""

    pid: int
    born: str
    kubeconfig: str
    litellm_url: str
    litellm_master_key: str

    def exports(self) -> str:
        """Lines for a shell."""
        return (
            f"export KUBECONFIG={self.kubeconfig}\n"
            f"export LITELLM_URL={self.litellm_url}\n"
            f"export LITELLM_MASTER_KEY={self.litellm_master_key}"
        )


def found(name: str = SERVERS) -> Running | None:
    """The servers that run in the background; a file left by a holder that is gone counts for nothing."""
    try:
        state = Running(**json.loads(_file(name).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    return state if _born(state.pid) == state.born else None


def declare(kubeconfig: Path, litellm_url: str, litellm_master_key: str, name: str = SERVERS) -> None:
    """Says, from inside of the holder, that its servers are ready."""
    state = Running(os.getpid(), _born(os.getpid()), str(kubeconfig), litellm_url, litellm_master_key)
    draft = _file(name).with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(state)), encoding="utf-8")
    draft.replace(_file(name))


def told_to_end() -> threading.Event:
    """What is set when somebody ends the holder, which must ask in its main thread, before it starts anything."""
    over = threading.Event()

    def finish(_signal: int, _frame: object) -> None:
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, finish)
    return over


def withdraw(name: str = SERVERS) -> None:
    """Says, from inside of the holder, that its servers end."""
    _file(name).unlink(missing_ok=True)


def start(env: Mapping[str, str], name: str = SERVERS) -> Running:
    """Begins a holder, `python -m dev.<name> hold`, unless there is one, and waits until its servers are ready."""
    with cache.locked(name):
        running = found(name)
        if running is not None:
            return running
        log = cache.root() / f"{name}.log"
        with log.open("wb") as out, progress.step("starting API server and LiteLLM", "15 s"):
            holder = subprocess.Popen(
                [sys.executable, "-m", f"dev.{name}", "hold"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=ROOT,
                env=env,
            )
            deadline = time.monotonic() + PATIENCE
            while (running := found(name)) is None:
                if holder.poll() is not None or time.monotonic() > deadline:
                    raise children.ServerError(f"the servers did not start; {log} ends\n{children.tail(log)}")
                time.sleep(0.1)
        return running


def stop(name: str = SERVERS) -> bool:
    """Ends the holder and with it its servers; answers whether there was one."""
    running = found(name)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    while _born(running.pid) == running.born:
        time.sleep(0.05)
    return True


def _file(name: str) -> Path:
    return cache.root() / f"{name}.json"


def _born(pid: int) -> str:
    """When a process began, in ticks since the machine did: with it a pid is unique. Empty if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == watchdog.ZOMBIE else fields[19].decode()
