"""The steps that a decision can ask for. Each is one request, so a crash falls between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.state import Manifest, Place, Revision, SecretSeen


class Cause(Enum):
    """Why a live key is changed in place."""

    DECLARED = "declared"
    DRIFT = "drift"
    EXTEND = "extend"
    ROTATE = "rotate"
    MAKE_WAY = "make-way"
    RETAIN = "retain"


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the finalizer on. With an empty status this notes revision 1, before LiteLLM hears of it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Look tokens up in LiteLLM, one by one."""

    revisions: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class AskSecret:
    """Read a Secret from the API server."""

    name: str


@dataclass(frozen=True, slots=True)
class AskAlias:
    """Look up who has an alias."""

    url: str
    alias: str


@dataclass(frozen=True, slots=True)
class Register:
    """`/key/generate` of a noted revision. `fields` are LiteLLM's, complete but for the value."""

    revision: Revision
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Update:
    """`/key/update` of one token, which need not be ours. `applied` is what the resource remembers of it afterwards."""

    place: Place
    changes: Mapping[str, object]
    cause: Cause
    applied: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Revoke:
    """`/key/delete` of one revision. Looked up again afterwards: its answer proves nothing."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class Bury:
    """Make a doubtful revision's value useless for ever, whenever its registration may still arrive.

    `row` says whether LiteLLM has a row that can be blocked; without one a blocked row is made, of these `fields`.
    """

    revision: Revision
    row: bool
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Publish:
    """Write the Secret: in the place of `over`, or a new one."""

    revision: Revision
    manifest: Manifest
    over: SecretSeen | None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Remove a Secret that is ours, or with `keep` leave it to its users."""

    secret: SecretSeen
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Fenced write of what the resource has to remember, with the conditions that follow from it.

    `verdict`: how it stands from here on, where that is known before the work is done.
    """

    record: Record
    verdict: Settled | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Take the finalizer off. `left` are token ids that may live on: kept, skipped, or out of reach."""

    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the resource itself, as a Job that is over removes itself."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing is to be done now. A Problem says why Ready or Synced is not True; None that it is."""

    ready: Problem | None = None
    synced: Problem | None = None

    @classmethod
    def all(cls, problem: Problem) -> Settled:
        """Neither ready nor synced, for the same reason."""
        return cls(problem, problem)

    @classmethod
    def unless_issued(cls, record: Record, problem: Problem) -> Settled:
        """Not synced; a key that was issued goes on working, and so stays ready, unless it was lost."""
        return cls(None if record.works else problem, problem)


RemoteStep: TypeAlias = Ask | AskAlias | Register | Update | Revoke | Bury
"""What LiteLLM has to do."""
LocalStep: TypeAlias = Hold | AskSecret | Publish | Withdraw | Release | Remove
"""What the cluster has to do, but for the notes, which need a verdict as well."""

Step: TypeAlias = RemoteStep | LocalStep | Note

DESTROYS = (Revoke, Bury, Withdraw, Release, Remove)
"""Steps before which the resource is read again from the API server: that read is their fence."""
