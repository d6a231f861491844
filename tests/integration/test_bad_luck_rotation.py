"""What goes wrong in the middle of a rotation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from dev.faultproxy import Drop, FaultProxy, Hold, Moment
from dev.faultrules import Fault
from tests.integration.mishaps import FAILED, GENERATE, connected
from tests.integration.site import GOOD, Claim, Site
from tests.integration.soundness import await_sound
from tests.support.waiting import until

STEPS: Final = {"renaming": "/key/update", "registration": GENERATE, "retirement": "/key/delete"}
"""The calls of a rotation, in their order."""
UNANSWERED: Final[dict[str, Fault]] = {"failing-though-done": FAILED, "cut-though-done": Drop()}
TERMS: Final[dict[str, Any]] = {"ttl": "1h", "renewal": {"overlap": "2s"}}


def await_rotated(claim: Claim, old: str) -> None:
    """Wait until the second value has taken over for good."""
    until(lambda: claim.status["revision"] == 2, "the next value")
    await_sound(claim.site, claim)
    assert claim.value != old
    assert claim.site.admin.chat(old) == 401


@pytest.mark.parametrize("accident", UNANSWERED)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_a_rotation_that_is_done_and_not_answered(
    site: Site, proxy: FaultProxy, step: str, accident: str
) -> None:
    claim = connected(site, proxy, f"{step}-{accident}", **TERMS)
    old = claim.value
    rule = proxy.on("POST", STEPS[step], UNANSWERED[accident], moment=Moment.AFTER)
    claim.annotate(rotate="now")
    await_rotated(claim, old)
    assert rule.is_reached()
    assert claim.status.get("doubtful", False) is (step == "registration")
    claim.delete()
    claim.wait_gone()
    await_sound(site)


@pytest.mark.parametrize("step", STEPS)
def test_litellm_is_down_from_a_step_of_a_rotation_on(site: Site, proxy: FaultProxy, step: str) -> None:
    name = f"{step}-down"
    claim = connected(site, proxy, name, **TERMS)
    old = claim.value
    begun = proxy.on("POST", STEPS[step], Hold())
    claim.annotate(rotate="now")
    begun.wait_reached()
    outage = proxy.on("*", "", Drop(), nth=None)
    begun.drop()
    until(lambda: site.connection_says(name) == ("False", "Unreachable"), "the Connection to say so")
    until(lambda: claim.says()[1] != GOOD[1], "the claim to say so")
    assert claim.says()[0] == GOOD[0]
    assert (claim.value == old) is (step != "retirement")
    assert site.admin.chat(claim.value) == 200

    proxy.remove(outage)
    await_rotated(claim, old)


def test_a_stranger_s_secret_is_in_the_way_of_a_rotation(site: Site, proxy: FaultProxy) -> None:
    claim = connected(site, proxy, "in-the-way", ttl="1h", renewal={"overlap": "30m"})
    old = claim.value
    begun = proxy.on("POST", GENERATE, Hold())
    claim.annotate(rotate="now")
    begun.wait_reached()
    claim.cluster.create("secrets", "Secret", "taken", data={})
    claim.edit(secret={"name": "taken"})
    begun.drop()
    claim.wait("SecretConflict", "SecretConflict")
    claim.cluster.delete("secrets", "taken")
    until(lambda: claim.status["revision"] == 2, "the next value")
    claim.wait()
    # Whoever had read it before goes on with it.
    [retiring] = claim.status["retiring"]
    assert retiring["revision"] == 1
    assert datetime.fromisoformat(retiring["retireAt"]) > datetime.now(UTC) + timedelta(minutes=20)
    assert site.admin.chat(old) == 200
    claim.delete()
    claim.wait_gone()
