"""Ends what a process left running, however that process ended.

`python watchdog.py` reads lines from its standard input, whose other end only the process that began it holds:
`+PID SIGNAL` a process group to end, `-PID` it has ended already, `+PATH` and `-PATH` a temporary folder.
When the input ends, so has that process, perhaps by `kill -9`, and what is still on the list is ended and removed.
PR_SET_PDEATHSIG would not do: it fires when the *thread* ends that began the child.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final

ZOMBIE: Final = b"Z"
PATIENCE: Final = 5.0
"""Seconds that processes get between their signal and SIGKILL."""


def alive(group: int) -> bool:
    """Whether a process of the group still runs; zombies, which nobody may ever reap, do not."""
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - names, not paths
        try:
            state, _, member = Path(f"/proc/{name}/stat").read_bytes().rpartition(b") ")[2].split()[:3]
        except OSError:
            continue  # it has just gone
        if int(member) == group and state != ZOMBIE:
            return True
    return False


def tell(group: int, number: int) -> None:
    """Sends a signal to a group that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def end(groups: dict[int, int]) -> None:
    """Signals every group, and kills what does not go."""
    for group, number in groups.items():
        tell(group, number)
    deadline = time.monotonic() + PATIENCE
    while any(alive(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        tell(group, signal.SIGKILL)


def main() -> None:
    """Reads the list until its writer is gone, then ends what is on it."""
    for ours in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ours, signal.SIG_IGN)
    groups: dict[int, int] = {}
    folders: set[str] = set()
    for line in sys.stdin:
        sign, rest = line[0], line[1:].rstrip("\n")
        if rest.startswith("/"):
            (folders.add if sign == "+" else folders.discard)(rest)
        elif sign == "+":
            group, number = rest.split()
            groups[int(group)] = int(number)
        else:
            groups.pop(int(rest), None)
    end(groups)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
