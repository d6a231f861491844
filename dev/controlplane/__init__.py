"""A real control plane: etcd, kube-apiserver, and the controllers that collect garbage and end namespaces."""

from dev.controlplane.access import Access
from dev.controlplane.plane import ControlPlane, started

__all__ = ["Access", "ControlPlane", "started"]
