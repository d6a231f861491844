"""The containers of a node, as the kernel sees them, when the power goes."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from dev.node import cgroups
from dev.node.ground import KUBELET

PODS: Final = cgroups.ROOT / "pids" / "kubepods"
RUN: Final = Path("/run")
SHIM: Final = "containerd-shim"


def kill_all() -> None:
    """Kills every container and its shim, and takes away what a machine forgets: mounts, links, and what is in /run."""
    while processes := [*_of_pods(), *_shims()]:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.05)
    for place in reversed([line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]):
        if place.startswith((f"{RUN}/", f"{KUBELET}/")):
            subprocess.run(["umount", "--lazy", place], check=True)
    for path in RUN.iterdir():
        shutil.rmtree(path)
    subprocess.run(["ip", "link", "delete", "cni0"], capture_output=True, check=False)  # there is none without Pods


def _of_pods() -> Iterator[int]:
    for file in PODS.rglob("cgroup.procs"):
        yield from map(int, file.read_text(encoding="utf-8").split())


def _shims() -> Iterator[int]:
    """Each is an orphan, and so a child of pid 1."""
    for child in Path("/proc/1/task/1/children").read_text(encoding="utf-8").split():
        with suppress(OSError):
            if Path(f"/proc/{child}/comm").read_text(encoding="utf-8").startswith(SHIM):
                yield int(child)
