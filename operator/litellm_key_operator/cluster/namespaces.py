"""Namespaces, for a role's consent and the place of its keys."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from typing_extensions import override

from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.patch import Json
from litellm_key_operator.cluster.paths import NAMESPACES, Path
from litellm_key_operator.domain.errors import Gone, NotPermitted
from litellm_key_operator.ports import Namespaces

log = structlog.get_logger(__name__)


class ClusterNamespaces(Namespaces):
    """These namespaces, as far as they exist and may be read; all, if none is named."""

    def __init__(self, client: Client, namespaces: Sequence[str] = ()) -> None:
        self._client = client
        self._namespaces = tuple(namespaces)
        self._closed: set[str] = set()

    @override
    async def labels(self) -> dict[str, dict[str, str]]:
        items = [await self._one(name) for name in self._namespaces] or await self._client.list_all(NAMESPACES, dict)
        return {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in items if item is not None}

    async def _one(self, name: str) -> Json | None:
        try:
            return await self._client.get(Path(NAMESPACES.root, NAMESPACES.resource, name=name))
        except Gone:
            return None
        except NotPermitted as error:
            # Who names its namespaces may do without: only a Role that asks for labels needs them.
            if name not in self._closed:
                self._closed.add(name)
                log.warning("the labels of a namespace cannot be read", namespace=name, reason=str(error))
            return None
