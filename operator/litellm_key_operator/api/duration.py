"""Lengths of time as users write them: `90s`, `15m`, `24h`, `30d`, `4w`."""

import re
from typing import Final, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from litellm_key_operator.api.rules import Extension, checked

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST: Final = 3650 * 86400
_PATTERN: Final = r"^[1-9][0-9]{0,5}(s|m|h|d|w)$"
_NEVER: Final = "Never"
_NEVER_PATTERN: Final = r"^(Never|[1-9][0-9]{0,5}(s|m|h|d|w))$"
_SHAPE: Final = re.compile(r"[1-9][0-9]{0,5}[smhdw]")


def is_duration(field: str) -> str:
    """Answer a CEL term: the field has the shape of a duration.

    A value of another shape is left to `pattern`: without this guard its message would drown in one about `int()`.
    """
    return f"{field}.matches('^[1-9][0-9]{{0,5}}[smhdw]$')"


def seconds_in(field: str) -> str:
    """Answer a CEL term: the seconds of a field that has that shape."""
    units = "{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}"
    return f"int({field}.substring(0, size({field}) - 1)) * {units}[{field}.substring(size({field}) - 1)]"


def at_least(limit: str) -> tuple[str, str]:
    """Answer a rule for a duration's schema: not shorter than `limit`."""
    return f"!{is_duration('self')} || {seconds_in('self')} >= {_seconds(limit)}", f"must be at least {limit}"


def at_most(limit: str) -> tuple[str, str]:
    """Answer a rule for a duration's schema: not longer than `limit`."""
    return f"!{is_duration('self')} || {seconds_in('self')} <= {_seconds(limit)}", f"must be at most {limit}"


class Duration(str):
    """A length of time of at most 3650 days, kept as it was typed; `ValueError` for anything else."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check and keep `text`."""
        if not _SHAPE.fullmatch(text) or _seconds(text) > _LONGEST:
            message = f"{text!r} is no duration: a number and s, m, h, d or w, at most 3650d"
            raise ValueError(message)
        return super().__new__(cls, text)

    @property
    def seconds(self) -> int:
        """Answer the length in seconds."""
        return _seconds(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Parse by constructing."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Let the API server make the same check."""
        return handler(schema) | _text(_PATTERN)


class Lifetime(str):
    """How long a key lives: a `Duration`, or `Never` for a key that does not end by itself."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check and keep `text`."""
        return super().__new__(cls, text if text == _NEVER else Duration(text))

    @property
    def seconds(self) -> int | None:
        """Answer the length in seconds, None for `Never`."""
        return None if self == _NEVER else _seconds(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Parse by constructing."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Let the API server make the same check."""
        return handler(schema) | _text(_NEVER_PATTERN)


def _seconds(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]]


def _text(pattern: str) -> Extension:
    return {"pattern": pattern, "maxLength": 7, **checked(at_most("3650d"))}
