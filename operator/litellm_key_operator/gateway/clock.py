"""The proxy's clock, as far as the `Date` headers of its answers tell it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_RESOLUTION = 1.0
_STALENESS = 1.2
"""Seconds by which a `Date` may be behind its own clock: uvicorn renews it about once a second."""


_DRIFT = 1e-3
"""Seconds in a second by which two clocks may go apart; what is slewed more than that was set."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """An offset of the proxy's clock to our monotonic one: proved at a monotonic second, by so much worse in each."""

    offset: float
    proved: float
    worsens: float

    def at(self, now: float) -> float:
        """What is left of the proof."""
        return self.offset + self.worsens * (now - self.proved)


class ProxyClock:
    """Holds the smallest and the largest offset, in seconds, that the proxy's clock can have to our monotonic one.

    An answer proves that it was at least so late there when we had it, and at most so late when we asked; the best
    proofs count. So what is thought to be over by the smallest is over there, too. After the answers of a second it is
    less than a second behind.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._least: _Bound | None = None
        self._most: _Bound | None = None

    def seconds(self) -> float:
        """Our monotonic clock."""
        return self._monotonic()

    def heard(self, date: str | None, sent: float, received: float) -> None:
        """An answer carried this `Date`; its request was sent, and its head received, at these monotonic seconds."""
        told = _seconds(date)
        if told is not None:
            self._prove(told - received, told + _RESOLUTION + _STALENESS - sent, received)

    def passed(self, moment: datetime) -> None:
        """The proxy said, in an answer that we have, that this moment is over."""
        now = self._monotonic()
        self._prove(moment.timestamp() - now, None, now)

    def now(self) -> datetime:
        """The moment that the proxy's clock has certainly reached, in UTC; before its first answer, ours."""
        now = self._monotonic()
        return datetime.fromtimestamp(self._wall() if self._least is None else now + self._least.at(now), UTC)

    def likely_now(self) -> datetime:
        """The moment on our own clock, in UTC, as far as the proxy's answers do not contradict it.

        Most machines have the right time to a few milliseconds: good for knowing when to ask, and for nothing else.
        """
        now, moment = self._monotonic(), self._wall()
        if self._most is not None:
            moment = min(moment, now + self._most.at(now))
        if self._least is not None:
            moment = max(moment, now + self._least.at(now))
        return datetime.fromtimestamp(moment, UTC)

    def _prove(self, least: float, most: float | None, now: float) -> None:
        # Where proofs contradict each other, the clock was set, or another machine answers: the old ones are void.
        if self._least is None or self._least.at(now) <= least or (most is not None and self._least.at(now) > most):
            self._least = _Bound(least, now, -_DRIFT)
        if self._most is not None and self._most.at(now) < least:
            self._most = None
        if most is not None and (self._most is None or self._most.at(now) >= most):
            self._most = _Bound(most, now, _DRIFT)


def _seconds(date: str | None) -> float | None:
    """An HTTP date as seconds since the epoch; None if there is none that can be read."""
    if date is None:
        return None
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
