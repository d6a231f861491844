"""The ground of all tries: one operator, a victim, and the tenant."""

from __future__ import annotations

import json
import secrets
from collections.abc import Generator
from typing import Any

import pytest

from dev.controlplane import Access
from dev.litellm import Endpoint
from tests.integration.conftest import opened
from tests.integration.site import Site
from tests.tenants import ground as places
from tests.tenants.ground import ANY, CLOSED, NAMED, PLAIN, ROTATED, TERMS, TIERED, WILD, Ground, Tenant


@pytest.fixture(scope="module")
def site(crds: Access, litellm: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """Namespaces, and an operator that leads: with the rights of one for all namespaces, the most that it ever has."""
    with opened(crds, litellm, tmp_path_factory.mktemp("operator"), everywhere=True) as made:
        made.start().wait_ready()
        yield made


@pytest.fixture(scope="module")
def ground(site: Site) -> Generator[Ground]:
    """The tenant has the second namespace, the victim the third."""
    team, other = site.teams[:2]
    furnish(site, [team, other])
    roles = places.admit(site.access, team, site.home)
    tenant = Tenant(site.access, team)
    yield Ground(site, tenant, site.claim("victim", PLAIN, other).wait())
    tenant.close()
    gone = json.dumps({"apiVersion": "v1", "kind": "List", "items": roles})
    site.access.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", input=gone)


def furnish(site: Site, teams: list[str]) -> None:
    """The platform's roles."""
    tier = site.admin.post("/budget/new", budget_id=f"tier-{secrets.token_hex(4)}", max_budget=5)["budget_id"]
    admitted: dict[str, Any] = {"allowedNamespaces": {"from": "Names", "names": teams}}
    site.role(PLAIN, **TERMS, **admitted)
    site.role(CLOSED)
    site.role(TIERED, budget={"id": tier}, **admitted)
    site.role(WILD, models=["a*"], **admitted)
    site.role(ANY, models=["all-proxy-models"], **admitted)
    site.role(ROTATED, **{**TERMS, "renewal": {"policy": "Rotate", "overlap": "1m"}}, **admitted)
    site.role(NAMED, **TERMS, aliasTemplate=f"{site.home}-{{{{ name }}}}", **admitted)
