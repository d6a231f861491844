"""The site of a test: a namespace of its own at the session's servers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.account import granted
from dev.controlplane import Access
from dev.faultproxy import before_api_server, before_litellm
from dev.litellm import Endpoint
from tests.kill.site import Site
from tests.support.books import Books
from tests.support.cluster import Cluster
from tests.support.rights import lacking


@pytest.fixture
def site(crds: Access, litellm: Endpoint, namespace: str, tmp_path: Path) -> Generator[Site]:
    with opened(crds, litellm, namespace, tmp_path) as made:
        yield made


@contextmanager
def opened(access: Access, endpoint: Endpoint, namespace: str, folder: Path) -> Generator[Site]:
    """A furnished site; its operators end with it."""
    with (
        granted(access, namespace, watched=[namespace]) as account,
        before_api_server(access, account.token) as (api, kubeconfig),
        before_litellm(endpoint) as litellm,
        Cluster(access, namespace) as cluster,
        Books(endpoint) as books,
    ):
        made = Site(cluster, books, api, litellm, kubeconfig, folder, account.token)
        made.furnish(endpoint.master_key)
        try:
            yield made
        finally:
            made.end()
        assert not lacking(access, account)
