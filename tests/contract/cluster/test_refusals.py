"""What only a real API server can show: access, quota, admission, namespaces that end, pages."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path as File
from types import SimpleNamespace
from uuid import uuid4

import pytest
import yaml
from typing_extensions import override

from dev.controlplane import Access
from litellm_key_operator.api.key import KeyStatus, LiteLLMKey
from litellm_key_operator.cluster import client as module
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.namespaces import ClusterNamespaces
from litellm_key_operator.cluster.paths import Path
from litellm_key_operator.cluster.resources import ClusterResources
from litellm_key_operator.cluster.secrets import ClusterSecrets
from litellm_key_operator.domain.errors import Denied, Gone, Rejected, SecretRejected, Unavailable
from litellm_key_operator.domain.state import Manifest
from tests.support.cluster_worlds import until


def a_manifest(namespace: str, **data: str) -> Manifest:
    return Manifest(namespace, "app", "app", str(uuid4()), "Opaque", {}, {}, data or {"api-key": "sk-one"})


def a_key(namespace: str, name: str) -> LiteLLMKey:
    return LiteLLMKey.model_validate(
        {"metadata": {"name": name, "namespace": namespace}, "spec": {"roleRef": {"name": "role"}}}
    )


def without_rights(crds: Access, namespace: str, folder: File) -> File:
    """A kubeconfig for the same server, of an account that may do nothing."""
    crds.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    config = yaml.safe_load(crds.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": crds.kubectl("create", "token", "nobody", "-n", namespace)}
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


async def refusal_of(client: Client, manifest: Manifest) -> str:
    """What the API server says against the Secret: it takes a moment until it enforces a new policy or quota."""
    secrets, said = ClusterSecrets(client), list[str]()

    async def refused() -> bool:
        try:
            made = await secrets.create(manifest)
        except SecretRejected as error:
            said.append(str(error))
        else:
            await secrets.delete(made)
        return bool(said)

    await until(refused, 30)
    return said[0]


class TestAccess:
    async def test_without_rights_everything_is_denied(self, crds: Access, namespace: str, tmp_path: File) -> None:
        async with await Client.connect(without_rights(crds, namespace, tmp_path)) as nobody:
            with pytest.raises(Denied):
                await ClusterSecrets(nobody).create(a_manifest(namespace))
            with pytest.raises(Denied):
                await ClusterSecrets(nobody).read(namespace, "app")
            with pytest.raises(Denied):
                await ClusterResources(nobody).list_keys()
            with pytest.raises(Denied):
                await ClusterResources(nobody).hold(a_key(namespace, "app"), {})

    async def test_the_mounted_token_is_read_again(
        self, crds: Access, namespace: str, tmp_path: File, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crds.kubectl("create", "serviceaccount", "operator", "-n", namespace)
        token, authority = tmp_path / "token", tmp_path / "ca.crt"
        token.write_text("of another time")
        assert crds.ca is not None
        authority.write_text(crds.ca.read_text())
        loader = "kubernetes.aio.config.incluster_config"
        monkeypatch.setattr(f"{loader}.SERVICE_TOKEN_FILENAME", str(token))
        monkeypatch.setattr(f"{loader}.SERVICE_CERT_FILENAME", str(authority))
        host, _, port = crds.url.removeprefix("https://").partition(":")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        async with await Client.connect() as pod:
            with pytest.raises(Denied, match="401"):
                await ClusterNamespaces(pod).labels()
            token.write_text(crds.kubectl("create", "token", "operator", "-n", namespace))

            class Later(dt.datetime):
                @classmethod
                @override
                def now(cls, tz: dt.tzinfo | None = None) -> Later:
                    return super().now(tz) + dt.timedelta(minutes=2)

            monkeypatch.setattr(f"{loader}.datetime", SimpleNamespace(datetime=Later, timedelta=dt.timedelta))
            with pytest.raises(Denied, match="403"):
                await ClusterNamespaces(pod).labels()

    async def test_a_kind_that_is_not_served_is_not_an_object_that_is_absent(self, client: Client) -> None:
        with pytest.raises(Unavailable):
            await client.get(Path("/apis/llmkeys.io/v1alpha1", "litellmthings", "default", "x"))
        with pytest.raises(Unavailable):
            await client.get(Path("/apis/nothing.llmkeys.io/v1", "things", "default", "x"))


class TestRefusals:
    async def test_quota(self, client: Client, crds: Access, namespace: str) -> None:
        crds.kubectl("create", "quota", "none", "--hard=secrets=0", "-n", namespace)
        # Else a controller does this, which need not be running here.
        counted = json.dumps({"status": {"hard": {"secrets": "0"}, "used": {"secrets": "0"}}})
        patch = ("patch", "quota", "none", "--subresource=status", "--type=merge", "-p", counted)
        crds.kubectl(*patch, "-n", namespace)
        assert "exceeded quota" in await refusal_of(client, a_manifest(namespace))

    async def test_invalid_content_without_a_word_of_it(self, client: Client, namespace: str) -> None:
        manifest = a_manifest(namespace, **{"no/name": "sk-aaaaaaaaaaaaaaaaaaaa"})
        with pytest.raises(SecretRejected) as caught:
            await ClusterSecrets(client).create(manifest)
        assert "aaaa" not in str(caught.value)

    async def test_admission_without_a_word_of_the_data(self, client: Client, crds: Access, namespace: str) -> None:
        value = "sk-bbbbbbbbbbbbbbbbbbbb"
        crds.kubectl("apply", "-f", "-", input=policy(namespace))
        try:
            said = await refusal_of(client, a_manifest(namespace, key=value))
        finally:
            crds.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", namespace)
        assert "the policy says no to" in said
        assert base64.b64encode(value.encode()).decode() not in said

    async def test_a_namespace_that_ends(self, client: Client, crds: Access, namespace: str) -> None:
        hold = {"metadata": {"name": "held", "finalizers": ["example.com/held"]}}
        await client.request("POST", Path("/api/v1", "configmaps").within(namespace), body=hold)
        crds.kubectl("delete", "namespace", namespace, "--wait=false")
        try:
            with pytest.raises(Gone):
                await ClusterSecrets(client).create(a_manifest(namespace))
        finally:
            crds.kubectl(
                "patch", "configmap", "held", "-n", namespace, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
            )

    async def test_a_status_that_the_schema_refuses(self, client: Client, crds: Access, namespace: str) -> None:
        crds.kubectl("apply", "-n", namespace, "-f", "-", input=key_yaml("app"))
        resources = ClusterResources(client, [namespace])
        key = await resources.read_key(namespace, "app")
        assert key is not None
        wrong = KeyStatus().model_copy(update={"revision": "one"})
        with pytest.warns(UserWarning, match="serialized value"), pytest.raises(Rejected, match="revision"):
            await resources.write_key_status(key, wrong)


class TestLists:
    async def test_all_pages_of_all_namespaces(
        self, client: Client, crds: Access, namespace: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "PAGE", 2)
        names = [f"k{n}" for n in range(5)]
        crds.kubectl("apply", "-n", namespace, "-f", "-", input="\n---\n".join(map(key_yaml, names)))
        keys: list[LiteLLMKey] = []
        for listed in (ClusterResources(client), ClusterResources(client, [namespace])):
            keys = [key for key in await listed.list_keys() if key.metadata.namespace == namespace]
            assert [key.metadata.name for key in keys] == names
        secrets = ClusterSecrets(client)
        # Of a Key that exists: the garbage collector is quick.
        made = [await secrets.create(replace(a_manifest(namespace), owner_name="k0", owner_uid=keys[0].metadata.uid))]
        assert [s for s in await secrets.list_ours() if s.namespace == namespace] == made
        assert await ClusterSecrets(client, [namespace, "no-such-namespace"]).list_ours() == made
        assert namespace in await ClusterNamespaces(client).labels()
        assert list(await ClusterNamespaces(client, [namespace, "no-such-namespace"]).labels()) == [namespace]

    async def test_what_cannot_be_read_does_not_hide_the_others(
        self, client: Client, crds: Access, namespace: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crds.kubectl("apply", "-n", namespace, "-f", "-", input=f"{key_yaml('bad')}\n---\n{key_yaml('good')}")
        parse = LiteLLMKey.model_validate

        def strict(item: dict[str, dict[str, str]]) -> LiteLLMKey:
            return parse({**item, "spec": {}} if item["metadata"]["name"] == "bad" else item)

        monkeypatch.setattr(LiteLLMKey, "model_validate", strict)
        resources = ClusterResources(client, [namespace])
        assert [key.metadata.name for key in await resources.list_keys()] == ["good"]
        with pytest.raises(Rejected, match=r"spec\.roleRef"):
            await resources.read_key(namespace, "bad")


def key_yaml(name: str) -> str:
    head = "apiVersion: llmkeys.io/v1alpha1\nkind: LiteLLMKey"
    return f"{head}\nmetadata: {{name: {name}}}\nspec: {{roleRef: {{name: role}}}}"


def policy(namespace: str) -> str:
    """An admission policy that quotes what it refuses."""
    return f"""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {namespace}}}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [secrets]}}]
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {namespace}}}}}
  validations:
  - expression: "!has(object.data)"
    messageExpression: "'the policy says no to ' + string(object.data['key'])"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {namespace}}}
spec: {{policyName: {namespace}, validationActions: [Deny]}}
"""
