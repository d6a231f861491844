"""One operator for all tests of a module: they use names of their own in its namespaces."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from dev.account import granted
from dev.controlplane import Access
from dev.faultproxy import FaultProxy, before_api_server, before_litellm
from dev.forwarding import Upstream
from dev.litellm import Endpoint
from tests.integration.site import DEFAULT, KEYS, SWEPT, Site
from tests.support.cluster import Cluster
from tests.support.litellm_admin import LiteLLMAdmin
from tests.support.rights import refusals
from tests.support.servers import remove_namespace

TEAMS: Final = 3


@pytest.fixture(scope="module")
def site(crds: Access, litellm: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """Namespaces with two Connections, and an operator that leads."""
    with opened(crds, litellm, tmp_path_factory.mktemp("operator")) as made:
        made.start().wait_ready()
        yield made


@pytest.fixture
def own_site(crds: Access, litellm: Endpoint, tmp_path: Path) -> Generator[Site]:
    """The same for one test, which starts the operator itself."""
    with opened(crds, litellm, tmp_path) as made:
        yield made


@pytest.fixture
def proxy(site: Site) -> Generator[FaultProxy]:
    """A way to LiteLLM of the test's own: what happens on it strikes nobody else."""
    with FaultProxy(Upstream(site.admin.url)) as made:
        yield made


@contextmanager
def opened(
    access: Access, endpoint: Endpoint, folder: Path, *, everywhere: bool = False, apart: bool = False, **rbac: bool
) -> Generator[Site]:
    """The namespaces, gone again in the end, and the operator's account with the rights that the chart gives it.

    It looks after these namespaces, or `everywhere`, and lives in the platform's, or `apart` from all. What it asks for
    in vain fails the test.
    """
    suffix = secrets.token_hex(4)
    names = [f"platform-{suffix}", *(f"team-{letter}-{suffix}" for letter in "abcdefgh"[:TEAMS])]
    release = f"operator-{suffix}" if apart else names[0]
    with ExitStack() as stack:
        litellm = stack.enter_context(before_litellm(endpoint))
        admin = stack.enter_context(LiteLLMAdmin(endpoint))
        for name in dict.fromkeys((*names, release)):
            access.kubectl("create", "namespace", name)
            stack.callback(remove_namespace, access, name)
        watched = [] if everywhere else names
        account = stack.enter_context(granted(access, release, watched=watched, values={"rbac": rbac}))
        api, kubeconfig = stack.enter_context(before_api_server(access, account.token))
        clusters = {name: stack.enter_context(Cluster(access, name)) for name in names}
        flags = {"namespaces": ",".join(watched), "operator_namespace": release}
        made = Site(access, admin, api, litellm, kubeconfig, folder, clusters, account, flags)
        made.secret("admin", **{"master-key": endpoint.master_key})
        made.connection(DEFAULT)
        made.connection(SWEPT, sweepInterval="10s")
        try:
            yield made
        finally:
            for process in made.operators:
                process.kill9()
            api.clear()
            litellm.clear()
            _clear(made)
        bugs = [line for process in made.operators for line in process.logged("bug")]
        assert not bugs, bugs
        refused = [use for use in refusals(access, account) if use.namespace not in made.lost]
        assert {use.resource for use in refused} <= ({"namespaces"} if rbac else set()), refused


def _clear(site: Site) -> None:
    """Takes the finalizers off by one client, for kubectl needs a process for each, and the keys out of LiteLLM."""
    left: list[str] = []
    for cluster in site.clusters.values():
        for name, key in cluster.all(KEYS).items():
            left += [key["status"]["tokenID"]] if key.get("status", {}).get("tokenID") else []
            cluster.patch(KEYS, name, {"metadata": {"finalizers": None}})
    alive = [token for token in left if site.admin.row(token) is not None]
    if alive:
        site.admin.delete(*alive)
