"""A node, seen from outside."""

import os
import signal
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev import children, progress
from dev.controlplane import binaries
from dev.node import cgroups, inside
from dev.node.obstacles import NAMESPACES

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PREFIX: Final = "llmkeys-node"
"""Of a node's folder."""
PATIENCE: Final = 240.0
"""Seconds that a node gets to be ready; it needs ten, many more on a busy machine."""
HOME: Final = "KUBERNETES_NODE"
"""The variable that tells a program inside where the node's folder is."""


@dataclass(frozen=True)
class Node:
    """One that runs: its folder, and the process whose end is its own."""

    home: Path
    pid: int

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, which is of use inside only."""
        return self.home / "kubeconfig"

    def entering(self, *command: str | Path) -> list[str]:
        """The words that run a command inside, in the folder where it is asked for."""
        namespaces = ("--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup")
        target = ("nsenter", f"--target={self.pid}", *namespaces, f"--wd={Path.cwd()}", "--")
        return [*target, *(os.fspath(word) for word in command)]

    def environment(self) -> dict[str, str]:
        """What a command inside is told."""
        kubectl = binaries.ready().kubectl
        path = os.pathsep.join((str(kubectl.parent), os.environ.get("PATH", "")))
        told = {"KUBECONFIG": str(self.kubeconfig), "CONTAINERD_NAMESPACE": "k8s.io", HOME: str(self.home)}
        return os.environ | told | {"PATH": path}


@contextmanager
def started(archives: Sequence[Path]) -> Generator[Node]:
    """A node with these images, gone on the way out with all that runs on it."""
    with children.temporary_folder(PREFIX) as home, cgroups.made() as groups:
        log = home / "node.log"
        # The node's first process is in its cgroups before it is in its namespaces: it sees them as the top ones.
        enter = 'for group in $CGROUPS; do echo $$ > "$group/cgroup.procs"; done; exec "$@"'
        first: list[str | Path] = [sys.executable, "-m", "dev.node.inside", home, *archives]
        command: list[str | Path] = ["sh", "-ec", enter, "sh", *NAMESPACES, "--kill-child", *first]
        env = os.environ | {"CGROUPS": " ".join(map(str, groups))}
        child = children.Child(command, log=log, cwd=ROOT, env=env, stop_with=signal.SIGKILL)
        try:
            with progress.step("starting the node", "15 s"):
                _wait(child, home)
            # Unshare's only child.
            pid = int(Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text(encoding="utf-8"))
            try:
                yield Node(home, pid)
            finally:
                # In this order unshare buries it.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                child.wait()
        finally:
            child.stop()


def _wait(child: children.Child, home: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not (home / inside.READY).exists():
        child.require_alive()
        if time.monotonic() > deadline:
            raise children.ServerError(f"the node is not ready; its log ends\n{children.tail(child.log)}")
        time.sleep(0.1)
