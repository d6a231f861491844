"""The cgroups of a node: one below our own in each hierarchy of version 1."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.children import ServerError

MEMBERSHIP: Final = Path("/proc/self/cgroup")
ROOT: Final = Path("/sys/fs/cgroup")
PREFIX: Final = "llmkeys-node-"
PATIENCE: Final = 20.0
"""Seconds that killed processes get to be gone."""


@dataclass(frozen=True)
class Group:
    """A cgroup, and the controllers of its hierarchy as the kernel names them: `cpu,cpuacct`."""

    controllers: str
    folder: Path


def own() -> list[Group]:
    """Those that this process is in."""
    lines = [line.split(":", 2) for line in MEMBERSHIP.read_text(encoding="utf-8").splitlines()]
    named = [(controllers.removeprefix("name="), path) for _, controllers, path in lines if controllers]
    return [Group(controllers, ROOT / controllers / path.lstrip("/")) for controllers, path in named]


@contextmanager
def made() -> Generator[list[Path]]:
    """New ones, gone on the way out; those of a node that was killed go first."""
    parents = own()
    for parent in parents:
        for left in parent.folder.glob(f"{PREFIX}*"):
            _remove(left)
    folders = [parent.folder / f"{PREFIX}{os.getpid()}" for parent in parents]
    for parent, folder in zip(parents, folders, strict=True):
        folder.mkdir()
        if "cpuset" in parent.controllers.split(","):
            for name in ("cpuset.cpus", "cpuset.mems"):
                (folder / name).write_text((parent.folder / name).read_text(encoding="utf-8"), encoding="utf-8")
    try:
        yield folders
    finally:
        deadline = time.monotonic() + PATIENCE
        while remaining := [folder for folder in folders if not _remove(folder)]:
            if time.monotonic() > deadline:
                raise ServerError(f"processes are left in {', '.join(map(str, remaining))}")
            time.sleep(0.05)


def _remove(folder: Path) -> bool:
    """Removes a cgroup and all below it; answers whether it is gone, which it is not while it has processes."""
    for inner, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            os.rmdir(inner)  # noqa: PTH106 - what os.walk gives
    return not folder.exists()
