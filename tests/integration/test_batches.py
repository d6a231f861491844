"""Many at once: deletions, ends and restarts cost LiteLLM a few calls, and nobody waits for them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.integration.site import Claim, Site

MANY = 120
ASKING = ("/key/info", "/v2/key/info")


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("plain")
    site.role("brief", ttl="25s", renewal={"policy": "None"})
    site.claim("first", "plain").wait()
    return site


def many(site: Site, name: str, role: str = "plain") -> list[Claim]:
    """Claims that were issued."""
    claims = [site.claim(f"{name}-{number}", role) for number in range(MANY)]
    for claim in claims:
        claim.wait()
    return claims


def calls(site: Site) -> Counter[str]:
    """How often LiteLLM was asked what so far."""
    return Counter(request.target.partition("?")[0] for request in site.litellm.requests())


def test_many_deletions_cost_a_few_calls_and_a_new_key_does_not_wait_for_them(furnished: Site) -> None:
    claims = many(furnished, "mass")
    values = [claim.value for claim in claims[::40]]
    token_ids = [claim.token_id for claim in claims]
    before = calls(furnished)
    for claim in claims:
        claim.delete()
    new = furnished.claim("meanwhile", "plain").wait()
    assert not all(claim.gone for claim in claims)
    for claim in claims:
        claim.wait_gone()
    spent = calls(furnished) - before
    assert spent["/key/delete"] <= MANY / 2, spent
    assert sum(spent[path] for path in ASKING) <= MANY / 2, spent
    assert spent["/key/generate"] == 1
    assert {furnished.admin.chat(value) for value in values} == {401}
    assert [furnished.admin.row(token_id) for token_id in token_ids] == [None] * MANY
    assert furnished.admin.chat(new.value) == 200
