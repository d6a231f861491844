"""A key goes on before its time is over: by a new value that takes over, or by a later end."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.faultproxy import Answer, Hold
from tests.integration.site import GOOD, ROLES, Claim, Site
from tests.support.litellm_admin import LARGE, SMALL
from tests.support.waiting import until

ROTATES: dict[str, Any] = {"ttl": "1h", "renewal": {"overlap": "5s"}}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def revision(claim: Claim, number: int) -> Claim:
    """The claim, once this revision took over and all is well."""
    until(lambda: claim.status.get("revision") == number, f"revision {number} of {claim.name}")
    return claim.wait()


def aliases(claim: Claim) -> set[str]:
    """The aliases that keys of this claim have in LiteLLM."""
    return {row["key_alias"] for row in claim.site.admin.rows(f"{claim.cluster.namespace}/{claim.name}")}


@pytest.fixture(autouse=True)
def clear_day(site: Site) -> Generator[None]:
    """No test leaves its faults to the next."""
    yield
    site.litellm.clear()


@pytest.fixture
def rotating(site: Site) -> Generator[Claim]:
    """A claim that is well, with an overlap of five seconds."""
    name = f"rotating-{len(site.at().all(ROLES))}"
    site.role(name, **ROTATES)
    claim = site.claim(name, name).wait()
    yield claim
    claim.delete()
    claim.wait_gone()


def test_a_rotation_by_annotation_switches_the_secret_and_both_values_work_for_the_overlap(rotating: Claim) -> None:
    site, old, old_id = rotating.site, rotating.value, rotating.token_id
    alias = rotating.status["keyAlias"]
    rotating.annotate(rotate="once")
    revision(rotating, 2)
    assert rotating.value != old
    assert site.admin.chat(rotating.value) == 200
    [retiring] = rotating.status["retiring"]
    assert (retiring["tokenID"], retiring["revision"]) == (old_id, 1)
    assert site.admin.chat(old) == 200
    assert aliases(rotating) == {alias, f"{alias}@r1"}
    assert rotating.field("key_alias") == alias
    until(lambda: "retiring" not in rotating.status, "the old value to be retired")
    assert site.admin.chat(old) == 401
    assert aliases(rotating) == {alias}
    assert rotating.says() == GOOD
    rotating.wait_event("KeyRotated")
    rotating.wait_event("OldKeyRetired")


def test_the_annotation_rotates_once_per_value_also_over_a_restart(rotating: Claim) -> None:
    site = rotating.site
    rotating.annotate(rotate="first")
    revision(rotating, 2)
    site.operator.terminate()
    site.start().wait_ready()
    rotating.edit(metadata={"looked": "at"})
    rotating.wait()
    assert rotating.status["revision"] == 2
    rotating.annotate(rotate="second")
    revision(rotating, 3)
    rotating.annotate(rotate=None)
    rotating.edit(metadata=None)
    assert rotating.wait().status["revision"] == 3


def test_a_second_rotation_within_the_overlap_ends_the_older_value_first(site: Site) -> None:
    site.role("long-overlap", ttl="1h", renewal={"overlap": "30m"})
    claim = site.claim("long-overlap", "long-overlap").wait()
    first = claim.value
    claim.annotate(rotate="once")
    second = revision(claim, 2).value
    claim.annotate(rotate="twice")
    revision(claim, 3)
    assert [site.admin.chat(value) for value in (first, second, claim.value)] == [401, 200, 200]
    assert [retiring["revision"] for retiring in claim.status["retiring"]] == [2]
    claim.delete()
    claim.wait_gone()
    assert site.admin.chat(second) == 401


def test_a_value_from_which_another_takes_over_at_once_keeps_its_overlap(site: Site) -> None:
    site.role("replaced", ttl="1h", renewal={"overlap": "30m"})
    claim = site.claim("replaced", "replaced").wait()
    alias = claim.status["keyAlias"]
    held = site.litellm.on("POST", "/key/generate", Hold(), where=lambda body: alias.encode() in body)
    site.admin.delete(claim.token_id)
    claim.edit(limits={"rpm": 9})
    held.wait_reached()
    # Asked for when the successor of the deleted value is noted, and before it is reported.
    claim.annotate(rotate="meanwhile")
    held.release()
    revision(claim, 3)
    [retiring] = claim.status["retiring"]
    assert retiring["revision"] == 2
    assert moment(retiring["retireAt"]) > datetime.now(UTC) + timedelta(minutes=20)
    assert aliases(claim) == {alias, f"{alias}@r2"}
    claim.delete()
    claim.wait_gone()


def test_a_key_is_rotated_before_its_time_is_over(site: Site) -> None:
    site.role("short", ttl="20s", renewal={"beforePercentage": 60, "overlap": "3s"})
    claim = site.claim("short", "short").wait()
    status = claim.status
    issued, renewed, expires = (moment(status[name]) for name in ("issuedAt", "renewAt", "expiresAt"))
    assert issued < renewed <= expires - timedelta(seconds=12)
    values = [claim.value]
    for number in (2, 3):
        values.append(revision(claim, number).value)
        assert site.admin.chat(values[-1]) == 200
    assert len(set(values)) == 3
    claim.edit(renewal={"policy": "None"})
    claim.wait("Expired", "Expired")
    assert claim.secret() is None


def test_a_key_is_extended_until_max_ttl_and_then_rotated(site: Site) -> None:
    site.role("extends", ttl="10s", maxTTL="24s", renewal={"policy": "Extend", "beforePercentage": 50, "overlap": "2s"})
    claim = site.claim("extends", "extends").wait()
    value, issued = claim.value, moment(claim.status["issuedAt"])
    first = moment(claim.status["expiresAt"])
    until(lambda: moment(claim.status["expiresAt"]) > first, "a later end")
    assert (claim.value, claim.status["revision"]) == (value, 1)
    assert (claim.field("expires") or "").startswith(claim.status["expiresAt"].removesuffix("Z"))
    latest = first

    def taken_over() -> bool:
        nonlocal latest
        status = claim.status
        latest = max(latest, moment(status["expiresAt"])) if status["revision"] == 1 else latest
        return bool(status["revision"] > 1)

    until(taken_over, "a rotation")
    assert latest <= issued + timedelta(seconds=26)  # the proxy's clock is known to two seconds
    assert revision(claim, 2).value != value
    claim.wait_event("KeyExtended")
    assert "SecretRestored" not in claim.events()
    claim.delete()
    claim.wait_gone()


def test_a_renewal_that_fails_says_so_and_leaves_the_key_alone_until_it_works(site: Site) -> None:
    site.role("refused", **ROTATES)
    claim = site.claim("refused", "refused").wait()
    value = claim.value
    site.litellm.on("POST", "/key/generate", Answer(500, b'{"error":{"message":"x","code":"500"}}'), nth=None)
    claim.annotate(rotate="now")
    claim.wait("Issued", "RenewalFailed")
    assert claim.says()[0] == ("True", "Issued")
    assert "rotation" in claim.message("Synced")
    assert site.admin.chat(value) == 200
    assert claim.value == value
    claim.wait_event("RenewalFailed")
    site.at().delete("secrets", "refused")
    until(lambda: claim.secret() is not None, "the Secret to come back meanwhile")
    assert claim.value == value
    site.litellm.clear()
    revision(claim, 2)
    assert claim.value != value
    claim.delete()
    claim.wait_gone()


def test_a_role_that_is_gone_stops_the_renewal_and_nothing_else(site: Site) -> None:
    site.role("fleeting", ttl="25s", renewal={"beforePercentage": 60})
    claim = site.claim("fleeting", "fleeting").wait()
    value, renewed = claim.value, moment(claim.status["renewAt"])
    site.at().delete(ROLES, "fleeting")
    claim.wait("Issued", "RoleNotFound")
    until(lambda: datetime.now(UTC) > renewed + timedelta(seconds=3), "its renewal to be overdue")
    assert (claim.value, claim.status["revision"]) == (value, 1)
    assert site.admin.chat(value) == 200
    claim.wait("Expired", "Expired")


def test_what_cannot_change_in_place_applies_at_the_next_rotation(site: Site) -> None:
    site.role("longer", **ROTATES)
    claim = site.claim("longer", "longer").wait()
    expires = claim.status["expiresAt"]
    site.edit_role("longer", ttl="2h")
    claim.wait("Issued", "AppliesAtNextRotation")
    assert claim.status["expiresAt"] == expires
    claim.annotate(rotate="now")
    revision(claim, 2)
    assert moment(claim.status["expiresAt"]) > moment(expires) + timedelta(minutes=50)
    claim.delete()
    claim.wait_gone()


def test_what_was_spent_in_the_budget_s_window_goes_with_the_key(site: Site) -> None:
    site.role("spends", models=[LARGE, SMALL], budget={"max": 50, "period": "30d"}, **ROTATES)
    claim = site.claim("spends", "spends").wait()
    assert site.admin.chat(claim.value, LARGE) == 200
    spend = until(lambda: claim.field("spend"), "the spend to be booked")
    claim.annotate(rotate="now")
    revision(claim, 2)
    assert claim.field("spend") == pytest.approx(spend)
    claim.delete()
    claim.wait_gone()


def test_a_rotation_costs_four_writes_and_two_calls_beside_its_batches(site: Site) -> None:
    site.role("counted", **ROTATES)
    claim = site.claim("counted", "counted").wait()
    name = claim.name

    def writes() -> list[str]:
        paths = ("litellmkeys/" + name, f"secrets/{name}$", "/secrets$")
        return [
            f"{one.method} {one.target}"
            for path in paths
            for one in site.api.requests("*", path)
            if one.method not in {"GET", "HEAD"}
        ]

    site.api.clear()
    site.litellm.clear()
    claim.annotate(rotate="now")
    revision(claim, 2)
    until(lambda: "retiring" not in claim.status, "the old value to be retired")
    sent = [one.target.partition("?")[0] for one in site.litellm.requests("*", "/key/")]
    assert sorted(path for path in sent if path in {"/key/generate", "/key/update"}) == ["/key/generate", "/key/update"]
    batches = [path for path in sent if path not in {"/key/generate", "/key/update"}]
    assert len(batches) <= 4, batches
    assert len(writes()) <= 5, writes()
    claim.delete()
    claim.wait_gone()
