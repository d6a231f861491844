"""Where a key in LiteLLM differs from what was declared."""

from __future__ import annotations

import math
from collections.abc import Mapping

from litellm_key_operator.domain.loose import is_list, is_mapping, texts
from litellm_key_operator.domain.state import Row

_UNORDERED = ("models", "allowed_routes")
_CLEARED: Mapping[str, object] = {"models": [], "allowed_routes": [], "metadata": {}}
"""How LiteLLM spells "nothing" for columns that may not be null; every other field is cleared by null."""


def changes(wanted: Mapping[str, object], applied: Mapping[str, object]) -> dict[str, object]:
    """What to send so that a key with `applied` gets `wanted`, both as asked for; fields that are gone are cleared."""
    sent = {name: value for name, value in wanted.items() if not _asked(name, value, applied)}
    return sent | {name: _CLEARED.get(name) for name in applied if name not in wanted}


def _asked(name: str, wanted: object, applied: Mapping[str, object]) -> bool:
    """Metadata has to be all that was asked for: an entry that is not wanted any more would stay."""
    return wanted == applied.get(name) if name == "metadata" else same(name, wanted, applied.get(name))


def drift(declared: Mapping[str, object], row: Row) -> dict[str, object]:
    """The declared fields whose value in LiteLLM is another, with the declared value; other fields are not ours."""
    return {name: value for name, value in declared.items() if not same(name, value, _observed(name, row))}


def _observed(name: str, row: Row) -> object:
    if name == "key_alias":
        return row.alias
    return row.metadata if name == "metadata" else row.fields.get(name)


def same(name: str, wanted: object, seen: object) -> bool:
    """Equal as LiteLLM means it: lists unordered, money with tolerance, metadata if all that is declared is there."""
    if name == "metadata":
        return is_mapping(seen) and _includes(wanted, seen)
    if name in _UNORDERED and is_list(wanted) and is_list(seen):
        return sorted(texts(wanted)) == sorted(texts(seen))
    if isinstance(wanted, int | float) and isinstance(seen, int | float):
        return math.isclose(wanted, seen, rel_tol=1e-9, abs_tol=1e-12)
    return wanted == seen


def _includes(wanted: object, seen: object) -> bool:
    if not is_mapping(wanted) or not is_mapping(seen):
        return wanted == seen
    return all(key in seen and _includes(value, seen[key]) for key, value in wanted.items())
