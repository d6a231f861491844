"""What a reader of the documentation types into a shell, and what it prints."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.support.documents import Command

PATIENCE: Final = 180.0


def follow(steps: Sequence[Command], folder: Path, environment: Mapping[str, str]) -> None:
    """Type the commands, all into one shell; each has to succeed, and to print what is said of it."""
    mark = f"-- {secrets.token_hex(8)} --"
    script = "set -euo pipefail\n" + "".join(f"echo '{mark}'\n{step.text}\n" for step in steps)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    _, *outputs = done.stdout.split(f"{mark}\n")
    assert done.returncode == 0, f"{steps[len(outputs) - 1].text}\n{outputs[-1]}\n{done.stderr}"
    for step, output in zip(steps, outputs, strict=True):
        assert step.output is None or plain(output) == plain(step.output), step.text


def plain(output: str) -> list[str]:
    """Lines without what differs each time: moments, ages, widths of columns."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "MOMENT", output)
    return [" ".join(re.sub(r"\b\d+[smhd]\b", "AGE", line).split()) for line in text.splitlines() if line.strip()]
