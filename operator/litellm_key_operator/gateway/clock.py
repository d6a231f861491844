"""The proxy's clock, as far as the `Date` headers of its answers tell it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_RESOLUTION = 1.0
_STALENESS = 1.2
"""Seconds by which a `Date` may be behind its own clock: uvicorn renews it about once a second."""


class ProxyClock:
    """Holds the smallest offset, in seconds, that the proxy's clock can have to our monotonic one.

    An answer proves that it was at least so late there when we had it; the best proof counts. So what is thought to be
    over is over there, too. After the answers of a second the estimate is less than a second behind.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset: float | None = None

    def seconds(self) -> float:
        """Our monotonic clock."""
        return self._monotonic()

    def heard(self, date: str | None, sent: float, received: float) -> None:
        """An answer carried this `Date`; its request was sent, and its head received, at these monotonic seconds."""
        told = _seconds(date)
        if told is None:
            return
        least, most = told - received, told + _RESOLUTION + _STALENESS - sent
        if self._offset is None or self._offset > most:
            # The proxy's clock was set back, or another machine answers: the old proof is void.
            self._offset = least
        else:
            self._offset = max(self._offset, least)

    def now(self) -> datetime:
        """The moment on the proxy's clock, in UTC; before its first answer, on ours."""
        moment = self._wall() if self._offset is None else self._monotonic() + self._offset
        return datetime.fromtimestamp(moment, UTC)


def _seconds(date: str | None) -> float | None:
    """An HTTP date as seconds since the epoch; None if there is none that can be read."""
    if date is None:
        return None
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
