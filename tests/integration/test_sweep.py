"""Each field that somebody changes by hand in LiteLLM is set back; old tombstones are removed, and nothing else is."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from dev.litellm import Endpoint
from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.names import METADATA_KEY
from litellm_key_operator.domain.state import TOMBSTONE
from litellm_key_operator.engine.cache import Cache
from litellm_key_operator.engine.sweep import Sweep
from litellm_key_operator.gateway.pool import Pool
from tests.integration.site import DEFAULT, GOOD, SWEPT, Claim, Site
from tests.support.gateway_worlds import credential, fresh
from tests.support.litellm_admin import LARGE, SMALL, LiteLLMAdmin
from tests.support.waiting import until

ROLE: Final[dict[str, Any]] = {
    "models": [SMALL],
    "budget": {"max": 20, "soft": 15, "period": "30d"},
    "limits": {"rpm": 100, "tpm": 1000, "maxParallelRequests": 5},
    "identity": {"userID": "declared"},
    "metadata": {"team": "red", "nested": {"a": 1}},
}
TOUCHES: Final[dict[str, object]] = {
    "models": [SMALL, LARGE],
    "max_budget": 1000.0,
    "soft_budget": 900.0,
    "budget_duration": "1d",
    "rpm_limit": 5000,
    "tpm_limit": 5000,
    "max_parallel_requests": 50,
    "key_alias": "renamed-by-hand",
    "user_id": "somebody-else",
    "allowed_routes": ["management_routes"],
    "metadata": {"team": "blue", "nested": {"a": 1}, "noted-by-hand": "x"},
}
"""By field what somebody writes there. Metadata is written as the UI does it: whole, and without our mark."""


@pytest.fixture(scope="module")
def touched(site: Site) -> dict[str, Claim]:
    """A key for each touch and one that nobody touches, all settled."""
    site.role("swept", connectionRef={"name": SWEPT}, **ROLE)
    site.role("unswept", **ROLE)
    claims = {field: site.claim(f"touch-{n}", "swept") for n, field in enumerate(TOUCHES)}
    claims |= {"untouched": site.claim("untouched", "swept"), "unswept": site.claim("unswept", "unswept")}
    for claim in claims.values():
        claim.wait().wait_event("KeyIssued")
    return claims


def _declared(claim: Claim) -> dict[str, Any]:
    row = claim.row() or {}
    budget: dict[str, Any] = row.get("litellm_budget_table") or {}
    # A soft budget is in a row of its own, which LiteLLM makes for the key.
    return {name: row.get(name) for name in TOUCHES} | {"soft_budget": budget.get("soft_budget")}


@pytest.mark.slow
def test_each_declared_field_is_set_back_when_somebody_changes_it(site: Site, touched: dict[str, Claim]) -> None:
    before = {name: _declared(claim) for name, claim in touched.items()}
    versions = {name: claim.resource["metadata"]["resourceVersion"] for name, claim in touched.items()}
    repaired = site.operator.metric("litellm_key_drift_repaired_total")
    for field, value in TOUCHES.items():
        claim = touched[field]
        site.admin.update(claim.token_id, **{field: f"{value}-{site.home}" if field == "key_alias" else value})
        assert _declared(claim) != before[field], f"LiteLLM took no other {field}"
    site.admin.update(touched["unswept"].token_id, rpm_limit=5000)

    for field in TOUCHES:
        message = touched[field].wait_event("DriftRepaired")
        assert message == f"set back in LiteLLM: {field}"
        assert _declared(touched[field]) == before[field]
        assert touched[field].says() == GOOD
    assert site.operator.metric("litellm_key_drift_repaired_total") - repaired == len(TOUCHES)
    updates = [one.body for one in site.litellm.requests("POST", "/key/update") if one.status == 200]
    assert not [body for body in updates if touched["untouched"].token_id.encode() in body]
    assert touched["untouched"].resource["metadata"]["resourceVersion"] == versions["untouched"]
    # Only what is compared is repaired: the other Connection is swept every ten minutes.
    assert touched["unswept"].field("rpm_limit") == 5000
    assert site.admin.chat(touched["models"].value) == 200


@pytest.mark.slow
def test_a_key_that_is_blocked_is_not_unblocked_by_a_repair(site: Site, touched: dict[str, Claim]) -> None:
    claim = touched["rpm_limit"]
    site.admin.update(claim.token_id, blocked=True, rpm_limit=7000)
    claim.wait("ExternallyBlocked", "ExternallyBlocked")
    assert site.admin.chat(claim.value) in {401, 403}
    assert claim.field("blocked") is True
    site.admin.update(claim.token_id, blocked=False)
    claim.wait()
    until(lambda: claim.field("rpm_limit") == 100, "the limit to be set back as well")
    assert site.admin.chat(claim.value) == 200


async def test_old_tombstones_of_this_installation_are_removed_and_nothing_else(litellm: Endpoint) -> None:
    installation, where = f"graves-{secrets.token_hex(4)}", ("platform", DEFAULT)
    cache, pool = Cache(), Pool()
    metadata = {"namespace": where[0], "name": where[1], "uid": "c", "resourceVersion": "1"}
    spec = {"url": litellm.url, "adminKeySecretRef": {"name": "admin"}}
    cache.connections[where] = LiteLLMConnection.model_validate({"metadata": metadata, "spec": spec})
    gateway = pool.open(where, credential(litellm.url, litellm.master_key))
    now = datetime.now(UTC)
    old, young = rfc3339(now - timedelta(hours=25)), rfc3339(now - timedelta(hours=23))
    mine = {"installation": installation}
    rows: dict[str, dict[str, object]] = {
        "old": {"blocked": True, "metadata": {METADATA_KEY: {**mine, TOMBSTONE: old}}},
        "old and expired": {"blocked": True, "duration": "1s", "metadata": {METADATA_KEY: {**mine, TOMBSTONE: old}}},
        "young": {"blocked": True, "metadata": {METADATA_KEY: {**mine, TOMBSTONE: young}}},
        "foreign": {"blocked": True, "metadata": {METADATA_KEY: {"installation": "else", TOMBSTONE: old}}},
        "blocked by an admin": {"blocked": True, "metadata": {METADATA_KEY: mine}},
        "live": {"metadata": {METADATA_KEY: mine}},
    }
    values = {name: fresh() for name in rows}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        for name, fields in rows.items():
            await gateway.generate(values[name], {"key_alias": f"{installation}/{name}", **fields})
        sweep = Sweep(cache, pool, installation, timedelta(days=1))
        assert await sweep.clear_graves(where) == 2
        assert await sweep.clear_graves(where) == 0
        with LiteLLMAdmin(litellm) as admin:
            left = {name for name, value in values.items() if admin.row(value.token_id) is not None}
            assert left == set(rows) - {"old", "old and expired"}
            admin.delete(*(values[name].token_id for name in left))
