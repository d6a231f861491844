"""A claim that is gone, finalizer or not, before its registration is answered."""

from __future__ import annotations

import pytest

from dev.faultproxy import Hold, Moment
from tests.kill.site import KEYS, PLAIN, Site
from tests.kill.standing import Claim, Outcome, await_sound, check_values
from tests.kill.stillness import await_still
from tests.support.waiting import until


@pytest.mark.slow
@pytest.mark.parametrize("moment", list(Moment), ids=["committed-afterwards", "answered-afterwards"])
@pytest.mark.parametrize("recreated", [False, True], ids=["gone", "made-anew"])
def test_a_registration_is_taken_back_by_who_sent_it(site: Site, moment: Moment, *, recreated: bool) -> None:
    site.operator().wait_ready()
    rule = site.litellm.on("POST", "/key/generate", Hold(), moment=moment, where=is_its_own)
    claim = registering(site)
    rule.wait_reached()
    strip(site, claim)
    claims = [claim]
    if recreated:
        site.apply([claim.name])
        claims = [Claim(claim.name, site.uids([claim.name])[claim.name])]

    site.litellm.clear()
    until(lambda: site.litellm.requests("POST", "/key/generate"), "the registration to end")
    await_still(site, [claim])
    check_values(await_sound(site, claims), [claim, *claims])


@pytest.mark.slow
def test_a_registration_of_unknown_fate_is_buried_by_who_sent_it(site: Site) -> None:
    site.cluster.patch("litellmconnections", PLAIN, {"spec": {"timeout": "2s"}})
    operator = site.operator().wait_ready()
    rule = site.litellm.on("POST", "/key/generate", Hold(), where=is_its_own)
    claim = registering(site)
    rule.wait_reached()
    strip(site, claim)
    operator.wait_for(lambda: operator.metric("litellm_key_revoked_total") > 0, "the burial")
    await_still(site, [claim])

    rule.release()
    until(lambda: site.litellm.requests("POST", "/key/generate"), "the registration to end")
    await_still(site, [claim])
    check_values(await_sound(site, [claim]), [claim])


def is_its_own(body: bytes) -> bool:
    """Whether a registration is that of the claim, and not one of the preflight."""
    return b'/vanishing"' in body


def registering(site: Site) -> Claim:
    """A claim that is about to be registered, as it is to end."""
    site.apply(["vanishing"])
    return Claim("vanishing", site.uids(["vanishing"])["vanishing"], Outcome.GONE)


def strip(site: Site, claim: Claim) -> None:
    """Delete a claim, and take its finalizer off as a tenant might."""
    site.delete([claim.name])
    site.cluster.patch(KEYS, claim.name, {"metadata": {"finalizers": None}})
    assert site.cluster.get(KEYS, claim.name) is None
