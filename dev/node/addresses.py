"""Where things are inside of a node's network, which leads nowhere else: the same in every node."""

from typing import Final

NAME: Final = "node"
NODE: Final = "172.30.0.1"
"""The node itself, reached from Pods: a server that Pods shall reach listens here. Its DNS does."""
NODE_NETWORK: Final = "172.30.0.1/24"
SERVICES: Final = "10.0.0.0/24"
PODS: Final = "10.244.0.0/24"
DOMAIN: Final = "cluster.local"
