"""`make demo` as its audience sees it: the story comes true, and nothing is left running."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from dev import servers

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 900

pytestmark = [pytest.mark.servers, pytest.mark.slow]


@pytest.fixture
def folder() -> Generator[Path]:
    """Where everything temporary of the demo goes; PostgreSQL's user has to get through, as it does not to tmp_path."""
    made = Path(tempfile.mkdtemp(prefix="llmkeys-demo-", dir="/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_the_demo_comes_true_and_leaves_nothing_running(folder: Path) -> None:
    ignored = {*servers.OWN, "KEEP", "CLUSTER"}
    environment = {name: value for name, value in os.environ.items() if name not in ignored} | {"TMPDIR": str(folder)}

    command = [sys.executable, "-m", "dev.demo"]
    demo = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert demo.returncode == 0, demo.stderr
    assert "\x1b" not in demo.stdout, "plain lines where there is no terminal"
    for sentence in (
        r"litellmkey\.llmkeys\.io/app created",
        r"litellmkey\.llmkeys\.io/app condition met",
        r"team-a +litellmkey\.llmkeys\.io/app +True +chat +app +\d{4}-",
        r"200 gpt-4o-mini: hello",
        r"key team-a/app spent \$0\.0\d+ of \$20\.00",
        r"LiteLLM refuses it: 401",
        r"job +False +chat .*Expired",
        r'"app" deleted',
        r"it returned after the key was revoked: 401",
        r"app +KeyRevoked",
        r"Where to go next",
    ):
        assert re.search(sentence, demo.stdout), f"{sentence}\n{demo.stdout}"
    assert not re.search(r"sk-[A-Za-z0-9_-]{8,}", demo.stdout + demo.stderr), "a key was printed"
    assert list(folder.iterdir()) == []
    assert _running_in(folder) == []


def _running_in(folder: Path) -> list[str]:
    """The commands of the processes that were begun below the demo, each of which has the folder in its environment."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has just ended, or is somebody else's
        if str(folder).encode() in environment + command:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found
