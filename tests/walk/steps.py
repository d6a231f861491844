"""What every step of a walk is made of: it is told, taken, and judged by what the servers hold after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random
from typing import Final

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from tests.walk.backups import Backups
from tests.walk.census import Census
from tests.walk.deeds import Deeds
from tests.walk.ground import Ground
from tests.walk.journal import Journal
from tests.walk.ledger import Ledger
from tests.walk.rest import Rest
from tests.walk.roles import ENDING, EXTENDED, NARROW, ROTATING, WIDE
from tests.walk.soundness import Soundness
from tests.walk.trail import Trail
from tests.walk.weather import Weather

_NAMES: Final = ("a", "b", "c")
NAME: Final = st.sampled_from(_NAMES)
ROLE: Final = st.sampled_from([WIDE, NARROW, ROTATING, EXTENDED, ENDING])
_WHILE: Final = 0.6
"""Seconds that a walk waits at most for its operator to catch up."""
_UNHURRIED: Final = 0.6
"""The part of the steps after which it waits; the others are followed at once by the next."""
_WRONG: Final = st.sampled_from([timedelta(), timedelta(minutes=5), timedelta(minutes=-5)])
"""LiteLLM's clock."""
_ANYTHING: Final = st.integers(0, 2**16)


class Steps(RuleBasedStateMachine):
    """One walk over one ground. What is drawn never depends on what the servers say, so that a seed is a walk."""

    def __init__(self, ground: Ground, trail: Trail) -> None:
        super().__init__()
        self.ground = ground
        self.trail = trail
        self.ledger = Ledger()
        self.weather = Weather(ground.api, ground.litellm)
        self.journal = Journal(ground, self.ledger)
        self.backups = Backups(ground, self.ledger, self.journal)
        self.deeds = Deeds(ground, self.ledger)
        self.rest = Rest(ground, self.ledger, self.journal, self.weather, Soundness(ground, self.ledger))
        self.pace = Random(0)  # noqa: S311 - the same walk has the same pace
        self.begun = False
        self.since_rest = 0

    @initialize(anything=_ANYTHING, pace=_ANYTHING, wrong=_WRONG, roles=st.tuples(*[ROLE] * len(_NAMES)))
    def begin(self, anything: int, pace: int, wrong: timedelta, roles: tuple[str, ...]) -> None:
        # The search begins with the simplest example of all, and with simplest ends to short beginnings: no walks.
        if not anything or not pace:
            reject()
        self.pace.seed(pace)
        self.begun = True
        told = f"an operator begins, and LiteLLM's clock is {wrong.total_seconds():g} s ahead of it"
        self.take(told, lambda: self.ground.begin(wrong))
        for name, role in zip(_NAMES, roles, strict=True):
            self.take(f"{name} is applied, of role {role}", partial(self.deeds.apply, name, role))

    @invariant()
    def is_safe(self) -> None:
        def act() -> None:
            self.weather.pass_step()
            self.ground.look_after_operators()
            self.require_safety()
            if self.pace.random() < _UNHURRIED:
                self.wait(self.has_caught_up)

        if self.begun:
            self.trail.take("", act)

    def take(self, told: str, act: Callable[[], object]) -> None:
        """Take one step."""
        self.since_rest += 1
        self.trail.take(told, act)

    def require_safety(self) -> None:
        """Raises with what happened, or is, that must never."""
        faults = [*self.journal.faults(), *Census.of(self.ground, self.ledger).faults(self.ground)]
        assert not faults, "\n    ".join(faults)

    def has_caught_up(self) -> bool:
        """Whether the operator has had nothing to do for a moment."""
        before = self.ground.api.count() + self.ground.litellm.count()
        time.sleep(0.2)
        return self.ground.api.count() + self.ground.litellm.count() == before

    def wait(self, over: Callable[[], bool]) -> None:
        """Wait for something, but not for long."""
        deadline = time.monotonic() + _WHILE
        while not over() and time.monotonic() < deadline:
            time.sleep(0.05)
