"""`LiteLLMKey`: a claim for one key, delivered as a Secret."""

from typing import Annotated, Any, Final, TypeAlias

from pydantic import ConfigDict, Field

from litellm_key_operator.api.budget import KeyBudget
from litellm_key_operator.api.common import (
    CONDITIONS,
    NOT_SEEN,
    Condition,
    DeletionPolicy,
    LabelValue,
    Limits,
    Model,
    ModelName,
    Namespace,
    ObjectName,
    Resource,
    Timestamp,
    shared,
)
from litellm_key_operator.api.duration import Duration, Lifetime
from litellm_key_operator.api.names import (
    FORBIDDEN_SECRET_TYPE_PREFIXES,
    FORBIDDEN_SECRET_TYPES,
    LABEL_MANAGED_BY,
    RESERVED_PREFIXES,
)
from litellm_key_operator.api.renewal import RENEWED_IN_TIME, KeyRenewal
from litellm_key_operator.api.rules import ENTRY_NAME, QUALIFIED_NAME, SET, checked, names_allowed
from litellm_key_operator.api.templates import SECRET_VARIABLES, Preset, mentions, pattern

SecretTemplate: TypeAlias = Annotated[str, Field(pattern=pattern(SECRET_VARIABLES), max_length=8192)]
Text: TypeAlias = Annotated[str, Field(max_length=4096)]

_RESERVED: Final = (
    f"!self.exists(k, k == '{LABEL_MANAGED_BY}' || "
    + " || ".join(f"k.startsWith('{prefix}')" for prefix in RESERVED_PREFIXES)
    + ")",
    f"must not set {LABEL_MANAGED_BY}, " + ", ".join(f"{prefix}*" for prefix in RESERVED_PREFIXES),
)
_LABEL_NAMES: Final = names_allowed(QUALIFIED_NAME, "has a key that is no name of a label or annotation")
_SECRET_TYPE: Final = (
    f"!(self in {list(FORBIDDEN_SECRET_TYPES)} || "
    + " || ".join(f"self.startsWith('{prefix}')" for prefix in FORBIDDEN_SECRET_TYPE_PREFIXES)
    + ")",
    "must not be " + ", ".join([*FORBIDDEN_SECRET_TYPES, *(f"{prefix}*" for prefix in FORBIDDEN_SECRET_TYPE_PREFIXES)]),
)
_ENTRY_NAMES: Final = (
    f"self.all(k, k.matches('{ENTRY_NAME}') && size(k) <= 253 && k != '.' && !k.startsWith('..'))",
    "has a key that a Secret cannot have: letters, digits, - _ . and at most 253 of them",
)
_HOLDS_KEY: Final = (
    f"self.exists(k, self[k].matches('{mentions('key')}'))",
    "must contain {{ key }} in one of its entries: the Secret would deliver no key",
)

# LiteLLM tells of many keys in one answer: those of one tenant must not make it too long for all others.
_SHORT: Final = ("self.map(k, size(k) + size(self[k])).sum() <= 16384", "must have at most 16384 characters in all")


class RoleRef(Model):
    """A Role, possibly in another namespace."""

    name: ObjectName
    """Name of the LiteLLMRole."""
    namespace: Namespace | None = None
    """Its namespace, which must consent by allowedNamespaces. Default: the Key's own."""


class SecretSpec(Model):
    """The Secret that the key is delivered in."""

    model_config = ConfigDict(
        json_schema_extra=checked(("!(has(self.preset) && has(self.data))", "preset and data exclude each other"))
    )

    name: ObjectName | None = None
    """Name of the Secret; one that belongs to somebody else is never overwritten. Default: the Key's name."""
    # No default in the schema: `has()` would be true always, and data refused always.
    preset: Preset | None = None
    """Names of its entries: Default (api-key, base-url), OpenAI (OPENAI_API_KEY, OPENAI_BASE_URL), Anthropic
    (ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL) or LiteLLM (LITELLM_API_KEY, LITELLM_API_BASE); not together with
    data. Default: Default."""
    data: Annotated[
        dict[str, SecretTemplate] | None,
        Field(min_length=1, max_length=64, json_schema_extra=checked(_ENTRY_NAMES, _HOLDS_KEY)),
    ] = None
    """Its entries as templates, instead of a preset, 1 to 64. Variables, in double braces: key, baseURL, alias,
    models, teamID, expiresAt, revision, name, namespace. One entry must contain key. No expressions, and no way to
    write two opening braces that are no variable."""
    labels: Annotated[
        dict[str, LabelValue], Field(max_length=64, json_schema_extra=checked(_LABEL_NAMES, _RESERVED))
    ] = Field(default_factory=dict)
    """Further labels, at most 64. Refused: llmkeys.io/*, app.kubernetes.io/managed-by, argocd.argoproj.io/*."""
    annotations: Annotated[
        dict[str, Text], Field(max_length=64, json_schema_extra=checked(_LABEL_NAMES, _RESERVED))
    ] = Field(default_factory=dict)
    """Further annotations, at most 64. Refused: llmkeys.io/*, app.kubernetes.io/managed-by, argocd.argoproj.io/*."""
    type: Annotated[str, Field(min_length=1, max_length=253, json_schema_extra=checked(_SECRET_TYPE))] = "Opaque"
    """Its type; with a change the Secret is deleted and made anew. Refused: kubernetes.io/service-account-token,
    bootstrap.kubernetes.io/*, helm.sh/*. Default: Opaque."""


class KeySpec(Model):
    """A claim: a role, narrowed, and the Secret to deliver to."""

    model_config = ConfigDict(json_schema_extra=checked(RENEWED_IN_TIME))

    role_ref: RoleRef
    """The LiteLLMRole that says what the key may do."""
    ttl: Lifetime | None = None
    """How long the key lives: a number and s, m, h, d or w, at most 3650d and at most the role's maxTTL, or its ttl if
    it has none; or Never, if the role says so. Default: the role's."""
    models: Annotated[tuple[ModelName, ...] | None, Field(min_length=1, max_length=256, json_schema_extra=SET)] = None
    """Models that the key may call, 1 to 256 out of the role's. Default: all of the role's."""
    budget: KeyBudget = KeyBudget()
    """What the key may spend, at most the role's. Default: the role's."""
    limits: Limits = Limits()
    """Rates that LiteLLM holds the key to, at most the role's. Default: the role's."""
    metadata: Annotated[dict[str, Text], Field(max_length=64, json_schema_extra=checked(_SHORT))] = Field(
        default_factory=dict
    )
    """Text by name, at most 64 entries of at most 4096 characters, 16384 in all; written under
    metadata.llmkeys.labels in LiteLLM, where nothing is interpreted."""
    renewal: KeyRenewal = KeyRenewal()
    """What happens before the TTL ends, no more than the role gives. Default: the role's."""
    secret: SecretSpec = SecretSpec()
    """The Secret that the key is delivered in. Default: one of the Key's name with the preset Default."""
    deletion_policy: DeletionPolicy | None = None
    """What becomes of the key when this object is deleted: Revoke, or Retain, if the role says so. Default: the
    role's."""
    ttl_after_expired: Duration | None = None
    """How long this object stays after its key has expired: a number and s, m, h, d or w, at most 3650d. Absent: until
    somebody deletes it."""


class NotedRevision(Model):
    """A value of the key that may be live: all that its revocation needs."""

    revision: int
    """Which value it is, counted from 1."""
    token_id: str | None = None
    """LiteLLM's id of the value, its sha256."""
    seed: int | None = None
    """Which seed of the installation the value is derived from."""
    url: str | None = None
    """The proxy that it was noted for."""
    doubtful: bool = False
    """Whether a registration of it got no clean answer and may still arrive."""


class RetiringRevision(NotedRevision):
    """A value of the key that is on its way out."""

    retire_at: Timestamp | None = None
    """When it is deleted in LiteLLM; RFC 3339."""


class Binding(Model):
    """Service Binding's word for the Secret."""

    name: str
    """Name of the Secret."""


class ConnectionMark(Model):
    """The proxy that holds the key, remembered for the revocation."""

    namespace: str
    """Namespace of the LiteLLMConnection."""
    name: str
    """Name of the LiteLLMConnection."""
    url: str
    """Address that the key was registered at."""


class KeyStatus(Model):
    """What was done and seen; all that a revocation needs, though role and Secret are gone."""

    conditions: Annotated[tuple[Condition, ...], Field(json_schema_extra=CONDITIONS)] = ()
    """Ready: the Secret holds a key that LiteLLM accepts. Synced: LiteLLM and the Secret hold what is declared."""
    observed_generation: int | None = None
    """The metadata.generation that this status is about; -1 before the operator has looked at it."""
    revision: int | None = None
    """Which value the Secret holds, counted from 1. Absent: none yet."""
    token_id: str | None = None
    """LiteLLM's id of that value, its sha256; no secret."""
    seed: int | None = None
    """Which seed of the installation the value is derived from."""
    key_alias: str | None = None
    """The key's alias in LiteLLM."""
    key_preview: str | None = None
    """The end of the value, to recognise it by: sk-...abcd."""
    doubtful: bool = False
    """Whether a registration of the value got no clean answer and may still arrive."""
    issued_at: Timestamp | None = None
    """When the value was registered; RFC 3339."""
    expires_at: Timestamp | None = None
    """When LiteLLM stops accepting the value, as LiteLLM tells it; RFC 3339. Absent: never."""
    renew_at: Timestamp | None = None
    """When the value is renewed; RFC 3339. Absent: not by itself."""
    last_handled_rotate: str | None = None
    """The last value of the annotation llmkeys.io/rotate that was answered by a rotation, or that was there already
    when the first value was issued; of one with more than 63 characters its sha256."""
    pending: NotedRevision | None = None
    """The value that is about to be registered, noted before LiteLLM hears of it."""
    retiring: tuple[RetiringRevision, ...] = ()
    """Values that are on their way out: after a rotation the old one, until its overlap is over."""
    binding: Binding | None = None
    """The Secret, by Service Binding's name for it."""
    connection: Annotated[ConnectionMark, shared()] | None = None
    """The proxy that holds the key."""
    applied: dict[str, Any] | None = None
    """What LiteLLM was last asked for, in LiteLLM's own names."""


class LiteLLMKey(Resource):
    """A claim for one LiteLLM key, delivered as a Secret."""

    spec: Annotated[KeySpec, shared()]
    """What is asked for: a role, narrowed, and the Secret to deliver to."""
    status: KeyStatus = KeyStatus(observed_generation=NOT_SEEN)
    """What was done and seen; written by the operator."""

    @property
    def role(self) -> tuple[str, str]:
        """Namespace and name of the role that it names."""
        return self.spec.role_ref.namespace or self.metadata.namespace, self.spec.role_ref.name

    @property
    def secret(self) -> tuple[str, str]:
        """Namespace and name of the Secret that it wants."""
        return self.metadata.namespace, self.spec.secret.name or self.metadata.name
