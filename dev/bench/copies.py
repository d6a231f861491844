"""Settled keys without waiting for LiteLLM: made of one that an operator issued, by SQL and three writes each."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import orjson

from dev.bench.clients import MERGE, Json
from dev.bench.pace import spread
from dev.bench.site import AT_A_TIME, BRIEF, Site
from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.cluster.paths import KEYS, SECRETS
from litellm_key_operator.cluster.seed import keyring
from litellm_key_operator.domain.material import Keyring, KeyValue

MODEL_NAME: Final = "the-one-that-is-copied"
"""No other text in a resource, a Secret or a row reads like this."""
_ENTRY: Final = "api-key"
_ROWS: Final = """
create temporary table copies (name text, uid text, token text, expires timestamp);
copy copies from stdin;
%(rows)s
\\.
insert into "LiteLLM_VerificationToken" select copy.* from "LiteLLM_VerificationToken" t, copies c,
lateral jsonb_populate_record(t, (
    replace(replace(replace(to_jsonb(t)::text, '%(token)s', c.token), '%(uid)s', c.uid), '%(name)s', c.name)::jsonb
        || jsonb_build_object('expires', coalesce(c.expires, t.expires))
)) copy where t.token = '%(token)s';
"""


@dataclass(frozen=True, slots=True)
class Copies:
    """Makes them. `key`, `secret`, `value`: the one that is copied."""

    site: Site
    keyring: Keyring
    key: Json
    secret: Json
    value: KeyValue
    folder: Path

    @classmethod
    async def of_one(cls, site: Site, folder: Path) -> Self:
        """Have the operator, which must run, issue the one."""
        await site.apply(MODEL_NAME, BRIEF)
        await site.all_ready([MODEL_NAME])
        seed = await site.kubernetes.call("GET", SECRETS.of(site.namespace, "litellm-key-operator-seed"))
        ring = keyring("seed", {name: base64.b64decode(text) for name, text in seed["data"].items()})
        secret = await site.kubernetes.call("GET", SECRETS.of(site.namespace, MODEL_NAME))
        value = KeyValue(base64.b64decode(secret["data"][_ENTRY]).decode())
        return cls(site, ring, await site.key(MODEL_NAME), secret, value, folder)

    async def make(self, names: Sequence[str], *, expires: Mapping[str, datetime] | None = None) -> None:
        """Copies of these names; without `expires` they end when the one does. No operator runs."""
        rows: list[str] = []

        async def one(name: str) -> None:
            rows.append(await self._make(name, (expires or {}).get(name)))

        await spread(names, one, AT_A_TIME)
        uid, token = self.key["metadata"]["uid"], self.value.token_id
        file = self.folder / "copies.sql"
        file.write_text(_ROWS % {"rows": "\n".join(rows), "uid": uid, "token": token, "name": MODEL_NAME})
        self.site.proxy.postgres.psql(self.site.proxy.database, files=[file])

    async def _make(self, name: str, expires: datetime | None) -> str:
        """Resource, Secret and status; answers the row for LiteLLM's table."""
        kubernetes, namespace, meta = self.site.kubernetes, self.site.namespace, self.key["metadata"]
        head = {"name": name, "finalizers": meta["finalizers"], "annotations": meta["annotations"]}
        made = await kubernetes.call("POST", self.site.keys, {**_bare(self.key), "metadata": head})
        uid = made["metadata"]["uid"]
        value = self.keyring.value(uid, 1, self.keyring.newest)
        assert value is not None  # noqa: S101 - the newest seed is never lost
        status = self._copied(self.key["status"], name, uid, value, expires)
        labels = {part: self.secret["metadata"][part] for part in ("labels", "annotations", "ownerReferences")}
        whole = {**_bare(self.secret), "metadata": {"name": name, **labels}}
        secret = self._copied(whole, name, uid, value, expires)
        secret["data"][_ENTRY] = base64.b64encode(value.reveal().encode()).decode()
        await kubernetes.call("POST", self.site.secrets, secret)
        path = KEYS.of(namespace, name).status
        await kubernetes.call("PATCH", path, {"status": status}, **{"Content-Type": MERGE})
        moment = r"\N" if expires is None else rfc3339(expires)
        return f"{name}\t{uid}\t{value.token_id}\t{moment}"

    def _copied(self, part: Json, name: str, uid: str, value: KeyValue, expires: datetime | None) -> Json:
        ends = self.key["status"]["expiresAt"]
        short = slice(0, 12)
        replaced = {
            self.value.token_id: value.token_id,
            self.value.token_id[short]: value.token_id[short],
            self.value.preview: value.preview,
            self.key["metadata"]["uid"]: uid,
            MODEL_NAME: name,
            ends: ends if expires is None else rfc3339(expires),
        }
        text = orjson.dumps(part).decode()
        for old, new in replaced.items():
            text = text.replace(old, new)
        copied: Json = orjson.loads(text)
        return copied


def _bare(item: Json) -> Json:
    """Without what the API server adds."""
    return {name: part for name, part in item.items() if name not in ("metadata", "status")}
