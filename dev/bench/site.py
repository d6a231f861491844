"""Where it is measured: two namespaces, one that an operator looks at and one that it does not, and the operator."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dev.bench import clients
from dev.bench.clients import MERGE, PATIENCE, Arrivals, BenchError, Json, Server
from dev.bench.pace import spread
from dev.bench.script import MODEL, ROLE_LIMITS, TTL, Script
from dev.bench.sizes import Sizes
from dev.controlplane import Access
from dev.litellm import Proxy
from dev.operatorprocess import OperatorProcess
from litellm_key_operator.api import names
from litellm_key_operator.cluster.paths import CONNECTIONS, KEYS, ROLES, SECRETS
from litellm_key_operator.cluster.paths import Path as Place

LASTING: Final = "lasting"
"""The role of keys that live far longer than a run."""
BRIEF: Final = "brief"
"""The role of keys that are not renewed."""
CONNECTION: Final = "default"
AT_A_TIME: Final = 16
"""Requests of a user who applies or deletes many resources."""
LOOK: Final = 0.05


@dataclass(frozen=True, slots=True)
class Site:
    """Servers, clients, the operator that may run, and the script that makes keys without one."""

    proxy: Proxy
    kubernetes: Server
    litellm: Server
    operator: OperatorProcess
    namespace: str
    script: Script
    sizes: Sizes

    @property
    def keys(self) -> Place:
        """The Keys that the operator looks at."""
        return KEYS.within(self.namespace)

    @property
    def secrets(self) -> Place:
        """The Secrets that it makes."""
        return SECRETS.within(self.namespace)

    def arrivals(self) -> Arrivals:
        """When Secrets come."""
        return Arrivals(self.kubernetes, self.secrets)

    def departures(self) -> Arrivals:
        """When Keys go."""
        return Arrivals(self.kubernetes, self.keys, event="DELETED")

    async def lead(self) -> None:
        """Start the operator, and return when it works."""
        self.operator.start()
        await asyncio.to_thread(self.operator.wait_ready, PATIENCE)

    async def rest(self) -> None:
        """End it. Raises BenchError if it does not end well."""
        code = await asyncio.to_thread(self.operator.terminate)
        bugs = self.operator.logged("bug")
        if code != 0 or bugs:
            raise BenchError(f"the operator ended with {code}; bugs: {bugs}")

    async def apply(self, name: str, role: str = LASTING) -> None:
        """A claim."""
        await self._create(self.keys, names.KEY.kind, name, spec={"roleRef": {"name": role}})

    async def apply_all(self, claims: Sequence[str]) -> None:
        """Many claims, as fast as a user can."""
        await spread(claims, self.apply, AT_A_TIME)

    async def delete(self, name: str) -> None:
        """Ask for a deletion."""
        await self.kubernetes.call("DELETE", KEYS.of(self.namespace, name))

    async def remove(self, claims: Sequence[str]) -> float:
        """Delete claims, return when the last is gone; answers the seconds that it took."""
        async with self.departures() as departures:
            began = time.monotonic()
            await spread(claims, self.delete, AT_A_TIME)
            return await departures.all_of(claims) - began

    async def key(self, name: str) -> Json:
        """A Key."""
        return await self.kubernetes.call("GET", KEYS.of(self.namespace, name))

    async def all_ready(self, claims: Collection[str]) -> None:
        """Return when all of these say that they are."""
        wanted = set(claims)

        async def ready() -> bool:
            listed = await self.kubernetes.call("GET", f"{self.keys}?resourceVersion=0")
            return wanted <= {key["metadata"]["name"] for key in listed["items"] if is_ready(key)}

        await until(ready, f"{len(wanted)} keys to be ready")

    async def sweep_every(self, interval: str) -> None:
        """Have the connection's keys compared so often; returns when the operator has seen that."""
        path = CONNECTIONS.of(self.namespace, CONNECTION)
        change = {"spec": {"sweepInterval": interval}}
        generation = (await self.kubernetes.call("PATCH", path, change, **{"Content-Type": MERGE}))["metadata"]

        async def seen() -> bool:
            status = (await self.kubernetes.call("GET", path)).get("status", {})
            return bool(status.get("observedGeneration") == generation["generation"])

        await until(seen, "the operator to look at the connection")

    async def furnish(self) -> None:
        """Namespaces, connection and roles."""
        for namespace in (self.namespace, self.script.namespace):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            await self.kubernetes.call("POST", "/api/v1/namespaces", body)
        master = base64.b64encode(self.proxy.master_key.encode()).decode()
        await self._create(SECRETS.within(self.namespace), "Secret", "admin", data={"master-key": master})
        spec: Json = {"url": self.proxy.url, "adminKeySecretRef": {"name": "admin"}, "sweepInterval": "1h"}
        connections, roles = CONNECTIONS.within(self.namespace), ROLES.within(self.namespace)
        await self._create(connections, names.CONNECTION.kind, CONNECTION, spec=spec)
        terms: Json = {"models": [MODEL], "limits": ROLE_LIMITS, "ttl": TTL}
        await self._create(roles, names.ROLE.kind, LASTING, spec=terms)
        await self._create(roles, names.ROLE.kind, BRIEF, spec={**terms, "ttl": "1h", "renewal": {"policy": "None"}})

    async def _create(self, collection: Place, kind: str, name: str, **body: Any) -> Json:
        version = "v1" if kind == "Secret" else names.API_VERSION
        whole = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}
        return await self.kubernetes.call("POST", collection, whole)


@asynccontextmanager
async def opened(plane: Access, proxy: Proxy, folder: Path, sizes: Sizes) -> AsyncGenerator[Site]:
    """A furnished site, on servers where the CRDs are defined; the operator in it does not run yet."""
    mark = secrets.token_hex(3)
    watched, unwatched = f"bench-{mark}", f"script-{mark}"
    async with clients.kubernetes(plane) as kubernetes, clients.litellm(proxy) as litellm:
        script = Script(kubernetes, litellm, unwatched, {"name": LASTING, "namespace": watched})
        operator = OperatorProcess(
            plane.kubeconfig,
            folder,
            namespaces=watched,
            operator_namespace=watched,
            log_level="info",
            # The walk for what was left behind would be in some of the figures and not in others.
            walk_interval="24h",
        )
        site = Site(proxy, kubernetes, litellm, operator, watched, script, sizes)
        await site.furnish()
        try:
            yield site
        finally:
            operator.kill9()


async def until(found: Callable[[], Awaitable[bool]], what: str, *, every: float = LOOK) -> None:
    """Look again and again until it is so. Raises BenchError if that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not await found():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {PATIENCE:g} s for {what}")
        await asyncio.sleep(every)


def is_ready(key: Json) -> bool:
    """Whether a Key says so."""
    conditions = key.get("status", {}).get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
