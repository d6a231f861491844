"""Secrets: written whole, read as hashes, never overwritten unless they are the one that was seen."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from typing_extensions import override

from litellm_key_operator.api.common import terse
from litellm_key_operator.api.names import API_VERSION, GROUP, KEY, LABEL_MANAGED_BY, PROGRAM
from litellm_key_operator.cluster.client import MERGE_PATCH, Client
from litellm_key_operator.cluster.patch import Json
from litellm_key_operator.cluster.paths import CONFIG_MAPS, SECRETS
from litellm_key_operator.cluster.scope import Scope
from litellm_key_operator.domain.errors import Conflict, Gone, Rejected, SecretRejected
from litellm_key_operator.domain.state import Manifest, SecretSeen
from litellm_key_operator.ports import Secrets

_SHORT: Final = 8
"""Values below this length are no keys; cutting them out of a message would only make it unreadable."""


class ClusterSecrets(Secrets):
    """The Secrets in these namespaces (in all, if none is named), and any object that a CA or credential is in."""

    def __init__(self, client: Client, namespaces: Sequence[str] = ()) -> None:
        self._client = client
        self._scope = Scope(client, namespaces)

    @override
    async def read(self, namespace: str, name: str) -> SecretSeen | None:
        try:
            return seen(await self._client.get(SECRETS.of(namespace, name)))
        except Gone:
            return None

    @override
    async def list_ours(self, known: Mapping[tuple[str, str], SecretSeen] | None = None) -> list[SecretSeen]:
        def read(item: Json) -> SecretSeen:
            meta = item["metadata"]
            had = (known or {}).get((meta["namespace"], meta["name"]))
            if had is not None and (had.uid, had.resource_version) == (meta["uid"], meta["resourceVersion"]):
                return had
            return seen(item)

        return await self._scope.list(SECRETS, read)

    @override
    async def create(self, manifest: Manifest) -> SecretSeen:
        data = _encoded(manifest.data)
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": manifest.name, **_metadata(manifest)},
            "type": manifest.type,
            "data": data,
        }
        try:
            path = SECRETS.within(manifest.namespace)
            return seen(await self._client.request("POST", path, body=body, hidden=_hidden(manifest, data)))
        except Rejected as error:
            raise SecretRejected(str(error)) from None

    @override
    async def replace(self, manifest: Manifest, seen: SecretSeen) -> SecretSeen:
        data = _encoded(manifest.data)
        metadata = _metadata(manifest)
        # Names of our own that the manifest does not know any more go; everybody else's stay.
        metadata["labels"] = {**_gone(seen.labels), **metadata["labels"]}
        metadata["annotations"] = {**_gone(seen.annotations), **metadata["annotations"]}
        metadata["resourceVersion"] = seen.resource_version
        body = {
            "metadata": metadata,
            "type": manifest.type,
            "data": {**dict.fromkeys(seen.hashes), **data},
        }
        return await self._patch(seen, body, _hidden(manifest, data))

    @override
    async def delete(self, seen: SecretSeen) -> None:
        path = SECRETS.of(seen.namespace, seen.name)
        try:
            await self._client.request("DELETE", path, body={"preconditions": {"uid": seen.uid}})
        except Gone:
            return
        except Conflict:
            # Another Secret has the name: the one seen is gone. Look, for a 409 need not mean just that.
            there = await self.read(seen.namespace, seen.name)
            if there is not None and there.uid == seen.uid:
                raise

    @override
    async def disown(self, seen: SecretSeen) -> None:
        path = SECRETS.of(seen.namespace, seen.name)
        try:
            meta = (await self._client.get(path))["metadata"]
        except Gone:
            return
        if meta["uid"] != seen.uid:
            return
        others = [owner for owner in meta.get("ownerReferences", ()) if owner["uid"] != seen.owner_uid]
        metadata = {
            "ownerReferences": others or None,
            "labels": {**_gone(seen.labels), LABEL_MANAGED_BY: None},
            "resourceVersion": seen.resource_version,
        }
        await self._patch(seen, {"metadata": metadata}, ())

    @override
    async def text(self, kind: Literal["Secret", "ConfigMap"], namespace: str, name: str, key: str) -> str | None:
        path = (SECRETS if kind == "Secret" else CONFIG_MAPS).of(namespace, name)
        try:
            found = (await self._client.get(path)).get("data", {}).get(key)
        except Gone:
            return None
        if found is None or kind == "ConfigMap":
            return found if found is None else str(found)
        try:
            return base64.b64decode(found).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Rejected(f"entry {key} of Secret {namespace}/{name} is not UTF-8 text") from None

    async def _patch(self, old: SecretSeen, body: Mapping[str, Any], hidden: Iterable[str]) -> SecretSeen:
        path = SECRETS.of(old.namespace, old.name)
        try:
            written = await self._client.request("PATCH", path, body=body, content_type=MERGE_PATCH, hidden=hidden)
        except Gone as error:
            raise Conflict("the Secret is gone") from error
        except Rejected as error:
            raise SecretRejected(str(error)) from None
        return seen(written)


def seen(item: Mapping[str, Any]) -> SecretSeen:
    """What is kept of a Secret's JSON, whether got or watched."""
    meta = item["metadata"]
    owners = meta.get("ownerReferences") or ()
    owner = next((o for o in owners if o.get("controller")), owners[0] if owners else None)
    hashes = {name: hashlib.sha256(base64.b64decode(value)).hexdigest() for name, value in _data(item).items()}
    return SecretSeen(
        namespace=terse(meta["namespace"]),
        name=terse(meta["name"]),
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        owner_uid=None if owner is None else terse(owner["uid"]),
        type=terse(item.get("type", "Opaque")),
        immutable=item.get("immutable", False),
        labels=terse(meta.get("labels") or {}),
        annotations=terse(meta.get("annotations") or {}),
        hashes=terse(hashes),
    )


def _data(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item.get("data") or {}


def _encoded(data: Mapping[str, str]) -> dict[str, str]:
    return {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}


def _metadata(manifest: Manifest) -> Json:
    owner = {
        "apiVersion": API_VERSION,
        "kind": KEY.kind,
        "name": manifest.owner_name,
        "uid": manifest.owner_uid,
        "controller": True,
    }
    return {
        "labels": {**manifest.labels, LABEL_MANAGED_BY: PROGRAM},
        "annotations": dict(manifest.annotations),
        "ownerReferences": [owner],
    }


def _gone(names: Mapping[str, str]) -> dict[str, None]:
    """Nulls for the labels or annotations of our group."""
    return {name: None for name in names if name.startswith(f"{GROUP}/")}


def _hidden(manifest: Manifest, encoded: Mapping[str, str]) -> list[str]:
    """What an admission plugin could quote of the data."""
    return [value for value in (*manifest.data.values(), *encoded.values()) if len(value) >= _SHORT]
