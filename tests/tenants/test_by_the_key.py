"""Tries of a tenant at LiteLLM itself, with the key that it was given."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.integration.site import Claim
from tests.support.litellm_admin import LARGE
from tests.tenants.ground import Ground

REFUSED: Final = {401, 403}
CALLS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "more money": ("POST", "/key/update", {"max_budget": 100000}),
    "more models": ("POST", "/key/update", {"models": []}),
    "another key": ("POST", "/key/generate", {}),
    "another value": ("POST", "/key/regenerate", {}),
    "the keys of all": ("GET", "/key/list", {}),
    "the victim's key": ("POST", "/key/delete", {}),
    "a user": ("POST", "/user/new", {"user_role": "proxy_admin"}),
    "a team": ("POST", "/team/new", {}),
    "a tier": ("POST", "/budget/new", {"max_budget": 1e9}),
    "a model": ("POST", "/model/new", {"model_name": "x", "litellm_params": {"model": "x"}}),
    "the settings": ("GET", "/get/config/callbacks", {}),
    "the spend of all": ("GET", "/global/spend", {}),
}


@pytest.fixture(scope="module")
def holder(ground: Ground) -> Claim:
    """The tenant's key."""
    return ground.claim("caller").wait()


@pytest.mark.parametrize("what", CALLS)
def test_with_the_key_itself_litellm_gives_no(ground: Ground, holder: Claim, what: str) -> None:
    method, path, body = CALLS[what]
    aimed: dict[str, dict[str, Any]] = {
        "/key/update": {"key": holder.value},
        "/key/delete": {"keys": [ground.victim.token_id]},
    }
    assert ground.site.admin.call(holder.value, method, path, {**body, **aimed.get(path, {})}) in REFUSED
    assert ground.site.admin.chat(holder.value, LARGE) in REFUSED
    ground.check_terms(holder)
    ground.check_victim()
