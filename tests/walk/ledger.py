"""What a walk itself did to claims and keys: nobody else is to be blamed for that."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from litellm_key_operator.domain.material import KeyValue


class Origin(NamedTuple):
    """Whose value a token is of."""

    uid: str
    number: int


@dataclass
class Made:
    """A claim that was made: since when it may have been there, and when it was deleted, on the monotonic clock.

    `stripped`: somebody took its finalizer off. `cleared`: somebody emptied its status.
    """

    name: str
    uid: str
    made: float
    deleted: float = math.inf
    stripped: bool = False
    cleared: bool = False


@dataclass
class Ledger:
    """`taken`: tokens that somebody took away, so that a published value need not work.

    `died`: when somebody deleted a token by hand. `excused`: since when tokens may live though nothing notes them, as
    every trace of them was destroyed. `ends`: when the time of a token may be over, at the earliest. `outlived`: claims
    that had a value whose time somebody cut short. `strangers`: aliases of keys that are nobody's business here, by
    token. `restored`: tokens that were in the table when it was set back, past LiteLLM's own caches.
    """

    claims: dict[str, Made] = field(default_factory=dict[str, Made])
    origins: dict[str, Origin] = field(default_factory=dict[str, Origin])
    taken: set[str] = field(default_factory=set[str])
    died: dict[str, float] = field(default_factory=dict[str, float])
    excused: dict[str, float] = field(default_factory=dict[str, float])
    ends: dict[str, float] = field(default_factory=dict[str, float])
    outlived: set[str] = field(default_factory=set[str])
    strangers: dict[str, str] = field(default_factory=dict[str, str])
    restored: set[str] = field(default_factory=set[str])

    def enter(self, claim: Made, values: list[tuple[int, KeyValue]]) -> None:
        """A claim was made that may have these values, each with its revision's number."""
        self.claims[claim.uid] = claim
        self.origins |= {value.token_id: Origin(claim.uid, number) for number, value in values}

    def named(self, name: str, moment: float) -> Made | None:
        """The claim that had this name then, the latest if there is a doubt."""
        made = [claim for claim in self.claims.values() if claim.name == name and claim.made <= moment]
        return max(made, key=lambda claim: claim.made, default=None)

    def excuse(self, tokens: Iterable[str]) -> None:
        """Nothing is left that tells of these, until an operator notes them again."""
        self.excused |= dict.fromkeys(tokens, time.monotonic())

    def charge(self, token: str, moment: float) -> None:
        """An operator noted a token, after whatever had excused it."""
        if self.excused.get(token, math.inf) < moment:
            del self.excused[token]

    def excuse_claim(self, uid: str) -> None:
        """Nothing will ever tell of a claim's values any more."""
        self.excused |= {token: math.inf for token, origin in self.origins.items() if origin.uid == uid}

    def excuse_untold(self, uid: str, known: set[str]) -> None:
        """Nothing tells of a claim's values but what LiteLLM knows: of others only the next one can be found."""
        mine = {token: origin.number for token, origin in self.origins.items() if origin.uid == uid}
        highest = max((number for token, number in mine.items() if token in known), default=0)
        self.excuse(token for token, number in mine.items() if number > highest + 1)

    def over(self) -> set[str]:
        """The tokens whose time may be over by now."""
        now = time.monotonic()
        return {token for token, end in self.ends.items() if end <= now}

    def told(self, token: str) -> str:
        """A token, in words."""
        origin = self.origins.get(token)
        return f"{token[:8]}" if origin is None else f"{self.claims[origin.uid].name}#{origin.number} {token[:8]}"
