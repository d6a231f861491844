"""Virtual environments of the servers, from hash-pinned requirements."""

import sys
from pathlib import Path

from dev import children, progress


def install(folder: Path, requirements: Path, *options: str, what: str, usual: str) -> None:
    """Makes an environment in `folder`, which may hold the rest of an earlier try, and installs what is pinned."""
    with progress.step(f"installing {what}", usual) as step:
        log = folder.with_suffix(".log")
        children.run([sys.executable, "-m", "venv", "--clear", folder], step, log=log)
        pip: list[str | Path] = [folder / "bin/python", "-m", "pip", "install", "--require-hashes", *options]
        children.run([*pip, "-r", requirements], step, log=log, detail=_package)


def _package(_: int, line: str) -> str:
    """A line of pip's without its hashes and file names."""
    return " ".join(line.split()[:2])
