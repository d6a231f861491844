"""Others hold what a Key wants, or change it at the same time."""

from __future__ import annotations

import json
import uuid

import pytest

from dev.faultproxy import Answer
from tests.integration.site import CONNECTIONS, DEFAULT, KEYS, ROLES, Site
from tests.support.litellm_admin import SMALL, token_id
from tests.support.waiting import until


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("plain", allowedNamespaces={"from": "All"})
    site.claim("first", "plain").wait()
    return site


def strange_key(site: Site, alias: str, **metadata: object) -> str:
    """A key that somebody made by hand; answers its value."""
    made = site.admin.post("/key/generate", key_alias=alias, models=[SMALL], duration="10m", metadata=metadata)
    return str(made["key"])


def test_a_strangers_alias_is_left_alone_until_it_is_free(furnished: Site) -> None:
    value = strange_key(furnished, f"{furnished.home}/wanted")
    claim = furnished.claim("wanted", "plain").wait("AliasConflict", "AliasConflict")
    claim.wait_event("IssueFailed")
    assert value not in claim.message("Ready")
    assert claim.secret() is None
    assert furnished.admin.chat(value) == 200
    furnished.admin.delete(token_id(value))
    claim.wait()
    assert claim.field("key_alias") == f"{furnished.home}/wanted"


def test_two_claims_that_want_the_same_alias_do_not_share_it(furnished: Site) -> None:
    alias = f"{furnished.home}-{{{{ name }}}}"
    furnished.role("colliding", allowedNamespaces={"from": "All"}, aliasTemplate=alias)
    first = furnished.claim("same", "colliding", furnished.teams[0]).wait()
    second = furnished.claim("same", "colliding", furnished.teams[1]).wait("AliasConflict", "AliasConflict")
    value = first.value
    assert furnished.admin.chat(value) == 200
    first.delete()
    first.wait_gone()
    second.wait()
    assert furnished.admin.chat(value) == 401
    assert furnished.admin.chat(second.value) == 200


def test_what_an_earlier_resource_of_that_name_left_makes_way(furnished: Site) -> None:
    first = furnished.claim("again", "plain").wait()
    mark = (first.row() or {})["metadata"]["llmkeys"]
    gone = str(uuid.uuid4())
    left = strange_key(furnished, f"{furnished.home}/restored", llmkeys={**mark, "name": "restored", "uid": gone})
    claim = furnished.claim("restored", "plain").wait()
    assert claim.field("key_alias") == f"{furnished.home}/restored"
    assert (furnished.admin.row(token_id(left)) or {})["key_alias"] == f"{furnished.home}/restored@{gone[:8]}"
    assert furnished.admin.chat(left) == 200
    furnished.admin.delete(token_id(left))


def test_a_resource_that_is_made_anew_gets_a_key_of_its_own(furnished: Site) -> None:
    claim = furnished.claim("anew", "plain").wait()
    value = claim.value
    claim.delete()
    claim.wait_gone()
    second = furnished.claim("anew", "plain").wait()
    assert second.value != value
    assert furnished.admin.chat(value) == 401
    assert furnished.admin.chat(second.value) == 200


def test_of_many_quick_changes_the_last_one_holds(furnished: Site) -> None:
    claim = furnished.claim("hurried", "plain").wait()
    value = claim.value
    for rate in range(1, 31):
        claim.edit(limits={"rpm": rate})
        if rate % 7 == 0:
            claim.cluster.patch(KEYS, claim.name, {"metadata": {"labels": {"rate": str(rate)}}})
    claim.wait()
    assert claim.field("rpm_limit") == 30
    assert claim.value == value
    assert claim.status["revision"] == 1


def test_a_claim_that_changes_while_it_is_issued_gets_what_it_says_last(furnished: Site) -> None:
    claims = [furnished.claim(f"changing-{n}", "plain") for n in range(8)]
    for n, claim in enumerate(claims):
        claim.edit(limits={"rpm": n + 1}, secret={"name": f"moved-{n}"})
    for n, claim in enumerate(claims):
        claim.wait()
        assert claim.field("rpm_limit") == n + 1
        assert claim.secret() is None
        assert furnished.admin.chat(claim.data(f"moved-{n}")["api-key"]) == 200


def test_a_cleared_status_is_found_again(furnished: Site) -> None:
    claim = furnished.claim("cleared", "plain").wait()
    value, before = claim.value, claim.status
    generated = furnished.litellm.count("POST", "/key/generate")
    claim.cluster.patch(KEYS, f"{claim.name}/status", {"status": None})
    until(lambda: claim.status.get("tokenID") == before["tokenID"], "the token to be known again")
    claim.wait()
    kept = ("revision", "seed", "expiresAt", "keyAlias", "connection", "binding")
    assert {name: claim.status[name] for name in kept} == {name: before[name] for name in kept}
    assert claim.value == value
    # A rotation may have been under way: the value that would have come of it is made useless, and that is all.
    until(lambda: furnished.litellm.count("POST", "/key/generate") > generated, "a tombstone")
    [tombstone] = [one.body for one in furnished.litellm.requests("POST", "/key/generate")[generated:]]
    assert json.loads(tombstone)["blocked"] is True


@pytest.mark.parametrize("written", [f"{CONNECTIONS}/{DEFAULT}", f"{ROLES}/early"])
def test_what_waits_for_a_check_goes_on_though_its_result_is_written_down_at_the_second_try(
    own_site: Site, written: str
) -> None:
    identity = {}
    if ROLES in written:
        identity = {"teamID": own_site.admin.post("/team/new", team_alias=f"team of {own_site.home}")["team_id"]}
    own_site.role("early", identity=identity)
    claim = own_site.claim("early", "early")
    conflict = own_site.api.on("PATCH", f"{written}/status", Answer(409))
    own_site.start().wait_ready()
    claim.wait()
    assert conflict.is_reached()
