"""Who may do what: the ClusterRoles for people, asked of a real API server; and what Pod Security Admission says."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Final

import pytest

from dev.children import ServerError
from dev.controlplane import Access
from dev.helm import Helm, Manifest
from tests.chart.sets import SETS

RELEASE: Final = "people"
READ: Final = ("get", "list", "watch")
WRITE: Final = ("create", "update", "patch", "delete", "deletecollection")
KINDS: Final = ("litellmkeys", "litellmroles", "litellmconnections")
MAY: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "view": {"litellmkeys": READ, "litellmroles": READ},
    "edit": {"litellmkeys": WRITE},
    "platform": {"litellmkeys": READ, "litellmroles": READ + WRITE, "litellmconnections": READ + WRITE},
}


@pytest.fixture(scope="module")
def people(helm: Helm, crds: Access) -> Generator[Access]:
    """The ClusterRoles, each bound to a user of its name."""
    roles = helm.template(RELEASE, "default", None, "--show-only", "templates/people.yaml")
    for user in MAY:
        bound = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole"}
        roles.append(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": f"{RELEASE}-{user}"},
                "roleRef": {**bound, "name": f"{RELEASE}-litellm-key-operator-{user}"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            }
        )
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": roles})
    crds.kubectl("apply", "-f", "-", input=text)
    yield crds
    crds.kubectl("delete", "-f", "-", input=text)


@pytest.mark.parametrize("user", MAY)
def test_people_may_do_this_and_nothing_else(people: Access, user: str) -> None:
    parts = [*KINDS, *(f"{kind}/{part}" for kind in KINDS for part in ("status", "finalizers"))]
    asked = [("llmkeys.io", part, verb) for part in parts for verb in READ + WRITE]
    asked += [("", "secrets", verb) for verb in READ + WRITE]
    assert allowed(people, user, asked) == {
        ("llmkeys.io", kind, verb) for kind, verbs in MAY[user].items() for verb in verbs
    }


def allowed(access: Access, user: str, asked: list[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Which of these groups, resources and verbs a user may in a namespace."""
    reviews: list[Manifest] = []
    for group, resource, verb in asked:
        kind, _, part = resource.partition("/")
        attributes = {"namespace": "default", "group": group, "resource": kind, "subresource": part, "verb": verb}
        spec = {"user": user, "resourceAttributes": attributes}
        reviews.append({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    answers = access.kubectl("create", "-f", "-", "-o", "jsonpath={.status.allowed} ", input=text).split()
    return {one for one, answer in zip(asked, answers, strict=True) if answer == "true"}


def test_which_of_them_everybody_s_roles_take_in(helm: Helm) -> None:
    roles = helm.template(RELEASE, "default", None, "--show-only", "templates/people.yaml")
    into = "rbac.authorization.k8s.io/aggregate-to-"
    assert {
        role["metadata"]["name"].rpartition("-")[2]: [
            name.removeprefix(into) for name in role["metadata"]["labels"] if name.startswith(into)
        ]
        for role in roles
    } == {"view": ["view"], "edit": ["edit"], "platform": []}


@pytest.fixture
def restricted(crds: Access, namespace: str) -> Access:
    """The API server, the namespace taking only Pods of the restricted profile."""
    crds.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    crds.kubectl("create", "serviceaccount", "operator", "-n", namespace)
    return crds


def try_pod(helm: Helm, access: Access, namespace: str, values: Manifest) -> None:
    account = {"serviceAccount": {"create": False, "name": "operator"}, "priorityClassName": ""}
    manifests = helm.template("llm", namespace, values | account, "--show-only", "templates/deployment.yaml")
    template = manifests[0]["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {**template["metadata"], "name": "operator"}}
    access.kubectl("create", "--dry-run=server", "-n", namespace, "-f", "-", input=json.dumps(pod))


@pytest.mark.parametrize("name", SETS)
def test_the_restricted_profile_admits_the_pod(helm: Helm, restricted: Access, namespace: str, name: str) -> None:
    try_pod(helm, restricted, namespace, SETS[name])


def test_it_would_not_admit_any(helm: Helm, restricted: Access, namespace: str) -> None:
    with pytest.raises(ServerError, match='violates PodSecurity "restricted'):
        try_pod(helm, restricted, namespace, {"securityContext": {"allowPrivilegeEscalation": True}})
