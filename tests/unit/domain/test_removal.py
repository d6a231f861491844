from dataclasses import replace
from typing import Any

import pytest

from litellm_key_operator.domain.picture import Seen
from litellm_key_operator.domain.plan import Release
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.removal import RETAINED, remove
from tests.unit.domain.objects import NOW, ONE, TWO, issued, row, want

MARKED = row(metadata={"llmkeys": {RETAINED: True}})


@pytest.mark.parametrize(
    ("features", "record", "rows", "left"),
    [
        ({"skip": True}, issued(), {}, (ONE.token_id,)),
        ({"skip": True}, issued(pending=TWO), {}, (ONE.token_id, TWO.token_id)),
        ({"skip": True}, Record(held=True), {}, (ONE.token_id,)),
        ({"retain": True}, issued(), {ONE.place: MARKED}, (ONE.token_id,)),
        ({"retain": True}, issued(), {ONE.place: replace(MARKED, deleted_at=NOW)}, ()),
        ({}, issued(), {ONE.place: row(deleted_at=NOW)}, ()),
    ],
    ids=["skipped", "skipped in an issue", "skipped with an empty status", "retained", "retained, but dead", "revoked"],
)
def test_a_release_names_what_may_live_on(
    features: dict[str, Any], record: Record, rows: dict[Any, Any], left: tuple[str, ...]
) -> None:
    assert remove(want(**features), Seen(NOW, record, rows, secrets={"app": None})) == Release(left)
