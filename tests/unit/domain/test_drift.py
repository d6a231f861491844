from typing import Any

import pytest

from litellm_key_operator.domain.drift import changes, drift
from tests.unit.domain.objects import row

Fields = dict[str, Any]


@pytest.mark.parametrize(
    ("wanted", "applied", "sent"),
    [
        ({}, {}, {}),
        ({"rpm_limit": 5}, {"rpm_limit": 5}, {}),
        ({"rpm_limit": 0}, {}, {"rpm_limit": 0}),
        ({"rpm_limit": 6}, {"rpm_limit": 5}, {"rpm_limit": 6}),
        ({}, {"rpm_limit": 5}, {"rpm_limit": None}),
        ({}, {"models": ["a"]}, {"models": []}),
        ({}, {"allowed_routes": ["/x"]}, {"allowed_routes": []}),
        ({}, {"metadata": {"tags": [1]}}, {"metadata": {}}),
        ({"models": ["b", "a"]}, {"models": ["a", "b"]}, {}),
        ({"max_budget": 0.1 + 0.2}, {"max_budget": 0.3}, {}),
        ({"max_budget": 0}, {"max_budget": None}, {"max_budget": 0}),
        ({"metadata": {"a": 1}}, {"metadata": {"a": 1}}, {}),
        ({"metadata": {"a": 1}}, {"metadata": {"a": 1, "b": 2}}, {"metadata": {"a": 1}}),
        ({"metadata": {"a": 1}}, {"metadata": {"a": 2}}, {"metadata": {"a": 1}}),
    ],
)
def test_what_is_sent_so_that_a_key_gets_what_is_wanted(wanted: Fields, applied: Fields, sent: Fields) -> None:
    assert changes(wanted, applied) == sent


@pytest.mark.parametrize(
    ("declared", "seen", "off"),
    [
        ({"rpm_limit": 5}, {"fields": {"rpm_limit": 5}}, []),
        ({"rpm_limit": 5}, {"fields": {"rpm_limit": 6}}, ["rpm_limit"]),
        ({"rpm_limit": 5}, {"fields": {}}, ["rpm_limit"]),
        ({}, {"fields": {"rpm_limit": 6}}, []),
        ({"models": ["a", "b"]}, {"fields": {"models": ["b", "a"]}}, []),
        ({"max_budget": 20}, {"fields": {"max_budget": 20.0}}, []),
        ({"key_alias": "a"}, {"alias": "a@r1"}, ["key_alias"]),
        ({"metadata": {"a": {"b": 1}}}, {"metadata": {"a": {"b": 1, "c": 2}, "d": 3}}, []),
        ({"metadata": {"a": {"b": 1}}}, {"metadata": {"a": {"b": 2}}}, ["metadata"]),
        ({"metadata": {"a": {"b": 1}}}, {"metadata": {}}, ["metadata"]),
    ],
)
def test_where_litellm_holds_something_else(declared: Fields, seen: Fields, off: list[str]) -> None:
    assert drift(declared, row(**seen)) == {name: declared[name] for name in off}
