"""The Kubernetes side of the ports, over raw JSON."""
