"""`python -m dev.bench`: measures, prints the table, writes `results/bench.json`.

QUICK=1 measures less, in under three minutes. The exit code is 0 if every figure is reached, 1 if one is missed, 2 if
something could not be measured. Servers are the bench's own, whatever is in the environment.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from dev import children, progress, servers
from dev.bench.clients import BenchError
from dev.bench.course import run
from dev.bench.report import Report
from dev.bench.sizes import FULL, QUICK, Sizes
from dev.children import ServerError
from dev.operatorprocess import OperatorError

RESULT: Final = Path(__file__).resolve().parents[2] / "results" / "bench.json"
NEGATIVE: Final = ("", "0", "no", "false")
WIDTH: Final = 150
"""Columns where there is no terminal."""


def measure(sizes: Sizes) -> Report:
    """One run on servers of its own."""
    with servers.own() as (plane, proxy), children.temporary_folder("llmkeys-bench") as folder:
        return asyncio.run(run(plane, proxy, folder, sizes))


def main() -> None:
    """The command line."""
    quick = os.environ.get("QUICK", "").lower() not in NEGATIVE
    try:
        report = measure(QUICK if quick else FULL)
    except (BenchError, ServerError, OperatorError) as error:
        progress.note(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        progress.note("interrupted; nothing is left running")
        sys.exit(130)
    console = Console(highlight=False)
    report.show(console if console.is_terminal else Console(highlight=False, width=WIDTH))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_bytes(report.as_json())
    progress.note(f"the same as JSON: {RESULT}")
    sys.exit(0 if report.reached else 1)


if __name__ == "__main__":
    main()
