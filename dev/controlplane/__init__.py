"""A real control plane: etcd, kube-apiserver, and of kube-controller-manager what collects garbage and ends namespaces."""

from dev.controlplane.plane import ControlPlane, started

__all__ = ["ControlPlane", "started"]
