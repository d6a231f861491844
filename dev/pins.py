"""`python -m dev.pins`: resolves the requirements files anew, with a hash for every file of every package."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
OPTIONS: Final = (
    "--quiet",
    "--upgrade",
    "--generate-hashes",
    "--allow-unsafe",  # pip and setuptools are packages like others
    "--strip-extras",
    "--no-header",  # it would quote this machine's paths
    "--no-emit-find-links",
    "--no-emit-index-url",
)
TARGETS: Final = (
    ("requirements/run.txt", "pyproject.toml"),
    ("requirements/build.txt", "--build-deps-for=wheel", "--only-build-deps", "pyproject.toml"),
    ("requirements/dev.txt", "--extra=dev", "pyproject.toml"),
    ("dev/controlplane/requirements.txt", "dev/controlplane/requirements.in"),
    ("dev/litellm/postgres-requirements.txt", "dev/litellm/postgres-requirements.in"),
    ("dev/litellm/requirements.txt", "dev/litellm/requirements.in"),
    ("dev/litellm/oldest-requirements.txt", "dev/litellm/oldest-requirements.in"),
)


def main() -> None:
    """Writes what the image runs, and is built with, what development needs and the servers need, each into a file."""
    for target, *source in TARGETS:
        print(f"resolving {target} (usually half a minute)", flush=True)
        command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, "--output-file", target, *source]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
