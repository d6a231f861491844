"""How much is measured."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of keys, and seconds.

    `floor`: keys per floor and concurrency; `idle`: single keys on an idle system; `burst`: keys at once; `trickle`:
    how long Events are watched being posted after it; `watched`: how much of the first minute after a restart is
    observed; `window`: in how many seconds the `expiring` keys expire; `many`: keys that are mostly put there by SQL.
    """

    floor: int
    idle: int
    burst: int
    trickle: float
    watched: float
    expiring: int
    window: float
    many: int


FULL: Final = Sizes(floor=300, idle=40, burst=1000, trickle=10, watched=60, expiring=1000, window=30, many=10_000)
QUICK: Final = Sizes(floor=80, idle=10, burst=200, trickle=5, watched=10, expiring=200, window=6, many=1000)
