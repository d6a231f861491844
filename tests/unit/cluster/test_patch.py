"""A merge patch is small, and makes the new of the old."""

import copy
from typing import Any, cast

import orjson
from hypothesis import given
from hypothesis import strategies as st

from litellm_key_operator.cluster.patch import Json, merge_patch
from tests.support.fake_objects import without_nulls

_SCALARS = st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, 1.5, "", "a", "1"])
_IN_LISTS = st.recursive(_SCALARS | st.none(), lambda inner: st.lists(inner, max_size=2), max_leaves=3)
_NAMES = st.sampled_from("abc")
WITH_NULLS: st.SearchStrategy[Json] = st.recursive(
    st.dictionaries(_NAMES, _SCALARS | st.none() | st.lists(_IN_LISTS, max_size=2), max_size=3),
    lambda inner: st.dictionaries(_NAMES, _SCALARS | st.none() | inner, max_size=3),
    max_leaves=12,
)
STORED = WITH_NULLS.map(without_nulls)


def applied(target: Any, patch: Any) -> Any:
    """RFC 7386, word by word."""
    if not isinstance(patch, dict):
        return patch
    result: Json = copy.deepcopy(cast("Json", target)) if isinstance(target, dict) else {}
    for name, value in cast("Json", patch).items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = applied(result.get(name), value)
    return result


def as_json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@given(old=STORED, new=WITH_NULLS)
def test_makes_the_new_of_the_old(old: Json, new: Json) -> None:
    assert as_json(applied(old, merge_patch(old, new))) == as_json(without_nulls(new))


@given(thing=STORED)
def test_of_equal_objects_is_empty(thing: Json) -> None:
    assert merge_patch(thing, copy.deepcopy(thing)) == {}


def test_says_only_what_changed() -> None:
    old = {"same": {"deep": [1]}, "gone": 1, "deeper": {"a": 1, "b": {"c": 2, "d": 3}}}
    new = {"same": {"deep": [1]}, "new": {}, "deeper": {"a": 1, "b": {"c": 2, "d": 4}}}
    assert merge_patch(old, new) == {"gone": None, "new": {}, "deeper": {"b": {"d": 4}}}


def test_nulls_are_taken_out_of_objects_and_left_in_lists() -> None:
    assert without_nulls({"a": None, "b": {"c": None, "d": [None]}, "e": 0}) == {"b": {"d": [None]}, "e": 0}


def test_true_is_not_one() -> None:
    old: Json = {"a": True, "b": [1], "c": 1}
    new: Json = {"a": 1, "b": [True], "c": 1}
    patch = merge_patch(old, new)
    assert as_json(patch) == as_json({"a": 1, "b": [True]})
