"""The cluster as one person may see it: what cannot be read is remembered, not fatal."""

from __future__ import annotations

from typing import TypeVar

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.names import CONNECTION, KEY, ROLE
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.patch import Json
from litellm_key_operator.cluster.paths import CONNECTIONS, KEYS, ROLES, Path
from litellm_key_operator.cluster.resources import typed
from litellm_key_operator.domain.errors import Conflict, Denied, Gone, NotPermitted, OutsideError, Rejected, Unavailable
from litellm_key_operator.plugin.exits import Exit, Failure
from litellm_key_operator.plugin.shapes import Found

R = TypeVar("R", LiteLLMKey, LiteLLMRole, LiteLLMConnection)


class Reader:
    """Reads our resources; `unread` has a sentence for each thing that could not be read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.unread: list[str] = []

    async def keys(self, namespace: str | None) -> list[LiteLLMKey]:
        """The Keys of a namespace (None: of all). Raises NotPermitted, Denied, Unavailable."""
        return await self._list(KEYS, LiteLLMKey, namespace)

    async def roles(self, namespace: str | None) -> list[LiteLLMRole]:
        """The Roles of a namespace (None: of all); none, with a note, if that is not allowed."""
        return await self._allowed(ROLES, ROLE.plural, LiteLLMRole, namespace)

    async def connections(self, namespace: str | None) -> list[LiteLLMConnection]:
        """The Connections of a namespace (None: of all); none, with a note, if that is not allowed."""
        return await self._allowed(CONNECTIONS, CONNECTION.plural, LiteLLMConnection, namespace)

    async def key(self, namespace: str, name: str) -> LiteLLMKey:
        """One Key. Raises Failure if there is none, and OutsideError."""
        try:
            return typed(LiteLLMKey, await self._client.get(KEYS.of(namespace, name)))
        except Gone:
            raise Failure(Exit.ABSENT, f"there is no {KEY.kind} {namespace}/{name}") from None

    async def role(self, namespace: str, name: str) -> tuple[LiteLLMRole | None, Found]:
        """One Role, and why it could not be read."""
        return await self._one(ROLES, LiteLLMRole, namespace, name)

    async def connection(self, namespace: str, name: str) -> tuple[LiteLLMConnection | None, Found]:
        """One Connection, and why it could not be read."""
        return await self._one(CONNECTIONS, LiteLLMConnection, namespace, name)

    async def _one(self, path: Path, model: type[R], namespace: str, name: str) -> tuple[R | None, Found]:
        try:
            return typed(model, await self._client.get(path.of(namespace, name))), Found.READ
        except Gone:
            return None, Found.ABSENT
        except NotPermitted:
            self.unread.append(f"you may not read {model.__name__} {namespace}/{name}")
            return None, Found.FORBIDDEN
        except Rejected as error:
            self.unread.append(f"{namespace}/{name}: {error}")
            return None, Found.UNKNOWN

    async def _allowed(self, path: Path, plural: str, model: type[R], namespace: str | None) -> list[R]:
        try:
            return await self._list(path, model, namespace)
        except NotPermitted:
            where = "all namespaces" if namespace is None else f"namespace {namespace}"
            self.unread.append(f"you may not list {plural} in {where}")
            return []

    async def _list(self, path: Path, model: type[R], namespace: str | None) -> list[R]:
        def read(item: Json) -> R | None:
            try:
                return typed(model, item)
            except Rejected as error:
                meta = item["metadata"]
                self.unread.append(f"{meta.get('namespace')}/{meta['name']}: {error}")
                return None

        return [one for one in await self._client.list_all(path.within(namespace), read) if one is not None]


def failure(error: OutsideError) -> Failure:
    """What an error of the outside means for how the command ends."""
    match error:
        case Gone():
            return Failure(Exit.ABSENT, str(error))
        case Denied() | Rejected() | Conflict():
            return Failure(Exit.REFUSED, str(error))
        case Unavailable() | _:
            return Failure(Exit.UNKNOWN, str(error))
