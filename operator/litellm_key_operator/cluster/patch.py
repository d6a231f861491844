"""JSON merge patches (RFC 7386), so that a write carries what changed and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import orjson

Json = dict[str, Any]

_SORTED: Final = orjson.OPT_SORT_KEYS


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Json:
    """The patch that makes `new` of `old`: null for what is gone, lists whole.

    A null in `new` is as good as absence, for no merge patch can write one (but in a list).
    """
    patch: Json = dict.fromkeys(name for name in old if name not in new)
    for name, value in new.items():
        before = old.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            deeper = merge_patch(cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", value))
            if deeper:
                patch[name] = deeper
        elif name not in old or orjson.dumps(before, option=_SORTED) != orjson.dumps(value, option=_SORTED):
            # Compared as JSON, where true is not 1.
            patch[name] = value
    return patch
