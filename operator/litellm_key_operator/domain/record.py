"""What the resource itself remembers of its keys, and how that stands in its status and annotations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from litellm_key_operator.api import names
from litellm_key_operator.api.common import ConditionStatus
from litellm_key_operator.api.key import Binding, ConnectionMark, KeyStatus, NotedRevision, RetiringRevision
from litellm_key_operator.api.reasons import ConditionType, KeyReason
from litellm_key_operator.domain.state import Place, Revision

if TYPE_CHECKING:
    from litellm_key_operator.api.common import Condition
    from litellm_key_operator.api.key import LiteLLMKey


_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
_ONLY_THE_SECRET = frozenset({KeyReason.SECRET_CONFLICT, KeyReason.SECRET_REJECTED})
"""Why a key is not ready that lives: whoever read it before goes on with it."""
_LONGEST_TEXT = 63
"""Of an annotation, as it is remembered; a tenant may write much."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Which connection's proxy holds a resource's keys."""

    namespace: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Retiring:
    """A revision that is to end at `retire_at`."""

    revision: Revision
    retire_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """Everything a later process needs. `ended`: the TTL is over and all that it leaves was cleaned up.

    `applied` are LiteLLM's fields as last asked for, without the revision's own; `duration` is among them. `lives`: it
    was said that the key works, or that only its Secret stands in the way. `handled`: the text of the annotation that
    was answered by a rotation.
    """

    held: bool = False
    current: Revision | None = None
    pending: Revision | None = None
    retiring: tuple[Retiring, ...] = ()
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    renew_at: datetime | None = None
    preview: str | None = None
    alias: str | None = None
    binding: str | None = None
    proxy: Proxy | None = None
    applied: Mapping[str, object] = field(default_factory=dict[str, object])
    ended: bool = False
    lives: bool = False
    handled: str | None = None

    @property
    def empty(self) -> bool:
        """Nothing is noted. Under our finalizer: revision 1 may live, or somebody cleared the status."""
        return self.current is None and self.pending is None and not self.retiring

    @property
    def works(self) -> bool:
        """A key was issued and not seen to be dead or lost: what may be noted is to take over from it, in a rotation.

        Of a key that was, it is said in the same write that notes what is to take its place.
        """
        return self.current is not None and not self.ended and (self.pending is None or self.lives)

    @property
    def rotates(self) -> bool:
        """Another revision is to take over from one that works."""
        pending, current = self.pending, self.current
        return self.works and pending is not None and current is not None and pending.place != current.place

    @property
    def known(self) -> tuple[Revision, ...]:
        """Every revision that is noted, oldest first."""
        all_of = {
            r.place: r for r in (*(r.revision for r in self.retiring), self.current, self.pending) if r is not None
        }
        return tuple(sorted(all_of.values(), key=lambda r: r.number))

    def retire(self, revision: Revision, at: datetime) -> Record:
        """The record with one more revision that is to end."""
        others = tuple(r for r in self.retiring if r.revision.place != revision.place)
        return replace(self, retiring=(*others, Retiring(revision, at)))

    def forget(self, places: frozenset[Place]) -> Record:
        """The record without retiring revisions that are gone for good."""
        return replace(self, retiring=tuple(r for r in self.retiring if r.revision.place not in places))


def record(key: LiteLLMKey) -> Record:
    """What a resource remembers, read from it."""
    s = key.status
    proxy = Proxy(s.connection.namespace, s.connection.name, s.connection.url) if s.connection else None
    current = None
    if s.revision is not None and s.token_id is not None:
        current = Revision(s.revision, s.token_id, s.seed or 1, proxy.url if proxy else "", doubtful=s.doubtful)
    pending = _noted(s.pending) if s.pending else None
    retiring = tuple(Retiring(noted, r.retire_at or _AT_ONCE) for r in s.retiring if (noted := _noted(r)))
    ready = next((c for c in s.conditions if c.type == ConditionType.READY), None)
    return Record(
        held=names.FINALIZER in key.metadata.finalizers,
        current=current,
        pending=pending,
        retiring=retiring,
        issued_at=s.issued_at,
        expires_at=s.expires_at,
        renew_at=s.renew_at,
        preview=s.key_preview,
        alias=s.key_alias,
        binding=s.binding.name if s.binding else None,
        proxy=proxy,
        applied=s.applied or {},
        ended=ready is not None and ready.reason == KeyReason.EXPIRED,
        lives=ready is not None and (ready.status == ConditionStatus.TRUE or ready.reason in _ONLY_THE_SECRET),
        handled=s.last_handled_rotate,
    )


def _noted(r: NotedRevision) -> Revision | None:
    if r.token_id is None or r.seed is None or r.url is None:
        return None
    return Revision(r.revision, r.token_id, r.seed, r.url, doubtful=r.doubtful)


def status(noted: Record, conditions: tuple[Condition, ...], generation: int | None) -> KeyStatus:
    """The status that remembers this."""
    c, p = noted.current, noted.pending
    return KeyStatus(
        conditions=conditions,
        observed_generation=generation,
        revision=c.number if c else None,
        token_id=c.token_id if c else None,
        seed=c.seed if c else None,
        doubtful=bool(c and c.doubtful),
        key_alias=noted.alias,
        key_preview=noted.preview,
        issued_at=noted.issued_at,
        expires_at=noted.expires_at,
        renew_at=noted.renew_at,
        last_handled_rotate=noted.handled,
        pending=NotedRevision(revision=p.number, token_id=p.token_id, seed=p.seed, url=p.url, doubtful=p.doubtful)
        if p
        else None,
        retiring=tuple(_retiring(r) for r in noted.retiring),
        binding=Binding(name=noted.binding) if noted.binding else None,
        connection=ConnectionMark(namespace=noted.proxy.namespace, name=noted.proxy.name, url=noted.proxy.url)
        if noted.proxy
        else None,
        applied=dict(noted.applied) or None,
    )


def _retiring(r: Retiring) -> RetiringRevision:
    v = r.revision
    return RetiringRevision(
        revision=v.number, token_id=v.token_id, seed=v.seed, url=v.url, retire_at=r.retire_at, doubtful=v.doubtful
    )


def seed_of_first(key: LiteLLMKey, newest: int) -> int:
    """Which seed revision 1 has while the status is empty: the installation's annotation says it."""
    _, _, number = (key.metadata.annotations.get(names.ANNOTATION_INSTALLATION, "")).partition("/")
    return int(number) if number.isdigit() and 0 < len(number) < 6 else newest  # noqa: PLR2004 - a tenant can write here


def turn_asked(key: LiteLLMKey) -> str | None:
    """The text of the annotation that asks for a rotation, as the status remembers it; None if nobody asks."""
    text = key.metadata.annotations.get(names.ANNOTATION_ROTATE)
    return text if text is None or len(text) <= _LONGEST_TEXT else hashlib.sha256(text.encode()).hexdigest()


def installation_of(key: LiteLLMKey) -> str | None:
    """Which installation noted its keys here; None if none did."""
    return (key.metadata.annotations.get(names.ANNOTATION_INSTALLATION, "")).partition("/")[0] or None
