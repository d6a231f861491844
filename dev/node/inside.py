"""Pid 1 of a node: `python -m dev.node.inside HOME ARCHIVE...` starts all of it, imports the images, and waits.

SIGHUP restarts the node, as a machine is restarted: every part and every container is killed. When pid 1 ends, the
kernel ends every process of the node, and with the last of them all mounts and links go.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dev.children import Child, ServerError
from dev.controlplane import binaries
from dev.controlplane.access import write_kubeconfig
from dev.controlplane.plane import HOSTS, PATIENCE, ControlPlane, Shape
from dev.node import configuration, containers, ground
from dev.node.addresses import NAME, NODE, PODS, SERVICES

READY: Final = "ready"
"""The file in HOME that says so."""
WAITED_FOR: Final = (
    ("--for=create sa/default", 60),
    (f"--for=create node/{NAME}", 60),
    (f"--for=condition=Ready node/{NAME}", 90),
)
"""And for how many seconds. Without the service account no Pod could be made."""
CONTAINERD_TOML: Final = "containerd.toml"
COREFILE: Final = "Corefile"
KUBELET_JSON: Final = "kubelet.json"
KUBELET_USER: Final = f"system:node:{NAME}"
PROXY_USER: Final = "system:kube-proxy"
USERS: Final = {KUBELET_USER: "system:nodes", PROXY_USER: "system:kube-proxies"}
"""With their groups."""


class Inside:
    """The parts of the node, each with a log in its folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.programs = binaries.node()
        self.parts: list[Child] = []
        self.plane = ControlPlane(binaries.ready(), home, _shape(home))
        self._configure()

    def start(self, archives: Sequence[str] = ()) -> None:
        """Starts what does not run, and returns when the node is ready for Pods."""
        self._start_containerd()
        imports = [subprocess.Popen(["ctr", "-n", "k8s.io", "images", "import", archive]) for archive in archives]
        self.plane.start_apiserver()
        self.plane.wait()
        self._start(
            "kube-scheduler",
            self.programs.kube_scheduler,
            f"--kubeconfig={self.plane.kubeconfig}",
            "--leader-elect=false",
            f"--cert-dir={self.home / 'scheduler'}",
        )
        self._start_proxy()
        self._start("coredns", self.programs.coredns, "-conf", self.home / COREFILE)
        if any(done.wait() for done in imports):
            raise ServerError("containerd did not import an image")
        self._start_kubelet()
        for what, patience in WAITED_FOR:
            self.plane.kubectl("wait", *what.split(), f"--timeout={patience}s")
        (self.home / READY).touch()

    def restart(self) -> None:
        """Kills everything, the containers too, and starts again on what is on the disks."""
        (self.home / READY).unlink()
        for part in self.parts:
            part.stop(patience=0)
        self.parts.clear()
        self.plane.stop(patience=0)
        containers.kill_all()
        self.start()

    def _configure(self) -> None:
        (self.home / "cni").mkdir()
        serving = self.plane.authority.server("kubelet", (NAME, NODE))
        for name, text in (
            ("cni/pods.conflist", configuration.network()),
            (CONTAINERD_TOML, configuration.containerd(self.home)),
            (COREFILE, configuration.dns(self.plane.kubeconfig)),
            (KUBELET_JSON, configuration.kubelet(self.plane.authority.certificate, serving)),
        ):
            (self.home / name).write_text(text, encoding="utf-8")
        for user, group in USERS.items():
            client = self.plane.authority.client(user, group)
            write_kubeconfig(self._kubeconfig(user), self.plane.url, self.plane.authority.certificate, client)

    def _kubeconfig(self, user: str) -> Path:
        return self.home / f"{user}.kubeconfig"

    def _start(self, name: str, *command: str | Path) -> None:
        self.parts.append(Child(command, log=self.home / f"{name}.log"))

    def _start_containerd(self) -> None:
        self._start("containerd", "containerd", "--config", self.home / CONTAINERD_TOML)
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(["ctr", "version"], capture_output=True, check=False).returncode:
            self.parts[-1].require_alive()
            if time.monotonic() > deadline:
                raise ServerError("containerd does not answer")
            time.sleep(0.1)

    def _start_proxy(self) -> None:
        self._start(
            "kube-proxy",
            self.programs.kube_proxy,
            f"--kubeconfig={self._kubeconfig(PROXY_USER)}",
            "--proxy-mode=nftables",
            f"--cluster-cidr={PODS}",
            f"--hostname-override={NAME}",
            "--conntrack-max-per-core=0",
            "--oom-score-adj=0",
        )

    def _start_kubelet(self) -> None:
        self._start(
            "kubelet",
            self.programs.kubelet,
            f"--config={self.home / KUBELET_JSON}",
            f"--kubeconfig={self._kubeconfig(KUBELET_USER)}",
            f"--node-ip={NODE}",
            f"--hostname-override={NAME}",
        )


def _shape(home: Path) -> Shape:
    """A control plane that has kubelets, service accounts and all controllers."""
    return Shape(
        address=NODE,
        hosts=(*HOSTS, NAME, NODE),
        authorization="Node,RBAC",
        apiserver=(
            "--allow-privileged=true",
            "--enable-admission-plugins=NodeRestriction",
            f"--kubelet-certificate-authority={home / 'ca.crt'}",
            f"--kubelet-client-certificate={home / 'admin.crt'}",
            f"--kubelet-client-key={home / 'admin.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-cluster-ip-range={SERVICES}",
        ),
        controllers=(
            f"--root-ca-file={home / 'ca.crt'}",
            f"--service-account-private-key-file={home / 'tokens.key'}",
            "--use-service-account-credentials",
        ),
    )


class _RestartedError(Exception):
    """SIGHUP came."""


def _interrupt(_signal: int, _frame: object) -> None:
    raise _RestartedError


def main() -> None:
    """Starts the node, and then buries the orphans of its containers."""
    home = Path(sys.argv[1])
    ground.prepare(home)
    inside = Inside(home)
    inside.start(sys.argv[2:])
    while True:
        signal.signal(signal.SIGHUP, _interrupt)
        try:
            while True:
                os.wait()
        except _RestartedError:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            inside.restart()


if __name__ == "__main__":
    main()
