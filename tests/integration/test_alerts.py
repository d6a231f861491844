"""The alerts as Prometheus' own tool reads them, and as it runs them over series of every case."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import yaml

from tests.support.prometheus import ALERTS, rules

CASES: Final = Path(__file__).with_name("alerts.yaml")
SEVERITIES: Final = {"warning", "critical"}


def promtool(programs: Path, *arguments: str | Path) -> None:
    done = subprocess.run([programs / "promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_to_complain_of(prometheus: Path) -> None:
    promtool(prometheus, "check", "rules", "--lint=all", "--lint-fatal", ALERTS)


def test_each_alert_fires_when_it_should_and_no_other(prometheus: Path) -> None:
    promtool(prometheus, "test", "rules", CASES)


def test_each_alert_has_a_case_a_severity_and_a_runbook() -> None:
    cases = CASES.read_text(encoding="utf-8")
    for rule in rules():
        assert f'alertname="{rule["alert"]}"' in cases, rule["alert"]
        assert rule["labels"]["severity"] in SEVERITIES
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert yaml.safe_load(cases)["tests"]
