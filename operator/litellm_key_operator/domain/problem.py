"""Why something cannot be done now, for conditions and for people."""

from __future__ import annotations

from dataclasses import dataclass

from litellm_key_operator.api.reasons import KeyReason


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a key cannot be issued or changed now: a condition's reason and a message for people."""

    reason: KeyReason
    message: str


def wider(field: str, asked: str, ceiling: str) -> Problem:
    """A claim asks for more than its role gives: with the field, what it asks for, and the ceiling."""
    return Problem(KeyReason.INVALID_SPEC, f"{field}: {asked} was asked for, the role allows {ceiling}")
