"""What Argo CD and Flux make of live objects: by the script that we ship, and by kstatus' rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest

from dev.controlplane import Access
from dev.faultproxy import Drop, FaultProxy
from dev.forwarding import Upstream
from tests.integration.site import CONNECTIONS, DEFAULT, KEYS, ROLES, SWEPT, Claim, Site
from tests.support.argocd import FILE, health, scripts
from tests.support.cluster import Json
from tests.support.waiting import until

SETTLED: Final = 120.0
EVERY: Final = {"allowedNamespaces": {"from": "All"}}


def kstatus(resource: Json) -> str:
    """What `wait: true` of Flux waits for to be Current, by kstatus' rules for kinds that it does not know.

    https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus
    """
    if resource["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status: Json = resource.get("status", {})
    observed = status.get("observedGeneration")
    if observed is not None and observed != resource["metadata"]["generation"]:
        return "InProgress"
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", ())}
    if conditions.get("Stalled") == "True":
        return "Failed"
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    return "Current" if conditions.get("Ready", "True") == "True" else "InProgress"


@pytest.fixture(scope="module")
def proxy(site: Site) -> Generator[FaultProxy]:
    """The way to LiteLLM of the Connection `down`."""
    with FaultProxy(Upstream(site.admin.url)) as made:
        yield made


@pytest.fixture(scope="module")
def furnished(site: Site, proxy: FaultProxy) -> Site:
    site.role("plain")
    site.role("swept", connectionRef={"name": SWEPT})
    site.connection("down", url=proxy.url, sweepInterval="10s")
    site.role("down", connectionRef={"name": "down"})
    return site


def greedy(site: Site) -> Claim:
    return site.claim("greedy", "plain", ttl="2h")


def paused(site: Site) -> Claim:
    claim = site.claim("paused", "plain").wait()
    claim.annotate(paused="true")
    return claim


def widened(site: Site) -> Claim:
    claim = site.claim("widened", "plain").wait()
    claim.edit(ttl="2h")
    return claim


def blocked(site: Site) -> Claim:
    claim = site.claim("blocked", "swept").wait()
    site.admin.post("/key/block", key=claim.token_id)
    return claim


OF_KEYS: Final[dict[str, tuple[Callable[[Site], Claim], str, str, str]]] = {
    "fine": (lambda site: site.claim("fine", "plain"), "Healthy", "Issued", "Current"),
    "waiting": (lambda site: site.claim("waiting", "absent"), "Progressing", "RoleNotFound", "InProgress"),
    "greedy": (greedy, "Degraded", "InvalidSpec", "InProgress"),
    "paused": (paused, "Suspended", "Paused", "Current"),
    "unborn": (
        lambda site: site.claim("unborn", "plain", annotations={"llmkeys.io/paused": "true"}),
        "Suspended", "Paused", "InProgress",
    ),
    "widened": (widened, "Degraded", "InvalidSpec", "Current"),
    "blocked": (blocked, "Degraded", "ExternallyBlocked", "InProgress"),
    "over": (
        lambda site: site.claim("over", "plain", ttl="5s", renewal={"policy": "None"}),
        "Degraded", "Expired", "InProgress",
    ),
}  # fmt: skip
"""How a Key gets into a state, what Argo CD says then and why, and what kstatus says."""


@pytest.mark.slow
@pytest.mark.parametrize("case", OF_KEYS)
def test_the_health_of_a_key(furnished: Site, case: str) -> None:
    make, status, reason, for_flux = OF_KEYS[case]
    claim = make(furnished)
    until(
        lambda: told(claim.resource) == (status, reason), f"{status}, {reason}, not {health(claim.resource)}", SETTLED
    )
    assert kstatus(claim.resource) == for_flux


@pytest.mark.slow
def test_an_outage_is_told_of_the_connection_while_its_keys_work_on(furnished: Site, proxy: FaultProxy) -> None:
    claim = furnished.claim("survivor", "down").wait()
    late = furnished.claim("postponed", "down").wait()
    proxy.on("*", "", Drop(), nth=None)

    def connection() -> Json:
        return furnished.at().get(CONNECTIONS, "down") or {}

    until(lambda: told(connection()) == ("Degraded", "Unreachable"), lambda: f"the outage: {connection()}")
    claim.edit(metadata={"cost-centre": "42"})
    until(
        lambda: told(claim.resource)[1] in {"Unreachable", "ConnectionNotReady"}, lambda: f"its reason: {claim.status}"
    )
    assert health(claim.resource).status == "Healthy"
    assert kstatus(claim.resource) == "Current"
    late.delete()
    until(lambda: late.says()[0][1] == "RevocationBlocked", "a deletion that waits")
    assert kstatus(late.resource) == "Terminating"
    proxy.clear()
    until(lambda: told(connection()) == ("Healthy", "Connected"), "its end")
    late.wait_gone()


OF_CONNECTIONS: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    DEFAULT: ({}, "Healthy", "Connected"),
    "nowhere": ({"url": "http://127.0.0.1:9"}, "Progressing", "Unreachable"),
    "locked": ({"adminKeySecretRef": {"name": "not-there-yet"}}, "Progressing", "SecretNotFound"),
    "refused": ({"adminKeySecretRef": {"name": "wrong"}}, "Degraded", "BadCredential"),
}
OF_ROLES: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    "open": ({}, "Healthy", "Available"),
    "unknown": ({"models": ["no-such-model"]}, "Healthy", "UnknownModels"),
    "unconnected": ({"connectionRef": {"name": "absent"}}, "Progressing", "ConnectionNotFound"),
    "teamless": ({"identity": {"teamID": "no-such-team"}}, "Degraded", "InvalidSpec"),
}


@pytest.mark.parametrize("name", OF_CONNECTIONS)
def test_the_health_of_a_connection(furnished: Site, name: str) -> None:
    spec, *expected = OF_CONNECTIONS[name]
    if name == "refused":
        furnished.secret("wrong", **{"master-key": "sk-nobody-knows-this-one"})
    if name != DEFAULT:
        furnished.connection(name, **spec)
    wait_told(furnished, CONNECTIONS, name, *expected)


@pytest.mark.parametrize("name", OF_ROLES)
def test_the_health_of_a_role(furnished: Site, name: str) -> None:
    spec, *expected = OF_ROLES[name]
    furnished.role(name, **spec)
    wait_told(furnished, ROLES, name, *expected)


def test_all_of_it_in_one_wave_is_never_degraded_on_the_way(furnished: Site) -> None:
    names = {KEYS: "wave", ROLES: "wave", CONNECTIONS: "wave"}
    seen: set[str] = set()
    # The wrong way round, so that each has to wait for the next.
    claim = furnished.claim("wave", "wave")
    look(furnished, names, seen, until_reason="RoleNotFound")
    furnished.role("wave", connectionRef={"name": "wave"})
    look(furnished, names, seen, until_reason="ConnectionNotFound")
    furnished.connection("wave", adminKeySecretRef={"name": "wave-admin"})
    look(furnished, names, seen, until_reason="SecretNotFound")
    furnished.secret("wave-admin", **{"master-key": furnished.admin.master_key})
    look(furnished, names, seen, until_reason="Issued")
    assert seen == {"Progressing", "Healthy"}
    assert furnished.admin.chat(claim.value) == 200


def test_what_nobody_has_looked_at_is_not_ready_for_anyone(own_site: Site) -> None:
    own_site.role("plain")
    claim = own_site.claim("new", "plain")
    everything = (
        claim.resource,
        own_site.at().get(ROLES, "plain") or {},
        own_site.at().get(CONNECTIONS, DEFAULT) or {},
    )
    for resource in everything:
        assert (health(resource).status, kstatus(resource)) == ("Progressing", "InProgress")
    own_site.start().wait_ready()
    claim.wait()
    own_site.operator.terminate()
    assert (health(claim.resource).status, kstatus(claim.resource)) == ("Healthy", "Current")
    claim.edit(metadata={"cost-centre": "42"})
    assert (health(claim.resource).status, kstatus(claim.resource)) == ("Progressing", "InProgress")


def test_the_marks_of_argo_cd_and_flux_stay_with_the_key(furnished: Site) -> None:
    claim = furnished.claim("marked", "plain").wait()
    marks = {"argocd.argoproj.io/tracking-id": "app:llmkeys.io/LiteLLMKey:team/marked"}
    labels = {"app.kubernetes.io/instance": "app", "kustomize.toolkit.fluxcd.io/name": "team"}
    furnished.at().patch(KEYS, "marked", {"metadata": {"annotations": marks, "labels": labels}})
    claim.annotate(rotate="now")
    until(lambda: claim.status.get("revision") == 2, "the Secret to be written after that")
    secret = claim.wait().secret()
    assert secret is not None
    meta = secret["metadata"]
    assert not (marks.keys() & meta["annotations"].keys())
    assert not (labels.keys() & meta["labels"].keys())
    assert [owner["kind"] for owner in meta["ownerReferences"]] == ["LiteLLMKey"]


def test_the_health_check_is_put_into_argo_cds_configuration(control_plane: Access, namespace: str) -> None:
    where = ("-n", namespace)
    control_plane.kubectl("create", "configmap", "argocd-cm", *where, "--from-literal=url=https://argocd.test")
    control_plane.kubectl("patch", "configmaps/argocd-cm", *where, f"--patch-file={FILE}")
    for entry, script in {"url": "https://argocd.test", **scripts()}.items():
        path = "{.data." + entry.replace(".", r"\.") + "}"
        assert control_plane.kubectl("get", "configmaps/argocd-cm", *where, "-o", f"jsonpath={path}") == script


def told(resource: Json) -> tuple[str, str]:
    """Argo CD's word, and the reason in its message."""
    said = health(resource)
    return said.status, said.message.partition(":")[0]


def wait_told(site: Site, collection: str, name: str, *expected: str) -> None:
    def found() -> Json:
        return site.at().get(collection, name) or {}

    until(lambda: told(found()) == expected, lambda: f"{expected}, not {found().get('status')}")
    assert kstatus(found()) == ("Current" if expected[0] == "Healthy" else "InProgress")


def look(site: Site, names: dict[str, str], seen: set[str], *, until_reason: str) -> None:
    """Note what Argo CD says of these objects until one of them says so."""
    deadline, found = time.monotonic() + SETTLED, list[Json]()
    while time.monotonic() < deadline:
        found = [resource for kind, name in names.items() if (resource := site.at().get(kind, name)) is not None]
        seen.update(health(resource).status for resource in found)
        if any(told(resource)[1] == until_reason for resource in found):
            return
    raise AssertionError(f"nobody said {until_reason}: {[resource.get('status') for resource in found]}")
