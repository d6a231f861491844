"""Whose a value is."""

from __future__ import annotations

from litellm_key_operator.plugin.find import matches
from litellm_key_operator.plugin.shapes import Standing
from tests.unit.plugin.objects import key

OLD, NOW_IN_USE, NEXT = ("0" * 64, "1" * 64, "12" * 32)


def test_every_value_that_may_live_is_found_by_its_id_or_the_beginning_of_it() -> None:
    turning = key(
        tokenID=NOW_IN_USE,
        pending={"revision": 3, "tokenID": NEXT},
        retiring=[{"revision": 1, "tokenID": OLD, "retireAt": "2026-03-01T13:00:00Z"}],
    )
    other = key("other", tokenID="1" * 32 + "0" * 32)

    def found(token: str) -> list[tuple[str, Standing, int]]:
        return [(m.key.name, m.standing, m.revision) for m in matches([other, turning], token)]

    assert found(OLD) == [("app", Standing.RETIRING, 1)]
    assert found(NOW_IN_USE) == [("app", Standing.CURRENT, 2)]
    assert found(NEXT) == [("app", Standing.PENDING, 3)]
    assert found("1" * 32) == [("app", Standing.CURRENT, 2), ("other", Standing.CURRENT, 2)]
    assert found("f" * 8) == []


def test_a_value_noted_as_pending_and_current_is_found_once() -> None:
    again = key(tokenID=NOW_IN_USE, pending={"revision": 2, "tokenID": NOW_IN_USE})
    assert [m.standing for m in matches([again], NOW_IN_USE)] == [Standing.CURRENT]
