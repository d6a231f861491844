"""The Kubernetes API that the operator offers, as types: the group's three kinds, their names and their reasons."""
