"""Values: each has an effect and a description, wrong ones are refused by name."""

from __future__ import annotations

import copy
import json
from functools import reduce
from typing import Any, Final

import pytest
import yaml

from dev.chart import values
from dev.children import ServerError
from dev.helm import CHART, Helm
from litellm_key_operator.api.crd import crd
from litellm_key_operator.api.names import CONNECTION as CONNECTION_KIND
from tests.chart.sets import CONNECTION, Values

DEFINED = "--api-versions=llmkeys.io/v1alpha1"
DEFAULTS: Final[Values] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA: Final[dict[str, Any]] = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

ANOTHER: dict[str, tuple[Any, Values]] = {
    "replicaCount": (2, {}),
    "image.repository": ("registry.example.com/operator", {}),
    "image.tag": ("9.9.9", {}),
    "image.digest": (f"sha256:{'0' * 64}", {}),
    "image.pullPolicy": ("Always", {}),
    "imagePullSecrets": ([{"name": "registry"}], {}),
    "nameOverride": ("another", {}),
    "fullnameOverride": ("another", {}),
    "commonLabels": ({"team": "llm"}, {}),
    "crds.enabled": (False, {}),
    "crds.keep": (False, {}),
    "crds.annotations": ({"example.com/owner": "llm"}, {}),
    "connection.name": ("another", {"connection": CONNECTION}),
    "connection.url": ("http://another:4000", {"connection": CONNECTION}),
    "connection.publicURL": ("https://llm.example.com", {"connection": CONNECTION}),
    "connection.adminKeySecretRef.name": ("another", {"connection": CONNECTION}),
    "connection.adminKeySecretRef.key": ("another", {"connection": CONNECTION}),
    "connection.tls": ({"insecureSkipVerify": True}, {"connection": CONNECTION}),
    "connection.timeout": ("20s", {"connection": CONNECTION}),
    "connection.maxInFlight": (4, {"connection": CONNECTION}),
    "connection.sweepInterval": ("1h", {"connection": CONNECTION}),
    "watch.namespaces": (["a"], {}),
    "clusterName": ("another", {}),
    "seedSecretName": ("another", {"watch": {"namespaces": ["a"]}}),
    "workers": (4, {}),
    "leaderElection.enabled": (False, {}),
    "leaderElection.leaseDuration": ("30s", {}),
    "log.level": ("debug", {}),
    "log.format": ("console", {}),
    "extraArgs": (["--retry-max=1m"], {}),
    "extraEnv": ([{"name": "A", "value": "b"}], {}),
    "extraVolumes": ([{"name": "a", "emptyDir": {}}], {}),
    "extraVolumeMounts": ([{"name": "a", "mountPath": "/a"}], {}),
    "extraObjects": ([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}], {}),
    "serviceAccount.create": (False, {}),
    "serviceAccount.name": ("another", {}),
    "serviceAccount.annotations": ({"example.com/owner": "llm"}, {}),
    "rbac.create": (False, {}),
    "rbac.clusterRole": (False, {"watch": {"namespaces": ["a"]}}),
    "rbac.aggregateToView": (False, {}),
    "rbac.aggregateToEdit": (False, {}),
    "rbac.platformRole": (False, {}),
    "admissionPolicy.enabled": (True, {}),
    "metrics.enabled": (False, {}),
    "metrics.port": (9090, {}),
    "metrics.service.annotations": ({"example.com/owner": "llm"}, {}),
    "metrics.service.labels": ({"team": "llm"}, {}),
    "serviceMonitor.enabled": (True, {}),
    "serviceMonitor.interval": ("1m", {"serviceMonitor": {"enabled": True}}),
    "serviceMonitor.labels": ({"team": "llm"}, {"serviceMonitor": {"enabled": True}}),
    "prometheusRule.enabled": (True, {}),
    "prometheusRule.labels": ({"team": "llm"}, {"prometheusRule": {"enabled": True}}),
    "grafanaDashboard.enabled": (True, {}),
    "grafanaDashboard.labels": ({"team": "llm"}, {"grafanaDashboard": {"enabled": True}}),
    "resources": ({"limits": {"memory": "1Gi"}}, {}),
    "podLabels": ({"team": "llm"}, {}),
    "podAnnotations": ({"example.com/owner": "llm"}, {}),
    "podSecurityContext": ({"runAsUser": 1000}, {}),
    "securityContext": ({"privileged": True}, {}),
    "livenessProbe": ({"periodSeconds": 60}, {}),
    "readinessProbe": ({"periodSeconds": 60}, {}),
    "terminationGracePeriodSeconds": (60, {}),
    "strategy": ({"type": "Recreate"}, {}),
    "nodeSelector": ({"kubernetes.io/os": "linux"}, {}),
    "tolerations": ([{"operator": "Exists"}], {}),
    "affinity": ({"nodeAffinity": {}}, {}),
    "topologySpreadConstraints": ([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}], {}),
    "priorityClassName": ("important", {}),
    "podDisruptionBudget.enabled": (True, {}),
    "podDisruptionBudget.minAvailable": (2, {"podDisruptionBudget": {"enabled": True}}),
    "networkPolicy.enabled": (True, {}),
    "networkPolicy.from": ([{"podSelector": {}}], {"networkPolicy": {"enabled": True}}),
    "networkPolicy.egress": ([{"to": [{"podSelector": {}}]}], {"networkPolicy": {"enabled": True}}),
}
"""For each value another one than the default, and what has to be given besides for it to matter."""


def with_value(base: Values, path: str, value: Any) -> Values:
    """A copy in which one value is another."""
    whole = copy.deepcopy(base)
    *above, last = path.split(".")
    reduce(lambda node, key: node.setdefault(key, {}), above, whole)[last] = value
    return whole


def test_every_value_is_known_here() -> None:
    assert sorted(ANOTHER) == sorted(value.path for value in values())


@pytest.mark.parametrize("path", ANOTHER)
def test_every_value_has_an_effect(helm: Helm, path: str) -> None:
    value, base = ANOTHER[path]
    without = helm.template("llm", "default", base, DEFINED)
    assert helm.template("llm", "default", with_value(base, path, value), DEFINED) != without


def test_the_schema_knows_the_same_values() -> None:
    def compare(schema: dict[str, Any], default: Values, path: str) -> None:
        assert schema["additionalProperties"] is False, path
        assert schema["properties"].keys() - {"global"} == default.keys(), path
        for name, inner in schema["properties"].items():
            if "properties" in inner and default.get(name):
                compare(inner, default[name], f"{path}.{name}")

    compare(SCHEMA, DEFAULTS, "")


def test_the_values_of_the_connection_are_its_spec() -> None:
    def compare(schema: dict[str, Any], wanted: dict[str, Any], path: str) -> None:
        assert schema["properties"].keys() == wanted["properties"].keys(), path
        for name, field in wanted["properties"].items():
            ours = schema["properties"][name]
            assert {limit: ours.get(limit) for limit in ("enum", "minimum", "maximum")} == {
                limit: field.get(limit) for limit in ("enum", "minimum", "maximum")
            }, f"{path}.{name}"
            if "properties" in field:
                compare(ours, field, f"{path}.{name}")

    definition = crd(CONNECTION_KIND)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    ours = copy.deepcopy(SCHEMA["properties"]["connection"])
    del ours["properties"]["name"]
    compare(ours, definition, "connection")
    assert {name: field["default"] for name, field in definition["properties"].items() if "default" in field} == {
        name: DEFAULTS["connection"][name] for name in ("timeout", "maxInFlight", "sweepInterval")
    }


REFUSED: dict[str, tuple[Values, str]] = {
    "unknown": ({"replicas": 2}, "additional properties 'replicas' not allowed"),
    "unknown-deeper": ({"image": {"name": "x"}}, "at '/image': additional properties 'name' not allowed"),
    "misspelt": ({"watch": {"namespace": ["a"]}}, "at '/watch': additional properties 'namespace' not allowed"),
    "text-for-number": ({"replicaCount": "2"}, "at '/replicaCount': got string, want integer"),
    "text-for-switch": ({"crds": {"enabled": "no"}}, "at '/crds/enabled': got string, want boolean"),
    "number-for-text": ({"podAnnotations": {"a": 1}}, "at '/podAnnotations/a': got number, want string"),
    "text-for-list": ({"watch": {"namespaces": "a,b"}}, "at '/watch/namespaces': got string, want array"),
    "namespace": ({"watch": {"namespaces": ["Team_A"]}}, "at '/watch/namespaces/0': 'Team_A' does not match pattern"),
    "namespace-twice": ({"watch": {"namespaces": ["a", "a"]}}, "at '/watch/namespaces': items at 0 and 1 are equal"),
    "pull-policy": ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy': value must be one of 'Always',"),
    "digest": ({"image": {"digest": "latest"}}, "at '/image/digest': 'latest' does not match pattern"),
    "tag": ({"image": {"tag": "a b"}}, "at '/image/tag': 'a b' does not match pattern"),
    "log-level": ({"log": {"level": "trace"}}, "at '/log/level': value must be one of 'debug', 'info', 'warning'"),
    "workers": ({"workers": 1000}, "at '/workers': maximum: got 1,000, want 256"),
    "no-worker": ({"workers": 0}, "at '/workers': minimum: got 0, want 1"),
    "lease": ({"leaderElection": {"leaseDuration": 15}}, "at '/leaderElection/leaseDuration': got number, want string"),
    "lease-unit": ({"leaderElection": {"leaseDuration": "15 s"}}, "'15 s' does not match pattern"),
    "lease-length": ({"leaderElection": {"leaseDuration": "10m"}}, "'10m' does not match pattern"),
    "two-without-election": (
        {"leaderElection": {"enabled": False}, "replicaCount": 2},
        "at '/replicaCount': maximum: got 2, want 1",
    ),
    "rolling-without-election": (
        {"leaderElection": {"enabled": False}, "strategy": {"type": "RollingUpdate"}},
        "at '/strategy/type': value must be 'Recreate'",
    ),
    "url": (
        {"connection": {"url": "litellm:4000", "adminKeySecretRef": {"name": "a"}}},
        "at '/connection/url': 'litellm:4000' does not match pattern",
    ),
    "url-with-user": (
        {"connection": {"url": "http://me:secret@litellm:4000", "adminKeySecretRef": {"name": "a"}}},
        "at '/connection/url':",
    ),
    "no-credential": (
        {"connection": {"url": "http://litellm:4000"}},
        "at '/connection/adminKeySecretRef/name': '' does not match pattern",
    ),
    "timeout": ({"connection": {"timeout": 15}}, "at '/connection/timeout': got number, want string"),
    "long-timeout": ({"connection": {"timeout": "60s"}}, "at '/connection/timeout': '60s' does not match pattern"),
    "short-sweep": ({"connection": {"sweepInterval": "1s"}}, "at '/connection/sweepInterval': '1s' does not match"),
    "ca-kind": ({"connection": {"tls": {"caRef": {"kind": "File", "name": "a"}}}}, "value must be one of 'ConfigMap'"),
    "ca-name": ({"connection": {"tls": {"caRef": {"kind": "Secret"}}}}, "missing property 'name'"),
    "seed": ({"seedSecretName": ""}, "at '/seedSecretName': '' does not match pattern"),
    "argument": ({"extraArgs": ["workers=3"]}, "at '/extraArgs/0': 'workers=3' does not match pattern '^--'"),
    "object": ({"extraObjects": [{"kind": "Secret"}]}, "missing properties 'apiVersion', 'metadata'"),
    "port": ({"metrics": {"port": 80}}, "at '/metrics/port': minimum: got 80, want 1,024"),
    "budget": ({"podDisruptionBudget": {"minAvailable": "half"}}, "at '/podDisruptionBudget/minAvailable': 'half'"),
    "strategy": ({"strategy": {"type": "Never"}}, "at '/strategy/type': value must be one of 'Recreate'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_values_are_refused_and_named(helm: Helm, name: str) -> None:
    given, said = REFUSED[name]
    with pytest.raises(ServerError) as refused:
        helm.template("llm", "default", given)
    assert said in str(refused.value)
