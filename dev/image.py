"""`python -m dev.image [NAME]`: builds the operator's image, with the builder that this machine has.

BASE_IMAGE names another base than the Dockerfile's. Podman and buildah trust, while they build, the certificate
authorities that this machine trusts: it may have one of its own.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev import cache, children, progress

ROOT: Final = Path(__file__).resolve().parent.parent
EPOCH: Final = "0"
"""The time of every file, in seconds since 1970: a layer is the same whenever it is built."""
TRUSTED: Final = Path("/etc/ssl/certs/ca-certificates.crt")
NAME: Final = "litellm-key-operator"


@dataclass(frozen=True)
class Builder:
    """A program that builds images, and the words that make it build ours."""

    command: tuple[str, ...]
    stamped: bool
    """Whether it can set the time of all files in a layer."""

    def build(self, name: str, *options: str, base: str | None = None, usually: str = "a minute") -> None:
        """Builds the image under a name; raises `ServerError` with the end of the log."""
        arguments = {"SOURCE_DATE_EPOCH": EPOCH, "VERSION": version(), "REVISION": _git("rev-parse", "HEAD")}
        if base:
            arguments["BASE_IMAGE"] = base
        words = [*self.command, *options, *_build_arguments(arguments)]
        if self.stamped:
            words += ["--timestamp", EPOCH]
            words += ["--volume", f"{TRUSTED}:{TRUSTED}:ro"] if TRUSTED.exists() else []
        log = cache.root() / "image.log"
        log.unlink(missing_ok=True)  # an error shows its end, which should be this build's
        with progress.step(f"building the image {name}", usually) as step:
            children.run([*words, "--tag", name, str(ROOT)], step, log=log)


DOCKER: Final = Builder(("docker", "build"), stamped=False)
PODMAN: Final = Builder(("podman", "build"), stamped=True)


def buildah(*where: str) -> Builder:
    """Buildah with a store of its own, if one is named; without a container runtime, and on the machine's network."""
    command = ("buildah", *where, "build", "--isolation=chroot", "--network=host", "--layers")
    return Builder(command, stamped=True)


def found() -> Builder:
    """The first builder that works; raises `ServerError` if none does."""
    for builder, question in (
        (DOCKER, ("docker", "info")),
        (PODMAN, ("podman", "info")),
        (buildah(), ("buildah", "info")),
    ):
        if shutil.which(question[0]) and _answers(question):
            return builder
    raise children.ServerError(
        "an image is built by docker (with its daemon running), podman or buildah: none works here"
    )


def version() -> str:
    """The project's version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def _build_arguments(values: Mapping[str, str]) -> list[str]:
    return [f"--build-arg={name}={value}" for name, value in values.items() if value]


def _answers(question: Sequence[str]) -> bool:
    return subprocess.run(question, capture_output=True, check=False).returncode == 0


def _git(*arguments: str) -> str:
    """What git prints; nothing outside of a checkout."""
    if shutil.which("git") is None:
        return ""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.image", description="the operator's image")
    parser.add_argument("name", nargs="?", default=f"{NAME}:{version()}")
    name = parser.parse_args().name
    try:
        found().build(name, base=os.environ.get("BASE_IMAGE"))
    except children.ServerError as error:
        sys.exit(f"error: {error}\nBASE_IMAGE=NAME takes another base than the Dockerfile's; it needs Python and pip")
    progress.note(f"built {name}")


if __name__ == "__main__":
    main()
