"""What keeps this machine from running a node."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from dev.node import cgroups

NEEDED: Final = frozenset({"cpu", "cpuset", "memory", "pids"})
"""Controllers without which a kubelet does not start."""
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""What the base image's packages are checked with; where there is apt without it, packages have other names too."""
NAMESPACES: Final = ("unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup", "--fork")


def obstacle() -> str | None:
    """The first reason why no node can run here, in words; None if one can."""
    if os.geteuid() != 0:
        return "a node needs root"
    if shutil.which("apt-get") is None or not KEYRING.exists():
        return "a node's programs and its image are made from Debian's packages, and this is no Debian"
    missing = NEEDED - {name for group in cgroups.own() for name in group.controllers.split(",")}
    if missing:
        return f"a node needs cgroups of version 1, and there is no controller {', '.join(sorted(missing))}"
    if not all(os.access(group.folder, os.W_OK) for group in cgroups.own()):
        return "a node needs cgroups of its own, and none can be made here"
    tried = subprocess.run(
        [*NAMESPACES, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return f"a node needs namespaces of its own: {tried.stderr.strip()}"
    return None
