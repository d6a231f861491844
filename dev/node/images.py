"""The images of a node, made without any registry: its sandbox, a base from Debian's packages, the operator's on it."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from dev import cache, children, image, progress
from dev.controlplane import binaries

PAUSE: Final = "localhost/pause:1"
SUITE: Final = "trixie"
"""The Debian whose Python is 3.13, as that of the Dockerfile's own base is."""
BASE: Final = f"localhost/debian-python:{SUITE}"
PACKAGES: Final = "ca-certificates,python3,python3-pip,python3-venv"
LEFT_OUT: Final = ("doc", "man", "locale")
OPERATOR: Final = "localhost/litellm-key-operator"
TAG: Final = "dev"


class Store:
    """Images on this machine's disk, apart from those of its users."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._where = (f"--root={folder / 'root'}", f"--runroot={folder / 'run'}", "--storage-driver=overlay")

    def buildah(self, *words: str | Path) -> str:
        """What buildah prints; raises `ServerError` with what it complains about."""
        command: list[str | Path] = ["buildah", *self._where, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise children.ServerError(f"buildah {words[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def operator(self, tag: str, *options: str, folder: Path | None = None) -> str:
        """Builds the operator's image on our base, and saves it into a folder if one is given; answers its name."""
        name = f"{OPERATOR}:{tag}"
        builder = image.buildah(*self._where)
        # Others on this machine may build another operator of the same name.
        with cache.locked("image"):
            builder.build(name, "--pull-never", *options, base=BASE, usually="10 s, a minute the first time")
            if folder is not None:
                self.save(name, folder)
        return name

    def inspect(self, name: str) -> dict[str, Any]:
        """What the OCI calls the configuration of an image."""
        found: dict[str, Any] = json.loads(self.buildah("inspect", "--type=image", name))["OCIv1"]
        return found

    def save(self, name: str, folder: Path) -> None:
        """Writes an image into a file of a folder, which containerd can import."""
        archive = folder / f"{name.replace('/', '_').replace(':', '_')}.tar"
        self.buildah("push", "--quiet", name, f"docker-archive:{archive}:{name}")


def ready() -> Store:
    """The store with the sandbox and the base, made once."""
    pause = binaries.node().pause
    recipe = "\n".join((SUITE, PACKAGES, *LEFT_OUT, str(pause)))
    return Store(cache.made("images", recipe.encode(), lambda folder: _make(Store(folder), pause)))


def _make(store: Store, pause: Path) -> None:
    _make_base(store)
    container = store.buildah("from", "scratch")
    store.buildah("copy", "--quiet", container, pause, "/pause")
    store.buildah("config", '--entrypoint=["/pause"]', "--user=65535:65535", container)
    store.buildah("commit", "--quiet", "--rm", container, PAUSE)


def _make_base(store: Store) -> None:
    """What the Dockerfile finds in `python:3.13-slim`, out of Debian's packages."""
    archive = store.folder / "debian.tar"
    command = ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    # There `python` is a command, and pip may install where it likes.
    command += [
        '--customize-hook=ln -s python3 "$1/usr/bin/python"; rm "$1"/usr/lib/python3*/EXTERNALLY-MANAGED',
        SUITE,
        str(archive),
    ]
    with progress.step(f"making a base image of Debian {SUITE}", "a minute, once") as step:
        children.run(command, step, log=store.folder.with_suffix(".log"))
    container = store.buildah("from", "scratch")
    store.buildah("add", "--quiet", container, archive, "/")
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    store.buildah("config", f"--env=PATH={path}", "--env=LANG=C.UTF-8", container)
    store.buildah("commit", "--quiet", "--rm", container, BASE)
    archive.unlink()
