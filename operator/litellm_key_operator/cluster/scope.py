"""The namespaces that are looked after: all of them, or those that are named and may be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import structlog

from litellm_key_operator.api.names import LABEL_MANAGED_BY, PROGRAM
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.patch import Json
from litellm_key_operator.cluster.paths import CONNECTIONS, KEYS, ROLES, SECRETS, Path
from litellm_key_operator.domain.errors import NotPermitted

T = TypeVar("T")

log = structlog.get_logger(__name__)

_SELECTOR: Final = {"labelSelector": f"{LABEL_MANAGED_BY}={PROGRAM}"}
"""Of Secrets only ours are looked at."""
_WATCHED: Final[Mapping[Path, Mapping[str, str]]] = {KEYS: {}, ROLES: {}, CONNECTIONS: {}, SECRETS: _SELECTOR}


class Scope:
    """Lists in each of these namespaces; in all at once, if none is named.

    A namespace that is deleted takes the Roles in it along, and with them our rights; the work elsewhere goes on.
    """

    def __init__(self, client: Client, namespaces: Sequence[str] = ()) -> None:
        self._client = client
        self._namespaces = tuple(namespaces)
        self._closed: dict[str, set[str]] = {}

    def is_closed(self, namespace: str) -> bool:
        """Whether something may not be listed there."""
        return bool(self._closed.get(namespace))

    async def list(self, kind: Path, read: Callable[[Json], T]) -> list[T]:
        """What `read` makes of the objects of a kind; not of those in a namespace where it may not be listed.

        Raises Denied, Unavailable.
        """
        query = _WATCHED[kind]
        if not self._namespaces:
            return await self._client.list_all(kind, read, **query)
        found: list[T] = []
        for name in self._namespaces:
            try:
                found += await self._client.list_all(kind.within(name), read, **query)
            except NotPermitted as error:
                self._note(name, kind, error)
            else:
                self._note(name, kind, None)
        return found

    async def open(self) -> tuple[str, ...]:
        """Those in which everything may be listed that is watched. Raises Denied, Unavailable."""
        for name in self._namespaces:
            for kind, query in _WATCHED.items():
                try:
                    await self._client.request("GET", kind.within(name), query={**query, "limit": "1"})
                except NotPermitted as error:
                    self._note(name, kind, error)
                else:
                    self._note(name, kind, None)
        return tuple(name for name in self._namespaces if not self.is_closed(name))

    def _note(self, name: str, kind: Path, error: NotPermitted | None) -> None:
        closed = self._closed.setdefault(name, set())
        if error is None:
            closed.discard(kind.resource)
            return
        if not closed:
            log.warning("a namespace cannot be looked after", namespace=name, reason=str(error))
        closed.add(kind.resource)
