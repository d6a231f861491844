"""When a settled resource has to be looked at again, on the proxy's clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from litellm_key_operator.domain.picture import Want
from litellm_key_operator.domain.record import Record


def next_look(want: Want, record: Record, now: datetime) -> datetime | None:
    """The moment of the next expiry, renewal, retirement or removal; None if nothing is due by itself.

    A renewal that is overdue waits for something else: it is tried again when that turns up, or by the retries.
    """
    if want.deleting:
        return None
    if record.ended:
        stay = want.key.spec.ttl_after_expired
        return record.expires_at + timedelta(seconds=stay.seconds) if stay and record.expires_at else None
    moments = [r.retire_at for r in record.retiring]
    if record.current is not None and record.expires_at is not None:
        moments.append(record.expires_at)
    if record.renew_at is not None and record.renew_at > now and record.pending is None:
        moments.append(record.renew_at)
    return min(moments, default=None)
