from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.picture import Seen
from litellm_key_operator.domain.plan import Publish, Settled
from litellm_key_operator.domain.publication import deliver
from litellm_key_operator.domain.terms import DURATION, Terms
from litellm_key_operator.domain.upkeep import keep
from tests.unit.domain.objects import LATER, NOW, ONE, agreed, issued, key, role, secret, want

SECOND = timedelta(seconds=1)


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
    claim = key()
    terms = agreed(claim, role(ttl="1h", renewal={"policy": "None"}))
    assert isinstance(terms, Terms)
    record = issued(expires_at=ends, ready=True, applied={**terms.fields, DURATION: noted})
    wanted = want(claim, terms=terms)
    step = deliver(wanted, Seen(NOW, record, secrets={"app": None}), record)
    assert isinstance(step, Publish)
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in step.manifest.data.items()}
    there = replace(secret(), hashes=hashes, labels=step.manifest.labels, annotations=step.manifest.annotations)

    verdict = keep(wanted, Seen(NOW, record, watched=(there,)), ONE)

    assert isinstance(verdict, Settled)
    assert (verdict.synced.reason if verdict.synced else None) is reason
