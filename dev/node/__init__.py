"""A real Kubernetes node on this machine, in namespaces of its own: nothing of it is left when it ends."""
