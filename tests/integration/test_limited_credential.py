"""The least that a credential for LiteLLM must be able to do, and what happens when it is replaced."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Final

import pytest

from tests.integration.site import KEYS, SECRETS, Site, encoded
from tests.support.litellm_admin import SMALL, token_id
from tests.support.waiting import until

ROUTES: Final = (
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/key/info",
    "/key/list",
    "/v2/key/info",
    "/v1/models",
    "/team/info",
    "/budget/info",
)
"""All that the operator asks for with its credential."""
OPEN: Final = {"/health/readiness", "/public/model_hub/info"}
"""What LiteLLM tells everybody."""
PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "security.md"
MANY: Final = 40
RELOADED: Final = 2.0
"""Seconds after which the credential is read again."""
FAILURES: Final = re.compile(rb'"reason": ?"(ConnectionNotReady|Rejected|Unreachable|RoleNotReady|RenewalFailed)"')


def limited(site: Site) -> str:
    """A key of a user who may do everything, for these routes only."""
    user = site.admin.post("/user/new", user_role="proxy_admin", auto_create_key=False)["user_id"]
    return str(site.admin.post("/key/generate", user_id=user, allowed_routes=list(ROUTES))["key"])


def furnish(site: Site, name: str, credential: str) -> None:
    """A Connection with this credential, and a role at it, of one name."""
    site.secret(name, **{"master-key": credential})
    site.connection(name, adminKeySecretRef={"name": name}, sweepInterval="10s", orphans={"policy": "Revoke"})
    site.role(name, connectionRef={"name": name}, renewal={"overlap": "2s"})


def test_the_page_names_the_routes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [route for route in ROUTES if f'"{route}"' not in text] == []


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
    assert asked == {*ROUTES, *OPEN}
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
    operator = site.start(reload_interval=f"{RELOADED:g}s").wait_ready()
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
        # From now on only the new one is good.
        time.sleep(2 * RELOADED)
        site.admin.delete(token_id(old))
        claims += [site.claim("last", "replaced").wait()]
    assert operator.pid == pid
    assert {claim.status["revision"] for claim in claims} == {1}
    told = [one.body for one in site.api.requests("PATCH", f"/{KEYS}/.*/status")]
    assert [body for body in told if FAILURES.search(body)] == []
