"""What may go wrong with a request on its way through the fault proxy, and when."""

import asyncio
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias


class Moment(Enum):
    """Where on its way a request meets its fault."""

    BEFORE = "before"
    """The server behind has not seen it."""
    AFTER = "after"
    """The server behind has done and answered it, and its client does not know yet."""


@dataclass(frozen=True)
class Drop:
    """The client's connection is cut."""


@dataclass(frozen=True)
class Hold:
    """The request waits until its rule is released, and then goes on even if its client has gone away meanwhile."""


@dataclass(frozen=True)
class Delay:
    """The request waits."""

    seconds: float


@dataclass(frozen=True)
class Drip:
    """The server's answer comes one byte at a time, so many seconds apart."""

    seconds: float = 1.0


@dataclass(frozen=True)
class Answer:
    """The proxy answers: before, the server behind never sees the request; after, it has done it all the same."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Interject:
    """The server's answer passes as it comes until its rule is released; then these bytes follow, and it ends."""

    body: bytes = b""


@dataclass(frozen=True)
class Rewrite:
    """The server's whole answer passes, changed: `change` gets headers and body, and gives those that are sent."""

    change: Callable[[Mapping[str, str], bytes], tuple[Mapping[str, str], bytes]]


Fault: TypeAlias = Drop | Hold | Delay | Drip | Answer | Interject | Rewrite


@dataclass(frozen=True)
class Match:
    """Which requests: method (`*` for each), a regular expression searched in path and query, a look at the body."""

    method: str
    target: re.Pattern[str]
    where: Callable[[bytes], bool] | None = None

    def __call__(self, method: str, target: str, body: bytes) -> bool:
        """Whether it is one of them."""
        if self.method not in {method, "*"} or not self.target.search(target):
            return False
        return self.where is None or self.where(body)


class Rule:
    """A fault, the requests that meet it, and the two signals between its test and them."""

    def __init__(self, match: Match, fault: Fault, moment: Moment, nth: int | None) -> None:
        self.fault = fault
        # Before the server has answered there is nothing that these could be done to.
        self.moment = Moment.AFTER if isinstance(fault, Drip | Interject | Rewrite) else moment
        self._match = match
        self._nth = nth
        self._matches = 0
        self._lock = threading.Lock()
        # Futures, because they can be waited for in threads and in event loops.
        self._reached: Future[Fault] = Future()
        self._released: Future[Fault] = Future()

    def meets(self, method: str, target: str, body: bytes) -> bool:
        """Whether a request meets the fault; asking counts the match."""
        if not self._match(method, target, body):
            return False
        with self._lock:
            self._matches += 1
            return self._nth is None or self._matches == self._nth

    def is_reached(self) -> bool:
        """Whether a request has met the fault."""
        return self._reached.done()

    def wait_reached(self, timeout: float = 30.0) -> None:
        """Blocks until a request has met the fault; raises `TimeoutError`."""
        try:
            self._reached.result(timeout)
        except TimeoutError:
            raise TimeoutError(f"no {self._match.method} {self._match.target.pattern} within {timeout} s") from None

    async def reached(self) -> None:
        """Returns when a request has met the fault; for coroutines, which bring their own `asyncio.timeout`."""
        await asyncio.shield(asyncio.wrap_future(self._reached))

    def release(self) -> None:
        """Lets go the request that is held, and those that would be."""
        _settle(self._released, self.fault)

    def drop(self) -> None:
        """Cuts off the request that is held, and those that would be: held before the server, it never gets there."""
        _settle(self._released, Drop())

    async def released(self) -> None:
        """Returns when the rule is released, or taken away."""
        await asyncio.shield(asyncio.wrap_future(self._released))

    async def strike(self) -> Fault:
        """Tells the test that a request is here, and keeps it as long as the fault says; answers what becomes of it."""
        _settle(self._reached, self.fault)
        match self.fault:
            case Hold():
                return await asyncio.shield(asyncio.wrap_future(self._released))
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case Drop() | Drip() | Answer() | Interject() | Rewrite():
                pass
        return self.fault


@dataclass(frozen=True)
class Passed:
    """A request that came to its end; `status` is None if its client got no answer."""

    method: str
    target: str
    """Path and query, as sent."""
    body: bytes
    status: int | None
    answered: int | None = None
    """The status that the server behind answered with, None if it did not: what it has done, its client told or not."""
    begun: float = 0.0
    """When it arrived, in seconds of the monotonic clock, which is the same for all proxies of a process."""
    done: float = 0.0
    """When the server behind had answered, before its client could know; without an answer when it ended."""


def _settle(future: Future[Fault], fault: Fault) -> None:
    with suppress(InvalidStateError):
        future.set_result(fault)
