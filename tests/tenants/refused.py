"""What the API server refuses a tenant: by rights, and by the definition of a Key."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from tests.support.cluster import Json


class Attempt(NamedTuple):
    """What is attempted, and how: method, path as `Ground.path` takes it, and body."""

    what: str
    method: str
    path: str
    body: Json | None = None


def _ours(kind: str, name: str, **spec: Any) -> Json:
    return {"apiVersion": "llmkeys.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _binding(kind: str, role: str) -> Json:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "more"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mallory"}],
    }


_ROLE: Final = _ours("LiteLLMRole", "mine", models=["all-proxy-models"], ttl="Never")
_CONNECTION: Final = _ours(
    "LiteLLMConnection", "mine", url="http://collect.example.com", adminKeySecretRef={"name": "litellm-admin"}
)
_KEY: Final = _ours("LiteLLMKey", "mine", roleRef={"name": "plain"})
_WIDER: Final = {"spec": {"budget": {"max": 100000}}}
_STATUS: Final = {"status": {"revision": 1, "tokenID": "0" * 64}}
_BREAK: Final = {"metadata": {"annotations": {"llmkeys.io/skip-revocation": "true"}}}

FORBIDDEN: Final = [
    Attempt("make a role of one's own", "POST", "own/litellmroles", _ROLE),
    Attempt("make a role of the platform's", "POST", "home/litellmroles", _ROLE),
    Attempt("widen the role", "PATCH", "home/litellmroles/plain", _WIDER),
    Attempt("be admitted to another role", "PATCH", "home/litellmroles/closed", {"spec": {"allowedNamespaces": None}}),
    Attempt("widen what the role says of itself", "PATCH", "home/litellmroles/plain/status", {"status": {"keys": 0}}),
    Attempt("delete the role", "DELETE", "home/litellmroles/plain"),
    Attempt("make a connection of one's own", "POST", "own/litellmconnections", _CONNECTION),
    Attempt(
        "send the credential elsewhere", "PATCH", "home/litellmconnections/default", {"spec": {"publicURL": "http://x"}}
    ),
    Attempt("read the connection", "GET", "home/litellmconnections/default"),
    Attempt("read the credential", "GET", "home-core/secrets/admin"),
    Attempt("replace the credential", "PATCH", "home-core/secrets/admin", {"stringData": {"master-key": "sk-mine"}}),
    Attempt("read the seed", "GET", "home-core/secrets/litellm-key-operator-seed"),
    Attempt("delete the seed", "DELETE", "home-core/secrets/litellm-key-operator-seed"),
    Attempt("list the platform's Secrets", "GET", "home-core/secrets"),
    Attempt("make a token for the platform's accounts", "POST", "home-core/serviceaccounts/default/token", {}),
    Attempt("take the operator's Lease", "DELETE", "home-leases/litellm-key-operator"),
    Attempt("read another's Secret", "GET", "other-core/secrets/victim"),
    Attempt("write another's Secret", "PATCH", "other-core/secrets/victim", {"stringData": {"api-key": "sk-mine"}}),
    Attempt("read another's key", "GET", "other/litellmkeys/victim"),
    Attempt("widen another's key", "PATCH", "other/litellmkeys/victim", _WIDER),
    Attempt("break another's glass", "PATCH", "other/litellmkeys/victim", _BREAK),
    Attempt("delete another's key", "DELETE", "other/litellmkeys/victim"),
    Attempt("ask in another's name", "POST", "other/litellmkeys", _KEY),
    Attempt("ask in the platform's name", "POST", "home/litellmkeys", _KEY),
    Attempt("delete the platform's keys", "DELETE", "home/litellmkeys"),
    Attempt("write one's status", "PATCH", "own/litellmkeys/mine/status", _STATUS),
    Attempt("read all keys of the cluster", "GET", "all-keys"),
    Attempt("label one's namespace", "PATCH", "ns", {"metadata": {"labels": {"llm": "yes"}}}),
    Attempt("bind oneself to the platform's rights", "POST", "own-rbac/rolebindings", _binding("RoleBinding", "admin")),
    Attempt("bind oneself to all", "POST", "rbac/clusterrolebindings", _binding("ClusterRoleBinding", "cluster-admin")),
    Attempt("widen the role of editors", "PATCH", "rbac/clusterroles/edit", {"rules": []}),
]


class Mistake(NamedTuple):
    """What is attempted, the spec that attempts it, and the field that the refusal names."""

    what: str
    spec: Json
    field: str


_VALUE: Final = {"api-key": "{{ key }}"}

INVALID: Final = [
    Mistake("every model, by naming none", {"models": []}, "spec.models"),
    Mistake("a negative budget", {"budget": {"max": -1}}, "spec.budget.max"),
    Mistake("a budget period", {"budget": {"period": "1h"}}, "spec.budget.period"),
    Mistake("another tier", {"budget": {"id": "gold"}}, "spec.budget.id"),
    Mistake("another team", {"identity": {"teamID": "red"}}, "spec.identity"),
    Mistake("the routes of an administrator", {"access": {"keyType": "Management"}}, "spec.access"),
    Mistake("permissions", {"permissions": {"get_spend_routes": True}}, "spec.permissions"),
    Mistake("tags", {"enterprise": {"tags": ["gold"]}}, "spec.enterprise"),
    Mistake("any field of LiteLLM's", {"extraParams": {"max_budget": 1e9}}, "spec.extraParams"),
    Mistake("another's alias", {"aliasTemplate": "team-b/{{ name }}"}, "spec.aliasTemplate"),
    Mistake("another's key", {"adopt": {"secretRef": {"name": "x"}}}, "spec.adopt"),
    Mistake("a proxy of one's own", {"connectionRef": {"name": "mine"}}, "spec.connectionRef"),
    Mistake("numbers that overflow", {"limits": {"maxParallelRequests": 2**31}}, "spec.limits.maxParallelRequests"),
    Mistake("metadata that nobody can list", {"metadata": {str(n): "x" * 4096 for n in range(5)}}, "spec.metadata"),
    Mistake("metadata that is no text", {"metadata": {"tags": ["gold"]}}, "spec.metadata.tags"),
    Mistake("a token of an account", {"secret": {"type": "kubernetes.io/service-account-token"}}, "spec.secret.type"),
    Mistake("a token of a node", {"secret": {"type": "bootstrap.kubernetes.io/token"}}, "spec.secret.type"),
    Mistake("a release of Helm", {"secret": {"type": "helm.sh/release.v1"}}, "spec.secret.type"),
    Mistake("another's mark", {"secret": {"labels": {"llmkeys.io/key": "victim"}}}, "spec.secret.labels"),
    Mistake("another manager", {"secret": {"labels": {"app.kubernetes.io/managed-by": "x"}}}, "spec.secret.labels"),
    Mistake("another revision", {"secret": {"annotations": {"llmkeys.io/revision": "9"}}}, "spec.secret.annotations"),
    Mistake("Argo CD's hand", {"secret": {"labels": {"argocd.argoproj.io/instance": "x"}}}, "spec.secret.labels"),
    Mistake("the seed by a template", {"secret": {"data": {**_VALUE, "x": "{{ seed }}"}}}, "spec.secret.data.x"),
    Mistake(
        "a program as template", {"secret": {"data": {**_VALUE, "x": "{{ key.__class__ }}"}}}, "spec.secret.data.x"
    ),
    Mistake("a half-open template", {"secret": {"data": {**_VALUE, "x": "{{"}}}, "spec.secret.data.x"),
    Mistake("an entry outside", {"secret": {"data": {**_VALUE, "../x": "y"}}}, "spec.secret.data"),
    Mistake("a Secret elsewhere", {"secret": {"name": "../platform/admin"}}, "spec.secret.name"),
    Mistake("a role elsewhere", {"roleRef": {"name": "../../x"}}, "spec.roleRef.name"),
    Mistake("a life of centuries", {"ttl": "99999w"}, "spec.ttl"),
]
