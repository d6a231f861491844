"""A tenant with the rights of `edit` in one namespace, another tenant, and the platform whose roles both may use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx

from dev.controlplane import Access
from dev.helm import helm
from tests.integration.site import KEYS, SECRETS, Claim, Site
from tests.support.cluster import Json
from tests.support.litellm_admin import SMALL
from tests.support.waiting import until

USER: Final = "mallory"
PLAIN: Final = "plain"
"""The role that both tenants may use, with a ceiling on everything that has one."""
TERMS: Final[dict[str, Any]] = {
    "models": [SMALL],
    "budget": {"max": 1000000},
    "limits": {"rpm": 5000, "tpm": 5000000, "maxParallelRequests": 500},
    "metadata": {"team": "red"},
    "ttl": "1h",
    "renewal": {"policy": "Extend", "overlap": "1m"},
}
CLOSED: Final = "closed"
"""A role that admits nobody else."""
TIERED: Final = "tiered"
"""A role whose budget is a tier of LiteLLM's."""
WILD: Final = "wild"
"""A role for all models whose names begin with an a."""
ANY: Final = "any"
"""A role for every model, so that a claim may name any text as one."""
ROTATED: Final = "rotated"
"""A role whose keys may be rotated."""
NAMED: Final = "named"
"""A role that makes aliases of names alone."""
_MERGE: Final = {"Content-Type": "application/merge-patch+json"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the API server answered."""

    status: int
    text: str


class Tenant:
    """Sends requests to the API server as a user of the namespace."""

    def __init__(self, access: Access, namespace: str, user: str = USER) -> None:
        headers = {"Impersonate-User": user, "Impersonate-Group": "system:authenticated"}
        headers |= {"Authorization": f"Bearer {access.token}"} if access.token else {}
        self.namespace = namespace
        self._client = httpx.Client(
            base_url=access.url, verify=access.tls(), headers=headers, timeout=60, trust_env=False
        )

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def ask(self, method: str, path: str, body: Json | None = None) -> Told:
        """Any request; PATCH is a merge patch."""
        headers = _MERGE if method == "PATCH" else {}
        answer = self._client.request(method, path, json=body, headers=headers)
        return Told(answer.status_code, answer.text)

    def must(self, method: str, path: str, body: Json | None = None) -> Json:
        """A request that a tenant may make; answers the object."""
        told = self.ask(method, path, body)
        assert told.status < HTTPStatus.BAD_REQUEST, f"{method} {path}: {told}"
        found: Json = json.loads(told.text)
        return found


@dataclass(frozen=True)
class Ground:
    """Where the tenant tries."""

    site: Site
    tenant: Tenant
    victim: Claim
    """The key of the other tenant, of the same role."""

    @property
    def team(self) -> str:
        """The tenant's namespace."""
        return self.tenant.namespace

    @property
    def other(self) -> str:
        """The other tenant's."""
        return self.victim.cluster.namespace

    @property
    def places(self) -> dict[str, str]:
        """Collections and objects, by the words that paths of tries use."""
        ours, core = "/apis/llmkeys.io/v1alpha1/namespaces", "/api/v1/namespaces"
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        return {
            "ns": f"{core}/{self.team}",
            "own": f"{ours}/{self.team}",
            "home": f"{ours}/{self.site.home}",
            "other": f"{ours}/{self.other}",
            "own-core": f"{core}/{self.team}",
            "home-core": f"{core}/{self.site.home}",
            "other-core": f"{core}/{self.other}",
            "all-keys": "/apis/llmkeys.io/v1alpha1/litellmkeys",
            "rbac": rbac,
            "own-rbac": f"{rbac}/namespaces/{self.team}",
            "home-leases": f"/apis/coordination.k8s.io/v1/namespaces/{self.site.home}/leases",
        }

    def path(self, pattern: str) -> str:
        """`own/litellmkeys` and the like, as the API server has it."""
        place, slash, rest = pattern.partition("/")
        return self.places[place] + slash + rest

    def manifest(self, name: str, role: str = PLAIN, metadata: Json | None = None, **spec: Any) -> Json:
        """A claim of a role of the platform."""
        ref = {"name": role, "namespace": self.site.home}
        return {
            "apiVersion": "llmkeys.io/v1alpha1",
            "kind": "LiteLLMKey",
            "metadata": {"name": name, **(metadata or {})},
            "spec": {"roleRef": ref, **spec},
        }

    def claim(self, name: str, role: str = PLAIN, metadata: Json | None = None, **spec: Any) -> Claim:
        """Such a claim, applied by the tenant."""
        self.tenant.must("POST", self.path("own/litellmkeys"), self.manifest(name, role, metadata, **spec))
        return Claim(self.site, self.site.at(self.team), name)

    def described(self, name: str, metadata: dict[str, str]) -> Claim:
        """A claim with a `spec.metadata` of its own."""
        body = self.manifest(name)
        self.tenant.must("POST", self.path("own/litellmkeys"), {**body, "spec": {**body["spec"], "metadata": metadata}})
        return Claim(self.site, self.site.at(self.team), name)

    def edit(self, collection: str, name: str, change: Json) -> None:
        """A merge patch of an object of the tenant's, by the tenant."""
        place = "own-core" if collection == SECRETS else "own"
        self.tenant.must("PATCH", self.path(f"{place}/{collection}/{name}"), change)

    def secret(self, name: str, metadata: Json | None = None, **data: str) -> None:
        """A Secret of the tenant's own."""
        body: Json = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name, **(metadata or {})}}
        self.tenant.must("POST", self.path(f"own-core/{SECRETS}"), {**body, "stringData": data})

    def remove(self, claim: Claim) -> None:
        """The tenant deletes a claim, and it goes."""
        self.tenant.must("DELETE", self.path(f"own/{KEYS}/{claim.name}"))
        claim.wait_gone()

    def rows(self, name: str) -> list[dict[str, Any]]:
        """What LiteLLM serves under the alias of a claim of the tenant's, or an older form of it."""
        return [row for row in self.site.admin.rows(f"{self.team}/{name}") if not row["blocked"]]

    def check_victim(self) -> None:
        """The other tenant's key, Secret and status are as they were, and the key works."""
        assert self.victim.says() == (("True", "Issued"), ("True", "UpToDate"))
        assert self.site.admin.chat(self.victim.value) == HTTPStatus.OK

    def check_terms(self, claim: Claim) -> None:
        """The key has exactly the terms of the role."""
        row = claim.row()
        assert row is not None
        assert row["models"] == TERMS["models"]
        assert row["max_budget"] == TERMS["budget"]["max"]
        limits = [row[name] for name in ("rpm_limit", "tpm_limit", "max_parallel_requests")]
        assert limits == list(TERMS["limits"].values())
        assert row["allowed_routes"] == ["llm_api_routes"]
        assert (row["team_id"], row["user_id"], row["blocked"]) == (None, None, None)
        assert row["metadata"].keys() == {"team", "llmkeys"}
        assert row["metadata"]["team"] == "red"
        mark, meta = row["metadata"]["llmkeys"], claim.resource["metadata"]
        assert (mark["uid"], mark["namespace"], mark["name"]) == (meta["uid"], meta["namespace"], meta["name"])
        assert row["expires"] is not None


def admit(access: Access, namespace: str, release: str) -> list[Json]:
    """Give the user what a namespace's `edit` has, with the chart's part in it; answers what was made for that."""
    with helm() as program:
        roles = program.template(release, release, {}, "--show-only", "templates/people.yaml")
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "edit", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    }
    access.kubectl(
        "apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": [*roles, binding]})
    )
    until(lambda: KEYS in access.kubectl("get", "clusterrole", "edit", "-o", "json"), "the aggregation into edit")
    return roles
