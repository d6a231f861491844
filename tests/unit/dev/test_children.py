"""Children end with the process that began them, whichever way that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dev import children, progress, watchdog

ROOT = Path(__file__).resolve().parents[3]

PARENT = """
import signal, sys
from pathlib import Path
from dev import children
with children.temporary_folder("llmkeys-test") as folder:
    child = children.Child(["sh", "-c", "sleep 600 & wait"], log=folder / "log")
    print(child.pid, folder, flush=True)
    sys.stdin.read()
    {ending}
"""


def gone(group: int) -> bool:
    deadline = time.monotonic() + 10
    while watchdog.alive(group) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not watchdog.alive(group)


@pytest.mark.parametrize(
    ("ending", "number"),
    [
        ("pass", None),
        ("raise SystemExit(0)", None),
        ("__import__('os')._exit(0)", None),
        ("sys.stdin", signal.SIGKILL),
        ("sys.stdin", signal.SIGTERM),
    ],
)
def test_nothing_is_left(ending: str, number: signal.Signals | None) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT.format(ending=ending)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as parent:
        assert parent.stdout is not None
        group, folder = parent.stdout.readline().split()
        assert watchdog.alive(int(group))
        if number is not None:
            parent.send_signal(number)
        parent.communicate()

    assert gone(int(group))
    deadline = time.monotonic() + 5
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(folder).exists()


def test_stop_ends_a_child_with_its_own_children(tmp_path: Path) -> None:
    child = children.Child(["sh", "-c", "sleep 600 & sleep 600"], log=tmp_path / "log")
    child.require_alive()

    child.stop()

    assert child.ended()
    assert not watchdog.alive(child.pid)


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    child = children.Child(["sh", "-c", f"trap '' TERM; touch {ready}; sleep 600 & wait; wait"], log=tmp_path / "log")
    while not ready.exists():
        time.sleep(0.01)

    child.stop(patience=0.1)

    assert not watchdog.alive(child.pid)


def test_a_child_that_ended_says_why(tmp_path: Path) -> None:
    child = children.Child(["sh", "-c", "echo no such luck; exit 3"], log=tmp_path / "log")
    assert child.wait() == 3

    with pytest.raises(children.ServerError, match=r"sh ended with 3; its log ends\n +no such luck"):
        child.require_alive()


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    step = progress.Step("trying")

    with pytest.raises(children.ServerError, match=r"(?s)trying: `sh -c .*` ended with 4; .* ends\n +bad"):
        children.run(["sh", "-c", "echo bad; exit 4"], step, log=log)


def test_a_command_reports_as_it_goes(tmp_path: Path) -> None:
    step = progress.Step("counting")
    children.run(["seq", "3"], step, log=tmp_path / "log", detail=lambda number, line: f"{number} lines, {line}")

    assert step.detail == "3 lines, 3"
    assert (tmp_path / "log").read_text(encoding="utf-8") == "1\n2\n3\n"


def test_an_interrupted_command_is_ended(tmp_path: Path) -> None:
    group: list[int] = []

    def interrupt(_: int, line: str) -> str:
        group.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        children.run(["sh", "-c", "echo $$; sleep 600"], progress.Step("x"), log=tmp_path / "log", detail=interrupt)

    assert not watchdog.alive(group[0])


def test_this_process_is_alive_and_no_other_of_its_number() -> None:
    assert watchdog.alive(os.getpgid(0))
    assert not watchdog.alive(2**22 + 1)
