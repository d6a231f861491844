"""What the demo's audience sees: chapters, commands with what they print, and findings; plain lines off a terminal."""

from typing import Final

from rich.console import Console
from rich.text import Text

_console: Final = Console(highlight=False, markup=False, soft_wrap=True)


def chapter(title: str) -> None:
    """A new part of the story."""
    _console.print()
    _console.print(Text(title, style="bold"))


def say(text: str) -> None:
    """A sentence between commands."""
    _console.print(text)


def command(line: str, output: str = "") -> None:
    """A command as anybody may type it, and what it printed."""
    _console.print(Text.assemble(("  $ ", "dim"), (line, "cyan")))
    for row in output.splitlines():
        _console.print(f"    {row}")


def found(text: str) -> None:
    """Something that was promised, and is so."""
    _console.print(Text.assemble(("  ✓ ", "green"), text))


def copyable(*lines: str) -> None:
    """Lines to be pasted into a shell: nothing before or after them."""
    for line in lines:
        _console.print(line)
