"""`LiteLLMRole`: what a key may do, how long it lives, and who may ask for one."""

from enum import StrEnum
from typing import Annotated, Any, Final, TypeAlias

from pydantic import ConfigDict, Field

from litellm_key_operator.api.audience import AllowedNamespaces
from litellm_key_operator.api.budget import Budget
from litellm_key_operator.api.common import (
    CONDITIONS,
    NOT_SEEN,
    Condition,
    DeletionPolicy,
    Limits,
    Model,
    ModelName,
    ObjectName,
    Resource,
)
from litellm_key_operator.api.duration import Duration, Lifetime
from litellm_key_operator.api.names import METADATA_KEY
from litellm_key_operator.api.renewal import RENEWED_IN_TIME, TTL_WITHIN_MAX, RoleRenewal
from litellm_key_operator.api.rules import (
    PRESERVE,
    ROUTE,
    SET,
    Extension,
    checked,
    immutable,
    plain,
)
from litellm_key_operator.api.templates import ALIAS_VARIABLES, mentions, pattern

Identity: TypeAlias = Annotated[str, Field(pattern=plain(refused="{}"), min_length=1, max_length=256)]
Route: TypeAlias = Annotated[str, Field(pattern=ROUTE, min_length=1, max_length=256)]

_NAMED: Final = (
    f"self.matches('{mentions('name')}')",
    "must contain {{ name }}: aliases are unique in the proxy, so that a second key of this role could not be issued",
)
_NO_STEPS_UP: Final = (
    "!self.matches('(^|/)[.][.](/|$)')",
    "must not contain .. as a part of a path: LiteLLM refuses it",
)
_METADATA: Final[Extension] = {
    "maxProperties": 64,
    # CEL sees only what is declared of a free-form object.
    "properties": {
        METADATA_KEY: {"type": "object", "description": "Reserved for the operator; refused.", PRESERVE: True}
    },
    **checked((f"!has(self.{METADATA_KEY})", f"key {METADATA_KEY} is reserved for the operator")),
}


class ConnectionRef(Model):
    """A Connection in the Role's own namespace."""

    name: ObjectName = "default"
    """Name of the LiteLLMConnection. Default: default."""


class RoleIdentity(Model):
    """Whose keys these are in LiteLLM. Plain text: no templates."""

    team_id: Identity | None = None
    """The team (team_id); it must exist. Plain text without braces. Absent: none."""
    user_id: Identity | None = None
    """The user (user_id). Plain text without braces. Absent: none."""
    organization_id: Identity | None = None
    """The organization (organization_id). Plain text without braces. Absent: none."""
    project_id: Identity | None = None
    """The project (project_id); it cannot change while a key lives. Plain text without braces. Absent: none."""


class KeyType(StrEnum):
    """The routes of the proxy that a key opens."""

    LLM_API = "LLMAPI"
    READ_ONLY = "ReadOnly"
    MANAGEMENT = "Management"
    DEFAULT = "Default"


class Access(Model):
    """The routes of the proxy that a key opens."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            (
                "!has(self.allowedRoutes) || self.keyType == 'Default'",
                "allowedRoutes needs keyType: Default; every other type brings its own routes",
            )
        )
    )

    key_type: KeyType = KeyType.LLM_API
    """LLMAPI (models only), ReadOnly (information), Management (keys, teams, users) or Default (all that the key's
    owner may do). Default: LLMAPI."""
    allowed_routes: Annotated[tuple[Route, ...] | None, Field(min_length=1, max_length=128, json_schema_extra=SET)] = (
        None
    )
    """Routes or LiteLLM's groups of routes (allowed_routes), 1 to 128; with keyType: Default only."""


class RoleSpec(Model):
    """What a key may do, how long it lives, and who may ask for one."""

    model_config = ConfigDict(json_schema_extra=checked(TTL_WITHIN_MAX, RENEWED_IN_TIME))

    connection_ref: Annotated[
        ConnectionRef,
        Field(json_schema_extra=checked(immutable("delete the Keys of this Role first, or make another Role"))),
    ] = ConnectionRef()
    """The LiteLLMConnection to issue by, in this namespace. Immutable. Default: the one named default."""
    allowed_namespaces: AllowedNamespaces = AllowedNamespaces()
    """The namespaces whose LiteLLMKeys may use this role. Default: this namespace only."""
    models: Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=256, json_schema_extra=SET)]
    """Models and access groups that the key may call, 1 to 256. All of them has to be said: all-proxy-models, or
    all-team-models for those of the team."""
    budget: Budget = Budget()
    """What one key may spend. Absent: not managed."""
    limits: Limits = Limits()
    """Rates that LiteLLM holds the key to. Absent: not managed."""
    identity: RoleIdentity = RoleIdentity()
    """Whose keys these are in LiteLLM. Absent: nobody's."""
    access: Access = Access()
    """The routes of the proxy that the key opens. Default: models only."""
    metadata: Annotated[dict[str, Any], Field(json_schema_extra=_METADATA)] = Field(default_factory=dict)
    """Free-form object written to the top level of the key's metadata, where LiteLLM interprets some entries (tags,
    logging, ...). At most 64 entries; llmkeys is refused."""
    alias_template: Annotated[
        str,
        Field(
            pattern=pattern(ALIAS_VARIABLES, literal=r"\x00-\x1f\x7f"),
            min_length=1,
            max_length=253,
            json_schema_extra=checked(_NAMED, _NO_STEPS_UP),
        ),
    ] = "{{ namespace }}/{{ name }}"
    """The key's alias in LiteLLM (key_alias), unique in the whole proxy. Variables: namespace, name (required) and
    cluster, in double braces. Default: {{ namespace }}/{{ name }}."""
    # No default in the schema: it depends on maxTTL.
    ttl: Lifetime | None = None
    """How long a key lives: a number and s, m, h, d or w, at most 3650d and at most maxTTL; or Never. LiteLLM itself
    refuses the key afterwards, operator or not. A change applies from the next renewal on. Default: 30d, or maxTTL if
    that is shorter."""
    max_ttl: Duration | None = None
    """The most that a claim may ask for as its ttl, and how long after its issue a key may live that is renewed by
    policy Extend: a number and s, m, h, d or w, at most 3650d. Absent: ttl for claims, no end for Extend."""
    renewal: RoleRenewal = RoleRenewal()
    """What happens before the TTL ends. Default: rotated when two thirds of it are over."""
    deletion_policy: DeletionPolicy = DeletionPolicy.REVOKE
    """What becomes of the key when its LiteLLMKey is deleted: Revoke, or Retain (renamed, marked and left). Default:
    Revoke."""


class RoleStatus(Model):
    """What was seen of the role and its keys."""

    conditions: Annotated[tuple[Condition, ...], Field(json_schema_extra=CONDITIONS)] = ()
    """Ready: keys can be asked for. ModelsResolved: the proxy knows every model named."""
    keys: int | None = None
    """How many LiteLLMKeys name this role."""
    keys_ready: int | None = None
    """How many of them are ready."""
    observed_generation: int | None = None
    """The metadata.generation that this status is about; -1 before the operator has looked at it."""


class LiteLLMRole(Resource):
    """What a LiteLLM key may do, how long it lives, and who may ask for one."""

    spec: RoleSpec
    """What a key may do, how long it lives, and who may ask for one."""
    status: RoleStatus = RoleStatus(observed_generation=NOT_SEEN)
    """What was seen of the role and its keys; written by the operator."""
