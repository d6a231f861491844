"""Every name that users, charts and tests see on a Kubernetes object or in LiteLLM; changing one breaks somebody."""

from typing import Final, NamedTuple

PROGRAM: Final = "litellm-key-operator"
"""Name of the operator where one is asked for: field manager, reporting component, `managed-by` label."""

GROUP: Final = "llmkeys.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "litellm"
"""`kubectl get litellm` lists all three kinds."""


class Kind(NamedTuple):
    """How one kind is called in manifests, in paths and on the command line."""

    kind: str
    plural: str
    singular: str
    short: str


CONNECTION: Final = Kind("LiteLLMConnection", "litellmconnections", "litellmconnection", "llconn")
ROLE: Final = Kind("LiteLLMRole", "litellmroles", "litellmrole", "llrole")
KEY: Final = Kind("LiteLLMKey", "litellmkeys", "litellmkey", "llkey")

FINALIZER: Final = f"{GROUP}/revoke"
"""On a Key from before its first registration until nothing of it can be live."""

ANNOTATION_INSTALLATION: Final = f"{GROUP}/installation"
"""On a Key, `<installation id>/<seed number>`: which operator made it; any other keeps its hands away."""
ANNOTATION_CONNECTION: Final = f"{GROUP}/connection"
"""On a Key, `<namespace>/<name>`: the proxy to ask should role and status be gone."""
ANNOTATION_PAUSED: Final = f"{GROUP}/paused"
"""On a Key, `"true"`: change nothing but for deletion, expiry and the role's tightening."""
ANNOTATION_ROTATE: Final = f"{GROUP}/rotate"
"""On a Key, any text: rotate now, once for each new text."""
ANNOTATION_SKIP_REVOCATION: Final = f"{GROUP}/skip-revocation"
"""On a deleted Key, `"true"`: break the glass, leave the tokens behind and let the resource go."""

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
"""On a Secret, `PROGRAM`: what the operator watches Secrets by."""
LABEL_KEY: Final = f"{GROUP}/key"
"""On a Secret, the name of its Key."""
ANNOTATION_REVISION: Final = f"{GROUP}/revision"
"""On a Secret, the revision whose value it holds."""
ANNOTATION_TOKEN_ID: Final = f"{GROUP}/token-id"
"""On a Secret, the first twelve characters of the token id."""
ANNOTATION_EXPIRES_AT: Final = f"{GROUP}/expires-at"
"""On a Secret, when LiteLLM stops accepting the value; RFC 3339, absent if never."""

METADATA_KEY: Final = "llmkeys"
"""In a LiteLLM key's `metadata`: the entry that says whose key it is; a role must not set it."""
METADATA_LABELS: Final = "labels"
"""Below `METADATA_KEY`: the claim's own `spec.metadata`, where LiteLLM interprets nothing."""

RESERVED_PREFIXES: Final = (f"{GROUP}/", "argocd.argoproj.io/")
"""Labels and annotations that a claim may not put on its Secret: ours, and those that make Argo CD prune it."""

FORBIDDEN_SECRET_TYPES: Final = ("kubernetes.io/service-account-token",)
FORBIDDEN_SECRET_TYPE_PREFIXES: Final = ("bootstrap.kubernetes.io/", "helm.sh/")
"""Secret types that somebody else acts on: the token controller, the bootstrap signer, Helm."""
