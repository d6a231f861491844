"""The definitions of ServiceMonitor and PrometheusRule, as the Prometheus Operator's Go module has them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Final

from dev.children import ServerError
from dev.controlplane import binaries

MODULE: Final = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
HASH: Final = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
"""Of the whole module, as a `go.sum` would have it."""
KINDS: Final = ("servicemonitors", "prometheusrules")


def definitions() -> list[Path]:
    """Their files; Go's own cache keeps them. Raises `ServerError`."""
    command: list[str | Path] = [binaries.compiler(), "mod", "download", "-json", MODULE]
    # Not the go.mod of the folder that this happens to be run in.
    env = os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd="/")
    if done.returncode:
        raise ServerError(f"{MODULE} cannot be fetched: {done.stdout}{done.stderr}")
    fetched = json.loads(done.stdout)
    if fetched["Sum"] != HASH:
        raise ServerError(f"{MODULE} is not what it was: {fetched['Sum']}")
    folder = Path(fetched["Dir"]) / "example" / "prometheus-operator-crd"
    return [folder / f"monitoring.coreos.com_{kind}.yaml" for kind in KINDS]
