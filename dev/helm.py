"""Helm, as those who install the chart run it; by itself, or on an API server."""

import json
import os
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from dev.children import ServerError, temporary_folder
from dev.controlplane import binaries

CHART: Final = Path(__file__).resolve().parent.parent / "deploy" / "helm" / "litellm-key-operator"

Manifest = dict[str, Any]


class Helm:
    """Runs Helm with settings of its own: nobody's repositories and plugins; on a cluster only if one is given."""

    def __init__(self, home: Path, kubeconfig: Path | None = None) -> None:
        self._program = binaries.helm()
        own = {f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        # What a cluster said of the kinds it serves is kept below HOME, and another one may have had its address.
        self._environment = os.environ | own | {"HOME": str(home), "KUBECONFIG": str(kubeconfig or home / "none")}

    def __call__(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """What it prints; raises `ServerError` with what it complains about."""
        command = [str(self._program), *arguments, *(("--values", "-") if values is not None else ())]
        given = json.dumps(values) if values is not None else None
        done = subprocess.run(command, input=given, capture_output=True, text=True, env=self._environment, check=False)
        if done.returncode:
            raise ServerError(f"helm {' '.join(arguments)}: {done.stderr.strip()}\n{done.stdout.strip()}")
        return done.stdout

    def template(
        self, release: str, namespace: str, values: Mapping[str, Any] | None = None, *options: str
    ) -> list[Manifest]:
        """The objects that a release of the chart consists of."""
        text = self("template", release, str(CHART), "--namespace", namespace, *options, values=values or {})
        return [found for found in yaml.safe_load_all(text) if found is not None]


@contextmanager
def helm(kubeconfig: Path | None = None) -> Generator[Helm]:
    """Helm, for a while."""
    with temporary_folder("llmkeys-helm") as home:
        yield Helm(home, kubeconfig)
