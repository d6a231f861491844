"""The node that `make test-node` has started, and on it a stage for each test."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from dev import helm
from dev import litellm as proxy
from dev.children import temporary_folder
from dev.controlplane import Access, access, binaries
from dev.node.addresses import NODE
from dev.node.node import HOME
from tests.node.stage import PLATFORM, TEAM, Stage
from tests.support.litellm_admin import LiteLLMAdmin
from tests.support.servers import remove_namespace


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:  # noqa: ARG001 - its signature
    """Adds to a failure what the cluster looked like at that moment."""
    report = yield
    stage = item.funcargs.get("stage") if isinstance(item, pytest.Function) else None
    if report.failed and isinstance(stage, Stage) and report.when == "call":
        report.sections.append(("the cluster", stage.picture()))
    return report


@pytest.fixture(scope="session")
def node() -> Path:
    """The folder of the node that these tests are run on."""
    if HOME not in os.environ:
        pytest.skip("these run on a node of their own: make test-node")
    return Path(os.environ[HOME])


@pytest.fixture(scope="session")
def cluster(node: Path) -> Generator[Access]:
    """Its API server."""
    with temporary_folder("llmkeys-access") as home:
        yield access.foreign(node / "kubeconfig", binaries.ready().kubectl, home)


@pytest.fixture(scope="session")
def endpoint(node: Path) -> Generator[proxy.Endpoint]:  # noqa: ARG001 - what is started on it
    """A LiteLLM that Pods reach."""
    with proxy.started(host=NODE) as started:
        yield started


@pytest.fixture
def stage(cluster: Access, endpoint: proxy.Endpoint) -> Generator[Stage]:
    """Namespaces without an operator; whatever is left of it in the end goes."""
    with helm.helm(cluster.kubeconfig) as program, LiteLLMAdmin(endpoint) as admin:
        made = Stage(cluster, admin, program)
        made.set(endpoint)
        try:
            yield made
        finally:
            made.uninstall()
            for namespace in (TEAM, PLATFORM):
                remove_namespace(cluster, namespace)
            cluster.kubectl("wait", "--for=delete", f"namespace/{TEAM}", f"namespace/{PLATFORM}", "--timeout=90s")
            if left := [row["token"] for row in admin.rows(f"{TEAM}/")]:
                admin.delete(*left)
