"""The running control plane."""

import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev import children, progress
from dev.controlplane import audit, binaries
from dev.controlplane.access import Access, write_kubeconfig
from dev.controlplane.certificates import Authority, key_pair
from dev.ports import LOOPBACK, free_port

HOSTS: Final = (LOOPBACK, "10.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
CONTROLLERS: Final = "garbage-collector-controller,namespace-controller,clusterrole-aggregation-controller"
"""Without them owned Secrets stay, namespaces hang in Terminating for ever, and `edit` is empty."""
PATIENCE: Final = 180.0
"""Seconds that a server gets to be ready; it needs four, many more on a busy machine."""


@dataclass(frozen=True)
class Shape:
    """What differs between a control plane by itself and that of a node: where it listens, and further flags."""

    address: str = LOOPBACK
    hosts: tuple[str, ...] = HOSTS
    authorization: str = "RBAC"
    apiserver: tuple[str, ...] = ()
    controllers: tuple[str, ...] = (f"--controllers={CONTROLLERS}",)


class ControlPlane(Access):
    """One of our own: all parts on free ports, their state in one folder."""

    def __init__(self, programs: binaries.Binaries, home: Path, shape: Shape | None = None) -> None:
        self.home = home
        self._programs = programs
        self._shape = shape or Shape()
        self._etcd_url = f"http://{LOOPBACK}:{free_port()}"
        self._port = free_port()
        self.authority = authority = Authority(home, "litellm-key-operator-dev")
        certificate, key = authority.client("admin", "system:masters")
        self._serving = authority.server("apiserver", self._shape.hosts)
        self._tokens = key_pair(home, "tokens")
        super().__init__(
            kubeconfig=home / "kubeconfig",
            url=f"https://{self._shape.address}:{self._port}",
            ca=authority.certificate,
            certificate=certificate,
            key=key,
            kubectl_program=programs.kubectl,
        )
        write_kubeconfig(self.kubeconfig, self.url, authority.certificate, (certificate, key))
        self._etcd = self._start_etcd()
        self._apiserver = self._start_apiserver()
        self._controllers: children.Child | None = None

    def uses(self, user: str) -> list[audit.Use]:
        """What a service account asked for so far."""
        return audit.uses(self.home, user)

    def stop_apiserver(self) -> None:
        """Ends the API server; its port stays ours, its state is in etcd."""
        # Gracefully, it would wait a minute for its watches to end by themselves.
        self._apiserver.stop(patience=1)

    def start_apiserver(self) -> None:
        """Starts it, and etcd, again on the same port and waits until it is ready; does nothing while it runs."""
        if self._etcd.ended():
            self._etcd = self._start_etcd()
        if self._apiserver.ended():
            self._apiserver = self._start_apiserver()
            self.wait()

    def restart_apiserver(self) -> None:
        """Ends and starts it: every watch breaks."""
        self.stop_apiserver()
        self.start_apiserver()

    def wait(self) -> None:
        """Returns when the API server is ready and the controllers run; raises `ServerError` if that takes too long."""
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.tls()))
        opener = urllib.request.build_opener(*handlers)
        deadline = time.monotonic() + PATIENCE
        while True:
            self._etcd.require_alive()
            self._apiserver.require_alive()
            try:
                opener.open(f"{self.url}/readyz", timeout=5).close()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise children.ServerError(
                        f"kube-apiserver is not ready: {error}; see {self._apiserver.log}"
                    ) from error
                time.sleep(0.1)
            else:
                break
        # They give up when the API server stays away for long.
        if self._controllers is None or self._controllers.ended():
            self._controllers = self._start_controllers()

    def stop(self, patience: float = 10.0) -> None:
        """Ends all of it; what has not ended after `patience` seconds is killed."""
        for child in (self._controllers, self._apiserver, self._etcd):
            if child is not None:
                child.stop(patience)

    def _start_etcd(self) -> children.Child:
        peers = f"http://{LOOPBACK}:{free_port()}"
        command = (
            self._programs.etcd,
            f"--data-dir={self.home / 'etcd'}",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peers}",
            "--unsafe-no-fsync",
            "--log-level=error",
        )
        return children.Child(command, log=self.home / "etcd.log")

    def _start_apiserver(self) -> children.Child:
        certificate, key = self._serving
        public, private = self._tokens
        command: children.Command = (
            self._programs.kube_apiserver,
            f"--etcd-servers={self._etcd_url}",
            f"--bind-address={self._shape.address}",
            f"--secure-port={self._port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self.ca}",
            f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={private}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--authorization-mode={self._shape.authorization}",
            "--max-requests-inflight=1000",
            "--max-mutating-requests-inflight=1000",
            f"--cert-dir={self.home}",
            *audit.flags(self.home),
            *self._shape.apiserver,
        )
        return children.Child(command, log=self.home / "kube-apiserver.log")

    def _start_controllers(self) -> children.Child:
        command: children.Command = (
            self._programs.kube_controller_manager,
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={free_port()}",
            f"--cert-dir={self.home}",
            *self._shape.controllers,
        )
        return children.Child(command, log=self.home / "kube-controller-manager.log")


@contextmanager
def started() -> Generator[ControlPlane]:
    """A control plane of its own, ended on the way out; the programs are compiled first if need be."""
    programs = binaries.ready()
    with children.temporary_folder("llmkeys-controlplane") as home:
        with progress.step("starting the control plane", "5 s"):
            plane = ControlPlane(programs, home)
            try:
                plane.wait()
            except BaseException:
                plane.stop()
                raise
        try:
            yield plane
        finally:
            plane.stop()
