"""The image is the same for the same files, and holds what the operator needs to run and nothing to build with."""

from __future__ import annotations

import re
from collections.abc import Generator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

import litellm_key_operator
from dev import image
from dev.node import images, packages
from dev.node.obstacles import obstacle

HOME: Final = "opt/litellm-key-operator"
NOT_NEEDED: Final = re.compile(r"(pip[\d.]*|gcc.*|cc|c\+\+|g\+\+.*|ld|as|make|cargo|rustc|go)")
"""Programs that build or fetch others."""
UNCHECKED_HASH: Final = (1).to_bytes(4, "little")
"""The second word of a .pyc that is never compared with its source, and so carries no time."""


@pytest.fixture(scope="module")
def store() -> images.Store:
    """Where the image is built, on the base from Debian's packages."""
    if reason := obstacle():
        pytest.skip(f"the image is built where a node can run: {reason}")
    packages.install()
    return images.ready()


@pytest.fixture(scope="module")
def built(store: images.Store) -> str:
    """The image of the present files, its layers from whenever they were built first."""
    return store.operator("tested")


@pytest.fixture(scope="module")
def root(store: images.Store, built: str) -> Generator[Path]:
    """Its files."""
    container = store.buildah("from", "--pull-never", built)
    yield Path(store.buildah("mount", container))
    store.buildah("umount", container)
    store.buildah("rm", container)


@pytest.mark.slow
def test_the_same_files_make_the_same_layers(store: images.Store, built: str) -> None:
    again = store.operator("again", "--no-cache")
    assert store.inspect(again)["rootfs"]["diff_ids"] == store.inspect(built)["rootfs"]["diff_ids"]


def test_its_program_is_run_by_nobody_and_without_a_shell(store: images.Store, built: str, root: Path) -> None:
    config = store.inspect(built)["config"]
    assert config["User"] == "65532:65532"
    assert (config["Entrypoint"], config["Cmd"]) == (["litellm-key-operator"], ["run"])
    program = root / HOME / "bin" / "litellm-key-operator"
    assert config["Env"][0].startswith(f"PATH=/{HOME}/bin:")
    assert program.read_bytes().startswith(f"#!/{HOME}/bin/python\n".encode())


def test_it_says_what_it_is(store: images.Store, built: str) -> None:
    labels = store.inspect(built)["config"]["Labels"]
    said = {name.removeprefix("org.opencontainers.image."): text for name, text in labels.items()}
    assert said["title"] == image.NAME
    assert said["version"] == version(image.NAME) == image.version()
    assert said["licenses"] == "Apache-2.0"
    assert said["description"]
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", said["revision"])


def test_nothing_in_it_builds_or_fetches_programs(root: Path) -> None:
    folders = [
        root / HOME / "bin",
        *(root / place for place in ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin")),
    ]
    programs = {path.name for folder in folders if folder.exists() for path in folder.iterdir()}
    assert "python3" in programs
    assert sorted(name for name in programs if NOT_NEEDED.fullmatch(name)) == []
    modules = {path.parent.name for path in root.rglob("__init__.py")}
    assert "kopf" in modules
    assert modules & {"pip", "ensurepip", "hatchling", "wheel", "setuptools"} == set()


def test_what_it_imports_is_compiled_and_carries_no_time(root: Path) -> None:
    compiled = {path.parent.parent / f"{path.name.partition('.')[0]}.py": path for path in (root / HOME).rglob("*.pyc")}
    ours = next((root / HOME).glob("lib/python*/site-packages")) / litellm_key_operator.__name__
    assert set(ours.rglob("*.py")) <= compiled.keys()
    library = next(path.parent for path in root.glob("usr/**/python3*/os.py"))
    compiled |= {path.parent.parent / f"{path.name.partition('.')[0]}.py": path for path in library.rglob("*.pyc")}
    assert library / "asyncio" / "tasks.py" in compiled
    assert {path.read_bytes()[4:8] for path in compiled.values()} == {UNCHECKED_HASH}


def test_nothing_in_it_is_for_everybody_to_write(root: Path) -> None:
    installed = [path for path in (root / HOME).rglob("*") if not path.is_symlink()]
    assert [str(path) for path in installed if path.stat().st_mode & 0o022 or path.stat().st_uid] == []
