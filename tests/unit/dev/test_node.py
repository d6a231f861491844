"""Where a node can run, and where it says that it cannot."""

import os
import shutil
from pathlib import Path

import pytest

from dev.node import __main__ as command
from dev.node import cgroups, obstacles

V1 = "2:cpu,cpuacct:/a\n3:cpuset:/a\n4:memory:/a/b\n5:pids:/a\n1:name=systemd:/a\n0::/unified\n"
V2 = "0::/user.slice\n"


@pytest.fixture
def membership(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What /proc/self/cgroup says."""
    file = tmp_path / "cgroup"
    monkeypatch.setattr(cgroups, "MEMBERSHIP", file)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", "/usr/bin/{}".format)
    monkeypatch.setattr(obstacles, "KEYRING", tmp_path)
    return file


def test_own_cgroups_are_those_of_version_1(membership: Path) -> None:
    membership.write_text(V1)
    assert [(group.controllers, str(group.folder)) for group in cgroups.own()] == [
        ("cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/a"),
        ("cpuset", "/sys/fs/cgroup/cpuset/a"),
        ("memory", "/sys/fs/cgroup/memory/a/b"),
        ("pids", "/sys/fs/cgroup/pids/a"),
        ("systemd", "/sys/fs/cgroup/systemd/a"),
    ]


def test_cgroups_of_version_2_are_an_obstacle(membership: Path) -> None:
    membership.write_text(V2)
    assert (
        obstacles.obstacle()
        == "a node needs cgroups of version 1, and there is no controller cpu, cpuset, memory, pids"
    )


def test_not_being_root_is_one(membership: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    membership.write_text(V1)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert obstacles.obstacle() == "a node needs root"


def test_where_none_can_run_it_is_left_out_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "obstacle", lambda: "a node needs root")
    monkeypatch.setattr("sys.argv", ["node", "--if-possible", "test"])
    command.main()
    assert capsys.readouterr().err == "left out on this machine: test on a node, for a node needs root\n"


def test_who_insists_is_told_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "obstacle", lambda: "a node needs root")
    monkeypatch.setattr("sys.argv", ["node", "run", "pytest", "tests/node"])
    with pytest.raises(SystemExit, match="error: a node needs root"):
        command.main()
