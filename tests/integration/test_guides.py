"""Whoever follows a page of the documentation literally gets what it says: its commands succeed, and print that."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest

from dev.controlplane import Access
from dev.litellm import Endpoint
from tests.integration.conftest import opened
from tests.integration.site import Site
from tests.support.documents import FOLLOWED, ROOT, Command, commands
from tests.support.shell import follow
from tests.support.waiting import until

EXAMPLE_URL: Final = "http://litellm.llm-platform:4000"
README, START, *PAGES = FOLLOWED
OPERATOR: Final = ".venv/bin/litellm-key-operator run"


class Reader:
    """Somebody with a checkout and a shell; the examples' namespaces have other names, so that tests keep apart."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site, self.folder = site, folder
        self._names: dict[str, str] = dict(zip(("llm-platform", "team-a", "team-b"), site.clusters, strict=False))
        for name in ("deploy", ".venv"):
            (folder / name).symlink_to(ROOT / name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        for file in (path for path in (folder / "examples").rglob("*") if path.is_file()):
            text = file.read_text(encoding="utf-8").replace(EXAMPLE_URL, site.litellm.url)
            file.write_text(self.here(text), encoding="utf-8")
        (folder / "bin").mkdir()
        (folder / "bin" / "kubectl").symlink_to(site.access.kubectl_program)

    def here(self, text: str) -> str:
        """The text, about this reader's namespaces."""
        return re.sub("|".join(self._names), lambda match: self._names[match[0]], text)

    def environment(self, **more: str) -> dict[str, str]:
        """What the demo tells to paste, and where kubectl is."""
        litellm = {"LITELLM_URL": self.site.litellm.url, "LITELLM_MASTER_KEY": self.site.admin.master_key}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return os.environ | {"KUBECONFIG": str(self.site.access.kubeconfig), "PATH": path} | litellm | more

    def follow(self, steps: Sequence[Command]) -> None:
        """Type the commands, about this reader's namespaces."""
        typed = [Command(self.here(step.text), step.output and self.here(step.output)) for step in steps]
        follow(typed, self.folder, self.environment())


@pytest.fixture(scope="module")
def quickstart(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Reader]:
    """A reader who has what `make demo KEEP=1` leaves: a Connection, a Role, and an operator."""
    site.secret("litellm-admin", **{"master-key": site.admin.master_key})
    site.access.kubectl("label", "namespace", site.teams[0], "llm=yes")
    for file in ("10-connection.yaml", "20-role.yaml"):
        applied = Reader(site, tmp_path_factory.mktemp("quickstart")).folder / "examples" / "quickstart" / file
        site.access.kubectl("apply", "-f", str(applied))
    return lambda: Reader(site, tmp_path_factory.mktemp("reader"))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_can_be_followed_as_it_stands(quickstart: Callable[[], Reader], page: Path) -> None:
    steps = commands(page)
    assert steps
    quickstart().follow(steps)


def test_the_example_of_the_readme_prints_what_is_shown(quickstart: Callable[[], Reader]) -> None:
    apply, look = (command for command in commands(README) if command.output is not None)
    reader = quickstart()
    wait = "kubectl wait --for=condition=Ready litellmkeys/app -n team-a --timeout=60s\n"
    reader.follow([apply, Command(wait, None), look, Command("kubectl delete litellmkeys/app -n team-a\n", None)])


def test_the_operator_is_installed_as_is_said(crds: Access, litellm: Endpoint, tmp_path: Path) -> None:
    installed, *rest = (command for command in commands(START) if command.output is None)
    assert installed.text.startswith("make venv\n")
    assert OPERATOR in installed.text.splitlines()[-1]
    with opened(crds, litellm, tmp_path) as site:
        (tmp_path / "reader").mkdir()
        reader = Reader(site, tmp_path / "reader")
        settings = {
            "LLMKEYS_NAMESPACES": ",".join(site.clusters),
            "LLMKEYS_OPERATOR_NAMESPACE": site.home,
            "LLMKEYS_HTTP_ADDRESS": "127.0.0.1:0",
        }
        before, _, run = reader.here(installed.text.removeprefix("make venv\n")).rstrip().rpartition("\n")
        log = tmp_path / "log"
        with log.open("w") as sink:
            script = f"set -euo pipefail\n{before}\nexec {run}\n"
            operator = subprocess.Popen(
                ["bash", "-c", script],
                cwd=reader.folder,
                env=reader.environment(**settings),
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        try:
            until(lambda: operator.poll() is not None or "leading" in log.read_text("utf-8"), "the operator to lead")
            assert operator.poll() is None, log.read_text("utf-8")
            reader.follow(rest)
            site.access.kubectl("delete", "litellmkeys", "--all", "-n", site.teams[0], "--timeout=60s")
        except AssertionError as error:
            error.add_note(site.access.kubectl("get", "litellm", "-A", "-o", "wide"))
            error.add_note(log.read_text("utf-8"))
            raise
        finally:
            operator.terminate()
            operator.wait(20)
