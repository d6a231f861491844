"""What people see: aligned columns, in colours on a terminal that wants them; JSON for scripts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Final, NamedTuple, TextIO

from litellm_key_operator.api.common import Model

_GAP: Final = "  "
_ESCAPES: Final = dict.fromkeys((*range(32), *range(127, 160)), "�")
"""What moves a cursor or changes a terminal: texts in a cluster are written by many."""


class Cell(NamedTuple):
    """A text in a column, with a style of rich's."""

    text: str
    style: str = ""


class Screen:
    """Standard output for answers, standard error for everything else."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None, *, machine: bool = False) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self.machine = machine
        self._rich = self._out.isatty() and "NO_COLOR" not in os.environ and find_spec("rich") is not None

    def answer(self, shape: Model) -> None:
        """An answer for scripts."""
        self._out.write(shape.model_dump_json(by_alias=True, indent=2) + "\n")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Rows below a header, each column as wide as it needs to be."""
        clean = [[Cell(shown(cell.text), cell.style) for cell in row] for row in rows]
        if self._rich:
            self._draw(header, clean)
            return
        lines = [list(header), *([cell.text for cell in row] for row in clean)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
        for line in lines:
            padded = _GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=True))
            self._out.write(padded.rstrip() + "\n")

    def say(self, text: str, style: str = "") -> None:
        """A sentence of the answer."""
        if self._rich:
            from rich.console import Console  # noqa: PLC0415 - not everybody has it, and it takes its time

            Console(file=self._out, highlight=False, markup=False, soft_wrap=True).print(shown(text), style=style)
        else:
            self._out.write(shown(text) + "\n")

    def note(self, text: str) -> None:
        """Something beside the answer."""
        self._err.write(shown(text) + "\n")
        self._err.flush()

    @property
    def answers(self) -> bool:
        """Whether there is somebody to ask."""
        return sys.stdin.isatty()

    def ask(self, question: str) -> bool:
        """Whether somebody says yes."""
        self._err.write(f"{shown(question)} [y/N] ")
        self._err.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def _draw(self, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        from rich.console import Console  # noqa: PLC0415 - as above
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=None, pad_edge=False, header_style="bold")
        for number, title in enumerate(header):
            table.add_column(title, no_wrap=number == 0, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
        Console(file=self._out, highlight=False).print(table)


def shown(text: str) -> str:
    """A foreign text made fit for a terminal."""
    return text.translate(_ESCAPES)
