"""How a resource stands when something outside kept a run from its end."""

from __future__ import annotations

from datetime import datetime

from litellm_key_operator.api.names import ANNOTATION_SKIP_REVOCATION
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.errors import (
    AliasTaken,
    CustomKeysForbidden,
    Denied,
    OutsideError,
    Rejected,
    SecretRejected,
)
from litellm_key_operator.domain.expiry import EXPIRED
from litellm_key_operator.domain.picture import Want
from litellm_key_operator.domain.plan import Settled
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.renewal import failed


def of_error(error: OutsideError, want: Want, record: Record, now: datetime) -> Settled:
    """The verdict after this error. A key that works goes on working, so Ready does not flap."""
    problem = Problem(_reason(error), str(error))
    if want.deleting:
        text = f"{error}; retried until it is revoked; annotation {ANNOTATION_SKIP_REVOCATION}=true lets it go"
        return Settled.all(Problem(KeyReason.REVOCATION_BLOCKED, text))
    if record.ended:
        return Settled.all(EXPIRED)
    if record.works:
        return Settled(None, failed(record, problem, now))
    return Settled(
        Problem(KeyReason.PENDING, str(error)) if problem.reason is KeyReason.UNREACHABLE else problem, problem
    )


def _reason(error: OutsideError) -> KeyReason:
    match error:
        case AliasTaken():
            return KeyReason.ALIAS_CONFLICT
        case SecretRejected():
            return KeyReason.SECRET_REJECTED
        case CustomKeysForbidden() | Denied():
            return KeyReason.CONNECTION_NOT_READY
        case Rejected():
            return KeyReason.REJECTED
        case _:
            return KeyReason.UNREACHABLE
