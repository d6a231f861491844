"""Pid 1 of a node: `python -m dev.node.inside HOME ARCHIVE...` starts all of it, imports the images, and waits.

When it ends, the kernel ends every process of the node, and with the last of them all mounts and links go.
"""

import os
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
from dev.node import configuration, ground
from dev.node.addresses import NAME, NODE, PODS, SERVICES

READY: Final = "ready"
"""The file in HOME that says so."""
KUBELET_USER: Final = f"system:node:{NAME}"


class Inside:
    """The parts of the node, each with a log in its folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.programs = binaries.node()
        self.parts: list[Child] = []
        self.plane = ControlPlane(binaries.ready(), home, _shape(home))
        self.serving = self.plane.authority.server("kubelet", (NAME, NODE))

    def start(self, archives: Sequence[str]) -> None:
        """Starts everything, and returns when the node is ready for Pods."""
        self._start_containerd()
        imports = [subprocess.Popen(["ctr", "-n", "k8s.io", "images", "import", archive]) for archive in archives]
        self.plane.wait()
        self._start(
            "kube-scheduler",
            self.programs.kube_scheduler,
            f"--kubeconfig={self.plane.kubeconfig}",
            "--leader-elect=false",
            f"--cert-dir={self.home / 'scheduler'}",
        )
        self._start_proxy()
        (self.home / "Corefile").write_text(configuration.dns(self.plane.kubeconfig), encoding="utf-8")
        self._start("coredns", self.programs.coredns, "-conf", self.home / "Corefile")
        if any(done.wait() for done in imports):
            raise ServerError("containerd did not import an image")
        self._start_kubelet()
        for what, patience in (
            ("--for=create sa/default", 60),
            (f"--for=create node/{NAME}", 60),
            (f"--for=condition=Ready node/{NAME}", 90),
        ):
            self.plane.kubectl("wait", *what.split(), f"--timeout={patience}s")

    def _start(self, name: str, *command: str | Path) -> None:
        self.parts.append(Child(command, log=self.home / f"{name}.log"))

    def _start_containerd(self) -> None:
        (self.home / "cni").mkdir()
        (self.home / "cni" / "pods.conflist").write_text(configuration.network(), encoding="utf-8")
        file = self.home / "containerd.toml"
        file.write_text(configuration.containerd(self.home), encoding="utf-8")
        self._start("containerd", "containerd", "--config", file)
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(["ctr", "version"], capture_output=True, check=False).returncode:
            self.parts[-1].require_alive()
            if time.monotonic() > deadline:
                raise ServerError("containerd does not answer")
            time.sleep(0.1)

    def _start_proxy(self) -> None:
        kubeconfig = self._kubeconfig("system:kube-proxy", "system:kube-proxies")
        self._start(
            "kube-proxy",
            self.programs.kube_proxy,
            f"--kubeconfig={kubeconfig}",
            "--proxy-mode=nftables",
            f"--cluster-cidr={PODS}",
            f"--hostname-override={NAME}",
            "--conntrack-max-per-core=0",
            "--oom-score-adj=0",
        )

    def _start_kubelet(self) -> None:
        file = self.home / "kubelet.json"
        file.write_text(configuration.kubelet(self.plane.authority.certificate, self.serving), encoding="utf-8")
        kubeconfig = self._kubeconfig(KUBELET_USER, "system:nodes")
        self._start(
            "kubelet",
            self.programs.kubelet,
            f"--config={file}",
            f"--kubeconfig={kubeconfig}",
            f"--node-ip={NODE}",
            f"--hostname-override={NAME}",
        )

    def _kubeconfig(self, user: str, group: str) -> Path:
        path = self.home / f"{user}.kubeconfig"
        authority = self.plane.authority
        write_kubeconfig(path, self.plane.url, authority.certificate, authority.client(user, group))
        return path


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


def main() -> None:
    """Starts the node, says that it is ready, and buries the orphans of its containers."""
    home = Path(sys.argv[1])
    ground.prepare(home)
    Inside(home).start(sys.argv[2:])
    (home / READY).touch()
    while True:
        os.wait()


if __name__ == "__main__":
    main()
