"""The end of a key's time: LiteLLM refuses it by itself, and what is left of it is cleaned up at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dev.faultproxy import Delay, Drop, Moment
from tests.integration.site import ROLES, SECRETS, Claim, Site
from tests.support.waiting import until

SECOND = timedelta(seconds=1)
PROMPT = timedelta(seconds=10)
"""What a busy machine may need where nothing is waited for; whoever lost a deadline takes minutes."""
EXPIRED = (("False", "Expired"), ("False", "Expired"))


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("hour", renewal={"policy": "None"})
    site.role("brief", ttl="6s", renewal={"policy": "None"})
    site.role("endless", ttl="Never")
    site.claim("first", "hour").wait()
    return site


def end_of(claim: Claim) -> datetime:
    return datetime.fromisoformat(claim.status["expiresAt"])


def now() -> datetime:
    return datetime.now(UTC)


def wait_expired(claim: Claim) -> None:
    claim.wait("Expired", "Expired")


def nothing_left(claim: Claim) -> bool:
    return claim.row() is None and claim.secret() is None


def test_the_expiry_is_what_litellm_answered(furnished: Site) -> None:
    asked = {
        "role": (furnished.claim("by-role", "brief"), 6),
        "claim": (furnished.claim("by-claim", "hour", ttl="9m"), 540),
    }
    for claim, seconds in asked.values():
        claim.wait()
        answered = datetime.fromisoformat(str(claim.field("expires"))).replace(tzinfo=UTC, microsecond=0)
        assert end_of(claim) == answered
        issued = datetime.fromisoformat(claim.status["issuedAt"])
        assert abs(end_of(claim) - issued - seconds * SECOND) <= 2 * SECOND
        annotations = (claim.secret() or {})["metadata"]["annotations"]
        assert annotations["llmkeys.io/expires-at"] == claim.status["expiresAt"]


def test_a_key_ends_when_its_time_is_over_and_not_before_litellm_refuses_it(furnished: Site) -> None:
    operator = furnished.operator
    late_before = operator.metric("litellm_key_expiry_lateness_seconds_sum")
    seen_before = operator.metric("litellm_key_expiry_lateness_seconds_count")
    claims = [furnished.claim(f"ends-{n}", "hour", ttl="5s") for n in range(3)]
    values = {claim.name: claim.wait().value for claim in claims}
    ends = {claim.name: end_of(claim) for claim in claims}
    token_ids = {claim.name: claim.token_id for claim in claims}
    served, waiting = 0, list(claims)
    while waiting:
        for claim in list(waiting):
            said = claim.says()
            answer = furnished.admin.chat(values[claim.name])
            if now() < ends[claim.name]:
                assert (said[0], answer) == (("True", "Issued"), 200)
                served += 1
            if said == EXPIRED:
                assert answer == 401
                waiting.remove(claim)
            assert now() - ends[claim.name] < PROMPT, said
    assert served >= len(claims)
    for claim in claims:
        assert nothing_left(claim)
        assert claim.status["tokenID"] == token_ids[claim.name]
        assert end_of(claim) == ends[claim.name]
        assert "binding" not in claim.status
        claim.wait_event("KeyExpired")
    assert operator.metric("litellm_key_expiry_lateness_seconds_count") >= seen_before + len(claims)
    late = operator.metric("litellm_key_expiry_lateness_seconds_sum") - late_before
    assert 0 <= late < len(claims) * PROMPT / SECOND
    labels = {"namespace": furnished.home, "name": claims[0].name, "condition": "Ready", "status": "False"}
    assert operator.metric("litellm_key_status_condition", **labels) == 1


def test_a_restart_over_the_expiry_and_one_before_it(furnished: Site) -> None:
    operator = furnished.operator
    over = [furnished.claim(f"over-{n}", "hour", ttl="4s") for n in range(2)]
    ahead = furnished.claim("ahead", "hour", ttl="16s")
    for claim in (*over, ahead):
        claim.wait()
    value, last = ahead.value, max(map(end_of, over))
    assert operator.terminate() == 0
    until(lambda: now() > last + SECOND, "the first keys' time to be over")
    for claim in over:
        assert furnished.admin.chat(claim.value) == 401
        assert claim.row() is not None
    operator.start().wait_ready()
    began = now()
    for claim in over:
        wait_expired(claim)
        assert nothing_left(claim)
    assert now() - began < PROMPT
    assert now() < end_of(ahead)
    assert ahead.says()[0] == ("True", "Issued")
    assert furnished.admin.chat(value) == 200
    wait_expired(ahead)
    assert timedelta() <= now() - end_of(ahead) < PROMPT
    assert nothing_left(ahead)
    assert furnished.admin.chat(value) == 401


def test_an_expiry_that_an_admin_moved_in_litellm_is_followed(furnished: Site) -> None:
    later, soon = (furnished.claim(name, "hour", ttl="4s").wait() for name in ("prolonged", "a-little-prolonged"))
    values, before = {claim.name: claim.value for claim in (later, soon)}, end_of(later)
    furnished.admin.update(later.token_id, duration="30m")
    furnished.admin.update(soon.token_id, duration="6s")
    until(lambda: end_of(later) != before, "the later expiry to be noticed")
    assert now() > before
    later.wait()
    assert str(later.field("expires")).startswith(later.status["expiresAt"].removesuffix("Z"))
    until(
        lambda: (later.secret() or {})["metadata"]["annotations"]["llmkeys.io/expires-at"] == later.status["expiresAt"],
        "the Secret to say so",
    )
    assert later.value == values[later.name]
    assert furnished.admin.chat(later.value) == 200
    wait_expired(soon)
    assert before + SECOND < end_of(soon) <= now()
    assert furnished.admin.chat(values[soon.name]) == 401


def test_nothing_that_goes_wrong_meanwhile_keeps_a_key_from_its_end(furnished: Site) -> None:
    furnished.role("leaving", renewal={"policy": "None"})
    names = {"roleless": "leaving", "blocked": "hour", "paused": "hour", "secretless": "hour", "unreachable": "hour"}
    claims = {name: furnished.claim(f"end-{name}", role, ttl="7s") for name, role in names.items()}
    values = {name: claim.wait().value for name, claim in claims.items()}
    last = max(map(end_of, claims.values()))
    furnished.at().delete(ROLES, "leaving")
    furnished.admin.update(claims["blocked"].token_id, blocked=True)
    claims["paused"].annotate(paused="true")
    claims["roleless"].wait("Issued", "RoleNotFound")
    claims["paused"].wait("Issued", "Paused")
    rule = furnished.litellm.on("*", "/", Drop(), nth=None)
    claims["secretless"].cluster.delete(SECRETS, claims["secretless"].name)
    until(lambda: claims["unreachable"].says()[1][1] == "Unreachable", "the outage to be noticed")
    assert now() >= end_of(claims["unreachable"])
    until(lambda: now() > last + SECOND, "the time of all to be over")
    assert [furnished.admin.chat(value) for value in values.values()] == [401] * len(values)
    assert claims["unreachable"].row() is not None
    assert "Expired" not in {reason for claim in claims.values() for _, reason in claim.says()}
    furnished.litellm.remove(rule)
    for claim in claims.values():
        wait_expired(claim)
        assert nothing_left(claim)


def test_a_value_that_is_over_before_it_is_known_is_never_delivered(furnished: Site) -> None:
    late = furnished.litellm.on(
        "POST", "/key/generate", Delay(3), moment=Moment.AFTER, where=lambda body: b"/tardy" in body
    )
    claim = furnished.claim("tardy", "hour", ttl="2s")
    late.wait_reached()
    until(lambda: claim.status.get("revision") == 2, "another value")
    published = [one for one in furnished.api.requests("POST", "/secrets") if b"tardy" in one.body]
    assert len(published) == 1
    assert json.loads(published[0].body)["metadata"]["annotations"]["llmkeys.io/revision"] == "2"
    wait_expired(claim)
    assert claim.secret() is None
    # A registration of it that is still on its way would find the name plate of a dead key.
    assert (claim.row() or {"blocked": True})["blocked"] is True


def test_what_is_over_stays_so_until_it_goes_by_itself_or_is_deleted(furnished: Site) -> None:
    goes = furnished.claim("goes", "hour", ttl="3s", ttlAfterExpired="4s")
    stays, over = (furnished.claim(name, "hour", ttl="3s") for name in ("stays", "over"))
    token_id, end = goes.wait().token_id, end_of(goes)
    value, alias = over.wait().value, over.status["keyAlias"]
    for claim in (goes, stays, over):
        wait_expired(claim)
    generated = furnished.litellm.count("POST", "/key/generate")
    over.edit(ttl="30m", limits={"rpm": 1})
    wait_expired(over)
    assert furnished.litellm.count("POST", "/key/generate") == generated

    furnished.secret("over", theirs="now")
    over.delete()
    over.wait_gone()
    assert over.data() == {"theirs": "now"}
    again = furnished.claim("over", "hour", secret={"name": "anew"}).wait()
    assert again.status["keyAlias"] == again.field("key_alias") == alias
    assert furnished.admin.chat(again.data("anew")["api-key"]) == 200
    assert furnished.admin.chat(value) == 401

    goes.wait_gone()
    assert timedelta(seconds=4) <= now() - end < timedelta(seconds=4) + PROMPT
    assert furnished.admin.row(token_id) is None
    assert goes.secret() is None
    wait_expired(stays)
    stays.edit(ttlAfterExpired="1s")
    stays.wait_gone()


def test_only_a_role_without_an_end_gives_keys_without_one(furnished: Site) -> None:
    claim = furnished.claim("endless", "endless").wait()
    assert "expiresAt" not in claim.status
    assert claim.field("expires") is None
    assert "llmkeys.io/expires-at" not in (claim.secret() or {})["metadata"]["annotations"]
    operator, labels = furnished.operator, {"namespace": furnished.home, "name": "endless"}
    assert operator.metric("litellm_key_status_condition", **labels, condition="Ready", status="True") == 1
    assert operator.metric("litellm_key_expiration_timestamp_seconds", **labels) == 0
    ended = furnished.claim("ended", "endless", ttl="30m").wait()
    assert end_of(ended) > now()
    refused = furnished.claim("refused", "hour", ttl="Never").wait("InvalidSpec", "InvalidSpec")
    assert refused.message("Ready") == "spec.ttl: Never was asked for, the role allows 1h"
    assert refused.secret() is None
