"""The objects of one namespace, read and written straight at the API server, past every fault."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import httpx

from dev.controlplane import Access
from litellm_key_operator.api.names import API_VERSION

Json = dict[str, Any]

PATIENCE: Final = 30.0
_ROOTS: Final[Mapping[str, str]] = dict.fromkeys(("secrets", "configmaps", "events", "resourcequotas"), "/api/v1")


class Cluster:
    """What an administrator does there. Collections are named as the API server does: `litellmkeys`, `secrets`."""

    def __init__(self, access: Access, namespace: str) -> None:
        self.access = access
        self.namespace = namespace
        headers = {"Authorization": f"Bearer {access.token}"} if access.token else {}
        self._client = httpx.Client(
            base_url=access.url, verify=access.tls(), headers=headers, timeout=PATIENCE, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def create(self, collection: str, kind: str, name: str, **body: Any) -> Json:
        """Make an object; answers it."""
        version = "v1" if collection in _ROOTS else API_VERSION
        whole = {"apiVersion": version, "kind": kind, **body, "metadata": {"name": name, **body.get("metadata", {})}}
        return self._read(self._client.post(self._path(collection), json=whole))

    def get(self, collection: str, name: str) -> Json | None:
        """An object; None if there is none."""
        answer = self._client.get(self._path(collection, name))
        return None if answer.status_code == HTTPStatus.NOT_FOUND else self._read(answer)

    def all(self, collection: str) -> dict[str, Json]:
        """All objects of the namespace, by name."""
        items: list[Json] = self._read(self._client.get(self._path(collection)))["items"]
        return {item["metadata"]["name"]: item for item in items}

    def patch(self, collection: str, name: str, change: Json) -> Json:
        """A merge patch; answers the object."""
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._read(self._client.patch(self._path(collection, name), json=change, headers=headers))

    def delete(self, collection: str, name: str) -> None:
        """Delete an object; its finalizers may keep it."""
        self._read(self._client.delete(self._path(collection, name)))

    def _path(self, collection: str, name: str = "") -> str:
        path = f"{_ROOTS.get(collection, f'/apis/{API_VERSION}')}/namespaces/{self.namespace}/{collection}"
        return f"{path}/{name}" if name else path

    @staticmethod
    def _read(answer: httpx.Response) -> Json:
        if answer.is_error:
            raise AssertionError(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
        body: Json = answer.json()
        return body
