"""The one folder where built and installed servers are kept, and the locks that let several processes share it."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from dev import progress


def root() -> Path:
    """`$XDG_CACHE_HOME/litellm-key-operator`, by default below `~/.cache`; it may be removed at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(base).expanduser().resolve() / "litellm-key-operator"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str) -> Generator[None]:
    """Only one process on this machine is inside of the lock of a name; the others say that they wait."""
    with (root() / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.step(f"waiting for another process that prepares {name}"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def made(name: str, recipe: bytes, build: Callable[[Path], None]) -> Path:
    """The folder that `build` fills, built once per recipe.

    It is marked complete at the end only, so an interrupted build is called again on what it left behind and may go on
    from there; what a build puts inside may know its own absolute path (virtual environments do).
    """
    folder = root() / f"{name}-{hashlib.sha256(recipe).hexdigest()[:12]}"
    complete = folder / ".complete"
    if not complete.exists():
        with locked(name):
            if not complete.exists():
                folder.mkdir(exist_ok=True)
                build(folder)
                complete.touch()
    return folder
