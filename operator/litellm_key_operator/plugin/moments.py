"""Times as people say them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_FINE: Final = 3
"""Below so many of a unit the next smaller one is told, too: 2d5h, but 12d."""


def span(seconds: float) -> str:
    """A length of time: 45s, 2m10s, 12d."""
    rest = int(abs(seconds))
    for number, (unit, length) in enumerate(_UNITS):
        count = rest // length
        if count == 0 and unit != "s":
            continue
        finer = _UNITS[number + 1] if count < _FINE and unit != "s" else None
        more = rest % length // finer[1] if finer else 0
        return f"{count}{unit}" + (f"{more}{finer[0]}" if finer and more else "")
    return "0s"


def relative(moment: datetime | None, now: datetime, never: str = "-") -> str:
    """How far away a moment is: in 12d, 5m ago."""
    if moment is None:
        return never
    seconds = (moment - now).total_seconds()
    return f"in {span(seconds)}" if seconds >= 0 else f"{span(seconds)} ago"
