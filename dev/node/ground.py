"""What pid 1 of a node's namespaces does first: mounts and a network, of which the machine outside sees nothing."""

import subprocess
from pathlib import Path
from typing import Final

from dev.node import cgroups
from dev.node.addresses import NAME, NODE_NETWORK, SERVICES

CONTAINERD: Final = Path("/var/lib/containerd")
KUBELET: Final = Path("/var/lib/kubelet")
STAND_INS: Final = {
    "kernel/keys/root_maxbytes": "25000000",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}
"""Settings of the whole machine that the kubelet writes unless it reads what it wants."""


def prepare(home: Path) -> None:
    """All of it; `home` is the node's folder."""
    _mount_basics()
    _mount_cgroups()
    _mount_state(home)
    _shield_settings(home / "sysctl")
    _connect()


def _mount_basics() -> None:
    _call("mount", "--make-rshared", "/")
    _call("mount", "-t", "proc", "proc", "/proc")
    _call("mount", "-t", "sysfs", "sysfs", "/sys")
    _call("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", cgroups.ROOT)


def _mount_cgroups() -> None:
    """Every hierarchy, seen from our own cgroup: the kubelet wants all that it is in, `systemd` too."""
    named = {line.split(":")[1] for line in cgroups.MEMBERSHIP.read_text(encoding="utf-8").splitlines()}
    for controllers in named - {""}:
        folder = cgroups.ROOT / controllers.removeprefix("name=")
        folder.mkdir()
        options = f"none,{controllers}" if controllers.startswith("name=") else controllers
        _call("mount", "-t", "cgroup", "-o", options, "cgroup", folder)


def _mount_state(home: Path) -> None:
    """/run, and what is written below /var: in memory, since images are imported twice as fast there."""
    layers = home / "layers"
    layers.mkdir()
    _mount_memory(Path("/run"))
    _mount_memory(layers)
    for name in ("upper", "work"):
        (layers / name).mkdir()
    options = f"lowerdir=/var,upperdir={layers / 'upper'},workdir={layers / 'work'}"
    _call("mount", "-t", "overlay", "-o", options, "overlay", "/var")
    # Containers are overlays, for which another overlay is no ground.
    for folder in (CONTAINERD, KUBELET):
        folder.mkdir(parents=True, exist_ok=True)
        _mount_memory(folder)


def _mount_memory(folder: Path) -> None:
    _call("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)


def _shield_settings(folder: Path) -> None:
    """Lays files over those of the machine, for whoever looks from in here."""
    folder.mkdir()
    for setting, value in STAND_INS.items():
        file = folder / setting.replace("/", ".")
        file.write_text(f"{value}\n", encoding="utf-8")
        _call("mount", "--bind", file, f"/proc/sys/{setting}")


def _connect() -> None:
    """Loopback, and a pair of links, both of whose ends are here, that carries the node's address."""
    _call("hostname", NAME)
    _call("ip", "link", "set", "lo", "up")
    _call("ip", "link", "add", "node0", "type", "veth", "peer", "name", "node1")
    _call("ip", "address", "add", NODE_NETWORK, "dev", "node0")
    for link in ("node0", "node1"):
        _call("ip", "link", "set", link, "up")
    _call("ip", "route", "add", SERVICES, "dev", "node0")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="utf-8")


def _call(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
