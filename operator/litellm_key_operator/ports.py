"""What the engine needs from outside. `gateway` and `cluster` fulfil it; fakes in the tests pass the same contract.

Every method may raise `Unavailable`: then nobody knows. Absence is a value (None, an empty list), never an exception,
and is answered only if the server said so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from litellm_key_operator.api.connection import ConnectionStatus, LiteLLMConnection
from litellm_key_operator.api.key import KeyStatus, LiteLLMKey
from litellm_key_operator.api.role import LiteLLMRole, RoleStatus
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.state import Manifest, Row, SecretSeen


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a proxy says of itself. `version` is as LiteLLM spells it, None if it keeps it to itself."""

    version: str | None
    database: bool
    custom_keys: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells whose a row is: `uid` and `revision` in its `metadata.llmkeys`."""

    uid: str
    revision: int


class Gateway(Protocol):
    """One LiteLLM proxy, opened by one admin credential.

    Errors beside `Unavailable`: `Denied` when the credential is refused.
    """

    @property
    def url(self) -> str:
        """The proxy, as the Connection spells it: the only place this credential is sent to."""
        ...

    def now(self) -> datetime:
        """The moment that the proxy's clock has certainly reached, in UTC, by the `Date` headers of its answers."""
        ...

    def likely_now(self) -> datetime:
        """The moment on the proxy's clock, in UTC, at a guess: it says when to ask, and decides nothing."""
        ...

    async def generate(self, value: KeyValue, fields: Mapping[str, object]) -> Row:
        """`POST /key/generate` with this value. `fields` are LiteLLM's names; `duration` is text such as `3600s`.

        Repeating it for a value that has a row changes nothing, and the answer then echoes the request.
        Raises AliasTaken, CustomKeysForbidden, Rejected.
        """
        ...

    async def info(self, token_id: str, mark: Mark | None = None) -> Row | None:
        """`GET /key/info` by hash: the truth about one token, deleted ones too. None: LiteLLM does not know it.

        With the mark that its row should bear it may be looked up along with others, and is no less true.
        """
        ...

    async def left(self, token_id: str, mark: Mark) -> Row | None:
        """What is left of a token whose deletion was answered; may be looked up along with others.

        None, or a row that says that it is deleted: there is none in the table. Whether there ever was is not asked.
        """
        ...

    async def infos(self, token_ids: Sequence[str]) -> list[Row]:
        """`POST /v2/key/info`, at most 500 hashes. Rows carry no token id and come in any order.

        Deleted ones are absent, and absence is a question, not an answer.
        """
        ...

    async def update(self, token_id: str, changes: Mapping[str, object]) -> Row | None:
        """`POST /key/update` by hash: absent fields stay, null clears, `metadata` is replaced whole.

        None: LiteLLM has no such row. Raises AliasTaken, Rejected.
        """
        ...

    async def delete(self, token_ids: Sequence[str]) -> None:
        """`POST /key/delete` by hash, along with others. Unknown ones are no error.

        The answer proves nothing: look again. Raises Rejected if the credential may not touch one of them; the others
        are deleted all the same.
        """
        ...

    async def find(self, alias: str) -> list[Row]:
        """`GET /key/list` for one alias, exactly; rows carry their token id."""
        ...

    def walk(self, status: Literal["active", "expired", "revoked"] | None = None) -> AsyncIterator[Row]:
        """`GET /key/list` over all pages, oldest first, optionally of one status; rows carry their token id."""
        ...

    async def preflight(self) -> Preflight:
        """Reachable, may manage keys, what it is. Raises Denied if the credential may not manage keys."""
        ...

    async def models(self) -> frozenset[str]:
        """The names that a key's `models` may hold: model names and access groups the proxy serves."""
        ...

    async def has_team(self, team_id: str) -> bool:
        """`GET /team/info`: LiteLLM would issue keys for any team. Denied: the credential may not ask."""
        ...

    async def close(self) -> None:
        """Give the sockets back; calls under way fail with Unavailable."""
        ...


class Gateways(Protocol):
    """The clients in use, by Connection."""

    def get(self, namespace: str, name: str, url: str) -> Gateway | None:
        """The client for this Connection if it was opened for this URL; it outlives the Connection object."""
        ...


@dataclass(frozen=True, slots=True)
class Credential:
    """All that opens one proxy. Compared as a whole to see whether a client has to be rebuilt."""

    url: str
    admin_key: KeyValue
    ca: str | None
    insecure_skip_verify: bool
    timeout: timedelta
    max_in_flight: int


class OpenGateways(Gateways, Protocol):
    """The clients, and who opens and ends them."""

    def open(self, ref: tuple[str, str], credential: Credential) -> Gateway:
        """The client of this Connection (namespace, name), made anew only if the credential is another than before.

        Raises Denied or Rejected if credential, CA or URL cannot be used at all; then the old one stays.
        """
        ...

    def forget(self, ref: tuple[str, str]) -> None:
        """Nobody needs this Connection's client any more."""
        ...


class Resources(Protocol):
    """The custom resources. Writes are fenced by the `resourceVersion` of the object given.

    Errors beside `Unavailable`: Conflict (409), Gone (404 or another uid under the name), Rejected (the API server's
    validation), Denied (RBAC).
    """

    async def read_key(self, namespace: str, name: str) -> LiteLLMKey | None:
        """A GET from the API server, not from a cache."""
        ...

    def is_closed(self, namespace: str) -> bool:
        """Whether the lists leave this namespace out, since it may not be read: nothing is known of what is in it."""
        ...

    async def list_keys(self, known: Mapping[str, LiteLLMKey] | None = None) -> list[LiteLLMKey]:
        """All Keys in the watched namespaces, page by page.

        Those that have not changed since they were `known`, by uid, are answered as they were given.
        """
        ...

    async def list_roles(self) -> list[LiteLLMRole]:
        """All Roles in the watched namespaces."""
        ...

    async def list_connections(self) -> list[LiteLLMConnection]:
        """All Connections in the watched namespaces."""
        ...

    async def hold(self, key: LiteLLMKey, annotations: Mapping[str, str]) -> LiteLLMKey:
        """Put our finalizer and these annotations on, in one write."""
        ...

    async def release(self, key: LiteLLMKey) -> None:
        """Take our finalizer off."""
        ...

    async def delete_key(self, key: LiteLLMKey) -> None:
        """Delete this very Key (uid and resourceVersion are preconditions)."""
        ...

    async def write_key_status(self, key: LiteLLMKey, status: KeyStatus) -> LiteLLMKey:
        """Make the status exactly this; fields that are gone are removed."""
        ...

    async def write_role_status(self, role: LiteLLMRole, status: RoleStatus) -> LiteLLMRole:
        """Make the status exactly this."""
        ...

    async def write_connection_status(self, conn: LiteLLMConnection, status: ConnectionStatus) -> LiteLLMConnection:
        """Make the status exactly this."""
        ...


class Secrets(Protocol):
    """Secrets, ours and the admin credentials.

    Errors beside `Unavailable`: Conflict (exists already, or changed since), SecretRejected (quota, admission,
    invalid), Denied (RBAC).
    """

    async def read(self, namespace: str, name: str) -> SecretSeen | None:
        """A GET from the API server."""
        ...

    async def list_ours(self, known: Mapping[tuple[str, str], SecretSeen] | None = None) -> list[SecretSeen]:
        """All Secrets that carry our label, page by page.

        Those that have not changed since they were `known`, by namespace and name, are answered as they were given.
        """
        ...

    async def create(self, manifest: Manifest) -> SecretSeen:
        """Create it whole. Conflict if the name is taken, by whomever; Gone if the namespace is ending or gone."""
        ...

    async def replace(self, manifest: Manifest, seen: SecretSeen) -> SecretSeen:
        """Put it in the place of the one seen; its resourceVersion is the precondition.

        Foreign labels and annotations that the manifest does not name stay.
        """
        ...

    async def delete(self, seen: SecretSeen) -> None:
        """Delete this very Secret (its uid is the precondition); one that is gone already is no error."""
        ...

    async def disown(self, seen: SecretSeen) -> None:
        """Leave it to its users: our owner reference and labels go, the data stays."""
        ...

    async def text(self, kind: Literal["Secret", "ConfigMap"], namespace: str, name: str, key: str) -> str | None:
        """One entry of a Secret (decoded) or a ConfigMap; None if object or entry is absent."""
        ...


class Namespaces(Protocol):
    """Namespaces and their labels."""

    async def labels(self) -> dict[str, dict[str, str]]:
        """Labels by namespace name, for all namespaces (or the watched ones); unknown are those that are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """A Kubernetes Event to be."""

    kind: str
    namespace: str
    name: str
    uid: str
    reason: str
    message: str
    warning: bool = False


class Journal(Protocol):
    """Events are noted here and posted when nothing better is to be done."""

    def note(self, notice: Notice) -> None:
        """Never blocks and never fails; the oldest are dropped if far too many wait."""
        ...
