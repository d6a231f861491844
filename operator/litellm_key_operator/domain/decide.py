"""The decision: what is wanted and what was seen go in, the next step comes out.

One step at a time, so that no step rests on the hoped-for outcome of another: each is decided with the answer to the
one before it in the picture. When nothing is left to be done, the answer is `Settled`.
"""

from __future__ import annotations

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.expiry import EXPIRED
from litellm_key_operator.domain.picture import Seen, Want
from litellm_key_operator.domain.plan import Settled, Step
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.provision import provide
from litellm_key_operator.domain.removal import remove


def decide(want: Want, seen: Seen) -> Step | Settled:
    """The next step for one resource, or that it is settled and how it stands."""
    if want.foreign is not None and not (want.deleting and want.skip):
        text = f"installation {want.foreign} issued this key; this one keeps its hands away"
        problem = Problem(KeyReason.FOREIGN_INSTALLATION, text)
        return Settled(EXPIRED, problem) if seen.record.ended else Settled.unless_issued(seen.record, problem)
    return remove(want, seen) if want.deleting else provide(want, seen)
