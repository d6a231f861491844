"""What people read: the README and the pages of the site, with the blocks of code in them as they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
UNINSTALLING: Final = ROOT / "docs/guides/uninstall.md"
"""Its commands need a node: `tests/node/test_uninstalling.py` runs them."""
FOLLOWED: Final = (
    ROOT / "README.md",
    ROOT / "docs/checkout.md",
    *sorted({*ROOT.glob("docs/guides/*.md")} - {UNINSTALLING}),
    ROOT / "docs/troubleshooting/index.md",
)
"""Those whose commands `tests/integration/test_guides.py` runs."""
_FENCE: Final = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_INCLUDE: Final = re.compile(r"^--8<-- \"(?P<file>[^\":]+)(?::(?P<section>[\w-]+))?\"$", re.MULTILINE)
_MARK: Final = re.compile(r"^.*--8<-- \[(start|end):.*\n", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its language, the title that a reader sees above it, and its text."""

    language: str
    title: str
    text: str


class Command(NamedTuple):
    """Lines for a shell. `output` is what they print, None where nothing is said of it."""

    text: str
    output: str | None


def shown(file: Path) -> str:
    """A document as the site shows it: with the parts of other files that it includes."""

    def included(match: re.Match[str]) -> str:
        text = (ROOT / match["file"]).read_text(encoding="utf-8")
        if match["section"] is not None:
            text = text.split(f"--8<-- [start:{match['section']}]")[1].split("\n", 1)[1]
            text = text.split(f"--8<-- [end:{match['section']}]")[0].rpartition("\n")[0] + "\n"
        return _MARK.sub("", text).rstrip("\n")

    return _INCLUDE.sub(included, _MARK.sub("", file.read_text(encoding="utf-8")))


def blocks(file: Path, *languages: str) -> list[Block]:
    """Its blocks in these languages, in order; all of them if none is named."""
    return _blocks(shown(file), *languages)


def _blocks(text: str, *languages: str) -> list[Block]:
    found = (Block(m["language"], m["title"] or "", m["text"]) for m in _FENCE.finditer(text))
    return [block for block in found if not languages or block.language in languages]


def commands(file: Path) -> list[Command]:
    """What a reader who follows it types, in order."""
    return [command for block in blocks(file, "sh", "console") for command in _commands(block)]


def chapters(file: Path) -> dict[str, list[Command]]:
    """The same by the heading of the second level that it is under; what comes before the first is under none."""
    found: dict[str, list[Command]] = {}
    for part in re.split(r"^(?=## )", shown(file), flags=re.MULTILINE):
        heading = part.partition("\n")[0].removeprefix("## ") if part.startswith("## ") else ""
        found[heading] = [command for block in _blocks(part, "sh", "console") for command in _commands(block)]
    return found


def _commands(block: Block) -> Iterator[Command]:
    if block.language == "sh":
        yield Command(block.text, None)
        return
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Command(f"{line}\n", output)
