"""The seed Secret is lost, and made anew by hand under the installation's old id with another seed."""

from __future__ import annotations

import base64
import secrets
from typing import Final

from tests.integration.site import SECRETS, Site
from tests.support.waiting import until

SEED: Final = "litellm-key-operator-seed"


def test_a_seed_made_anew_under_the_old_id_serves_the_old_keys_and_new_ones(own_site: Site) -> None:
    own_site.start().wait_ready()
    own_site.role("hour")
    old, edited = own_site.claim("old", "hour").wait(), own_site.claim("edited", "hour").wait()
    value = old.value
    own_site.operator.kill9()
    installation = own_site.at().get(SECRETS, SEED)
    assert installation is not None
    own_site.at().delete(SECRETS, SEED)
    entries = {"installation": installation["data"]["installation"], "2": _encoded(secrets.token_bytes(32))}
    own_site.at().create(SECRETS, "Secret", SEED, data=entries)
    own_site.start().wait_ready()
    # What the Secrets hold goes on; what is issued from now on comes from the new seed.
    fresh = own_site.claim("fresh", "hour").wait()
    assert (fresh.status["seed"], fresh.status["revision"]) == (2, 1)
    assert own_site.admin.chat(value) == 200
    own_site.edit_role("hour", limits={"rpm": 77})
    until(lambda: old.field("rpm_limit") == 77, "the old key to be updated")
    assert old.wait().value == value
    # A key is revoked by its hash, for which no seed is needed.
    for claim in (old, edited, fresh):
        own_site.at().delete("litellmkeys", claim.name)
    for claim in (old, edited, fresh):
        claim.wait_gone()
    until(lambda: own_site.admin.chat(value) == 401, "the old key to be refused")


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
