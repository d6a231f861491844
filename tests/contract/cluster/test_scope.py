"""Namespaces that are named, of which some may not be read (any more)."""

from __future__ import annotations

import json
from pathlib import Path as File

import pytest
import yaml

from dev.controlplane import Access
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.namespaces import ClusterNamespaces
from litellm_key_operator.cluster.resources import ClusterResources
from litellm_key_operator.cluster.scope import Scope
from litellm_key_operator.cluster.secrets import ClusterSecrets
from litellm_key_operator.domain.errors import Denied

OURS = {"apiGroups": ["llmkeys.io"], "resources": ["*"], "verbs": ["list"]}
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}


def permit(access: Access, namespace: str, *rules: object) -> None:
    """Let the namespace's account `reader` do this there, and nothing else."""
    meta = {"name": "reader", "namespace": namespace}
    api = "rbac.authorization.k8s.io"
    subjects = [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}]
    items = [
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": "reader"},
            "subjects": subjects,
        },
    ]
    access.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def login(access: Access, namespace: str, folder: File) -> File:
    access.kubectl("create", "serviceaccount", "reader", "-n", namespace)
    config = yaml.safe_load(access.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": access.kubectl("create", "token", "reader", "-n", namespace)}
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


async def test_a_namespace_that_may_not_be_read_hides_no_other(crds: Access, namespace: str, tmp_path: File) -> None:
    file = login(crds, namespace, tmp_path)
    permit(crds, namespace, OURS, SECRETS)
    crds.kubectl("apply", "-n", namespace, "-f", "-", input=KEY)
    async with await Client.connect(file) as client:
        both = (namespace, "kube-public")
        resources, secrets, scope = ClusterResources(client, both), ClusterSecrets(client, both), Scope(client, both)
        assert [key.metadata.name for key in await resources.list_keys()] == ["app"]
        assert await secrets.list_ours() == []
        assert [name for name in both if resources.is_closed(name)] == ["kube-public"]
        assert await scope.open() == (namespace,)
        assert await ClusterNamespaces(client, both).labels() == {}
        with pytest.raises(Denied):
            await ClusterResources(client).list_keys()
        with pytest.raises(Denied):
            await ClusterNamespaces(client).labels()

        # One kind is enough to close it, and it opens again.
        permit(crds, namespace, OURS)
        assert await scope.open() == ()
        permit(crds, namespace, OURS, SECRETS)
        assert await scope.open() == (namespace,)


async def test_a_credential_that_is_not_accepted_closes_nothing(crds: Access, namespace: str, tmp_path: File) -> None:
    file = login(crds, namespace, tmp_path)
    crds.kubectl("delete", "serviceaccount", "reader", "-n", namespace)
    async with await Client.connect(file) as client:
        for ask in (ClusterResources(client, [namespace]).list_keys, Scope(client, [namespace]).open):
            with pytest.raises(Denied, match="401"):
                await ask()


KEY = """
apiVersion: llmkeys.io/v1alpha1
kind: LiteLLMKey
metadata: {name: app}
spec: {roleRef: {name: role}}
"""
