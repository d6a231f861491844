import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dev.children import ServerError
from dev.controlplane import Access
from litellm_key_operator.api.crd import crd
from litellm_key_operator.api.names import API_VERSION, CATEGORY, CONNECTION, GROUP, KEY, ROLE, Kind
from tests.integration.crd_refusals import GOOD, REFUSALS, Refusal
from tests.support.specs import lost, specs

KINDS = [CONNECTION, ROLE, KEY]
BATCH = 20


def body(kind: Kind, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": metadata, "spec": spec}


def create(crds: Access, namespace: str, *bodies: dict[str, Any]) -> list[dict[str, Any]]:
    """What the API server made of some objects."""
    return _sent(crds, ("-n", namespace), bodies)


def try_out(crds: Access, *bodies: dict[str, Any]) -> list[dict[str, Any]]:
    """What it would make of some objects; nothing is left behind."""
    return _sent(crds, ("-n", "default", "--dry-run=server"), bodies)


def _sent(crds: Access, flags: tuple[str, ...], bodies: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    # One document after the other: what is in a List, kubectl checks itself, in words of its own.
    rest = crds.kubectl("create", *flags, "-o", "json", "-f", "-", input="\n".join(map(json.dumps, bodies)))
    made: list[dict[str, Any]] = []
    while rest := rest.lstrip():
        item, end = json.JSONDecoder().raw_decode(rest)
        made.append(item)
        rest = rest[end:]
    return made


def names(message: str, field: str, words: str) -> bool:
    """Whether one line of a refusal names the field and says the words about it."""
    named = re.compile(rf"""(^|[\s"]){re.escape(field)}(: |")""")
    return any(named.search(line) and words in line for line in message.splitlines())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_the_api_server_takes_the_definition_as_it_is(crds: Access, kind: Kind) -> None:
    conditions = json.loads(crds.kubectl("get", "crd", f"{kind.plural}.{GROUP}", "-o", "json"))["status"]["conditions"]
    status = {condition["type"]: condition["status"] for condition in conditions}
    assert status["Established"] == status["NamesAccepted"] == "True"
    assert status.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_a_valid_spec_comes_back_as_it_went(crds: Access, namespace: str, kind: Kind, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(specs(kind), min_size=BATCH, max_size=BATCH))
    sent = [body(kind, spec, generateName="drawn-") for spec in drawn]
    for spec, made in zip(drawn, create(crds, namespace, *sent), strict=True):
        assert lost(spec, made["spec"]) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_the_spec_that_the_refusals_are_variants_of_is_good(crds: Access, kind: Kind) -> None:
    assert try_out(crds, body(kind, GOOD[kind], name="good"))


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: f"{case.kind.short}-{json.dumps(case.changes)[:60]}")
def test_a_mistake_is_refused_with_its_field(crds: Access, case: Refusal) -> None:
    spec = {name: value for name, value in (GOOD[case.kind] | case.changes).items() if value is not None}
    with pytest.raises(ServerError) as refusal:
        try_out(crds, body(case.kind, spec, name="bad"))
    assert names(str(refusal.value), case.field, case.words)


def test_a_key_whose_name_is_no_label_is_refused(crds: Access) -> None:
    assert try_out(crds, body(KEY, GOOD[KEY], name="k" * 63))
    with pytest.raises(ServerError, match=r"metadata\.name must have at most 63 characters"):
        try_out(crds, body(KEY, GOOD[KEY], name="k" * 64))


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        (CONNECTION, {"url": "https://elsewhere:4000"}, "spec.url"),
        (ROLE, {"connectionRef": {"name": "other"}}, "spec.connectionRef"),
    ],
    ids=["url", "connectionRef"],
)
def test_what_decides_the_proxy_cannot_change(
    crds: Access, namespace: str, kind: Kind, change: dict[str, Any], field: str
) -> None:
    create(crds, namespace, body(kind, GOOD[kind], name="good"))
    patch = ("patch", kind.plural, "good", "-n", namespace, "--type=merge", "-p")
    crds.kubectl(*patch, json.dumps({"metadata": {"labels": {"a": "b"}}, "spec": GOOD[kind]}))
    with pytest.raises(ServerError) as refusal:
        crds.kubectl(*patch, json.dumps({"spec": change}))
    assert names(str(refusal.value), field, "is immutable")


def test_defaults_are_written_where_users_see_them(crds: Access) -> None:
    connection, role, key = (try_out(crds, body(kind, GOOD[kind], name="d"))[0] for kind in KINDS)
    assert connection["spec"] == GOOD[CONNECTION] | {
        "adminKeySecretRef": {"name": "litellm-admin", "key": "master-key"},
        "timeout": "15s",
        "maxInFlight": 8,
        "sweepInterval": "10m",
    }
    assert role["spec"] == GOOD[ROLE] | {
        "connectionRef": {"name": "default"},
        "allowedNamespaces": {"from": "Same"},
        "access": {"keyType": "LLMAPI"},
        "aliasTemplate": "{{ namespace }}/{{ name }}",
        "renewal": {"policy": "Rotate", "overlap": "1h"},
        "deletionPolicy": "Revoke",
    }
    assert key["spec"] == GOOD[KEY] | {"secret": {"type": "Opaque"}}


def test_a_status_is_kept_whole_and_apart_from_the_spec(crds: Access, namespace: str) -> None:
    create(crds, namespace, body(KEY, GOOD[KEY], name="good"))
    noted = {"revision": 1, "tokenID": "ab", "seed": 1, "url": "https://litellm:4000", "doubtful": True}
    ready = {"type": "Ready", "status": "True", "reason": "Issued", "lastTransitionTime": "2026-11-25T02:00:00Z"}
    status = {
        "conditions": [ready | {"message": "", "observedGeneration": 1}],
        "observedGeneration": 1,
        "expiresAt": "2026-11-25T03:00:00Z",
        "pending": noted,
        "retiring": [noted | {"retireAt": "2026-11-25T03:00:00Z"}],
        "binding": {"name": "good"},
        "connection": {"namespace": "platform", "name": "default", "url": "https://litellm:4000"},
        "applied": {"max_budget": 20, "metadata": {"llmkeys": {"uid": "u"}}, "soft_budget": 0.5},
    }
    patch = json.dumps({"spec": {"ttl": "1h"}, "status": status})
    crds.kubectl("patch", KEY.short, "good", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    key = json.loads(crds.kubectl("get", KEY.short, "good", "-n", namespace, "-o", "json"))
    assert key["status"] == status
    assert "ttl" not in key["spec"]


def test_columns_and_selectors_are_those_of_the_contract(crds: Access, namespace: str) -> None:
    create(crds, namespace, *(body(kind, GOOD[kind], name="good") for kind in KINDS))
    create(crds, namespace, body(KEY, {"roleRef": {"name": "x"}, "secret": {"name": "s"}}, name="other"))
    columns = [crds.kubectl("get", kind.short, "-n", namespace).splitlines()[0].split() for kind in KINDS]
    assert columns == [
        ["NAME", "READY", "URL", "VERSION", "KEYS", "AGE"],
        ["NAME", "READY", "CONNECTION", "TTL", "KEYS", "AGE"],
        ["NAME", "READY", "ROLE", "SECRET", "EXPIRES", "AGE"],
    ]
    wide = crds.kubectl("get", KEY.short, "-n", namespace, "-o", "wide").splitlines()[0].split()
    assert set(wide) - set(columns[2]) == {"REASON", "ALIAS", "REVISION", "RENEW"}
    found = ("get", "-n", namespace, "-o", "name", "--field-selector")
    assert crds.kubectl(*found, "spec.roleRef.name=x", KEY.plural).split() == ["litellmkey.llmkeys.io/other"]
    assert crds.kubectl(*found, "spec.secret.name=s", KEY.plural).split() == ["litellmkey.llmkeys.io/other"]
    assert crds.kubectl(*found, "spec.connectionRef.name=default", ROLE.plural).split() == [
        "litellmrole.llmkeys.io/good"
    ]
    assert len(crds.kubectl("get", CATEGORY, "-n", namespace, "-o", "name").split()) == 4


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_kubectl_explains_every_field(crds: Access, kind: Kind) -> None:
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    told = " ".join(crds.kubectl("explain", f"{kind.plural}.spec").split())
    for field, node in schema["properties"].items():
        assert f"{field} <" in told
        assert node["description"] in told
