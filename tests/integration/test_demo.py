"""`make demo` as its audience sees it: the story comes true, and nothing is left running."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from dev import background, cache, servers
from dev.demo.stage import KEPT

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


def demo(*arguments: str, folder: Path, **variables: str) -> subprocess.Popen[str]:
    """The demo as a process of its own, off a terminal."""
    ignored = {*servers.OWN, "KEEP", "CLUSTER"}
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    return subprocess.Popen(
        [sys.executable, "-m", "dev.demo", *arguments],
        cwd=ROOT,
        env=environment | {"TMPDIR": str(folder)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_demo_comes_true_and_leaves_nothing_running(folder: Path) -> None:
    with demo(folder=folder) as process:
        told, progress = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0, progress
    assert "\x1b" not in told, "plain lines where there is no terminal"
    for sentence in (
        r"litellmkey\.llmkeys\.io/app created",
        r"litellmkey\.llmkeys\.io/app condition met",
        r"team-a +litellmkey\.llmkeys\.io/app +True +chat +app +\d{4}-",
        r"200 gpt-4o-mini: hello",
        r"key team-a/app spent \$0\.0\d+ of \$20\.00",
        r"LiteLLM refuses it: 401",
        r"job +False +chat .*Expired",
        r'"app" deleted',
        r"the Secret holds sk-\.\.\.\S{4}; sk-\.\.\.\S{4} works as well until \d{4}-",
        r"it returned after both values were revoked: 401",
        r"app +KeyRevoked",
        r"Where to go next",
    ):
        assert re.search(sentence, told), f"{sentence}\n{told}"
    assert not re.search(r"sk-[A-Za-z0-9_-]{8,}", told + progress), "a key was printed"
    assert list(folder.iterdir()) == []
    assert _running_in(folder) == []


def test_what_is_kept_can_be_used_and_ended(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A cache with all that is built, in which no demo is up, whoever keeps one.
    own = tmp_path / "litellm-key-operator"
    own.mkdir()
    for built in filter(Path.is_dir, cache.root().iterdir()):
        (own / built.name).symlink_to(built)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with demo("hold", folder=folder) as holder:
        deadline = time.monotonic() + PATIENCE
        while (running := background.found(KEPT)) is None:
            assert holder.poll() is None, holder.stderr and holder.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        log = Path(running.kubeconfig).parent / "operator.log"
        assert "leading" in log.read_text(encoding="utf-8")

        with demo("down", folder=folder) as down:
            assert "the demo is down" in down.communicate(timeout=PATIENCE)[1]

        assert holder.wait(timeout=PATIENCE) == 0
    assert background.found(KEPT) is None
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
