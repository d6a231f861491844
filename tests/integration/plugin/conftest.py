"""Two people: an administrator of everything, and a member of one team."""

from __future__ import annotations

import pytest

from tests.integration.plugin.kubectl import Kubectl, tenant
from tests.integration.site import Site


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("plain", allowedNamespaces={"from": "All"})
    site.role("open", allowedNamespaces={"from": "All"}, access={"keyType": "Default"}, budget={"max": 5})
    site.claim("standing", "plain", site.teams[0]).wait()
    return site


@pytest.fixture(scope="module")
def admin(furnished: Site) -> Kubectl:
    return Kubectl(furnished.access, furnished.access.kubeconfig)


@pytest.fixture(scope="module")
def team(furnished: Site) -> str:
    return furnished.teams[0]


@pytest.fixture(scope="module")
def member(furnished: Site, team: str, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    return tenant(furnished.access, team, tmp_path_factory.mktemp("tenant"))
