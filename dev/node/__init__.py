"""A real Kubernetes node on this machine, in namespaces of its own: nothing of it is left when it ends."""

from dev.node.node import Node, started
from dev.node.obstacles import obstacle

__all__ = ["Node", "obstacle", "started"]
