"""LiteLLM's answers as rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from litellm_key_operator.domain.errors import Unavailable
from litellm_key_operator.domain.state import Life, Row
from litellm_key_operator.gateway.wire import Reply, batch, generated, informed, model_names, page, parsed, updated

TOKEN = "a" * 64
VALUE = "sk-0123456789abcdefghij"
NOTHING: dict[str, object] = {}
NOW = datetime(2026, 11, 25, 2, 16, 0, tzinfo=UTC)


def reply(payload: object) -> Reply:
    return Reply("/key/info", 200, payload)


def told(**fields: object) -> Row:
    return informed(reply({"key": TOKEN, "info": fields}), TOKEN)


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-11-25T02:16:27.102362Z",
        "2026-11-25T02:16:27.102000+00:00",
        "2026-11-25T02:16:27",
        "2026-11-25T03:16:27.9+01:00",
    ],
)
def test_times_are_utc_and_whole_seconds_however_spelt(spelling: str) -> None:
    assert told(expires=spelling).expires == datetime(2026, 11, 25, 2, 16, 27, tzinfo=UTC)


def test_what_is_not_told_is_as_litellm_means_it() -> None:
    assert told() == Row(TOKEN, None, None, blocked=False, deleted_at=None, metadata={}, fields={"soft_budget": None})


def test_null_metadata_and_null_blocked_are_none_at_all() -> None:
    row = told(metadata=None, blocked=None, key_alias="a")
    assert (row.metadata, row.blocked, row.alias) == ({}, False, "a")


def test_a_deleted_key_is_deleted_whether_it_says_when_or_not() -> None:
    assert told(status="deleted", deleted_at="2026-11-25T02:15:27.412000+00:00").life(NOW) is Life.DELETED
    assert told(status="deleted").life(NOW) is Life.DELETED
    assert not told(status="deleted", expires="2026-11-25T02:15:00Z").outlived


def test_no_field_holds_a_value_and_names_that_look_like_one_stay() -> None:
    row = told(key=VALUE, api_key=VALUE, note=VALUE, key_name="sk-...ghij", key_alias="sk-is-my-alias")
    assert VALUE not in repr(row)
    assert row.fields["key_name"] == "sk-...ghij"
    assert row.alias == row.fields["key_alias"] == "sk-is-my-alias"


def test_a_value_is_dropped_before_anything_else_sees_the_body() -> None:
    assert parsed(f'{{"key": "{VALUE}", "token": "{TOKEN}"}}'.encode()) == {"token": TOKEN}
    assert parsed(b"<html>") is None


def test_the_soft_budget_comes_from_its_table() -> None:
    table = {"soft_budget": 3.0, "max_budget": None}
    assert told(budget_id="b", litellm_budget_table=table, soft_budget=None).fields["soft_budget"] == 3.0


def test_a_soft_budget_that_is_not_told_is_unknown() -> None:
    assert "soft_budget" not in told(budget_id="b", litellm_budget_table=None, soft_budget=None).fields
    assert told(budget_id=None, litellm_budget_table=None).fields["soft_budget"] is None


def test_an_answer_about_another_token_is_no_answer() -> None:
    assert generated(reply({"token_id": TOKEN, "key_alias": "a"}), TOKEN).alias == "a"
    with pytest.raises(Unavailable):
        generated(reply({"token_id": "b" * 64}), TOKEN)


def test_rows_of_a_batch_have_no_token_and_rows_of_a_list_have() -> None:
    assert [row.token_id for row in batch(reply({"info": [NOTHING, NOTHING]}))] == [None, None]
    listed = page(reply({"keys": [{"token": TOKEN}], "total_pages": 2}), 1)
    assert [row.token_id for row in listed.rows] == [TOKEN]


@pytest.mark.parametrize(
    ("payload", "number", "last"),
    [
        ({"keys": [{"token": TOKEN}], "total_pages": 2}, 1, False),
        ({"keys": [{"token": TOKEN}], "total_pages": 2}, 2, True),
        ({"keys": [], "total_pages": 2}, 1, True),
        ({"keys": [{"token": TOKEN}]}, 1, False),
    ],
)
def test_the_last_page_is_known(payload: object, number: int, last: bool) -> None:
    assert page(reply(payload), number).last is last


def test_models_are_named_by_their_ids() -> None:
    assert model_names(reply({"data": [{"id": "a"}, {"id": "b/*"}, {}]})) == {"a", "b/*"}


@pytest.mark.parametrize(
    "info",
    [None, [], "x", {"expires": "soon"}, {"expires": 5}, {"key_alias": 5}, {"metadata": []}, {"deleted_at": "x"}],
)
def test_what_cannot_be_understood_is_no_answer(info: object) -> None:
    with pytest.raises(Unavailable):
        informed(reply({"info": info}), TOKEN)


@pytest.mark.parametrize(
    "payload", [None, [], "x", NOTHING, {"keys": NOTHING}, {"keys": ["hash"]}, {"keys": [NOTHING]}]
)
def test_a_list_that_cannot_be_understood_is_no_answer(payload: object) -> None:
    with pytest.raises(Unavailable):
        page(reply(payload), 1)
    with pytest.raises(Unavailable):
        batch(reply(payload))
    with pytest.raises(Unavailable):
        updated(reply([]), TOKEN)
