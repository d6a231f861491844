"""The operator's account on an API server: with the rights that the chart gives it, and no others."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dev.controlplane.access import Access, write_kubeconfig
from dev.helm import Manifest, helm

RIGHTS: Final = ("serviceaccount.yaml", "rbac.yaml")
"""The chart's templates that make an account and say what it may."""


@dataclass(frozen=True)
class Account:
    """A ServiceAccount, a token for it, and the objects that give it its rights."""

    user: str
    token: str
    rights: list[Manifest]

    def kubeconfig(self, access: Access, folder: Path) -> Path:
        """A new file that leads it to the API server."""
        file = folder / "kubeconfig"
        write_kubeconfig(file, access.url, access.ca, self.token)
        return file


@contextmanager
def granted(
    access: Access, namespace: str, *, watched: Sequence[str] = (), values: Mapping[str, Any] | None = None
) -> Generator[Account]:
    """What a release in this namespace gives to an operator that looks after some namespaces, or after all."""
    whole = {**(values or {}), "watch": {"namespaces": list(watched)}}
    only = [option for name in RIGHTS for option in ("--show-only", f"templates/{name}")]
    with helm() as program:
        # Cluster roles have no namespace: the release has to have a name of its own.
        manifests = program.template(namespace, namespace, whole, *only)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    access.kubectl("apply", "-f", "-", input=text)
    name = next(found["metadata"]["name"] for found in manifests if found["kind"] == "ServiceAccount")
    token = access.kubectl("create", "token", name, "-n", namespace, "--duration=24h").strip()
    try:
        yield Account(f"system:serviceaccount:{namespace}:{name}", token, manifests)
    finally:
        access.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", input=text)
