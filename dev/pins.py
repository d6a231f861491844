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
TARGETS: Final = {"run.txt": (), "dev.txt": ("--extra", "dev")}


def main() -> None:
    """Writes `requirements/run.txt` (the image) and `requirements/dev.txt` (everything else)."""
    for name, extra in TARGETS.items():
        print(f"resolving requirements/{name} (usually half a minute)", flush=True)
        output = f"requirements/{name}"
        command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, *extra, "-o", output, "pyproject.toml"]
        subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
