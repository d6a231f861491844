"""What LiteLLM holds and accepts, asked straight, past every fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from types import TracebackType
from typing import Any, Final, Self

import httpx

from dev.litellm import Endpoint
from litellm_key_operator.domain.material import KeyValue

MODEL: Final = "fake-small"
PATIENCE: Final = 60.0
_PAGE: Final = 100
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class BookedKey:
    """A row of LiteLLM's table of keys, whoever made it."""

    token_id: str
    alias: str
    blocked: bool
    expires: datetime | None
    mark: dict[str, Any]
    fields: dict[str, Any]

    @property
    def live(self) -> bool:
        """Whether a request with its value is served."""
        return not self.blocked and (self.expires is None or self.expires > datetime.now(UTC))


class Books:
    """What an administrator of LiteLLM sees and does."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._client = httpx.Client(base_url=endpoint.url, timeout=PATIENCE, trust_env=False)
        self._admin = {"Authorization": f"Bearer {endpoint.master_key}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def keys(self) -> list[BookedKey]:
        """Every row there is."""
        return [_read(item) for page in self._pages() for item in page]

    def revoke(self, token_id: str) -> None:
        """Delete a key, as its administrator might."""
        answer = self._client.post("/key/delete", json={"keys": [token_id]}, headers=self._admin)
        answer.raise_for_status()

    def accepted(self, values: Iterable[KeyValue]) -> set[str]:
        """The token ids of those values that buy a chat completion."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return {token_id for token_id in pool.map(self._try, values) if token_id}

    def _try(self, value: KeyValue) -> str | None:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
        headers = {"Authorization": f"Bearer {value.reveal()}"}
        status = self._client.post("/chat/completions", json=body, headers=headers).status_code
        assert status in {HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}, status
        return value.token_id if status == HTTPStatus.OK else None

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        for number in count(1):
            query = {"return_full_object": "true", "size": str(_PAGE), "page": str(number)}
            order = {"sort_by": "created_at", "sort_order": "asc"}
            answer = self._client.get("/key/list", params={**query, **order}, headers=self._admin)
            answer.raise_for_status()
            page: dict[str, Any] = answer.json()
            yield page["keys"]
            if number >= page["total_pages"]:
                return


def _read(item: dict[str, Any]) -> BookedKey:
    expires = datetime.fromisoformat(item["expires"]) if item.get("expires") else None
    metadata: dict[str, Any] = item.get("metadata") or {}
    return BookedKey(
        token_id=item["token"],
        alias=item.get("key_alias") or "",
        blocked=bool(item.get("blocked")),
        expires=expires.replace(tzinfo=expires.tzinfo or UTC) if expires else None,
        mark=metadata.get("llmkeys") or {},
        fields=item,
    )
