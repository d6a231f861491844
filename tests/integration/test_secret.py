"""The Secret of a Key: kept as declared, never anybody else's, and moved in the right order."""

from __future__ import annotations

import json
import secrets

import pytest

from tests.integration.site import SECRETS, Claim, Site, encoded
from tests.support.cluster import Json
from tests.support.waiting import until


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("plain", allowedNamespaces={"from": "All"})
    site.claim("first", "plain").wait()
    return site


def _refuses_secrets(site: Site, namespace: str) -> bool:
    probe = secrets.token_hex(4)
    try:
        site.secret(f"probe-{probe}", namespace)
    except AssertionError as error:
        return "exceeded quota" in str(error)
    return False


def uid(secret: Json | None) -> str:
    return str((secret or {}).get("metadata", {}).get("uid", ""))


def test_a_deleted_secret_comes_back_with_the_same_value(furnished: Site) -> None:
    claim = furnished.claim("deleted", "plain").wait()
    value, before = claim.value, uid(claim.secret())
    asked = furnished.litellm.count("POST", "/key/generate")
    claim.cluster.delete(SECRETS, claim.name)
    until(lambda: uid(claim.secret()) not in {"", before}, "a new Secret")
    assert claim.value == value
    claim.wait_event("SecretRestored")
    assert claim.status["revision"] == 1
    assert furnished.litellm.count("POST", "/key/generate") == asked


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"api-key": encoded("sk-something-else")}},
        {"data": {"api-key": None}},
        {"data": {"more": encoded("x")}},
        {"metadata": {"labels": {"llmkeys.io/key": "other"}}},
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
        {"metadata": {"annotations": {"llmkeys.io/revision": "7"}}},
    ],
    ids=["value", "entry gone", "entry more", "label", "label we watch by", "annotation"],
)
def test_an_edited_secret_is_put_right(furnished: Site, request: pytest.FixtureRequest, change: Json) -> None:
    name = "edited-" + request.node.callspec.id.replace(" ", "-")
    claim = furnished.claim(name, "plain").wait()
    before = claim.secret()
    assert before is not None
    edited = claim.cluster.patch(SECRETS, name, change)
    assert edited["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]

    def restored() -> bool:
        now = claim.secret() or {}
        labels, annotations = (now["metadata"].get(kind) for kind in ("labels", "annotations"))
        return (now["data"], labels, annotations) == (
            before["data"], before["metadata"]["labels"], before["metadata"]["annotations"],
        )  # fmt: skip

    until(restored, "the Secret as it was", 20)
    claim.wait_event("SecretRestored")


def test_what_other_tools_add_to_the_metadata_stays(furnished: Site) -> None:
    claim = furnished.claim("tools", "plain").wait()
    theirs = {"labels": {"example.com/theirs": "x"}, "annotations": {"example.com/theirs": "y"}}
    claim.cluster.patch(SECRETS, claim.name, {"metadata": theirs})
    claim.cluster.patch(SECRETS, claim.name, {"data": {"api-key": encoded("sk-something-else")}})
    until(lambda: claim.value != "sk-something-else", "the value to be restored")
    meta = (claim.secret() or {})["metadata"]
    assert meta["labels"]["example.com/theirs"] == "x"
    assert meta["annotations"]["example.com/theirs"] == "y"


def test_somebody_elses_secret_is_left_alone_until_it_goes(furnished: Site) -> None:
    furnished.secret("taken", password="theirs")
    before = furnished.at().get(SECRETS, "taken")
    claim = furnished.claim("taken", "plain").wait("SecretConflict", "SecretConflict")
    assert f"{furnished.home}/taken" in claim.message("Ready")
    claim.wait_event("SecretConflict")
    assert claim.secret() == before
    claim.cluster.delete(SECRETS, "taken")
    claim.wait()
    assert furnished.admin.chat(claim.value) == 200


def test_a_secret_in_our_labels_is_still_somebody_elses(furnished: Site) -> None:
    labels = {"app.kubernetes.io/managed-by": "litellm-key-operator", "llmkeys.io/key": "disguised"}
    made = furnished.at().create(SECRETS, "Secret", "disguised", metadata={"labels": labels}, data={"a": encoded("b")})
    claim = furnished.claim("disguised", "plain").wait("SecretConflict", "SecretConflict")
    claim.delete()
    claim.wait_gone()
    assert furnished.at().get(SECRETS, "disguised") == made


def test_the_secret_of_another_key_stays_that_keys(furnished: Site) -> None:
    owner = furnished.claim("owner", "plain", secret={"name": "shared"}).wait()
    before = owner.secret("shared")
    second = furnished.claim("second", "plain", secret={"name": "shared"}).wait("SecretConflict", "SecretConflict")
    assert owner.secret("shared") == before
    owner.wait()
    owner.delete()
    owner.wait_gone()
    second.wait(seconds=90)
    assert furnished.admin.chat(second.data("shared")["api-key"]) == 200


def test_with_a_new_name_the_new_secret_comes_before_the_old_one_goes(furnished: Site) -> None:
    claim = furnished.claim("renamed", "plain").wait()
    value, before = claim.value, len(furnished.api.requests())
    claim.edit(secret={"name": "renamed-now"})
    until(lambda: claim.secret() is None, "the old Secret to go")
    claim.wait()
    assert claim.data("renamed-now")["api-key"] == value
    assert claim.status["binding"] == {"name": "renamed-now"}
    done = [
        (one.method, json.loads(one.body)["metadata"]["name"] if one.method == "POST" else "")
        for one in furnished.api.requests()[before:]
        if "/secrets" in one.target and one.method in {"POST", "DELETE"}
    ]
    assert done == [("POST", "renamed-now"), ("DELETE", "")]


def test_a_new_name_that_is_taken_keeps_the_old_secret(furnished: Site) -> None:
    furnished.secret("occupied", password="theirs")
    claim = furnished.claim("mover", "plain").wait()
    value = claim.value
    claim.edit(secret={"name": "occupied"})
    until(lambda: claim.says()[1][1] == "SecretConflict", "the conflict to be said")
    assert claim.value == value
    claim.edit(secret={"name": None})
    claim.wait()


def test_another_type_and_another_preset_replace_the_secret(furnished: Site) -> None:
    claim = furnished.claim("typed", "plain").wait()
    value, before = claim.value, uid(claim.secret())
    claim.edit(secret={"type": "example.com/other", "preset": "OpenAI"})
    claim.wait()
    made = claim.secret() or {}
    assert made["type"] == "example.com/other"
    assert uid(made) != before
    assert claim.data()["OPENAI_API_KEY"] == value


def test_an_immutable_secret_is_made_anew(furnished: Site) -> None:
    claim = furnished.claim("immutable", "plain").wait()
    value, before = claim.value, uid(claim.secret())
    claim.cluster.patch(SECRETS, claim.name, {"immutable": True})
    claim.edit(secret={"preset": "OpenAI"})
    until(lambda: claim.data().get("OPENAI_API_KEY") == value, "the Secret as declared now")
    assert uid(claim.secret()) != before


def test_a_quota_is_said_and_when_it_is_lifted_the_same_key_is_delivered(furnished: Site) -> None:
    team = furnished.teams[0]
    cluster, nothing = furnished.at(team), {"count/secrets": "0"}
    cluster.create("resourcequotas", "ResourceQuota", "none", spec={"hard": nothing})
    # What the quota's controller does, which does not run here.
    cluster.patch("resourcequotas", "none/status", {"status": {"hard": nothing, "used": nothing}})
    until(lambda: _refuses_secrets(furnished, team), "the quota to be known")
    claim = furnished.claim("refused", "plain", team).wait("SecretRejected", "SecretRejected")
    claim.wait_event("IssueFailed")
    generated = furnished.litellm.count("POST", "/key/generate")
    furnished.at(team).delete("resourcequotas", "none")
    claim.wait(seconds=90)
    assert furnished.admin.chat(claim.value) == 200
    assert furnished.litellm.count("POST", "/key/generate") == generated


def test_without_the_operator_an_edit_waits_for_it(furnished: Site) -> None:
    claim: Claim = furnished.claim("unwatched", "plain").wait()
    value = claim.value
    operator = furnished.operator
    assert operator.terminate() == 0
    claim.cluster.patch(SECRETS, claim.name, {"data": {"api-key": encoded("sk-something-else")}})
    operator.start().wait_ready()
    until(lambda: claim.value == value, "the value to be restored")
