"""What a fresh key costs, done by hand: the same calls as the operator makes, and nothing around them."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dev.bench.clients import MERGE, Json, Server
from litellm_key_operator.api import names
from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.cluster.paths import EVENTS, KEYS, SECRETS

MODEL: Final = "fake-small"
ROLE_LIMITS: Final[Json] = {"rpm": 100}
TTL: Final = "30d"
_SECONDS: Final = "2592000s"


def value_of(name: str) -> str:
    """The value that the script registers under this name."""
    return f"sk-made-by-the-bench-{name}"


def token_of(name: str) -> str:
    """Its id in LiteLLM."""
    return hashlib.sha256(value_of(name).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Script:
    """Makes keys in a namespace that no operator looks at."""

    kubernetes: Server
    litellm: Server
    namespace: str
    role: Json

    async def generate(self, name: str) -> Json:
        """The bare proxy: one registration."""
        return await self._generate(name, name)

    async def delete(self, name: str) -> None:
        """The bare proxy: one revocation."""
        await self.litellm.call("POST", "/key/delete", {"keys": [token_of(name)]})

    async def fresh(self, name: str) -> None:
        """All of it."""
        key, row = await self._delivered(name)
        await self._report(key, row)

    async def timed(self, name: str) -> float:
        """The seconds until the Secret is there; then the rest of it."""
        began = time.monotonic()
        key, row = await self._delivered(name)
        took = time.monotonic() - began
        await self._report(key, row)
        return took

    async def _delivered(self, name: str) -> tuple[Json, Json]:
        """Four calls in sequence: resource, finalizer, registration, Secret."""
        claim = {
            "apiVersion": names.API_VERSION,
            "kind": names.KEY.kind,
            "metadata": {"name": name},
            "spec": {"roleRef": self.role},
        }
        key = await self.kubernetes.call("POST", KEYS.within(self.namespace), claim)
        held = {
            "finalizers": [names.FINALIZER],
            "annotations": {names.ANNOTATION_INSTALLATION: "bench/1", names.ANNOTATION_CONNECTION: "bench/default"},
            "resourceVersion": key["metadata"]["resourceVersion"],
        }
        path = KEYS.of(self.namespace, name)
        key = await self.kubernetes.call("PATCH", path, {"metadata": held}, **{"Content-Type": MERGE})
        row = await self._generate(name, key["metadata"]["uid"])
        await self.kubernetes.call("POST", SECRETS.within(self.namespace), self._secret(key))
        return key, row

    async def _generate(self, name: str, uid: str) -> Json:
        fields = {**self._fields(name, uid), "key": value_of(name), "key_type": "llm_api", "duration": _SECONDS}
        return await self.litellm.call("POST", "/key/generate", fields)

    def _fields(self, name: str, uid: str) -> Json:
        mark = {"installation": "bench", "namespace": self.namespace, "name": name, "uid": uid, "revision": 1}
        alias = f"{self.namespace}/{name}"
        metadata = {names.METADATA_KEY: {**mark, "role": "bench/default"}}
        return {"key_alias": alias, "models": [MODEL], "metadata": metadata, "rpm_limit": ROLE_LIMITS["rpm"]}

    def _secret(self, key: Json) -> Json:
        name, uid = key["metadata"]["name"], key["metadata"]["uid"]
        data = {"api-key": value_of(name), "base-url": "http://127.0.0.1:4000"}
        owner = {"apiVersion": names.API_VERSION, "kind": names.KEY.kind, "name": name, "uid": uid, "controller": True}
        metadata = {
            "name": name,
            "labels": {names.LABEL_MANAGED_BY: names.PROGRAM, names.LABEL_KEY: name},
            "annotations": {names.ANNOTATION_REVISION: "1", names.ANNOTATION_TOKEN_ID: token_of(name)[:12]},
            "ownerReferences": [owner],
        }
        encoded = {entry: base64.b64encode(text.encode()).decode() for entry, text in data.items()}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": encoded}

    async def _report(self, key: Json, row: Json) -> None:
        """The status, and an Event."""
        meta, now = key["metadata"], datetime.now(UTC)
        name, moment = meta["name"], rfc3339(now.replace(microsecond=0))
        applied = {**self._fields(name, meta["uid"]), "allowed_routes": ["llm_api_routes"], "duration": _SECONDS}
        conditions = [
            {
                "type": kind,
                "status": "True",
                "reason": reason,
                "message": "the Secret holds a working key",
                "lastTransitionTime": moment,
                "observedGeneration": meta["generation"],
            }
            for kind, reason in (("Ready", "Issued"), ("Synced", "UpToDate"))
        ]
        status = {
            "conditions": conditions,
            "observedGeneration": meta["generation"],
            "revision": 1,
            "tokenID": token_of(name),
            "seed": 1,
            "keyAlias": row["key_alias"],
            "keyPreview": "sk-...abcd",
            "issuedAt": moment,
            "expiresAt": rfc3339(datetime.fromisoformat(row["expires"]).replace(microsecond=0)),
            "binding": {"name": name},
            "connection": {"namespace": "bench", "name": "default", "url": "http://127.0.0.1:4000"},
            "applied": applied,
        }
        body = {"metadata": {"resourceVersion": meta["resourceVersion"]}, "status": status}
        path = KEYS.of(self.namespace, name).status
        await self.kubernetes.call("PATCH", path, body, **{"Content-Type": MERGE})
        await self.kubernetes.call("POST", EVENTS.within(self.namespace), self._event(meta, now))

    def _event(self, meta: Json, now: datetime) -> Json:
        kind = {"apiVersion": names.API_VERSION, "kind": names.KEY.kind}
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name']}.0", "namespace": self.namespace},
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Normal",
            "reason": "KeyIssued",
            "action": "KeyIssued",
            "note": f"key sk-...abcd was issued as {self.namespace}/{meta['name']}",
            "regarding": {**kind, "namespace": self.namespace, "name": meta["name"], "uid": meta["uid"]},
            "reportingController": names.PROGRAM,
            "reportingInstance": "bench",
        }
