"""A real Prometheus that scrapes operators as the chart's ServiceMonitor has them scraped."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from dev.children import Child
from dev.helm import CHART
from dev.ports import free_port
from tests.support.waiting import until

ALERTS: Final = CHART / "files/alerts.yaml"
DASHBOARD: Final = CHART / "files/dashboard.json"
TARGET: Final = {"namespace": "operator", "service": "operator", "endpoint": "http", "container": "operator"}
"""Labels that a ServiceMonitor gives a target. Three of them are names of labels of ours too."""
_JOB: Final = "litellm-key-operator"


def rules() -> list[dict[str, Any]]:
    """The alerts, in order."""
    found: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels that show something."""
    return [panel for panel in _dashboard()["panels"] if panel["type"] != "row"]


def variables() -> list[dict[str, Any]]:
    """What can be selected in it, out of the metrics."""
    return [variable for variable in _dashboard()["templating"]["list"] if variable["type"] == "query"]


def _dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return found


class Prometheus:
    """One that runs. What it scrapes is told by `scrape`."""

    def __init__(self, folder: Path, url: str) -> None:
        self._targets = folder / "targets.json"
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def scrape(self, *ports: int) -> None:
        """Scrape the pages at these ports of this machine, and no others, from now on."""
        named = [{"targets": [f"127.0.0.1:{port}"], "labels": {**TARGET, "pod": f"pod-{port}"}} for port in ports]
        new = self._targets.with_suffix(".new")
        new.write_text(json.dumps(named), encoding="utf-8")
        new.replace(self._targets)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of an expression; raises HTTPStatusError if it is none."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def history(self, expression: str) -> list[dict[str, Any]]:
        """The matrix of an expression, by seconds, over the last quarter of an hour."""
        now = time.time()
        found: list[dict[str, Any]] = self.get(
            "query_range", query=expression, start=str(now - 900), end=str(now), step="1"
        )["result"]
        return found

    def labels(self, expression: str, *names: str) -> set[tuple[str, ...]]:
        """These labels of each element of it."""
        return {tuple(one["metric"].get(name, "") for name in names) for one in self.query(expression)}

    def series(self, name: str) -> list[dict[str, str]]:
        """The labels of all series that a metric ever had."""
        found: list[dict[str, str]] = self.get("series", **{"match[]": name})
        return found

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer."""
        answer = self._client.get(f"/api/v1/{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()["data"]

    def ready(self) -> bool:
        """Whether it answers queries."""
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Talk to it no more."""
        self._client.close()


@contextmanager
def started(programs: Path, folder: Path) -> Generator[Prometheus]:
    """One with the chart's alerts that scrapes every second; nothing at first."""
    scraping = {
        "job_name": _JOB,
        "honor_labels": True,
        "file_sd_configs": [{"files": [str(folder / "targets.json")], "refresh_interval": "1s"}],
    }
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [scraping],
    }
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = (
        programs / "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    )
    child = Child(command, log=folder / "prometheus.log")
    made = Prometheus(folder, f"http://{address}")
    try:
        until(lambda: child.ended() or made.ready(), "Prometheus to be ready")
        child.require_alive()
        yield made
    finally:
        made.close()
        child.stop()
