from dataclasses import replace
from typing import Any

import pytest

from litellm_key_operator.domain.ending import BLANK, LAST
from litellm_key_operator.domain.picture import Seen, Trace
from litellm_key_operator.domain.plan import Ask, Bury, Release, Revoke
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.recovery import REACH
from litellm_key_operator.domain.removal import RETAINED, remove
from litellm_key_operator.domain.state import TOMBSTONE
from tests.unit.domain.objects import MATERIAL, NOW, ONE, TWO, URL, issued, key, row, want

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


DELETED_KEY = key(deleted=NOW)


def test_under_an_empty_status_only_what_this_process_noted_is_revoked_without_a_survey() -> None:
    wanted = want(DELETED_KEY, proxies=(URL, "http://elsewhere.test"))
    empty = Seen(NOW, Record(held=True))
    asked = remove(wanted, empty)
    assert isinstance(asked, Ask)
    assert {revision.url for revision in asked.revisions} == set(wanted.proxies)
    for trace in Trace:
        assert remove(wanted, replace(empty, trace={ONE.place: trace})) == Revoke(ONE)
    assert isinstance(remove(wanted, replace(empty, trace={TWO.place: Trace.ANSWERED})), Ask)


@pytest.mark.parametrize(("mark", "buried"), [({BLANK: True}, 2), ({BLANK: True, LAST: True}, 1)])
def test_the_next_that_may_be_on_its_way_comes_after_all_but_the_tombstones_of_the_deletion(
    mark: dict[str, Any], buried: int
) -> None:
    wanted = want(DELETED_KEY)
    tombstone = row(blocked=True, metadata={"llmkeys": {TOMBSTONE: "2026-01-01T12:00:00Z", **mark}})
    revisions = [MATERIAL.revision(number, URL) for number in range(1, 2 * REACH)]
    rows = {revision.place: tombstone if revision == ONE else None for revision in revisions}
    step = remove(wanted, Seen(NOW, Record(held=True), rows, secrets={"app": None}))
    assert step == Release() if buried == 1 else isinstance(step, Bury) and step.revision.number == buried
