"""Waiting for a condition on real servers, never longer than a busy machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

PATIENCE: Final = 90.0
"""Seconds that anything here may take on a busy machine."""


def until(found: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What is found, as soon as there is something; raises AssertionError if time runs out."""
    deadline = time.monotonic() + seconds
    while not (it := found()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.1)
    return it
