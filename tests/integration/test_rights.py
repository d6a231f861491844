"""The chart gives the operator what it uses, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from dev.controlplane import ControlPlane
from dev.controlplane.access import define
from dev.faultproxy import Answer
from dev.litellm import Endpoint
from tests.integration.conftest import opened
from tests.integration.site import SECRETS, Site
from tests.support.rights import grants, unused
from tests.support.waiting import until

LABELLED = {"from": "Selector", "selector": {"matchLabels": {"llm": "yes"}}}
WAYS = {"everywhere": {"everywhere": True}, "some-namespaces": {}, "some-namespaces-but-not-its-own": {"apart": True}}


@pytest.fixture(params=WAYS)
def audited(
    request: pytest.FixtureRequest, own_control_plane: ControlPlane, litellm: Endpoint, tmp_path: Path
) -> Generator[Site]:
    """A site at an API server that writes down what is asked of it, with an operator installed in one of the ways."""
    define(own_control_plane)
    with opened(own_control_plane, litellm, tmp_path, **WAYS[request.param]) as made:
        yield made


def live_it_all(site: Site) -> None:
    """Everything that an operator does: each kind of request that it knows how to make."""
    team = site.teams[0]
    operator = site.start(leader_election="true", lease_duration="60s").wait_ready()
    site.access.kubectl("label", "namespace", team, "llm=yes")

    bundle = {"ca.crt": site.access.ca.read_text()} if site.access.ca else {}
    site.at().create("configmaps", "ConfigMap", "bundle", data=bundle)
    site.connection("tls", url="https://127.0.0.1:1", tls={"caRef": {"kind": "ConfigMap", "name": "bundle"}})
    until(lambda: site.connection_says("tls") == ("False", "Unreachable"), "the bundle to be read")

    # Somebody was faster: the object is read again, to see whether it is still the same.
    conflicts = [
        site.api.on("PATCH", f"/{kind}/{name}/status", Answer(409))
        for kind, name in (("litellmroles", "chat"), ("litellmconnections", "late"))
    ]
    site.role("chat", allowedNamespaces=LABELLED)
    site.connection("late")
    for conflict in conflicts:
        conflict.wait_reached()

    claim = site.claim("app", "chat", team).wait()
    site.at(team).patch(SECRETS, "app", {"data": {"api-key": None}})
    until(lambda: "api-key" in claim.data(), "the Secret to be mended")
    brief = site.claim("brief", "chat", team, ttl="2s", renewal={"policy": "None"}, ttlAfterExpired="1s")
    brief.wait_gone()
    claim.wait_event("KeyIssued")
    claim.delete()
    claim.wait_gone()
    assert operator.terminate() == 0


def test_nothing_is_refused_and_nothing_is_granted_in_vain(audited: Site) -> None:
    live_it_all(audited)
    access = audited.access
    assert isinstance(access, ControlPlane)
    uses = access.uses(audited.account.user)
    assert [use for use in uses if not use.role] == []
    assert sorted(unused(audited.account, uses)) == []


def test_without_the_right_to_read_namespaces_selectors_admit_nobody_and_the_rest_works(
    own_control_plane: ControlPlane, litellm: Endpoint, tmp_path: Path
) -> None:
    define(own_control_plane)
    with opened(own_control_plane, litellm, tmp_path, clusterRole=False) as site:
        assert {grant.role.partition("/")[0] for grant in grants(site.account)} == {"Role"}
        team = site.teams[0]
        site.access.kubectl("label", "namespace", team, "llm=yes")
        site.start().wait_ready()
        site.role("labelled", allowedNamespaces=LABELLED)
        absent = {"matchExpressions": [{"key": "quarantined", "operator": "DoesNotExist"}]}
        site.role("unlabelled", allowedNamespaces={"from": "Selector", "selector": absent})
        site.role("named", allowedNamespaces={"from": "Names", "names": [team]})
        site.claim("named", "named", team).wait()
        site.claim("at-home", "labelled").wait()
        for name in ("labelled", "unlabelled"):
            claim = site.claim(name, name, team).wait("NamespaceNotAllowed", "NamespaceNotAllowed")
            assert "may not be permitted to get the Namespace" in claim.message("Ready")
        told = site.operator.logged("the labels of a namespace cannot be read")
        assert sorted(line["namespace"] for line in told) == sorted(site.clusters)


def test_a_namespace_that_is_deleted_takes_rights_along_and_hinders_nobody(
    own_control_plane: ControlPlane, litellm: Endpoint, tmp_path: Path
) -> None:
    define(own_control_plane)
    with opened(own_control_plane, litellm, tmp_path) as site:
        access, (team, other, _) = site.access, site.teams
        site.role("chat", allowedNamespaces={"from": "All"})
        site.start().wait_ready()
        doomed = site.claim("doomed", "chat", team).wait()
        value, token_id = doomed.value, doomed.token_id
        site.operator.terminate()

        # Nobody is there who would see it as long as it may be seen.
        access.kubectl("delete", "namespace", team, "--wait=false")
        rights = ("get", "rolebindings,secrets", "-n", team, "-o", "name")
        until(lambda: not access.kubectl(*rights), "the rights to go")
        assert not doomed.gone
        site.start().wait_ready()
        until(lambda: not access.kubectl("get", "namespace", team, "--ignore-not-found", "-o", "name"), "it to go")
        assert (site.admin.row(token_id), site.admin.chat(value)) == (None, 401)
        site.claim("elsewhere", "chat", other).wait()
        assert {line["namespace"] for line in site.operator.logged("a namespace cannot be looked after")} == {team}

        # Made anew, with the rights, it is looked after again.
        site.lost.add(team)
        access.kubectl("create", "namespace", team)
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": site.account.rights})
        access.kubectl("apply", "-f", "-", input=text)
        site.claim("anew", "chat", team).wait()
