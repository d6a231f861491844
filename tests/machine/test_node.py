"""A node leaves nothing behind on the machine that it ran on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from dev.node import cgroups, images, packages
from dev.node.ground import STAND_INS
from dev.node.node import PREFIX, ROOT, started
from dev.node.obstacles import obstacle
from tests.support.waiting import until

SETTINGS: Final = [Path("/proc/sys") / name for name in STAND_INS]
PLACES: Final = [Path(name) for name in ("/var/lib/kubelet", "/var/lib/cni", "/run/netns", "/var/log/pods")]
HOLDER: Final = """
import time
from pathlib import Path
from dev.node.node import started
with started([Path({archive!r})]) as node:
    print(node.pid, node.home, flush=True)
    time.sleep(3600)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that a node cannot do without."""
    if reason := obstacle():
        pytest.skip(f"nodes run elsewhere: {reason}")
    packages.install()
    folder = tmp_path_factory.mktemp("archive")
    images.ready().save(images.PAUSE, folder)
    return next(folder.iterdir())


@pytest.mark.slow
def test_nothing_is_left_of_a_node(archive: Path) -> None:
    before = _seen()
    with started([archive]) as node:
        asked = node.entering("kubectl", "get", "nodes", "-o", "name")
        done = subprocess.run(asked, env=node.environment(), capture_output=True, text=True, check=True)
        assert done.stdout == "node/node\n"
        assert _cgroups(os.getpid())
        assert [line for line in _seen() if line not in before] == []
    assert _cgroups(os.getpid()) == []
    assert not node.home.exists()
    assert not Path(f"/proc/{node.pid}").exists()
    assert _seen() == before


@pytest.mark.slow
def test_a_node_ends_with_whoever_started_it(archive: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(archive=str(archive))], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder.stdout as told:
        pid, home = told.readline().split()
    assert Path(f"/proc/{pid}").exists()
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    until(lambda: not Path(f"/proc/{pid}").exists(), "the node to end")
    until(lambda: not Path(home).exists(), "its folder to be removed")
    with cgroups.made():
        assert _cgroups(holder.pid) == []


def _cgroups(holder: int) -> list[Path]:
    """Those of the node that a process holds; others may hold others."""
    return [path for group in cgroups.own() for path in group.folder.glob(f"{cgroups.PREFIX}{holder}")]


def _seen() -> list[str]:
    """What the machine would show of a node: links, mounts, settings, folders."""
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
    mounts = [line for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines() if PREFIX in line]
    settings = [f"{path} {path.read_text(encoding='utf-8').strip()}" for path in SETTINGS]
    return [*links, *mounts, *settings, *(f"{path} {path.exists()}" for path in PLACES)]
