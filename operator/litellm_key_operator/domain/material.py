"""Key values, derived from the installation's seeds: who knows a revision's number knows its value.

A lost Secret is restored with the same value, a repeated registration is harmless, and two operators cannot disagree.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from typing_extensions import override

from litellm_key_operator.domain.state import Revision


class KeyValue:
    """A key in plain text that does not show itself by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The value itself, for the two places that need it: the registration and the Secret."""
        return self._text

    @property
    def token_id(self) -> str:
        """The hex sha256 that LiteLLM uses as the key's id."""
        return hashlib.sha256(self._text.encode()).hexdigest()

    @property
    def preview(self) -> str:
        """As LiteLLM shows a key: `sk-...` and its last four characters."""
        return f"sk-...{self._text[-4:]}"

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyValue) and hmac.compare_digest(self._text, other._text)

    @override
    def __hash__(self) -> int:
        return hash(self._text)

    @override
    def __repr__(self) -> str:
        return "KeyValue(...)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Keyring:
    """The installation's id and its seeds by number; the highest number signs new keys."""

    installation: str
    seeds: Mapping[int, bytes] = field(repr=False)

    @property
    def newest(self) -> int:
        """The number of the seed that signs new keys."""
        return max(self.seeds)

    def value(self, uid: str, number: int, seed: int) -> KeyValue | None:
        """The value of a resource's revision; None if its seed is lost."""
        secret = self.seeds.get(seed)
        if secret is None:
            return None
        digest = hmac.new(secret, f"{uid}|{number}".encode(), hashlib.sha256).digest()
        return KeyValue("sk-" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


@dataclass(frozen=True, slots=True)
class Material:
    """What one resource's keys are made of."""

    keyring: Keyring
    uid: str

    def value(self, revision: Revision) -> KeyValue | None:
        """The revision's value; None if its seed is lost."""
        return self.keyring.value(self.uid, revision.number, revision.seed)

    def revision(self, number: int, url: str, *, seed: int | None = None) -> Revision:
        """The revision of this number under a seed (the newest, if none is named), for the proxy at `url`.

        Raises KeyError if the named seed is lost.
        """
        seed = self.keyring.newest if seed is None else seed
        value = self.keyring.value(self.uid, number, seed)
        if value is None:
            raise KeyError(seed)
        return Revision(number=number, token_id=value.token_id, seed=seed, url=url)
