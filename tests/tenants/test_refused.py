"""Tries of a tenant that are refused, each by whom it has to be."""

from __future__ import annotations

import re

import pytest

from tests.tenants.ground import Ground
from tests.tenants.refused import FORBIDDEN, INVALID, Attempt, Mistake
from tests.tenants.said import GREED, Greed


@pytest.mark.parametrize("attempt", FORBIDDEN, ids=lambda attempt: attempt.what)
def test_a_tenant_has_no_right_to(ground: Ground, attempt: Attempt) -> None:
    told = ground.tenant.ask(attempt.method, ground.path(attempt.path), attempt.body)
    assert told.status == 403, told
    assert 'User \\"mallory\\" cannot' in told.text or "attempting to grant RBAC permissions" in told.text
    ground.check_victim()


@pytest.mark.parametrize("mistake", INVALID, ids=lambda mistake: mistake.what)
def test_a_key_cannot_be_asked_for_with(ground: Ground, mistake: Mistake) -> None:
    path = ground.path("own/litellmkeys") + "?fieldValidation=Strict"
    body = ground.manifest("invalid")
    told = ground.tenant.ask("POST", path, {**body, "spec": {**body["spec"], **mistake.spec}})
    assert told.status in {400, 422}, told
    assert f'"{mistake.field}' in told.text or mistake.field in told.text
    assert ground.rows("invalid") == []


@pytest.mark.parametrize("greed", GREED, ids=lambda greed: greed.what)
def test_no_key_is_issued_with(ground: Ground, greed: Greed) -> None:
    name = "greed-" + re.sub(r"\W+", "-", greed.what.lower()).strip("-")
    claim = ground.claim(name, greed.role, **greed.spec).wait(greed.reason, greed.reason)
    assert greed.words in claim.message("Ready")
    assert claim.secret() is None
    if greed.reason != "SecretRejected":
        assert ground.rows(name) == []
        assert "tokenID" not in claim.status
    ground.check_victim()
    ground.remove(claim)
    assert ground.rows(name) == []
