from datetime import datetime, timedelta
from typing import Any

import pytest

from litellm_key_operator.domain.expiry import EXPIRED, expire, over
from litellm_key_operator.domain.picture import Seen
from litellm_key_operator.domain.plan import Ask, Note, Remove, Revoke, Settled
from litellm_key_operator.domain.record import Retiring
from litellm_key_operator.domain.schedule import next_look
from litellm_key_operator.domain.state import Life, Row
from tests.unit.domain.objects import LATER, NOW, ONE, TWO, issued, key, row, want

SECOND = timedelta(seconds=1)
TOMBSTONE = {"llmkeys": {"tombstone": "2026-01-01T12:00:00Z"}}


@pytest.mark.parametrize(
    ("features", "now", "life"),
    [
        ({}, LATER - SECOND, Life.LIVE),
        ({}, LATER, Life.EXPIRED),
        ({"expires": None}, LATER, Life.LIVE),
        ({"fields": {"status": "active"}}, LATER + SECOND, Life.LIVE),
        ({"fields": {"status": "expired"}}, LATER - SECOND, Life.EXPIRED),
        ({"blocked": True}, NOW, Life.BLOCKED),
        ({"blocked": True}, LATER, Life.EXPIRED),
        ({"blocked": True, "metadata": TOMBSTONE}, NOW, Life.BURIED),
        ({"blocked": True, "metadata": TOMBSTONE}, LATER, Life.BURIED),
        ({"blocked": False, "metadata": TOMBSTONE}, NOW, Life.LIVE),
        ({"deleted_at": NOW}, NOW, Life.DELETED),
        ({"deleted_at": NOW, "blocked": True, "metadata": TOMBSTONE}, NOW, Life.DELETED),
    ],
)
def test_how_a_row_stands(features: dict[str, Any], now: datetime, life: Life) -> None:
    assert row(**features).life(now) is life


@pytest.mark.parametrize(
    ("seen", "now", "ended"),
    [
        ("unasked", LATER - SECOND, False),
        ("unasked", LATER, True),
        (row(), LATER - SECOND, False),
        (row(expires=LATER + SECOND), LATER, False),
        (row(), LATER, True),
        (row(expires=NOW), NOW, True),
        (row(blocked=True), LATER - SECOND, False),
        (row(deleted_at=NOW), NOW, False),
        (row(deleted_at=LATER), LATER - SECOND, True),
        (None, LATER - SECOND, False),
        (None, LATER, True),
    ],
)
def test_whether_the_time_is_over_is_litellms_word_once_it_was_asked(
    seen: Row | str | None, now: datetime, ended: bool
) -> None:
    rows = {} if isinstance(seen, str) else {ONE.place: seen}

    assert over(Seen(now, issued(), rows), ONE) is ended


def test_a_successor_that_lives_goes_on() -> None:
    assert not over(Seen(LATER, issued(pending=TWO), {TWO.place: row(token_id=TWO.token_id, expires=None)}), TWO)


def test_litellm_is_asked_before_anything_is_deleted() -> None:
    assert expire(want(), Seen(LATER, issued())) == Ask((ONE,))


def test_an_expired_key_is_deleted_and_then_forgotten() -> None:
    here = Seen(LATER, issued(), {ONE.place: row()}, secrets={"app": None})
    gone = Seen(LATER, issued(), {ONE.place: row(deleted_at=LATER)}, secrets={"app": None})

    assert expire(want(), here) == Revoke(ONE)
    assert expire(want(), gone) == Note(issued(ended=True, binding=None))


def test_what_has_ended_is_not_to_be_renewed_any_more() -> None:
    gone = Seen(LATER, issued(renew_at=LATER), {ONE.place: row(deleted_at=LATER)}, secrets={"app": None})

    assert expire(want(), gone) == Note(issued(ended=True, binding=None))


@pytest.mark.parametrize(
    ("stay", "now", "step"),
    [
        (None, LATER + timedelta(days=1), Settled.all(EXPIRED)),
        ("1h", LATER + timedelta(minutes=59), Settled.all(EXPIRED)),
        ("1h", LATER + timedelta(hours=1), Remove()),
    ],
)
def test_what_becomes_of_the_resource_afterwards(stay: str | None, now: datetime, step: Settled | Remove) -> None:
    claim = key(ttlAfterExpired=stay)

    assert expire(want(claim), Seen(now, issued(ended=True))) == step


@pytest.mark.parametrize(
    ("claim", "features", "moment"),
    [
        ({}, {}, LATER),
        ({}, {"expires_at": None}, None),
        ({}, {"renew_at": NOW + SECOND}, NOW + SECOND),
        ({}, {"renew_at": NOW}, LATER),
        ({}, {"renew_at": NOW + SECOND, "pending": TWO}, LATER),
        ({}, {"retiring": (Retiring(TWO, NOW),)}, NOW),
        ({}, {"current": None}, None),
        ({}, {"ended": True}, None),
        ({"ttlAfterExpired": "1h"}, {"ended": True}, LATER + timedelta(hours=1)),
    ],
)
def test_when_it_is_looked_at_again(claim: dict[str, Any], features: dict[str, Any], moment: datetime | None) -> None:
    assert next_look(want(key(**claim)), issued(**features), NOW) == moment
