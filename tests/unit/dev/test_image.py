"""Which builder makes the image, and what it is told."""

import os
from pathlib import Path

import pytest

from dev import children, image


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH, besides that of the shell."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.fspath(folder))
    return folder


def program(folder: Path, name: str, *, answers: bool = True) -> None:
    """A builder that writes down what it is asked for, and whether its daemon runs."""
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "$0 $@" >> {folder}/asked\nexit {0 if answers else 1}\n')
    path.chmod(0o755)


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().splitlines()


def test_without_a_builder_it_says_which_there_are(programs: Path) -> None:
    program(programs, "docker", answers=False)
    with pytest.raises(children.ServerError, match=r"docker .* podman or buildah"):
        image.found()


@pytest.mark.parametrize(("there", "taken"), [(("docker", "buildah"), "docker"), (("buildah", "podman"), "podman")])
def test_the_first_that_works_is_taken(programs: Path, there: tuple[str, ...], taken: str) -> None:
    for name in there:
        program(programs, name)
    assert image.found().command[0] == taken


def test_one_whose_daemon_does_not_run_is_passed_over(programs: Path) -> None:
    program(programs, "docker", answers=False)
    program(programs, "buildah")
    assert image.found().command[0] == "buildah"


def test_all_files_get_one_time_and_the_image_its_version(programs: Path) -> None:
    program(programs, "buildah")
    image.buildah().build("some:tag", base="localhost/base:1")
    words = asked(programs)[-1].split()
    assert words[words.index("--timestamp") + 1] == "0"
    assert words[words.index("--tag") + 1] == "some:tag"
    assert "--build-arg=SOURCE_DATE_EPOCH=0" in words
    assert "--build-arg=BASE_IMAGE=localhost/base:1" in words
    assert f"--build-arg=VERSION={image.version()}" in words
