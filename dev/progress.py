"""What is going on, for people: a live display on a terminal, plain lines with heartbeats elsewhere."""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

HEARTBEAT: Final = 15.0
"""Seconds between two lines of a long step where there is no terminal: a build log never looks hung."""

console: Final = Console(stderr=True, highlight=False)


def duration(seconds: float) -> str:
    """Seconds as people say them: `0.4 s`, `12 s`, `3 min 5 s`."""
    if seconds < 10:  # noqa: PLR2004 - below this, tenths matter
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Step:
    """Something that takes its time; `detail` may be set from any thread while it does."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.detail = ""
        self.started = time.monotonic()

    def elapsed(self) -> str:
        """How long it has been going on."""
        return duration(time.monotonic() - self.started)


@contextmanager
def step(what: str, usually: str = "") -> Generator[Step]:
    """Says that something begins, how long that usually takes, how it goes on, and how long it took."""
    current = Step(what)
    label = f"{what} (usually {usually})" if usually else what
    display = _terminal(current, label) if console.is_terminal else _lines(current, label)
    with display:
        yield current


def note(text: str) -> None:
    """One line that stays."""
    console.print(text, markup=False, soft_wrap=True)
    sys.stderr.flush()


@contextmanager
def _lines(current: Step, label: str) -> Generator[None]:
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT):
            note(f"    {current.what}: {current.detail or 'still at it'}, {current.elapsed()}")

    note(f"==> {label}")
    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
        note(f"    {current.what}: done in {current.elapsed()}")
    except BaseException:
        note(f"    {current.what}: failed after {current.elapsed()}")
        raise
    finally:
        over.set()
        heart.join()


class _Board:
    """The live display that all steps of this process share: rich allows one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._steps: dict[TaskID, Step] = {}

    def add(self, current: Step, label: str) -> TaskID:
        """Shows a step, and begins the display with the first."""
        with self._lock:
            if self._progress is None:
                columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("[dim]{task.fields[detail]}"))
                self._progress = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
                self._progress.start()
                threading.Thread(target=self._refresh, args=(self._progress,), daemon=True).start()
            task = self._progress.add_task(label, total=None, detail="")
            self._steps[task] = current
            return task

    def remove(self, task: TaskID) -> None:
        """Takes a step off, and ends the display with the last."""
        with self._lock:
            del self._steps[task]
            if self._progress is None:
                return
            self._progress.remove_task(task)
            if not self._steps:
                self._progress.stop()
                self._progress = None

    def _refresh(self, shown: Progress) -> None:
        while self._progress is shown:
            with self._lock:
                for task, current in self._steps.items():
                    shown.update(task, detail=current.detail)
            time.sleep(0.2)


_board: Final = _Board()


@contextmanager
def _terminal(current: Step, label: str) -> Generator[None]:
    task = _board.add(current, label)
    finished = False
    try:
        yield
        finished = True
    finally:
        _board.remove(task)
        note(f"{'✓' if finished else '✗'} {current.what} ({current.elapsed()})")
