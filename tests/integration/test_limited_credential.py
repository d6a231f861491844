"""The least that a credential for LiteLLM must be able to do, and what happens when it is replaced."""

from __future__ import annotations

import json
import re
import secrets
from typing import Final

import pytest

from tests.integration.site import KEYS, SECRETS, Site, encoded
from tests.support.cluster import Json
from tests.support.documents import ROOT, blocks
from tests.support.litellm_admin import SMALL, token_id
from tests.support.waiting import until

OPEN: Final = {"/health/readiness", "/public/model_hub/info"}
"""What LiteLLM tells everybody."""
MANY: Final = 40
FAILURES: Final = re.compile(rb'"reason": ?"(Rejected|RoleNotReady|RenewalFailed)"')
"""What a key says that does not merely wait for the new credential, or for the client that has it."""


def asked_for() -> tuple[Json, Json]:
    """What the page on security says to send for such a credential: for a user, and for a key."""
    (text,) = [block.text for block in blocks(ROOT / "docs/security.md", "text")]
    user, key = (json.loads(part.partition("\n")[2]) for part in text.split("\n\n"))
    return user, key


def limited(site: Site) -> str:
    """The credential that the page describes, of a user of its own."""
    user, key = asked_for()
    owner = f"operator-{secrets.token_hex(4)}"
    site.admin.post("/user/new", **{**user, "user_id": owner})
    return str(site.admin.post("/key/generate", **{**key, "user_id": owner, "key_alias": owner})["key"])


def furnish(site: Site, name: str, credential: str) -> None:
    """A Connection with this credential, and a role at it, of one name."""
    site.secret(name, **{"master-key": credential})
    site.connection(name, adminKeySecretRef={"name": name}, sweepInterval="10s")
    site.role(name, connectionRef={"name": name}, renewal={"overlap": "2s"})


@pytest.mark.slow
def test_a_credential_for_the_routes_that_are_needed_is_enough(own_site: Site) -> None:
    site = own_site
    team = f"team-{secrets.token_hex(4)}"
    site.admin.post("/team/new", team_id=team)
    credential = limited(site)
    furnish(site, "limited", credential)
    site.start(walk_interval="1s").wait_ready()
    site.role("of-team", connectionRef={"name": "limited"}, identity={"teamID": team}, models=[SMALL, "absent"])
    site.role("of-tier", connectionRef={"name": "limited"}, budget={"id": "absent"})
    site.claim("in-team", "of-team").wait()
    site.claim("in-tier", "of-tier").wait("Rejected", "Rejected")
    claim = site.claim("life", "limited").wait()
    first = claim.value
    claim.edit(limits={"rpm": 7})
    until(lambda: claim.field("rpm_limit") == 7, "the update")
    claim.annotate(rotate="now")
    until(lambda: claim.wait().value != first, "the rotation")
    until(lambda: site.admin.chat(first) == 401, "the retirement")
    site.admin.delete(claim.token_id)
    until(lambda: claim.wait().status["revision"] > 2, "the sweep to see what is gone")
    claim.delete()
    claim.wait_gone()
    until(lambda: site.litellm.count("GET", "/key/list") > 2, "the walk")

    asked = {one.target.partition("?")[0] for one in site.litellm.requests()}
    assert asked == {*asked_for()[1]["allowed_routes"], *OPEN}
    assert not [one for one in site.litellm.requests() if one.status == 403]
    for method, path, body in (
        ("POST", "/chat/completions", {"model": SMALL, "messages": [{"role": "user", "content": "x"}]}),
        ("POST", "/user/new", {"user_role": "proxy_admin"}),
        ("POST", "/model/new", {"model_name": "x", "litellm_params": {"model": "x"}}),
        ("GET", "/global/spend/logs", {}),
    ):
        assert site.admin.call(credential, method, path, body) in {401, 403}, path


@pytest.mark.slow
@pytest.mark.parametrize("revoked", [False, True], ids=["both-valid", "old-one-revoked-at-once"])
def test_a_credential_that_is_replaced_fails_no_key(own_site: Site, *, revoked: bool) -> None:
    site = own_site
    old, new = limited(site), limited(site)
    furnish(site, "replaced", old)
    operator = site.start(reload_interval="2s").wait_ready()
    site.claim("first", "replaced").wait()
    pid = operator.pid
    claims = [site.claim(f"k{number:02}", "replaced") for number in range(MANY // 2)]
    site.at().patch(SECRETS, "replaced", {"data": {"master-key": encoded(new)}})
    if revoked:
        site.admin.delete(token_id(old))
    claims += [site.claim(f"k{number:02}", "replaced") for number in range(MANY // 2, MANY)]
    for claim in claims:
        claim.wait()
    if not revoked:
        # Read twice since it was replaced, the second time surely after the first was answered.
        read = site.api.count("GET", "/secrets/replaced$")
        until(lambda: site.api.count("GET", "/secrets/replaced$") >= read + 2, "the credential to be read")
        site.admin.delete(token_id(old))
        claims += [site.claim("last", "replaced").wait()]
    assert operator.pid == pid
    assert {claim.status["revision"] for claim in claims} == {1}
    told = [one.body for one in site.api.requests("PATCH", f"/{KEYS}/.*/status")]
    assert [body for body in told if FAILURES.search(body)] == []
