"""What is known: of a resource's revisions, of their tokens in LiteLLM, of the Secret.

Absent and unknown are different things everywhere: a token or Secret that was not asked for is not in the picture,
one that is confirmed absent is a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TypeAlias

from litellm_key_operator.api.names import METADATA_KEY
from litellm_key_operator.domain.loose import mapping

Place: TypeAlias = tuple[str, str]

TOMBSTONE = "tombstone"
"""In `metadata.llmkeys` of a buried key, when it was buried: nothing but a name plate that keeps its value dead."""

OUTLIVED = "outlived"
"""In `metadata.llmkeys` of a tombstone: its key's time was over."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One key value of a resource, with all that its revocation needs.

    `token_id` is the hex sha256 of the value, `seed` the number of the seed it is derived from, `url` the proxy that it
    was, or is about to be, registered with. `doubtful`: a registration of it was sent and never clearly answered, so it
    may still be committed at any time.
    """

    number: int
    token_id: str
    seed: int
    url: str
    doubtful: bool = False

    @property
    def place(self) -> Place:
        """Proxy and token id: what it is looked up by. The same value may have a row in two proxies."""
        return self.url, self.token_id

    def in_doubt(self) -> Revision:
        """The same revision, doubtful."""
        return replace(self, doubtful=True)


class Life(Enum):
    """What LiteLLM says of a token, on its own clock."""

    UNKNOWN = "unknown"
    LIVE = "live"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    DELETED = "deleted"
    BURIED = "buried"

    @property
    def holds_row(self) -> bool:
        """A row of the table that holds its alias and that a deletion would remove."""
        return self in (Life.LIVE, Life.BLOCKED, Life.EXPIRED)


@dataclass(frozen=True, slots=True)
class Row:
    """A key as LiteLLM tells it, from `/key/generate`, `/key/info`, `/v2/key/info`, `/key/update` or `/key/list`.

    `token_id` is None in rows of `/v2/key/info`. `fields` are all fields of the answer under LiteLLM's own names,
    without any that holds a key value. `expires` and `deleted_at` are in UTC and whole seconds, `fraction` is what
    `expires` was cut by.
    """

    token_id: str | None
    alias: str | None
    expires: datetime | None
    blocked: bool
    deleted_at: datetime | None
    metadata: Mapping[str, object]
    fields: Mapping[str, object] = field(default_factory=dict[str, object])
    fraction: timedelta = timedelta(0)

    @property
    def ends_at(self) -> datetime | None:
        """The moment from which LiteLLM refuses it, to the last digit that was told."""
        return None if self.expires is None else self.expires + self.fraction

    @property
    def mark(self) -> Mapping[str, object]:
        """What this operator wrote about the key: `metadata.llmkeys`, empty if it is not there."""
        return mapping(self.metadata.get(METADATA_KEY))

    def life(self, now: datetime) -> Life:
        """Its state at `now`, a moment on the proxy's clock."""
        if self.deleted_at is not None:
            return Life.DELETED
        if self.blocked and TOMBSTONE in self.mark:
            return Life.BURIED
        if self._over(now):
            return Life.EXPIRED
        return Life.BLOCKED if self.blocked else Life.LIVE

    def _over(self, now: datetime) -> bool:
        """LiteLLM's own word, where the answer has it; else by its clock as we know it, which is a second or so off."""
        word = self.fields.get("status")
        if word in ("active", "expired"):
            return word == "expired"
        return self.ends_at is not None and self.ends_at <= now

    @property
    def created(self) -> datetime | None:
        """When it was registered, in whole seconds; None if the answer does not say it."""
        told = self.fields.get("created_at")
        try:
            moment = datetime.fromisoformat(told) if isinstance(told, str) else None
        except ValueError:
            return None
        return moment if moment is None else moment.replace(microsecond=0, tzinfo=moment.tzinfo or UTC)

    @property
    def outlived(self) -> bool:
        """Deleted or buried only after it had expired: it ended as it should, nobody took it away."""
        if self.mark.get(OUTLIVED):
            return True
        return self.deleted_at is not None and self.expires is not None and self.expires <= self.deleted_at


@dataclass(frozen=True, slots=True)
class SecretSeen:
    """A Secret as read or watched.

    Of its values only hashes are kept: the hex sha256 by data key, for an entry that is just a key its token id.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str | None
    type: str
    immutable: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    hashes: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Manifest:
    """A Secret as it should be. `data` is plain text by data key and never shown."""

    namespace: str
    name: str
    owner_name: str
    owner_uid: str
    type: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    data: Mapping[str, str] = field(repr=False)
