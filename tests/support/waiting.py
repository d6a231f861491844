"""Waiting for a condition on real servers, never longer than a busy machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

PATIENCE: Final = 90.0
"""Seconds that anything here may take on a busy machine."""


def until(found: Callable[[], Any], what: str | Callable[[], str], seconds: float = PATIENCE) -> Any:
    """What is found, as soon as there is something; raises AssertionError if time runs out.

    `what` is waited for; as a function it tells how things stand then.
    """
    deadline = time.monotonic() + seconds
    while not (it := found()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds:g} s for {what if isinstance(what, str) else what()}")
        time.sleep(0.1)
    return it
