"""What the chart makes of values, and that a real API server takes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dev.controlplane import Access, ControlPlane
from dev.helm import CHART, Helm, Manifest
from dev.helm import helm as temporary_helm
from litellm_key_operator.api.crd import crd
from litellm_key_operator.api.names import CONNECTION, KEY, PROGRAM, ROLE
from litellm_key_operator.settings import Run, parse
from tests.chart.sets import NOTHING_IN_THE_CLUSTER, SETS, Values

DEFINED = "--api-versions=llmkeys.io/v1alpha1"
NAMESPACE = "default"


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [found for found in manifests if found["kind"] in kinds]


def pod(manifests: list[Manifest]) -> Manifest:
    (deployment,) = of_kind(manifests, "Deployment")
    template: Manifest = deployment["spec"]["template"]
    return template


def settings(manifests: list[Manifest]) -> Run:
    """What the operator understands of its arguments."""
    run = parse(pod(manifests)["spec"]["containers"][0]["args"])
    assert isinstance(run, Run)
    return run


@pytest.mark.parametrize("name", SETS)
def test_helm_finds_nothing_to_complain_about(helm: Helm, name: str) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), values=SETS[name])


@pytest.mark.parametrize("name", SETS)
def test_the_api_server_takes_every_object(helm: Helm, crds: Access, name: str) -> None:
    manifests = helm.template("llm", NAMESPACE, SETS[name], DEFINED)
    assert len({(m["kind"], m["metadata"].get("namespace"), m["metadata"]["name"]) for m in manifests}) == len(
        manifests
    )
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    options = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    taken = crds.kubectl("apply", *options, "-f", "-", input=text).splitlines()
    assert len(taken) == len(manifests)


def test_a_wrong_object_would_not_be_taken(helm: Helm, crds: Access) -> None:
    values: Values = {"affinity": {"nodeAfinity": {}}}
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": helm.template("llm", NAMESPACE, values)})
    options = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    with pytest.raises(Exception, match="nodeAfinity"):
        crds.kubectl("apply", *options, "-f", "-", input=text)


@pytest.mark.parametrize("name", SETS)
def test_every_object_says_where_it_comes_from(helm: Helm, name: str) -> None:
    for manifest in helm.template("llm", NAMESPACE, SETS[name], DEFINED):
        if manifest["metadata"]["name"] in ("c", "llm-chat"):
            continue  # somebody's own, from extraObjects
        labels = manifest["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "llm"
        assert labels.items() >= SETS[name].get("commonLabels", {}).items()


@pytest.mark.parametrize("name", SETS)
def test_the_operator_understands_its_arguments(helm: Helm, name: str) -> None:
    run = settings(helm.template("llm", NAMESPACE, SETS[name], DEFINED))
    watched = SETS[name].get("watch", {}).get("namespaces", [])
    assert set(run.namespaces) == set(watched)
    assert run.leader_election is SETS[name].get("leaderElection", {}).get("enabled", True)
    assert run.http_address.port == SETS[name].get("metrics", {}).get("port", 8080)


def test_without_values_the_settings_are_the_operator_s_own(helm: Helm) -> None:
    run = settings(helm.template("llm", NAMESPACE))
    assert {name: value for name, value in run if value != Run.model_fields[name].default} == {
        "operator_namespace": "default"
    }


def test_the_connection_s_namespace_is_looked_after(helm: Helm) -> None:
    values = SETS["some-namespaces"]
    manifests = helm.template("llm", "llm-platform", values, DEFINED)
    namespaces = {"default", "kube-public", "llm-platform"}
    assert set(settings(manifests).namespaces) == namespaces
    rights = of_kind(manifests, "Role", "RoleBinding")
    assert {found["metadata"]["namespace"] for found in rights} == namespaces
    (reading,) = [m for m in of_kind(manifests, "ClusterRole") if "resourceNames" in m["rules"][0]]
    assert set(reading["rules"][0]["resourceNames"]) == namespaces


def test_everything_can_be_in_namespaces(helm: Helm) -> None:
    manifests = helm.template("llm", NAMESPACE, NOTHING_IN_THE_CLUSTER)
    assert {found["metadata"].get("namespace") for found in manifests} == {NAMESPACE}


@pytest.mark.parametrize("keep", [True, False])
def test_the_definitions_are_the_operator_s(helm: Helm, keep: bool) -> None:
    values = {"crds": {"keep": keep}}
    found = {
        m["metadata"]["name"]: m for m in of_kind(helm.template("llm", NAMESPACE, values), "CustomResourceDefinition")
    }
    assert {name: definition["spec"] for name, definition in found.items()} == {
        definition["metadata"]["name"]: definition["spec"] for definition in map(crd, (CONNECTION, ROLE, KEY))
    }
    for definition in found.values():
        annotations = definition["metadata"].get("annotations", {})
        assert annotations.get("helm.sh/resource-policy") == ("keep" if keep else None)
    assert not of_kind(helm.template("llm", NAMESPACE, {"crds": {"enabled": False}}), "CustomResourceDefinition")


def test_names_that_others_rely_on(helm: Helm) -> None:
    manifests = helm.template(PROGRAM, NAMESPACE)
    names = {(m["kind"], m["metadata"]["name"]) for m in manifests if m["kind"] != "CustomResourceDefinition"}
    assert names == {
        ("Deployment", PROGRAM),
        ("ServiceAccount", PROGRAM),
        ("Service", f"{PROGRAM}-metrics"),
        ("ClusterRole", PROGRAM),
        ("ClusterRoleBinding", PROGRAM),
        ("Role", f"{PROGRAM}-own"),
        ("RoleBinding", f"{PROGRAM}-own"),
        ("ClusterRole", f"{PROGRAM}-view"),
        ("ClusterRole", f"{PROGRAM}-edit"),
        ("ClusterRole", f"{PROGRAM}-platform"),
    }


NOTES: dict[str, tuple[dict[str, Any], str]] = {
    "everywhere": ({}, "looks after all namespaces"),
    "some": ({"watch": {"namespaces": ["a", "b"]}}, "looks after the namespaces a, b"),
    "connected": (SETS["connection"], "leads to http://litellm:4000"),
    "unconnected": ({}, "--set connection.url=URL"),
    "no-definitions": ({"crds": {"enabled": False}}, "are not part of this release"),
    "no-rights": (SETS["others-rights"], "The ServiceAccount theirs gets no rights"),
}


@pytest.mark.parametrize("name", NOTES)
def test_the_notes_say_what_comes_next(bare: ControlPlane, name: str) -> None:
    values, said = NOTES[name]
    with temporary_helm(bare.kubeconfig) as helm:
        notes = helm("install", "llm", str(CHART), "--dry-run=client", values=values).partition("NOTES:")[2]
    assert said in notes
    assert "delete the LiteLLMKeys" in notes
