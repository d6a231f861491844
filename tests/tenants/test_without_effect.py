"""Tries of a tenant that the API server takes, and that change nothing of what the platform gave."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.integration.site import KEYS, SECRETS, Claim, encoded
from tests.support.litellm_admin import SMALL
from tests.support.waiting import until
from tests.tenants.ground import ANY, NAMED, PLAIN, ROTATED, Ground

REFUSED: Final = {401, 403}


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for the claim of a test, out of its own."""
    whole: str = request.node.name
    return "".join(c if c.isalnum() else "-" for c in whole.lower())[-50:].strip("-")


INTERPRETED: Final[dict[str, str]] = {
    "tags": '["gold"]',
    "temp_budget_increase": "1000000",
    "temp_budget_expiry": "2099-01-01",
    "logging": '[{"callback_name": "langfuse"}]',
    "cache": "off",
    "disable_global_guardrails": "true",
    "guardrails": "[]",
    "model_rpm_limit": '{"fake-small": 1000000}',
    "model_tpm_limit": '{"fake-small": 1000000}',
    "service_account_id": "admin",
    "llmkeys": '{"uid": "somebody-else"}',
    "uid": "somebody-else",
    "installation": "somebody-else",
    "retained": "true",
    "tombstone": "true",
}
"""Names that LiteLLM, or the operator, reads elsewhere in the metadata of a key."""


def test_metadata_that_litellm_interprets_is_out_of_its_sight(ground: Ground, name: str) -> None:
    claim = ground.described(name, INTERPRETED).wait()
    ground.check_terms(claim)
    row = claim.row() or {}
    assert row["metadata"]["llmkeys"]["labels"] == INTERPRETED
    ground.remove(claim)


STATUS: Final[dict[str, Any]] = {
    "revision": 9,
    "applied": {"max_budget": 100000},
    "conditions": [],
    "connection": {"namespace": "x", "name": "x", "url": "http://collect.example.com"},
}


def test_a_status_that_is_brought_along_is_dropped(ground: Ground, name: str) -> None:
    stolen = {"status": {**STATUS, "tokenID": ground.victim.token_id, "seed": 1}}
    ground.tenant.must("POST", ground.path(f"own/{KEYS}"), {**ground.manifest(name), **stolen})
    claim = Claim(ground.site, ground.site.at(ground.team), name).wait()
    ground.tenant.must("PATCH", ground.path(f"own/{KEYS}/{name}"), stolen)
    assert claim.status["revision"] == 1
    ground.check_terms(claim)
    ground.remove(claim)
    ground.check_victim()


ANNOTATIONS: Final[dict[str, Callable[[Ground], dict[str, str]]]] = {
    "another-seed": lambda ground: {"llmkeys.io/installation": f"{installation(ground)}/99"},
    "another-connection": lambda ground: {"llmkeys.io/connection": f"{ground.site.home}/swept"},
    "a-connection-of-its-own": lambda ground: {"llmkeys.io/connection": f"{ground.team}/mine"},
    "another-revision": lambda ground: {
        "llmkeys.io/revision": "7",
        "llmkeys.io/token-id": ground.victim.token_id,
        "llmkeys.io/expires-at": "2099-01-01T00:00:00Z",
    },
    "no-sense": lambda _: {
        "llmkeys.io/installation": "//",
        "llmkeys.io/connection": "../../x",
        "llmkeys.io/rotate": "\x00\x1b[2J",
        "llmkeys.io/paused": "maybe",
    },
    "much": lambda _: {"llmkeys.io/rotate": "x" * 200_000},
}


def installation(ground: Ground) -> str:
    """The operator's, as every key tells it."""
    text: str = ground.victim.resource["metadata"]["annotations"]["llmkeys.io/installation"]
    return text.partition("/")[0]


@pytest.mark.parametrize("case", ANNOTATIONS)
def test_annotations_at_birth_give_no_other_key(ground: Ground, case: str) -> None:
    name = f"born-{case}"
    claim = ground.claim(name, metadata={"annotations": ANNOTATIONS[case](ground)})
    ground.check_terms(claim.wait())
    assert ground.site.admin.chat(claim.value) == 200
    ground.remove(claim)
    assert ground.rows(name) == []
    ground.check_victim()


@pytest.mark.parametrize("case", ANNOTATIONS)
def test_annotations_in_its_life_give_no_other_key(ground: Ground, case: str) -> None:
    claim = ground.claim(f"lives-{case}").wait()
    value = claim.value
    ground.edit(KEYS, claim.name, {"metadata": {"annotations": ANNOTATIONS[case](ground)}})
    ground.edit(KEYS, claim.name, {"spec": {"metadata": {"seen": "yes"}}})
    ground.check_terms(claim.wait())
    value = claim.value
    ground.remove(claim)
    assert ground.site.admin.chat(value) in REFUSED
    assert ground.rows(claim.name) == []
    ground.check_victim()


def test_the_secret_of_somebody_else_is_not_overwritten(ground: Ground, name: str) -> None:
    mark = {"llmkeys.io/key": name, "app.kubernetes.io/managed-by": "litellm-key-operator"}
    ground.secret(f"{name}-app", {"labels": mark, "annotations": {"llmkeys.io/revision": "1"}}, mine="mine")
    claim = ground.claim(name, secret={"name": f"{name}-app"}).wait("SecretConflict", "SecretConflict")
    assert claim.data(f"{name}-app") == {"mine": "mine"}
    ground.remove(claim)
    assert claim.data(f"{name}-app") == {"mine": "mine"}


def test_the_secret_of_another_key_is_not_taken_over(ground: Ground, name: str) -> None:
    first = ground.claim(f"{name}-1").wait()
    second = ground.claim(f"{name}-2", secret={"name": first.name}).wait("SecretConflict", "SecretConflict")
    value = first.value
    ground.remove(second)
    assert first.wait().value == value
    assert ground.site.admin.chat(value) == 200
    ground.remove(first)


@pytest.mark.parametrize("secret", ["admin", "litellm-key-operator-seed", "litellm-admin"])
def test_the_name_of_a_platforms_secret_is_only_a_name(ground: Ground, secret: str) -> None:
    before = ground.site.at().get(SECRETS, secret)
    claim = ground.claim(f"as-{secret}", secret={"name": secret}).wait()
    ground.check_terms(claim)
    ground.remove(claim)
    assert ground.site.at().get(SECRETS, secret) == before
    ground.check_victim()


@pytest.mark.parametrize("owner", ["victim", "nobody"])
def test_an_owner_that_a_secret_names_is_not_believed(ground: Ground, name: str, owner: str) -> None:
    uid = ground.victim.resource["metadata"]["uid"] if owner == "victim" else "0" * 8 + "-0000-4000-8000-" + "0" * 12
    ref = {"apiVersion": "llmkeys.io/v1alpha1", "kind": "LiteLLMKey", "name": "victim", "uid": uid, "controller": True}
    claim = ground.claim(name, secret={"name": f"{name}-s"})
    ground.site.claim("witness", PLAIN).wait().delete()
    value = claim.wait().data(f"{name}-s")["api-key"]
    ground.edit(SECRETS, f"{name}-s", {"metadata": {"ownerReferences": [ref]}})
    until(lambda: claim.data(f"{name}-s").get("api-key") in {value, None}, "the Secret")
    ground.check_victim()
    ground.edit(KEYS, name, {"spec": {"secret": {"name": f"{name}-t"}}})
    claim.wait()
    assert claim.data(f"{name}-t")["api-key"] == value
    ground.remove(claim)
    ground.check_victim()


def _revision(claim: Claim) -> str:
    """What the Secret says of itself."""
    text: str = (claim.secret() or {})["metadata"]["annotations"]["llmkeys.io/revision"]
    return text


def test_what_is_written_into_a_secret_is_undone(ground: Ground, name: str) -> None:
    claim = ground.claim(name).wait()
    before = claim.data()
    ground.edit(SECRETS, name, {"data": {"api-key": encoded(ground.victim.value), "more": encoded("x")}})
    until(lambda: claim.data() == before, "the Secret to be restored")
    ground.edit(SECRETS, name, {"metadata": {"annotations": {"llmkeys.io/revision": "9"}}})
    until(lambda: _revision(claim) == "1", "the Secret's mark to be restored")
    ground.tenant.must("DELETE", ground.path(f"own-core/secrets/{name}"))
    until(lambda: claim.data() == before, "the Secret to be made anew")
    assert len(ground.rows(name)) == 1
    ground.check_terms(claim.wait())
    ground.remove(claim)


def test_names_of_models_are_no_templates(ground: Ground, name: str) -> None:
    data = {"key": "{{ key }}", "models": "{{ models }}"}
    claim = ground.claim(name, ANY, models=["{{ key }}", SMALL], secret={"data": data}).wait()
    assert sorted(claim.data()["models"].split(",")) == sorted(["{{ key }}", SMALL])
    ground.remove(claim)


def test_a_foreign_finalizer_keeps_the_resource_and_not_the_key(ground: Ground, name: str) -> None:
    claim = ground.claim(name, metadata={"finalizers": ["example.com/hold"]}).wait()
    value = claim.value
    ground.tenant.must("DELETE", ground.path(f"own/{KEYS}/{name}"))
    until(lambda: ground.site.admin.chat(value) in REFUSED, "the key to be revoked")
    until(lambda: claim.secret() is None, "the Secret to go")
    ground.edit(KEYS, name, {"metadata": {"finalizers": None}})
    claim.wait_gone()
    assert ground.rows(name) == []


def test_an_owner_of_ones_choice_ends_the_key_at_most(ground: Ground, name: str) -> None:
    ref = {"apiVersion": "v1", "kind": "Secret", "name": "absent", "uid": "00000000-0000-4000-8000-000000000000"}
    claim = ground.claim(name, metadata={"ownerReferences": [ref]})
    claim.wait_gone()
    until(lambda: ground.rows(name) == [], "the key to be revoked")
    ground.check_victim()


def test_many_rotations_give_neither_more_keys_nor_more_money(ground: Ground, name: str) -> None:
    claim = ground.claim(name, ROTATED).wait()
    for _ in range(3):
        assert ground.site.admin.chat(claim.value) == 200
    spent = until(lambda: claim.field("spend"), "the spend to be booked")
    for number in range(20):
        ground.edit(KEYS, name, {"metadata": {"annotations": {"llmkeys.io/rotate": str(number)}}})
        assert len(ground.rows(name)) <= 2
    until(lambda: claim.status.get("lastHandledRotate") == "19", "the last rotation")
    ground.check_terms(claim.wait())
    assert claim.field("spend") >= spent
    until(lambda: len(ground.rows(name)) <= 2, "two values at most")
    ground.check_victim()
    ground.remove(claim)
    assert ground.rows(name) == []


def test_a_claim_made_again_and_again_leaves_nothing(ground: Ground, name: str) -> None:
    values: set[str] = set()
    for _ in range(5):
        claim = ground.claim(name).wait()
        values.add(claim.value)
        ground.remove(claim)
    assert len(values) == 5
    assert {ground.site.admin.chat(value) for value in values} <= REFUSED
    assert ground.rows(name) == []


def test_an_alias_that_collides_belongs_to_who_had_it(ground: Ground) -> None:
    held = ground.site.claim("collides", NAMED, ground.other).wait()
    claim = ground.claim("collides", NAMED).wait("AliasConflict", "AliasConflict")
    assert held.value not in json.dumps(claim.resource)
    ground.remove(claim)
    assert ground.site.admin.chat(held.value) == 200
    held.delete()
    held.wait_gone()


def test_a_paused_key_is_narrowed_and_revoked_all_the_same(ground: Ground, name: str) -> None:
    ground.site.role(name, limits={"rpm": 100}, allowedNamespaces={"from": "All"})
    claim = ground.claim(name, name).wait()
    value = claim.value
    ground.edit(KEYS, name, {"metadata": {"annotations": {"llmkeys.io/paused": "true"}}})
    claim.wait("Issued", "Paused")
    ground.site.edit_role(name, limits={"rpm": 1})
    until(lambda: claim.field("rpm_limit") == 1, "the role's tightening")
    ground.remove(claim)
    assert ground.site.admin.chat(value) in REFUSED


def test_fields_that_there_are_not_are_dropped(ground: Ground, name: str) -> None:
    more: dict[str, Any] = {
        "teamID": "red",
        "permissions": {"x": True},
        "allowedRoutes": ["/key/generate"],
        "spend": -100,
    }
    claim = ground.claim(name, **more).wait()
    assert not claim.resource["spec"].keys() & more.keys()
    ground.check_terms(claim)
    ground.remove(claim)


def test_a_role_of_the_same_name_is_looked_for_where_the_claim_says(ground: Ground, name: str) -> None:
    ref: dict[str, Any] = {"roleRef": {"name": PLAIN, "namespace": ground.other}}
    claim = ground.claim(name, **ref).wait("RoleNotFound", "RoleNotFound")
    ground.site.role(PLAIN, ground.other, connectionRef={"name": "default"})
    claim.wait("NamespaceNotAllowed", "NamespaceNotAllowed")
    assert ground.rows(name) == []
    ground.remove(claim)
