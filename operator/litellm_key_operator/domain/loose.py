"""Values of foreign JSON, taken for what they should be: LiteLLM's metadata and fields have no schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard


def is_mapping(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether it is a JSON object."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether it is a JSON list."""
    return isinstance(value, list | tuple)


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is an object, else an empty one."""
    return value if is_mapping(value) else {}


def texts(value: object) -> list[str]:
    """The value's entries as text if it is a list, else none."""
    return [str(entry) for entry in value] if is_list(value) else []
