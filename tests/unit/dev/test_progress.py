import re
import time

import pytest

from dev import progress


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (9.96, "10.0 s"), (12.4, "12 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s")]
)
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words


def test_lines_say_what_begins_how_long_it_takes_and_how_it_goes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT", 0.05)
    told = ""
    deadline = time.monotonic() + 20
    with progress.step("compiling", "ten minutes") as step:
        step.detail = "3 of 9 packages"
        while "3 of 9" not in told:
            assert time.monotonic() < deadline, told
            time.sleep(0.01)
            told += capsys.readouterr().err

    lines = (told + capsys.readouterr().err).splitlines()
    assert lines[0] == "==> compiling (usually ten minutes)"
    assert any(re.fullmatch(r"    compiling: 3 of 9 packages, \d\.\d s", line) for line in lines)
    assert re.fullmatch(r"    compiling: done in \d+(\.\d)? s", lines[-1])


def test_a_step_that_fails_is_not_called_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), progress.step("dividing"):
        raise ZeroDivisionError
    first, second = capsys.readouterr().err.splitlines()
    assert first == "==> dividing"
    assert re.fullmatch(r"    dividing: failed after \d\.\d s", second)
