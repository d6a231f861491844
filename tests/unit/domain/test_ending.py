from datetime import timedelta
from typing import Any

import pytest

from litellm_key_operator.domain.ending import end, gone
from litellm_key_operator.domain.expiry import expire, over
from litellm_key_operator.domain.picture import Seen, Trace
from litellm_key_operator.domain.plan import Ask, Bury, Note, Revoke
from litellm_key_operator.domain.state import OUTLIVED, Life, Revision, Row
from tests.unit.domain.objects import LATER, NOW, ONE, TWO, issued, row, want

SECOND = timedelta(seconds=1)
DOUBTFUL = ONE.in_doubt()


def step(*revisions: Revision, **features: Any) -> Ask | Revoke | Bury | None:
    return end(want(), Seen(NOW, issued(), trace={TWO.place: Trace.ANSWERED}, **features), revisions)


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({}, Revoke(ONE)),
        ({"rows": {ONE.place: row()}}, Revoke(ONE)),
        ({"rows": {ONE.place: None}}, None),
        ({"rows": {ONE.place: row(deleted_at=NOW)}}, None),
        ({"deleted": {ONE.place: None}}, Ask((ONE,))),
        ({"deleted": {ONE.place: row()}}, Ask((ONE,))),
        ({"deleted": {ONE.place: row()}, "rows": {ONE.place: None}}, None),
        ({"deleted": {ONE.place: row()}, "rows": {ONE.place: row()}}, Revoke(ONE)),
    ],
)
def test_what_is_not_in_doubt_is_deleted_unasked_and_looked_at_afterwards(
    features: dict[str, Any], expected: Ask | Revoke | None
) -> None:
    assert step(ONE, **features) == expected


def test_all_are_deleted_before_they_are_looked_at_together() -> None:
    assert step(ONE, TWO) == Revoke(ONE)
    assert step(ONE, TWO, deleted={ONE.place: None}) == Revoke(TWO)
    assert step(ONE, TWO, deleted={ONE.place: None, TWO.place: None}) == Ask((ONE, TWO))


def test_what_is_in_doubt_is_asked_for_first_and_buried() -> None:
    assert step(DOUBTFUL) == Ask((DOUBTFUL,))
    found, unknown = step(DOUBTFUL, rows={ONE.place: row()}), step(DOUBTFUL, rows={ONE.place: None})
    assert isinstance(found, Bury)
    assert isinstance(unknown, Bury)
    assert (found.row, unknown.row) == (True, False)


def test_after_a_deletion_no_row_is_enough_unless_it_is_in_doubt() -> None:
    seen = Seen(NOW, issued(), {ONE.place: None}, deleted={ONE.place: row()})
    assert seen.life(ONE) is Life.DELETED
    assert gone(seen, ONE)
    assert not gone(seen, DOUBTFUL)
    assert Seen(NOW, issued(), {ONE.place: None}, deleted={ONE.place: None}).life(ONE) is Life.UNKNOWN


@pytest.mark.parametrize(
    ("now", "likely", "rows", "ended"),
    [
        (LATER - SECOND, LATER - SECOND, {}, False),
        (LATER - SECOND, LATER, {}, True),
        (LATER - SECOND, LATER, {ONE.place: row()}, False),
        (LATER - SECOND, LATER, {ONE.place: row(fields={"status": "active"})}, False),
        (LATER - SECOND, LATER, {ONE.place: row(fields={"status": "expired"})}, True),
        (LATER - SECOND, LATER, {ONE.place: row(blocked=True)}, False),
        (LATER - SECOND, LATER, {ONE.place: None}, True),
        (LATER, LATER, {ONE.place: row(fraction=SECOND / 2)}, False),
        (LATER + SECOND / 2, LATER, {ONE.place: row(fraction=SECOND / 2)}, True),
    ],
)
def test_a_guess_makes_us_ask_and_no_more(now: Any, likely: Any, rows: dict[Any, Row | None], ended: bool) -> None:
    assert over(Seen(now, issued(), rows, likely=likely), ONE) is ended


def test_what_was_deleted_at_its_end_has_ended_though_the_record_says_later() -> None:
    seen = Seen(NOW, issued(), deleted={ONE.place: row(fields={"status": "expired"})}, secrets={"app": None})
    assert over(seen, ONE)
    assert expire(want(), seen) == Ask((ONE,))
    looked = Seen(NOW, issued(), {ONE.place: None}, deleted=seen.deleted, secrets={"app": None})
    assert over(looked, ONE)
    assert expire(want(), looked) == Note(issued(ended=True, binding=None))


@pytest.mark.parametrize(("expires", "outlived"), [(NOW, True), (LATER, False)])
def test_a_tombstone_says_whether_its_keys_time_was_over(expires: Any, outlived: bool) -> None:
    buried = step(DOUBTFUL, rows={ONE.place: row(expires=expires)})
    assert isinstance(buried, Bury)
    metadata = buried.fields["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["llmkeys"][OUTLIVED] is outlived
    assert row(blocked=True, metadata=metadata, expires=LATER).outlived is outlived
