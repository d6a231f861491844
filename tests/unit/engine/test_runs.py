"""When an item is looked at again."""

from __future__ import annotations

from datetime import timedelta

from litellm_key_operator.engine.runs import SOON, while_overdue

LONGEST = 300.0


def test_what_became_due_just_now_is_looked_at_again_soon() -> None:
    assert while_overdue(timedelta(0), LONGEST) == SOON
    assert while_overdue(timedelta(seconds=2 * SOON), LONGEST) == SOON


def test_what_stays_overdue_is_looked_at_ever_more_seldom() -> None:
    late, looks = 0.0, 0
    while late < 3600:
        late += while_overdue(timedelta(seconds=late), LONGEST)
        looks += 1
    assert looks < 40
    assert while_overdue(timedelta(days=9), LONGEST) == LONGEST
