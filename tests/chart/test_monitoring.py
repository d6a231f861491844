"""What the chart brings for Prometheus and Grafana: whole, and taken by those who read it."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
import yaml

from dev.children import ServerError
from dev.controlplane import Access, monitoring
from dev.controlplane.access import define
from dev.helm import Helm, Manifest
from tests.support.prometheus import ALERTS, DASHBOARD, TARGET

NAMESPACE: Final = "default"
VALUES: Final[dict[str, Any]] = {
    "serviceMonitor": {"enabled": True, "interval": "30s", "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "grafanaDashboard": {"enabled": True},
}


def of_kind(manifests: list[Manifest], kind: str) -> Manifest:
    (found,) = (m for m in manifests if m["kind"] == kind)
    return found


def objects(helm: Helm) -> list[Manifest]:
    return helm.template("llm", NAMESPACE, VALUES)


def test_nothing_of_it_is_there_unless_asked_for(helm: Helm) -> None:
    kinds = {manifest["kind"] for manifest in helm.template("llm", NAMESPACE)}
    assert not kinds & {"ServiceMonitor", "PrometheusRule", "ConfigMap"}


def test_the_prometheus_operator_takes_it(helm: Helm, control_plane: Access) -> None:
    define(control_plane, *monitoring.definitions())
    of_theirs = [m for m in objects(helm) if m["kind"] in {"ServiceMonitor", "PrometheusRule"}]
    assert len(of_theirs) == 2
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": of_theirs})
    options = ("--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    assert len(control_plane.kubectl("apply", *options, input=text).splitlines()) == len(of_theirs)


def test_what_is_scraped_is_the_service_by_a_port_that_it_has(helm: Helm) -> None:
    manifests = objects(helm)
    service, monitor = of_kind(manifests, "Service"), of_kind(manifests, "ServiceMonitor")
    assert service["metadata"]["labels"].items() >= monitor["spec"]["selector"]["matchLabels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint == {"port": service["spec"]["ports"][0]["name"], "interval": "30s", "honorLabels": True}
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    container = of_kind(manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert (TARGET["endpoint"], TARGET["container"]) == (endpoint["port"], container["name"])


def test_the_rules_are_the_file_that_is_tested_word_for_word(helm: Helm) -> None:
    rule = of_kind(objects(helm), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    assert "{{ $labels.namespace }}" in json.dumps(rule["spec"])
    assert rule["metadata"]["labels"]["release"] == "prometheus"


def test_the_dashboard_is_the_file_that_is_tested_word_for_word(helm: Helm) -> None:
    found = of_kind(objects(helm), "ConfigMap")
    (text,) = found["data"].values()
    assert json.loads(text) == json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert "{{renewal}}" in text
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_there_is_nothing_to_scrape_without_a_service(helm: Helm) -> None:
    with pytest.raises(ServerError, match=r"/metrics/enabled.*must be true"):
        helm.template("llm", NAMESPACE, VALUES | {"metrics": {"enabled": False}})
    helm.template("llm", NAMESPACE, {"metrics": {"enabled": False}})
