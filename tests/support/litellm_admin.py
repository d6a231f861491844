"""What an administrator of LiteLLM, and the holder of a key, see and do: straight, past every fault."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import httpx

from dev.litellm import Endpoint

SMALL: Final = "fake-small"
LARGE: Final = "fake-large"
_PATIENCE: Final = 60.0


class LiteLLMAdmin:
    """Calls with the master key, and completions with any key."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.url = endpoint.url
        self.master_key = endpoint.master_key
        self._client = httpx.Client(base_url=endpoint.url, timeout=_PATIENCE, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def chat(self, value: str, model: str = SMALL) -> int:
        """The status of a completion with this key."""
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        headers = {"Authorization": f"Bearer {value}"}
        return self._client.post("/chat/completions", json=body, headers=headers).status_code

    def call(self, value: str, method: str, path: str, body: dict[str, Any]) -> int:
        """The status of any call with this key."""
        return self._client.request(method, path, json=body, headers={"Authorization": f"Bearer {value}"}).status_code

    def row(self, token_id: str) -> dict[str, Any] | None:
        """What LiteLLM holds of a key; None if it has none, or deleted it."""
        answer = self._client.get("/key/info", params={"key": token_id}, headers=self._admin)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        info: dict[str, Any] = answer.raise_for_status().json()["info"]
        return None if info.get("status") == "deleted" else info

    def rows(self, alias: str) -> list[dict[str, Any]]:
        """The keys whose alias begins so, out of the first hundred that contain it."""
        params = {"key_alias": alias, "substring_matching": "true", "return_full_object": "true", "size": "100"}
        answer = self._client.get("/key/list", params=params, headers=self._admin).raise_for_status()
        return [row for row in answer.json()["keys"] if row["key_alias"].startswith(alias)]

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Any other call."""
        answer = self._client.post(path, json=body, headers=self._admin)
        assert answer.status_code == HTTPStatus.OK, f"{path}: {answer.status_code} {answer.text}"
        read: dict[str, Any] = answer.json()
        return read

    def update(self, token_id: str, **fields: Any) -> None:
        """Change a key behind the operator's back."""
        self.post("/key/update", key=token_id, **fields)

    def delete(self, *token_ids: str) -> None:
        """Delete keys behind the operator's back."""
        self.post("/key/delete", keys=list(token_ids))

    @property
    def _admin(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.master_key}"}


def token_id(value: str) -> str:
    """LiteLLM's id of a value."""
    return hashlib.sha256(value.encode()).hexdigest()
