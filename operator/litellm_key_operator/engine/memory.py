"""What this process remembers of a resource beyond what the resource itself says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from litellm_key_operator.domain.errors import Rejected
from litellm_key_operator.domain.picture import Trace, Want
from litellm_key_operator.domain.plan import Register, Update
from litellm_key_operator.domain.state import Place, Revision


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that LiteLLM refused; pointless to repeat unchanged before `until`."""

    step: Register | Update
    error: Rejected
    until: datetime


@dataclass(slots=True)
class Memory:
    """Of one resource. Lost in a restart, which costs look-ups and some doubt, and nothing else.

    `trace`: what became of the revisions that this process noted. `sent`: registrations sent by this process that the
    resource does not report yet; should it vanish, they are taken back as `want` tells. `suspect`: its row in LiteLLM
    is to be looked at.
    """

    trace: dict[Place, Trace] = field(default_factory=dict[Place, Trace])
    sent: dict[Place, Revision] = field(default_factory=dict[Place, Revision])
    want: Want | None = None
    refusal: Refusal | None = None
    suspect: bool = False
