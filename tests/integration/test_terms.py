"""What a key may do follows its Role and its claim while it lives, and what others change in LiteLLM is noticed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.integration.site import GOOD, SWEPT, Claim, Site
from tests.support.litellm_admin import LARGE, SMALL
from tests.support.waiting import until

PAUSE = 2.0
"""Seconds of the operator's longest pause between tries here."""
CEILINGS: dict[str, Any] = {
    "models": [SMALL],
    "budget": {"max": 20},
    "limits": {"tpm": 1000, "rpm": 100, "maxParallelRequests": 5},
    "ttl": "1h",
}


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("ceilings", **CEILINGS)
    site.role("swept", connectionRef={"name": SWEPT}, limits={"rpm": 100}, metadata={"team": "red"})
    site.claim("first", "swept").wait()
    return site


def test_a_change_of_the_role_reaches_the_live_key_in_place(furnished: Site) -> None:
    furnished.role("changing", limits={"rpm": 100}, budget={"max": 20, "period": "30d"}, metadata={"a": "b"})
    claim = furnished.claim("follows", "changing").wait()
    value, expires = claim.value, claim.status["expiresAt"]
    furnished.edit_role("changing", limits={"rpm": 50, "tpm": 7}, models=[LARGE], metadata={"a": None, "c": "d"})
    until(lambda: claim.field("rpm_limit") == 50, "the new limit in LiteLLM")
    row = claim.wait().row() or {}
    assert (row["tpm_limit"], row["models"], row["metadata"]["c"]) == (7, [LARGE], "d")
    assert "a" not in row["metadata"]
    assert claim.value == value
    assert claim.status["expiresAt"] == expires
    assert row["expires"].startswith(expires.removesuffix("Z"))
    assert furnished.admin.chat(value, LARGE) == 200
    assert furnished.admin.chat(value, SMALL) in {401, 403}
    claim.wait_event("KeyUpdated")


def test_fields_that_are_taken_out_are_cleared_in_litellm(furnished: Site) -> None:
    everything: dict[str, Any] = {
        "limits": {"rpm": 100, "tpm": 1000, "maxParallelRequests": 5},
        "budget": {"max": 20, "soft": 10, "period": "30d"},
        "metadata": {"a": "b"},
        "identity": {"userID": "somebody"},
    }
    furnished.role("cleared", **everything)
    claim = furnished.claim("cleared", "cleared", metadata={"x": "y"}).wait()
    assert claim.field("max_budget") == 20
    nothing: dict[str, Any] = dict.fromkeys(everything)
    furnished.edit_role("cleared", **nothing)
    claim.edit(metadata=None)
    until(lambda: claim.field("rpm_limit") is None, "the limit to be cleared")
    row = claim.wait().row() or {}
    cleared = ("rpm_limit", "tpm_limit", "max_parallel_requests", "max_budget", "budget_duration", "user_id")
    assert {name: row[name] for name in cleared} == dict.fromkeys(cleared)
    assert set(row["metadata"]) == {"llmkeys"}
    assert "labels" not in row["metadata"]["llmkeys"]


def test_a_claim_narrows_its_live_key_and_widens_it_again(furnished: Site) -> None:
    claim = furnished.claim("narrows", "ceilings").wait()
    claim.edit(limits={"rpm": 10}, budget={"max": 0})
    row = claim.wait().row() or {}
    assert (row["rpm_limit"], row["tpm_limit"], row["max_budget"]) == (10, 1000, 0)
    claim.edit(limits=None, budget=None)
    row = claim.wait().row() or {}
    assert (row["rpm_limit"], row["max_budget"]) == (100, 20)


TOO_WIDE: dict[str, tuple[dict[str, Any], str]] = {
    "ttl": ({"ttl": "2h"}, "spec.ttl: 2h was asked for, the role allows 1h"),
    "never": ({"ttl": "Never"}, "spec.ttl: Never was asked for, the role allows 1h"),
    "models": ({"models": [SMALL, LARGE]}, f"spec.models: {LARGE} was asked for, the role allows {SMALL}"),
    "budget": ({"budget": {"max": 20.5}}, "spec.budget.max: 20.5 was asked for, the role allows 20"),
    "tpm": ({"limits": {"tpm": 1001}}, "spec.limits.tpm: 1001 was asked for, the role allows 1000"),
    "rpm": ({"limits": {"rpm": 101}}, "spec.limits.rpm: 101 was asked for, the role allows 100"),
    "parallel": (
        {"limits": {"maxParallelRequests": 6}},
        "spec.limits.maxParallelRequests: 6 was asked for, the role allows 5",
    ),
    "retain": ({"deletionPolicy": "Retain"}, "spec.deletionPolicy: Retain was asked for, the role allows Revoke"),
}


@pytest.mark.parametrize("field", TOO_WIDE)
def test_a_claim_that_is_too_wide_says_field_value_and_ceiling(furnished: Site, field: str) -> None:
    spec, message = TOO_WIDE[field]
    claim = furnished.claim(f"wide-{field}", "ceilings", **spec).wait("InvalidSpec", "InvalidSpec")
    assert claim.message("Ready") == message
    assert claim.secret() is None
    assert "tokenID" not in claim.status
    claim.edit(**dict.fromkeys(spec))
    claim.wait()


def test_a_live_key_whose_claim_becomes_too_wide_works_on_as_it_is(furnished: Site) -> None:
    claim = furnished.claim("widened", "ceilings").wait()
    claim.edit(limits={"rpm": 1000})
    claim.wait("Issued", "InvalidSpec")
    assert "spec.limits.rpm: 1000" in claim.message("Synced")
    assert claim.field("rpm_limit") == 100
    assert furnished.admin.chat(claim.value) == 200
    claim.wait_event("UpdateFailed")


def test_another_ttl_of_the_role_waits_for_the_next_key(furnished: Site) -> None:
    furnished.role("lasting")
    claim = furnished.claim("lasts", "lasting").wait()
    expires = claim.field("expires")
    furnished.edit_role("lasting", ttl="2h", limits={"rpm": 3})
    until(lambda: claim.says()[1][1] == "AppliesAtNextRotation", "the change to be said")
    assert claim.says()[0] == ("True", "Issued")
    assert "ttl" in claim.message("Synced")
    assert (claim.field("expires"), claim.field("rpm_limit")) == (expires, 3)
    furnished.edit_role("lasting", ttl="1h")
    claim.wait()


def marked_with(claim: Claim) -> object:
    """The revision in the mark that LiteLLM holds."""
    metadata: dict[str, Any] = claim.field("metadata") or {}
    mark: dict[str, Any] = metadata.get("llmkeys") or {}
    return mark.get("revision")


@pytest.mark.slow
def test_what_others_do_in_litellm_is_noticed_by_the_sweep_and_told_apart(furnished: Site) -> None:
    names = ("blocked", "lost", "drifted", "unmarked", "untouched")
    claims = {name: furnished.claim(f"swept-{name}", "swept").wait() for name in names}
    values = {name: claim.value for name, claim in claims.items()}
    untouched = claims["untouched"].resource["metadata"]["resourceVersion"]
    furnished.admin.update(claims["blocked"].token_id, blocked=True)
    furnished.admin.delete(claims["lost"].token_id)
    furnished.admin.update(claims["drifted"].token_id, rpm_limit=9999, models=[SMALL, LARGE])
    furnished.admin.update(claims["unmarked"].token_id, metadata={"ui": "was here"})

    claims["blocked"].wait("ExternallyBlocked", "ExternallyBlocked")
    claims["blocked"].wait_event("ExternallyBlocked")
    assert claims["blocked"].value == values["blocked"]
    until(lambda: claims["lost"].status.get("revision") == 2, "a new revision of the lost key")
    claims["lost"].wait()
    claims["lost"].wait_event("ExternallyDeleted")
    assert claims["lost"].value != values["lost"]
    assert furnished.admin.chat(values["lost"]) == 401
    assert furnished.admin.chat(claims["lost"].value) == 200
    until(lambda: claims["drifted"].field("rpm_limit") == 100, "the limit to be repaired")
    assert claims["drifted"].field("models") == [SMALL]
    claims["drifted"].wait_event("DriftRepaired")
    until(lambda: marked_with(claims["unmarked"]) == 1, "our mark")
    assert claims["unmarked"].field("metadata")["team"] == "red"
    assert furnished.operator.metric("litellm_key_drift_repaired_total") == 2
    assert claims["untouched"].resource["metadata"]["resourceVersion"] == untouched

    furnished.admin.update(claims["blocked"].token_id, blocked=False)
    claims["blocked"].wait()
    assert furnished.admin.chat(values["blocked"]) == 200


def test_terms_that_litellm_refuses_are_rejected_without_hammering(furnished: Site) -> None:
    furnished.role("refused", budget={"id": "no-such-budget"})
    claim = furnished.claim("refused", "refused").wait("Rejected", "Rejected")
    claim.wait_event("IssueFailed")
    assert claim.secret() is None
    tries, began = furnished.litellm.count("POST", "/key/generate"), time.monotonic()
    until(lambda: furnished.litellm.count("POST", "/key/generate") >= tries + 2, "two more tries")
    assert time.monotonic() - began > PAUSE
    furnished.edit_role("refused", budget=None)
    claim.wait()


def test_a_refused_update_leaves_the_key_as_it_is(furnished: Site) -> None:
    furnished.role("refusing")
    claim = furnished.claim("refusing", "refusing").wait()
    furnished.edit_role("refusing", budget={"id": "no-such-budget"})
    until(lambda: claim.says()[1][1] == "Rejected", "the refusal to be said")
    assert claim.says()[0] == GOOD[0]
    assert furnished.admin.chat(claim.value) == 200
    furnished.edit_role("refusing", budget=None)
    claim.wait()


def test_a_team_that_does_not_exist_is_said_and_one_that_does_is_used(furnished: Site) -> None:
    furnished.role("team", identity={"teamID": "no-such-team"})
    claim = furnished.claim("in-team", "team").wait("RoleNotReady", "RoleNotReady")
    assert "no-such-team" in claim.message("Ready")
    team = furnished.admin.post("/team/new", team_alias=f"team of {furnished.home}")["team_id"]
    furnished.edit_role("team", identity={"teamID": team})
    claim.wait()
    assert claim.field("team_id") == team
