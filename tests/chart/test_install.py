"""Releases of the chart on a real API server: installed, upgraded, uninstalled, installed again."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from dev import helm as dev_helm
from dev.controlplane import ControlPlane
from dev.helm import CHART, Helm
from tests.chart.sets import CONNECTION, ROLE, Values
from tests.support.cluster import Json
from tests.support.waiting import until

RELEASE: Final = "llm"
OLD: Final = "As an older version described it."
BOTH: Final[Values] = {"connection": CONNECTION, "extraObjects": [ROLE]}
"""A Connection, and a Role of somebody's own: objects of kinds that the same release defines."""


@dataclass(frozen=True, slots=True)
class Releases:
    """Releases in one namespace of an API server."""

    helm: Helm
    plane: ControlPlane
    namespace: str

    def install(self, values: Values, chart: Path = CHART) -> None:
        """The first revision."""
        self._run("install", values, chart)

    def upgrade(self, values: Values, chart: Path = CHART) -> None:
        """One more."""
        self._run("upgrade", values, chart)

    def uninstall(self) -> str:
        """Answers what Helm says of it."""
        return self.helm("uninstall", RELEASE, "-n", self.namespace)

    def get(self, kind: str) -> Json | None:
        """The one object of a kind; None if there is none."""
        found = json.loads(self.plane.kubectl("get", kind, "-n", self.namespace, "-o", "json"))["items"]
        return next(iter(found), None)

    def connection(self) -> Json:
        """The Connection, which must be there."""
        found = self.get("litellmconnections")
        assert found is not None
        return found

    def _run(self, verb: str, values: Values, chart: Path) -> None:
        self.helm(verb, RELEASE, str(chart), "-n", self.namespace, values=values)


@pytest.fixture
def releases(bare: ControlPlane) -> Generator[Releases]:
    """A namespace in a cluster without our definitions."""
    namespace = "llm-platform"
    bare.kubectl("create", "namespace", namespace)
    with dev_helm.helm(bare.kubeconfig) as helm:
        made = Releases(helm, bare, namespace)
        yield made
        helm("uninstall", RELEASE, "-n", namespace, "--ignore-not-found")
    bare.kubectl("delete", "namespace", namespace)
    bare.kubectl("delete", "customresourcedefinitions", "--all")


def changed(values: Values, **connection: Any) -> Values:
    return {**copy.deepcopy(values), "connection": {**values["connection"], **connection}}


def test_one_install_makes_the_definitions_and_what_they_define(releases: Releases) -> None:
    releases.install(BOTH)
    assert releases.connection()["spec"]["url"] == CONNECTION["url"]
    role = releases.get("litellmroles")
    assert role is not None
    assert role["metadata"]["name"] == "llm-chat"
    assert role["spec"]["aliasTemplate"] == "{{ namespace }}/{{ name }}"


def test_an_upgrade_leaves_what_stays_the_same_and_changes_the_rest(releases: Releases) -> None:
    releases.install(BOTH)
    first = releases.connection()
    releases.upgrade(BOTH)
    assert releases.connection()["metadata"]["uid"] == first["metadata"]["uid"]
    assert releases.connection()["metadata"]["generation"] == 1
    role = releases.get("litellmroles") or {}
    for timeout in ("16s", "17s", "18s"):
        releases.upgrade(changed(BOTH, timeout=timeout))
        assert releases.connection()["spec"]["timeout"] == timeout
    left = releases.get("litellmroles") or {}
    assert (left["metadata"]["uid"], left["metadata"]["generation"]) == (role["metadata"]["uid"], 1)


def test_the_first_upgrade_may_be_the_one_with_the_change(releases: Releases) -> None:
    releases.install(BOTH)
    releases.upgrade(changed(BOTH, timeout="16s"))
    assert releases.connection()["spec"]["timeout"] == "16s"
    releases.upgrade(changed(BOTH, timeout="17s"))
    assert releases.connection()["spec"]["timeout"] == "17s"


def test_what_keys_need_stays_and_the_next_install_takes_it_over(releases: Releases) -> None:
    releases.install(BOTH)
    first = releases.connection()
    said = releases.uninstall()
    assert "litellmkeys.llmkeys.io" in said
    assert releases.get("deployments") is None
    assert releases.connection() == first

    releases.install(changed(BOTH, timeout="16s"))
    assert releases.connection()["spec"]["timeout"] == "16s"
    releases.upgrade(changed(BOTH, timeout="17s"))
    assert releases.connection()["spec"]["timeout"] == "17s"


def test_a_connection_that_comes_later_is_patched(releases: Releases) -> None:
    releases.install({})
    releases.upgrade(BOTH)
    first = releases.connection()
    releases.upgrade(changed(BOTH, timeout="16s"))
    assert releases.connection()["spec"]["timeout"] == "16s"
    assert releases.connection()["metadata"]["uid"] == first["metadata"]["uid"]


def test_somebody_else_s_connection_is_not_taken(releases: Releases) -> None:
    releases.install({})
    theirs = {
        "apiVersion": "llmkeys.io/v1alpha1",
        "kind": "LiteLLMConnection",
        "metadata": {"name": "default", "namespace": releases.namespace},
        "spec": {"url": "http://theirs:4000", "adminKeySecretRef": {"name": "theirs"}},
    }
    releases.plane.kubectl("create", "-f", "-", input=json.dumps(theirs))
    with pytest.raises(Exception, match="cannot be imported into the current release"):
        releases.upgrade(BOTH)
    assert releases.connection()["spec"]["url"] == "http://theirs:4000"


@pytest.mark.parametrize("again", ["upgrade", "install"])
def test_the_definitions_are_upgraded_with_the_chart(releases: Releases, tmp_path: Path, again: str) -> None:
    older = Path(shutil.copytree(CHART, tmp_path / "older"))
    file = older / "files" / "crds" / "litellmkeys.yaml"
    definition = yaml.safe_load(file.read_text(encoding="utf-8"))
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = OLD
    file.write_text(yaml.safe_dump(definition), encoding="utf-8")

    releases.install({}, older)
    assert OLD in releases.plane.kubectl("get", "crd", "litellmkeys.llmkeys.io", "-o", "yaml")
    if again == "install":
        releases.uninstall()
        releases.install({})
    else:
        releases.upgrade({})
    assert OLD not in releases.plane.kubectl("get", "crd", "litellmkeys.llmkeys.io", "-o", "yaml")


def test_a_definition_that_is_not_to_be_kept_goes(releases: Releases) -> None:
    releases.install({"crds": {"keep": False}})
    releases.uninstall()
    until(lambda: "llmkeys.io" not in releases.plane.kubectl("get", "crd", "-o", "name"), "the definitions to go")
