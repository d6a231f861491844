"""Debian's packages that a node is made of."""

import os
import subprocess
from pathlib import Path
from typing import Final

from dev import cache, children, progress

NAMES: Final = (
    "buildah",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "ethtool",
    "iproute2",
    "iptables",
    "mmdebstrap",
    "mount",
    "nftables",
    "runc",
    "util-linux",
)


def install() -> None:
    """Installs what is missing."""
    with cache.locked("packages"):
        missing = [name for name in NAMES if not _installed(name)]
        if not missing:
            return
        log = cache.root() / "packages.log"
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        with progress.step(f"installing {', '.join(missing)} from Debian", "20 s, once") as step:
            children.run(["apt-get", "update"], step, log=log, env=env)
            command: list[str | Path] = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
            children.run(command, step, log=log, env=env)


def _installed(name: str) -> bool:
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout == "installed"
