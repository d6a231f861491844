"""A cluster for the contract: in memory, and real."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from dev.controlplane import Access
from tests.support.cluster_worlds import FakeWorld, World
from tests.support.real_cluster import CutClient, RealWorld


@pytest.fixture
async def client(crds: Access) -> AsyncGenerator[CutClient]:
    """A client of the real API server."""
    async with await CutClient.connect(crds.kubeconfig) as client:
        yield client


@pytest.fixture
async def rival(crds: Access) -> AsyncGenerator[CutClient]:
    """Another one."""
    async with await CutClient.connect(crds.kubeconfig) as client:
        yield client


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.servers)])
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    """A namespace of either of them."""
    if request.param == "fake":
        yield FakeWorld()
        return
    kubeconfig = request.getfixturevalue("crds").kubeconfig
    async with await CutClient.connect(kubeconfig) as client:
        yield RealWorld(client, request.getfixturevalue("namespace"))
