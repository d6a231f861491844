"""The seed Secret is lost; and made anew by hand under the installation's old id with another seed."""

from __future__ import annotations

import base64
import secrets
from typing import Final

import pytest

from dev.faultproxy import Hold, Moment
from tests.integration.site import SECRETS, Site
from tests.integration.soundness import await_sound
from tests.support.waiting import until

SEED: Final = "litellm-key-operator-seed"


def renew_seed(site: Site) -> None:
    """The Secret is lost, and made anew under the old id."""
    lost = site.at().get(SECRETS, SEED)
    assert lost is not None
    site.at().delete(SECRETS, SEED)
    entries = {"installation": lost["data"]["installation"], "2": _encoded(secrets.token_bytes(32))}
    site.at().create(SECRETS, "Secret", SEED, data=entries)


def test_a_seed_made_anew_under_the_old_id_takes_over_the_old_keys(own_site: Site) -> None:
    own_site.start().wait_ready()
    own_site.role("hour")
    old, edited = own_site.claim("old", "hour").wait(), own_site.claim("edited", "hour").wait()
    value = old.value
    own_site.operator.kill9()
    renew_seed(own_site)
    own_site.start().wait_ready()
    # What the Secrets held works on for the overlap; what is issued from now on comes from the new seed.
    fresh = own_site.claim("fresh", "hour").wait()
    assert (fresh.status["seed"], fresh.status["revision"]) == (2, 1)
    until(lambda: old.status["seed"] == edited.status["seed"] == 2, "the old keys to be rotated")
    assert old.wait().value != value
    assert own_site.admin.chat(value) == own_site.admin.chat(old.value) == 200
    own_site.edit_role("hour", limits={"rpm": 77})
    until(lambda: old.field("rpm_limit") == 77, "the key to be updated")
    # A key is revoked by its hash, for which no seed is needed.
    for claim in (old, edited, fresh):
        own_site.at().delete("litellmkeys", claim.name)
    for claim in (old, edited, fresh):
        claim.wait_gone()
    until(lambda: own_site.admin.chat(value) == 401, "the old key to be refused")


@pytest.mark.parametrize("moment", Moment)
def test_a_seed_is_lost_in_the_middle_of_a_rotation(own_site: Site, moment: Moment) -> None:
    own_site.start().wait_ready()
    own_site.role("hour")
    claim = own_site.claim("turning", "hour").wait()
    old = claim.value
    sent = own_site.litellm.on("POST", "/key/generate", Hold(), moment=moment)
    claim.annotate(rotate="now")
    sent.wait_reached()
    own_site.operator.kill9()
    sent.drop()
    renew_seed(own_site)
    own_site.start().wait_ready()
    # The second value may live, and nobody can make it any more.
    until(lambda: claim.status["revision"] == 3, "another value")
    claim.wait()
    assert claim.status["seed"] == 2
    assert own_site.admin.chat(old) == own_site.admin.chat(claim.value) == 200
    alias = claim.status["keyAlias"]
    live = {row["key_alias"] for row in own_site.admin.rows(alias) if not row["blocked"]}
    assert live == {alias, f"{alias}@r1"}
    claim.delete()
    claim.wait_gone()


def test_without_its_seed_an_installation_is_another_one(own_site: Site) -> None:
    own_site.start().wait_ready()
    own_site.role("hour")
    old = own_site.claim("old", "hour").wait()
    value = old.value
    own_site.at().delete(SECRETS, SEED)
    # Who has it in memory goes on.
    await_sound(own_site, old, own_site.claim("meanwhile", "hour"))
    own_site.operator.kill9()
    own_site.start().wait_ready()
    old.wait("Issued", "ForeignInstallation")
    fresh = own_site.claim("fresh", "hour")
    await_sound(own_site, fresh)
    assert old.value == value
    assert own_site.admin.chat(value) == 200


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
