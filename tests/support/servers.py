"""The real servers as fixtures: begun when the first test asks for them, once a session.

Servers that run already, from `python -m dev.servers up` or from the environment, are used where a test only talks to
them. A test that stops one asks for an `own_` server.
"""

import json
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from dev import controlplane, servers
from dev import litellm as proxy
from dev.controlplane import binaries
from dev.controlplane.access import define

FIXTURES: Final = frozenset(
    {
        "bare",
        "control_plane",
        "crds",
        "endpoint",
        "helm",
        "litellm",
        "namespace",
        "oldest_litellm",
        "own_control_plane",
        "own_endpoint",
        "own_litellm",
        "prometheus",
    }
)
GROUP: Final = "llmkeys.io"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs a real server, so that `-m "not servers"` runs everywhere."""
    for item in items:
        if isinstance(item, pytest.Function) and FIXTURES & set(item.fixturenames):
            item.add_marker("servers")


@pytest.fixture(scope="session")
def control_plane() -> Generator[controlplane.Access]:
    """An API server with its garbage collector; shared, so it must not be stopped."""
    with servers.control_plane() as access:
        yield access


@pytest.fixture(scope="session")
def litellm() -> Generator[proxy.Endpoint]:
    """A LiteLLM with its database; shared, so it must not be stopped and may hold keys of other tests."""
    with servers.litellm() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def own_control_plane(request: pytest.FixtureRequest) -> Generator[controlplane.ControlPlane]:
    """An API server that a test may stop, as long as it starts it again."""
    shared: controlplane.Access = request.getfixturevalue("control_plane")
    if isinstance(shared, controlplane.ControlPlane):
        yield shared
        shared.start_apiserver()
        return
    with controlplane.started() as plane:
        yield plane


@pytest.fixture(scope="session")
def own_litellm(request: pytest.FixtureRequest) -> Generator[proxy.Proxy]:
    """A LiteLLM that a test may stop, with its database, as long as it starts both again."""
    shared: proxy.Endpoint = request.getfixturevalue("litellm")
    if isinstance(shared, proxy.Proxy):
        yield shared
        shared.start()
        return
    with proxy.started() as own:
        yield own


@pytest.fixture(scope="session")
def crds(control_plane: controlplane.Access) -> controlplane.Access:
    """The API server with our resources defined."""
    define(control_plane)
    return control_plane


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """The folder with `prometheus` and `promtool`."""
    return binaries.prometheus()


@pytest.fixture
def namespace(control_plane: controlplane.Access) -> Generator[str]:
    """A namespace for one test."""
    name = f"test-{secrets.token_hex(5)}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    remove_namespace(control_plane, name)


def remove_namespace(access: controlplane.Access, name: str) -> None:
    """Deletes a namespace and our resources in it, finalizers off: no operator may be left to do that.

    Nor may Kubernetes be relied on: just after a restart of the API server it ends a namespace without having heard of
    our kinds, and what is left of them is there for good.
    """
    access.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
    kinds = access.kubectl("api-resources", f"--api-group={GROUP}", "--namespaced", "-o", "name").split()
    if not kinds:
        return
    found = json.loads(access.kubectl("get", ",".join(kinds), "-n", name, "-o", "json"))
    for item in found["items"]:
        if item["metadata"].get("finalizers"):
            resource = f"{item['kind']}.{GROUP}/{item['metadata']['name']}".lower()
            merge = '{"metadata":{"finalizers":null}}'
            access.kubectl("patch", resource, "-n", name, "--type=merge", "-p", merge)
    if found["items"]:
        whole = json.dumps(found)
        access.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", "-n", name, input=whole)
