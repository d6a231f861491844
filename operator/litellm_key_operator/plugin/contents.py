"""The value and the address in a Secret, which may be anywhere that a template puts them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.rules import ADDRESS
from litellm_key_operator.api.templates import PRESETS, Preset
from litellm_key_operator.cluster.answers import Json
from litellm_key_operator.domain.material import KeyValue

_KEY_LIKE: Final = re.compile(r"sk-[A-Za-z0-9_\-]{16,}")
_BASE_URL: Final = re.compile(r"[{][{] *baseURL *[}][}]")


@dataclass(frozen=True, slots=True)
class Held:
    """A value, and the entry of the Secret that it is in."""

    entry: str
    value: KeyValue


def held(secret: Json, known: Collection[str]) -> Held | None:
    """The value: of those with a known token id the newest (they come oldest first), else what looks like a key.

    Nothing else may be sent to a proxy: a Secret can hold more than its key.
    """
    candidates = list(_candidates(secret))
    for token in reversed(list(known)):
        for candidate in candidates:
            if candidate.value.token_id == token:
                return candidate
    return next((candidate for candidate in candidates if candidate.value.reveal().startswith("sk-")), None)


def address(key: LiteLLMKey, secret: Json) -> str | None:
    """The proxy as its users find it in the Secret, else as the operator knows it."""
    spec, entries = key.spec.secret, dict(_entries(secret))
    templates = spec.data or PRESETS[spec.preset or Preset.DEFAULT]
    for entry, template in templates.items():
        if _BASE_URL.fullmatch(template.strip()) and re.fullmatch(ADDRESS, entries.get(entry, "").strip()):
            return entries[entry].strip()
    return key.status.connection.url if key.status.connection else None


def _candidates(secret: Json) -> Iterator[Held]:
    for entry, text in _entries(secret):
        if text:
            yield Held(entry, KeyValue(text))
        for found in _KEY_LIKE.findall(text):
            yield Held(entry, KeyValue(found))


def _entries(secret: Json) -> Iterator[tuple[str, str]]:
    data: dict[str, str] = secret.get("data") or {}
    for entry, encoded in sorted(data.items()):
        try:
            yield entry, base64.b64decode(encoded).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
