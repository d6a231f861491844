"""Helm, and an API server that never heard of the operator."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from dev import controlplane
from dev import helm as dev_helm
from dev.helm import Helm


@pytest.fixture(scope="session")
def helm() -> Generator[Helm]:
    """Helm without a cluster."""
    with dev_helm.helm() as program:
        yield program


@pytest.fixture(scope="session")
def bare() -> Generator[controlplane.ControlPlane]:
    """An API server for tests that install and remove the definitions themselves."""
    with controlplane.started() as plane:
        yield plane
