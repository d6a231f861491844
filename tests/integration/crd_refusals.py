"""What tenants and platform engineers get wrong, and the words that the API server has to answer with."""

from typing import Any, Final, NamedTuple

from litellm_key_operator.api.names import CONNECTION, KEY, ROLE, Kind

GOOD: Final[dict[Kind, dict[str, Any]]] = {
    CONNECTION: {"url": "https://litellm.platform:4000/llm", "adminKeySecretRef": {"name": "litellm-admin"}},
    ROLE: {"models": ["gpt-4o-mini"], "ttl": "30d"},
    KEY: {"roleRef": {"name": "chat-small", "namespace": "platform"}},
}
"""A spec of each kind that is accepted."""


class Refusal(NamedTuple):
    """One mistake: the good spec with `changes`, the field that the answer names, and words that it contains."""

    kind: Kind
    changes: dict[str, Any]
    field: str
    words: str


def _all(kind: Kind, *rows: tuple[dict[str, Any], str, str]) -> list[Refusal]:
    return [Refusal(kind, *row) for row in rows]


_DATA: Final = {"token": "{{ key }}"}

CONNECTIONS: Final = _all(
    CONNECTION,
    ({"url": None}, "spec.url", "Required value"),
    ({"url": "litellm:4000"}, "spec.url", "^https?://"),
    ({"url": "ftp://litellm:4000"}, "spec.url", "^https?://"),
    ({"url": "http://admin:sk-1@litellm:4000"}, "spec.url", "must not carry user information"),
    ({"url": "http://litellm:4000?key=sk-1"}, "spec.url", "must carry neither query (?) nor fragment (#)"),
    ({"url": "http://litellm:4000/#ui"}, "spec.url", "must carry neither query (?) nor fragment (#)"),
    ({"publicURL": "http://me@llm.example.com"}, "spec.publicURL", "must not carry user information"),
    ({"publicURL": ""}, "spec.publicURL", "^https?://"),
    ({"adminKeySecretRef": {}}, "spec.adminKeySecretRef.name", "Required value"),
    ({"adminKeySecretRef": {"name": "Admin"}}, "spec.adminKeySecretRef.name", "should match"),
    ({"adminKeySecretRef": {"name": "admin", "key": "a/b"}}, "spec.adminKeySecretRef.key", "should match"),
    ({"timeout": "26s"}, "spec.timeout", "must be at most 25s"),
    ({"timeout": "1m"}, "spec.timeout", "must be at most 25s"),
    ({"timeout": "15"}, "spec.timeout", "should match"),
    ({"sweepInterval": "9s"}, "spec.sweepInterval", "must be at least 10s"),
    ({"maxInFlight": 0}, "spec.maxInFlight", "greater than or equal to 1"),
    ({"tls": {"caRef": {"name": "ca"}}}, "spec.tls.caRef.kind", "Required value"),
    ({"tls": {"caRef": {"kind": "Pod", "name": "ca"}}}, "spec.tls.caRef.kind", '"ConfigMap", "Secret"'),
    (
        {"tls": {"caRef": {"kind": "Secret", "name": "ca"}, "insecureSkipVerify": True}},
        "spec.tls",
        "caRef and insecureSkipVerify: true exclude each other",
    ),
    ({"url": "http://litellm", "tls": {"insecureSkipVerify": True}}, "spec", "tls needs an https:// address in url"),
)

ROLES: Final = _all(
    ROLE,
    ({"models": None}, "spec.models", "Required value"),
    ({"models": []}, "spec.models", "at least 1 items"),
    ({"models": [""]}, "spec.models[0]", "at least 1 chars long"),
    ({"models": ["gpt "]}, "spec.models[0]", "should match"),
    ({"models": ["gpt", "gpt"]}, "spec.models[1]", "Duplicate value"),
    ({"ttl": "30"}, "spec.ttl", "(s|m|h|d|w)"),
    ({"ttl": "0s"}, "spec.ttl", "(s|m|h|d|w)"),
    ({"ttl": "1h30m"}, "spec.ttl", "(s|m|h|d|w)"),
    ({"ttl": "1mo"}, "spec.ttl", "(s|m|h|d|w)"),
    ({"ttl": "never"}, "spec.ttl", "(Never|"),
    ({"ttl": "3651d"}, "spec.ttl", '"3651d": must be at most 3650d'),
    ({"ttl": "522w"}, "spec.ttl", "must be at most 3650d"),
    ({"budget": {"max": -1}}, "spec.budget.max", "greater than or equal to 0"),
    ({"budget": {"max": "20"}}, "spec.budget.max", "must be of type number"),
    ({"budget": {"max": 20, "period": "720h"}}, "spec.budget.period", "(1h|24h|"),
    ({"budget": {"max": 20, "period": "0d"}}, "spec.budget.period", "(1h|24h|"),
    ({"budget": {"max": 20, "period": "3651d"}}, "spec.budget.period", "must be at most 3650d"),
    ({"budget": {"max": 20, "period": "522w"}}, "spec.budget.period", "must be at most 3650d"),
    ({"budget": {"period": "30d"}}, "spec.budget", "period needs max, soft or id"),
    ({"budget": {"id": "tier", "soft": 10}}, "spec.budget", "id excludes soft"),
    ({"budget": {"max": 10, "soft": 11}}, "spec.budget", "soft must be at most max"),
    ({"limits": {"rpm": -1}}, "spec.limits.rpm", "greater than or equal to 0"),
    ({"limits": {"tpm": 1.5}}, "spec.limits.tpm", "must be of type integer"),
    ({"limits": {"maxParallelRequests": 2**31}}, "spec.limits.maxParallelRequests", "less than or equal to 2147483647"),
    ({"identity": {"teamID": "{{ namespace }}"}}, "spec.identity.teamID", "should match"),
    ({"identity": {"userID": ""}}, "spec.identity.userID", "at least 1 chars long"),
    ({"access": {"keyType": "llm_api"}}, "spec.access.keyType", '"LLMAPI", "ReadOnly", "Management", "Default"'),
    ({"access": {"allowedRoutes": ["/v1/models"]}}, "spec.access", "allowedRoutes needs keyType: Default"),
    ({"access": {"keyType": "Default", "allowedRoutes": []}}, "spec.access.allowedRoutes", "at least 1 items"),
    ({"metadata": {"llmkeys": {"uid": "x"}}}, "spec.metadata", "key llmkeys is reserved"),
    ({"aliasTemplate": "{{ user }}/{{ name }}"}, "spec.aliasTemplate", "(namespace|name|cluster)"),
    ({"aliasTemplate": "{{ namespace }}"}, "spec.aliasTemplate", "must contain {{ name }}"),
    ({"aliasTemplate": "../{{ name }}"}, "spec.aliasTemplate", "must not contain .."),
    ({"aliasTemplate": "{{ name }}\n"}, "spec.aliasTemplate", "should match"),
    ({"deletionPolicy": "Delete"}, "spec.deletionPolicy", '"Revoke", "Retain"'),
    ({"connectionRef": {"name": "a b"}}, "spec.connectionRef.name", "should match"),
    ({"connectionRef": {"namespace": "other"}}, "spec.connectionRef.namespace", "unknown field"),
    ({"maxTTL": "29d"}, "spec", "ttl must be at most maxTTL"),
    ({"maxTTL": "90d", "ttl": "Never"}, "spec", "ttl must be at most maxTTL"),
    ({"maxTTL": "Never"}, "spec.maxTTL", "(s|m|h|d|w)"),
    ({"renewal": {"policy": "Never"}}, "spec.renewal.policy", '"Rotate", "Extend", "None"'),
    ({"renewal": {"before": "30d"}}, "spec", "renewal.before must be shorter than ttl"),
    ({"renewal": {"before": "10"}}, "spec.renewal.before", "(s|m|h|d|w)"),
    ({"renewal": {"beforePercentage": 0}}, "spec.renewal.beforePercentage", "greater than or equal to 1"),
    ({"renewal": {"beforePercentage": 91}}, "spec.renewal.beforePercentage", "less than or equal to 90"),
    ({"renewal": {"before": "1d", "beforePercentage": 33}}, "spec.renewal", "exclude each other"),
    ({"renewal": {"overlap": "0s"}}, "spec.renewal.overlap", "(s|m|h|d|w)"),
)

CONSENTS: Final = _all(
    ROLE,
    ({"allowedNamespaces": {"from": "Any"}}, "spec.allowedNamespaces.from", '"Same", "All", "Selector", "Names"'),
    ({"allowedNamespaces": {"from": "Selector"}}, "spec.allowedNamespaces", "selector goes with from: Selector"),
    (
        {"allowedNamespaces": {"selector": {"matchLabels": {"llm": "yes"}}}},
        "spec.allowedNamespaces",
        "selector goes with from: Selector",
    ),
    ({"allowedNamespaces": {"from": "Names"}}, "spec.allowedNamespaces", "names goes with from: Names"),
    ({"allowedNamespaces": {"from": "All", "names": ["a"]}}, "spec.allowedNamespaces", "names goes with from: Names"),
    ({"allowedNamespaces": {"from": "Names", "names": []}}, "spec.allowedNamespaces.names", "at least 1 items"),
    ({"allowedNamespaces": {"from": "Names", "names": ["*"]}}, "spec.allowedNamespaces.names[0]", "should match"),
    (
        {"allowedNamespaces": {"from": "Selector", "selector": {}}},
        "spec.allowedNamespaces.selector",
        "must not be empty",
    ),
    (
        {"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"a b": "c"}}}},
        "spec.allowedNamespaces.selector.matchLabels",
        "has a key that no label has",
    ),
    (
        {"allowedNamespaces": {"from": "Selector", "selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}},
        "spec.allowedNamespaces.selector.matchExpressions[0]",
        "values is required with operator In or NotIn",
    ),
)

KEYS: Final = _all(
    KEY,
    ({"roleRef": None}, "spec.roleRef", "Required value"),
    ({"roleRef": "chat-small"}, "spec.roleRef", "must be of type object"),
    ({"roleRef": {"name": "chat", "namespace": "a.b"}}, "spec.roleRef.namespace", "should match"),
    ({"ttl": "forever"}, "spec.ttl", "(Never|"),
    ({"ttl": "999999w"}, "spec.ttl", "must be at most 3650d"),
    ({"ttl": "1h", "renewal": {"before": "60m"}}, "spec", "renewal.before must be shorter than ttl"),
    ({"renewal": {"before": "1d", "beforePercentage": 33}}, "spec.renewal", "exclude each other"),
    ({"renewal": {"policy": "rotate"}}, "spec.renewal.policy", '"Rotate", "Extend", "None"'),
    ({"models": []}, "spec.models", "at least 1 items"),
    ({"budget": {"max": -0.01}}, "spec.budget.max", "greater than or equal to 0"),
    ({"budget": {"period": "1d"}}, "spec.budget.period", "unknown field"),
    ({"limits": {"maxParallelRequests": -1}}, "spec.limits.maxParallelRequests", "greater than or equal to 0"),
    ({"metadata": {"team": 5}}, "spec.metadata.team", "must be of type string"),
    (
        {"metadata": {str(n): "x" * 4096 for n in range(4)}},
        "spec.metadata",
        "must have at most 16384 characters in all",
    ),
    ({"deletionPolicy": "Orphan"}, "spec.deletionPolicy", '"Revoke", "Retain"'),
    ({"ttlAfterExpired": "Never"}, "spec.ttlAfterExpired", "should match"),
    ({"ttlAfterExpired": "0s"}, "spec.ttlAfterExpired", "should match"),
    ({"suspend": True}, "spec.suspend", "unknown field"),
    ({"secret": {"name": "My_Secret"}}, "spec.secret.name", "should match"),
    ({"secret": {"preset": "Openai"}}, "spec.secret.preset", '"Default", "OpenAI", "Anthropic", "LiteLLM"'),
    ({"secret": {"preset": "OpenAI", "data": _DATA}}, "spec.secret", "preset and data exclude each other"),
    ({"secret": {"data": {}}}, "spec.secret.data", "at least 1 properties"),
    ({"secret": {"data": _DATA | {"x": "{{ cluster }}"}}}, "spec.secret.data.x", "(key|baseURL|alias|models|teamID|"),
    ({"secret": {"data": _DATA | {"x": "{{ key | b64 }}"}}}, "spec.secret.data.x", "should match"),
    ({"secret": {"data": _DATA | {"x": "{{ key"}}}, "spec.secret.data.x", "should match"),
    ({"secret": {"data": {"x": "{{ baseURL }}"}}}, "spec.secret.data", "must contain {{ key }}"),
    ({"secret": {"data": {"a/b": "{{ key }}"}}}, "spec.secret.data", "has a key that a Secret cannot have"),
    ({"secret": {"data": {"..": "{{ key }}"}}}, "spec.secret.data", "has a key that a Secret cannot have"),
    ({"secret": {"type": "kubernetes.io/service-account-token"}}, "spec.secret.type", "must not be kubernetes.io/serv"),
    ({"secret": {"type": "bootstrap.kubernetes.io/token"}}, "spec.secret.type", "bootstrap.kubernetes.io/*"),
    ({"secret": {"type": "helm.sh/release.v1"}}, "spec.secret.type", "helm.sh/*"),
    ({"secret": {"labels": {"llmkeys.io/key": "other"}}}, "spec.secret.labels", "must not set"),
    ({"secret": {"labels": {"app.kubernetes.io/managed-by": "me"}}}, "spec.secret.labels", "must not set"),
    ({"secret": {"labels": {"argocd.argoproj.io/instance": "a"}}}, "spec.secret.labels", "argocd.argoproj.io/*"),
    ({"secret": {"labels": {"a b": "c"}}}, "spec.secret.labels", "has a key that is no name of a label"),
    ({"secret": {"labels": {"a": "b c"}}}, "spec.secret.labels.a", "should match"),
    ({"secret": {"labels": {"a": "x" * 64}}}, "spec.secret.labels.a", "may not be more than 63"),
    ({"secret": {"annotations": {"llmkeys.io/revision": "9"}}}, "spec.secret.annotations", "must not set"),
    ({"secret": {"annotations": {"argocd.argoproj.io/x": ""}}}, "spec.secret.annotations", "must not set"),
)

REFUSALS: Final = [*CONNECTIONS, *ROLES, *CONSENTS, *KEYS]
