"""The result of a run: a table for people, JSON for machines."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dev.bench.figures import Figure, Floors
from dev.bench.sizes import Sizes

_ROOT: Final = Path(__file__).resolve().parents[2]
_MILLI: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Report:
    """Both floors before and after, and the rows."""

    sizes: Sizes
    before: Floors
    after: Floors
    figures: Sequence[Figure]

    @property
    def reached(self) -> bool:
        """Whether all is as it must be."""
        return all(figure.reached for figure in self.figures)

    def show(self, console: Console) -> None:
        """Print the tables."""
        floors = Table("floor, without any operator", "before", "after", box=box.SIMPLE_HEAD)
        for name, pick in (("proxy: bare /key/generate", "proxy"), ("work: all that a fresh key costs", "work")):
            paces = (getattr(side, pick) for side in (self.before, self.after))
            floors.add_row(name, *(f"{p.rate:.1f} keys/s ({p.concurrency} at a time)" for p in paces))
        rows = Table("figure", "measured", "must reach", "", box=box.SIMPLE_HEAD)
        for figure in self.figures:
            mark = Text("reached", "green") if figure.reached else Text("missed", "red")
            rows.add_row(Text(figure.name), Text(figure.measured), Text(figure.goal), mark)
        console.print(f"{machine()}, {datetime.now(UTC):%Y-%m-%d}", markup=False)
        console.print(floors, rows)

    def as_json(self) -> bytes:
        """All of it."""
        told: dict[str, Any] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "commit": _commit(),
            "reached": self.reached,
            "sizes": asdict(self.sizes),
            "floors": {"before": asdict(self.before), "after": asdict(self.after)},
            "figures": [asdict(figure) for figure in self.figures],
        }
        return orjson.dumps(told, option=orjson.OPT_INDENT_2)


def machine() -> str:
    """What it ran on."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[1]
    return f"{_processor()}, {cores} cores, Python {platform.python_version()}, load {load:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()
