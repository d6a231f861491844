"""Where objects are in the Kubernetes API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from typing_extensions import override

from litellm_key_operator.api import names


@dataclass(frozen=True, slots=True)
class Path:
    """A collection, an object in it, or a subresource of the object."""

    root: str
    resource: str
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    @override
    def __str__(self) -> str:
        parts = [self.root]
        if self.namespace is not None:
            parts += ["namespaces", quote(self.namespace, safe="")]
        parts.append(self.resource)
        if self.name is not None:
            parts.append(quote(self.name, safe=""))
        if self.subresource is not None:
            parts.append(self.subresource)
        return "/".join(parts)

    def within(self, namespace: str | None) -> Path:
        """The collection in one namespace, or (None) in all."""
        return Path(self.root, self.resource, namespace)

    def of(self, namespace: str, name: str) -> Path:
        """One object of the collection."""
        return Path(self.root, self.resource, namespace, name)

    @property
    def status(self) -> Path:
        """The object's status."""
        return Path(self.root, self.resource, self.namespace, self.name, "status")


_OURS: Final = f"/apis/{names.API_VERSION}"

KEYS: Final = Path(_OURS, names.KEY.plural)
ROLES: Final = Path(_OURS, names.ROLE.plural)
CONNECTIONS: Final = Path(_OURS, names.CONNECTION.plural)
SECRETS: Final = Path("/api/v1", "secrets")
CONFIG_MAPS: Final = Path("/api/v1", "configmaps")
NAMESPACES: Final = Path("/api/v1", "namespaces")
LEASES: Final = Path("/apis/coordination.k8s.io/v1", "leases")
EVENTS: Final = Path("/apis/events.k8s.io/v1", "events")
