"""What a decision looks at: what is wanted of one resource, and what was seen of it so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.material import Material
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.record import Proxy, Record, seed_of_first
from litellm_key_operator.domain.state import Life, Place, Revision, Row, SecretSeen
from litellm_key_operator.domain.terms import Terms


class Trace(Enum):
    """What this very process did with a revision. Without a trace, an earlier or another process may have sent it."""

    NOTED = "noted"
    """Noted by us just now, and not yet sent: LiteLLM cannot know it."""
    ANSWERED = "answered"
    """Noted by us, sent, and clearly answered: nothing of it can still arrive."""


@dataclass(frozen=True, slots=True)
class Want:
    """What is wanted of one resource, all references resolved.

    `terms` is a Problem while the key cannot be issued or changed. `proxy` is where its keys live or shall live (None:
    nobody knows yet), `base_url` what is written into the Secret for it (None: unknown, so the Secret is left alone).
    `proxies` are the addresses where an unreported revision may have been registered. `orphaned`: the connection or its
    credential is gone, so that nobody can revoke. `foreign` is the installation that issued the key, if it is not ours.
    """

    key: LiteLLMKey
    material: Material
    terms: Terms | Problem
    proxy: Proxy | None
    base_url: str | None
    proxies: tuple[str, ...] = ()
    retain: bool = False
    skip: bool = False
    orphaned: bool = False
    paused: bool = False
    foreign: str | None = None

    @property
    def deleting(self) -> bool:
        """The resource is on its way out."""
        return self.key.metadata.deletion_timestamp is not None

    @property
    def alias(self) -> str | None:
        """The alias its key shall have, if the terms are known; else the one it had."""
        return str(self.terms.fields["key_alias"]) if isinstance(self.terms, Terms) else self.key.status.key_alias

    @property
    def problem(self) -> Problem:
        """Why something that depends on the role or the connection cannot be done."""
        return (
            self.terms
            if isinstance(self.terms, Problem)
            else Problem(KeyReason.CONNECTION_NOT_READY, "the connection is not known")
        )

    @property
    def secret_name(self) -> str:
        """The Secret's name, as the claim wants it."""
        return self.key.spec.secret.name or self.key.metadata.name


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen. What was not asked for is not in it; a row or Secret that is confirmed absent is None.

    `now` was certainly reached on the proxy's clock, `likely` most likely (None: as `now`). `rows` is by place,
    `secrets` by name, as read or written in this run; `watched` are Secrets as the watch last showed them: good enough
    to see that all is well, never to conclude that something is not. `rivals` are the keys that have the alias, once
    LiteLLM said that it is taken; `aside_taken`: so is the name under which a key was to make way for another.
    `applied` is what this run changed in place, `extended`: the key's time is among that; `registered` is the revision
    that it registered, `deleted` what it deleted, with the row as it was known before. `suspect`: something about the
    key's row is to be looked at.
    """

    now: datetime
    record: Record
    rows: Mapping[Place, Row | None] = field(default_factory=dict[Place, "Row | None"])
    secrets: Mapping[str, SecretSeen | None] = field(default_factory=dict[str, "SecretSeen | None"])
    watched: tuple[SecretSeen, ...] = ()
    trace: Mapping[Place, Trace] = field(default_factory=dict[Place, Trace])
    suspect: bool = False
    alias_taken: bool = False
    aside_taken: bool = False
    rivals: tuple[Row, ...] | None = None
    applied: Mapping[str, object] | None = None
    extended: bool = False
    registered: Place | None = None
    deleted: Mapping[Place, Row | None] = field(default_factory=dict[Place, "Row | None"])
    likely: datetime | None = None

    def life(self, revision: Revision) -> Life | None:
        """What LiteLLM says of a revision; None if it was not asked."""
        if revision.place not in self.rows:
            return None
        row = self.rows[revision.place]
        if row is None:
            # After a deletion it is enough that there is no row left: whether there was one was known before, or never.
            return Life.DELETED if self.deleted.get(revision.place) is not None else Life.UNKNOWN
        return row.life(self.now)

    def expired(self, revision: Revision) -> bool:
        """Whether LiteLLM said that its time is over, before this run deleted it perhaps."""
        found = (self.rows.get(revision.place), self.deleted.get(revision.place))
        return any(row is not None and (row.outlived or row.life(self.now) is Life.EXPIRED) for row in found)

    def doubtful(self, revision: Revision) -> bool:
        """Whether a registration of it may still be on its way.

        What the record reports as issued carries its own mark; what it does not report is in doubt, unless this process
        itself noted it and knows how its registration was answered.
        """
        pending, current = self.record.pending, self.record.current
        reported = {
            noted.place for noted in (current, *(r.revision for r in self.record.retiring)) if noted is not None
        }
        # A value that LiteLLM lost is pending again: what was reported of it does not cover the new registration.
        if pending is not None:
            reported.discard(pending.place)
        return revision.doubtful or (revision.place not in reported and revision.place not in self.trace)

    def as_noted(self, revision: Revision) -> Revision:
        """The revision with its doubt written down."""
        return replace(revision, doubtful=self.doubtful(revision))


def first(want: Want, url: str) -> Revision:
    """Revision 1, which an empty status with the finalizer on stands for."""
    newest = want.material.keyring.newest
    seed = seed_of_first(want.key, newest)
    return want.material.revision(1, url, seed=seed if seed in want.material.keyring.seeds else newest)


def successor(want: Want, record: Record) -> Revision:
    """The revision after all that are noted."""
    number = max(revision.number for revision in record.known) + 1
    return want.material.revision(number, want.proxy.url if want.proxy else "")
