"""What a tenant can do with a key of its own: for how long, without the chart's admission policy and with it."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any, Final
from uuid import uuid4

import pytest

from dev.helm import helm
from tests.integration.site import KEYS, Claim
from tests.support.cluster import Json
from tests.support.waiting import until
from tests.tenants.ground import Ground, Tenant

REFUSED: Final = {401, 403}
BRIEF: Final = "brief"
"""A role whose keys live for seconds."""
NO_FINALIZER: Final[Json] = {"metadata": {"finalizers": None}}
PLATFORM: Final = "alice"
"""Somebody with the chart's ClusterRole for the platform."""

LIBERTIES: Final[dict[str, Json]] = {
    "takes-the-finalizer-off": NO_FINALIZER,
    "breaks-the-glass": {"metadata": {"annotations": {"llmkeys.io/skip-revocation": "true"}}},
    "says-it-is-anothers": {"metadata": {"annotations": {"llmkeys.io/installation": "somebody-else/1"}}},
    "replaces-all-marks": {"metadata": {"annotations": None}},
    "points-elsewhere": {"metadata": {"annotations": {"llmkeys.io/connection": "nowhere/none"}}},
}


@pytest.fixture(scope="module")
def brief(ground: Ground) -> Ground:
    """The ground with a role for keys that soon end."""
    terms: dict[str, Any] = {"ttl": "12s", "renewal": {"policy": "None"}}
    ground.site.role(BRIEF, **terms, allowedNamespaces={"from": "All"})
    return ground


@pytest.mark.parametrize("liberty", LIBERTIES)
def test_a_key_that_is_let_go_ends_with_its_time(brief: Ground, liberty: str) -> None:
    claim = brief.claim(f"free-{liberty}", BRIEF).wait()
    value, ends = claim.value, {row["expires"] for row in brief.rows(claim.name)}
    brief.edit(KEYS, claim.name, LIBERTIES[liberty])
    brief.tenant.must("DELETE", brief.path(f"own/{KEYS}/{claim.name}"))
    if not claim.gone:
        brief.tenant.ask("PATCH", brief.path(f"own/{KEYS}/{claim.name}"), NO_FINALIZER)
    claim.wait_gone()
    assert {row["expires"] for row in brief.rows(claim.name)} <= ends
    until(lambda: brief.site.admin.chat(value) in REFUSED, "the key's time to be over")
    brief.check_victim()


@pytest.fixture
def guarded(brief: Ground) -> Generator[Ground]:
    """The ground with the policy, as the release of this operator has it."""
    site = brief.site
    values = {"admissionPolicy": {"enabled": True}, "watch": {"namespaces": list(site.clusters)}}
    only = ("--show-only", "templates/admissionpolicy.yaml", "--show-only", "templates/people.yaml")
    with helm() as program:
        made = program.template(site.home, site.home, values, *only)
    (platform,) = [one["metadata"]["name"] for one in made if one["metadata"]["name"].endswith("-platform")]
    bindings = [_binding(team, platform) for team in site.teams]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*made, *bindings]})
    site.access.kubectl("apply", "-f", "-", input=text)
    probe = brief.claim("probe").wait()
    try:
        until(lambda: _tried(brief, probe, _pointed(uuid4().hex)) == 403, "the policy to hold")
        yield brief
    finally:
        policies = [one for one in made if one["kind"].startswith("Validating")]
        gone = json.dumps({"apiVersion": "v1", "kind": "List", "items": policies})
        site.access.kubectl("delete", "-f", "-", input=gone)
        until(lambda: _tried(brief, probe, NO_FINALIZER) == 200, "the policy to be gone")
        brief.remove(probe)


def _pointed(name: str) -> Json:
    """A change that only the operator may make."""
    return {"metadata": {"annotations": {"llmkeys.io/connection": f"nowhere/{name}"}}}


def _binding(namespace: str, role: str) -> Json:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "platform", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": PLATFORM}],
    }


def _tried(ground: Ground, claim: Claim, change: Json) -> int:
    return ground.tenant.ask("PATCH", ground.path(f"own/{KEYS}/{claim.name}"), change).status


def test_the_policy_takes_the_liberties_and_nothing_else(guarded: Ground) -> None:
    ground, site = guarded, guarded.site
    born = {"annotations": {"llmkeys.io/skip-revocation": "true"}}
    told = ground.tenant.ask("POST", ground.path(f"own/{KEYS}"), ground.manifest("born", metadata=born))
    assert (told.status, "only who may release keys sets it" in told.text) == (403, True)

    claim = ground.claim("guarded").wait()
    value = claim.value
    assert {what: _tried(ground, claim, change) for what, change in LIBERTIES.items()} == dict.fromkeys(LIBERTIES, 403)
    for change in ({"spec": {"metadata": {"a": "b"}}}, {"metadata": {"annotations": {"llmkeys.io/rotate": "now"}}}):
        assert _tried(ground, claim, change) == 200
    until(lambda: claim.value != value or claim.field("metadata")["llmkeys"].get("labels"), "the edit to be done")
    claim.wait()
    ground.tenant.must("DELETE", ground.path(f"own/{KEYS}/guarded"))
    claim.wait_gone()
    assert ground.rows("guarded") == []

    # Others go on: those who may release keys, the garbage collector, and the end of a namespace.
    released = ground.claim("released").wait()
    alice = Tenant(site.access, ground.team, PLATFORM)
    path = ground.path(f"own/{KEYS}/released")
    alice.must("PATCH", path, LIBERTIES["breaks-the-glass"])
    ground.tenant.must("DELETE", path)
    released.wait_gone()
    alice.close()
    site.admin.delete(*(row["token"] for row in ground.rows("released")))
    _check_collection(ground)
    _check_end_of_namespace(ground)
    ground.check_victim()


def _check_collection(ground: Ground) -> None:
    """A key goes with its owner, in the foreground too, and is revoked."""
    maps = ground.path("own-core/configmaps")
    owner = ground.tenant.must("POST", maps, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "owner"}})
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    owned = ground.claim("owned", metadata={"ownerReferences": [{**ref, "blockOwnerDeletion": True}]}).wait()
    value = owned.value
    ground.tenant.must("DELETE", f"{maps}/owner?propagationPolicy=Foreground")
    owned.wait_gone()
    assert ground.site.admin.chat(value) in REFUSED


def _check_end_of_namespace(ground: Ground) -> None:
    """A namespace goes while the operator runs, and its keys are revoked."""
    site, team = ground.site, ground.site.teams[2]
    site.role("for-all", allowedNamespaces={"from": "All"})
    last = site.claim("last", "for-all", team).wait()
    value = last.value
    site.access.kubectl("delete", "namespace", team, "--wait=true", "--timeout=90s")
    assert site.admin.chat(value) in REFUSED
    site.access.kubectl("create", "namespace", team)
    again = site.claim("last", "for-all", team).wait()
    assert again.value != value
    assert site.admin.chat(value) in REFUSED
