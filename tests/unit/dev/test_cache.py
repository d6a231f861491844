import fcntl
import threading
from pathlib import Path

import pytest

from dev import cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "litellm-key-operator"


def test_the_folder_is_where_people_say(folder: Path) -> None:
    assert cache.root() == folder


def test_the_folder_is_below_home_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.root() == tmp_path / ".cache" / "litellm-key-operator"


def test_a_recipe_is_built_once() -> None:
    builds: list[Path] = []

    first = cache.made("thing", b"recipe", builds.append)
    again = cache.made("thing", b"recipe", builds.append)
    other = cache.made("thing", b"another recipe", builds.append)

    assert first == again != other
    assert builds == [first, other]


def test_an_interrupted_build_goes_on_where_it_was() -> None:
    def interrupted(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.made("thing", b"recipe", interrupted)
    found: list[bool] = []
    cache.made("thing", b"recipe", lambda folder: found.append((folder / "half").exists()))

    assert found == [True]


def test_who_comes_second_waits_and_does_not_build(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.mkdir()
    lock = (folder / "thing.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    built: list[Path] = []
    second = threading.Thread(target=cache.made, args=("thing", b"recipe", built.append))
    second.start()
    second.join(0.2)
    assert second.is_alive()

    made = folder / "thing-e1d8e5523309"
    made.mkdir()
    (made / ".complete").touch()
    lock.close()
    second.join(5)

    assert not built
    assert "waiting for another process that prepares thing" in capsys.readouterr().err
