from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.picture import Seen, Want
from litellm_key_operator.domain.plan import Publish, Settled
from litellm_key_operator.domain.publication import deliver
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.state import SecretSeen
from litellm_key_operator.domain.terms import DURATION, Terms
from litellm_key_operator.domain.upkeep import keep
from tests.unit.domain.objects import LATER, NOW, ONE, agreed, issued, key, role, secret, want

SECOND = timedelta(seconds=1)


def agreed_upon(duration: str | None) -> tuple[Want, Record]:
    """A claim whose key lives for an hour, and what is noted of it."""
    claim = key()
    terms = agreed(claim, role(ttl="1h", renewal={"policy": "None"}))
    assert isinstance(terms, Terms)
    return want(claim, terms=terms), issued(lives=True, applied={**terms.fields, DURATION: duration})


def published(wanted: Want, record: Record) -> SecretSeen:
    """Its Secret, as declared."""
    step = deliver(wanted, Seen(NOW, record, secrets={"app": None}), record)
    assert isinstance(step, Publish)
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in step.manifest.data.items()}
    return secret(hashes=hashes, labels=step.manifest.labels, annotations=step.manifest.annotations)


@pytest.mark.parametrize(
    ("noted", "ends", "reason"),
    [
        ("3600s", LATER, None),
        ("7200s", LATER, KeyReason.APPLIES_AT_NEXT_ROTATION),
        (None, LATER, None),
        (None, LATER - SECOND, None),
        (None, LATER + timedelta(hours=1), KeyReason.APPLIES_AT_NEXT_ROTATION),
        (None, None, KeyReason.APPLIES_AT_NEXT_ROTATION),
    ],
)
def test_a_key_that_was_reported_while_nobody_knew_its_terms_has_the_time_that_it_was_issued_with(
    noted: str | None, ends: datetime | None, reason: KeyReason | None
) -> None:
    wanted, record = agreed_upon(noted)
    record = replace(record, expires_at=ends)

    verdict = keep(wanted, Seen(NOW, record, watched=(published(wanted, record),)), ONE)

    assert isinstance(verdict, Settled)
    assert (verdict.synced.reason if verdict.synced else None) is reason


def test_what_was_changed_in_place_and_noted_is_no_news() -> None:
    wanted, record = agreed_upon(None)
    record = replace(record, applied={name: value for name, value in record.applied.items() if value is not None})
    seen = Seen(NOW, record, watched=(published(wanted, record),), applied={**record.applied, DURATION: None})

    assert isinstance(keep(wanted, seen, ONE), Settled)
