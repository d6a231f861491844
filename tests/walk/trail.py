"""The steps of one walk, as they are taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


class WalkError(AssertionError):
    """Something happened that must never happen, or what has to happen did not; tells each step of the way there."""


@dataclass
class Trail:
    """`fault` is what ended the walk: no step is taken after it.

    It is kept and not raised: Hypothesis would take the same steps again to see whether it is so, on servers that never
    do the same thing twice.
    """

    file: Path
    again: str
    steps: list[str] = field(default_factory=list[str])
    fault: WalkError | None = None
    _began: float = field(default_factory=time.monotonic)

    def take(self, told: str, act: Callable[[], object]) -> None:
        """Take one step; whatever goes wrong in it ends the walk."""
        if self.fault is not None:
            return
        if told:
            self._write(told)
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the walk and is told at its end
            way = "\n    ".join(self.steps)
            self._write(f"it fails: {error}")
            self.fault = WalkError(f"{error}\n  {self.again}\n  the way there:\n    {way}")
            self.fault.__cause__ = error

    def _write(self, told: str) -> None:
        self.steps.append(f"{time.monotonic() - self._began:6.1f} s  {told}")
        self.file.write_text("\n".join([self.again, *self.steps, ""]), encoding="utf-8")

    def require_no_fault(self) -> None:
        """Raises what ended the walk."""
        if self.fault is not None:
            raise self.fault
