"""`LiteLLMRole`: what a key may do, how long it lives, and who may ask for one."""

from enum import StrEnum
from typing import Annotated, Any, Final, TypeAlias

from pydantic import ConfigDict, Field

from litellm_key_operator.api.budget import Budget
from litellm_key_operator.api.common import (
    CONDITIONS,
    Condition,
    DeletionPolicy,
    LabelValue,
    Limits,
    Model,
    ModelName,
    Namespace,
    ObjectName,
    Resource,
)
from litellm_key_operator.api.duration import Lifetime
from litellm_key_operator.api.names import METADATA_KEY
from litellm_key_operator.api.rules import (
    PRESERVE,
    QUALIFIED_NAME,
    ROUTE,
    SET,
    Extension,
    checked,
    immutable,
    names_allowed,
    plain,
)
from litellm_key_operator.api.templates import ALIAS_VARIABLES, mentions, pattern

Identity: TypeAlias = Annotated[str, Field(pattern=plain(refused="{}"), min_length=1, max_length=256)]
Route: TypeAlias = Annotated[str, Field(pattern=ROUTE, min_length=1, max_length=256)]

_LABELS: Final = "has(self.matchLabels) && size(self.matchLabels) > 0"
_EXPRESSIONS: Final = "has(self.matchExpressions) && size(self.matchExpressions) > 0"
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


class NamespacesFrom(StrEnum):
    """How the namespaces are told whose Keys may use a Role."""

    SAME = "Same"
    ALL = "All"
    SELECTOR = "Selector"
    NAMES = "Names"


class SelectorOperator(StrEnum):
    """How a label's value is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class SelectorRequirement(Model):
    """One condition on a label."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            (
                "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
                "values is required with operator In or NotIn, and refused with Exists or DoesNotExist",
            )
        )
    )

    key: Annotated[str, Field(pattern=QUALIFIED_NAME, max_length=317)]
    """Name of the label."""
    operator: SelectorOperator
    """How the label is compared: In, NotIn, Exists or DoesNotExist."""
    values: Annotated[tuple[LabelValue, ...], Field(max_length=64, json_schema_extra=SET)] = ()
    """Values to compare with; with In and NotIn only, at least one."""


class LabelSelector(Model):
    """Labels that an object must have; every part of it has to hold."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            (
                f"{_LABELS} || {_EXPRESSIONS}",
                "must not be empty: it would select every namespace, which is from: All",
            )
        )
    )

    match_labels: Annotated[
        dict[str, LabelValue],
        Field(max_length=32, json_schema_extra=checked(names_allowed(QUALIFIED_NAME, "has a key that no label has"))),
    ] = Field(default_factory=dict)
    """Labels with the value that each must have."""
    match_expressions: Annotated[tuple[SelectorRequirement, ...], Field(max_length=32)] = ()
    """Conditions on labels."""


class AllowedNamespaces(Model):
    """The namespaces whose Keys may use a Role."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            ("(self.from == 'Selector') == has(self.selector)", "selector goes with from: Selector, and must be there"),
            ("(self.from == 'Names') == has(self.names)", "names goes with from: Names, and must be there"),
        )
    )

    from_: NamespacesFrom = NamespacesFrom.SAME
    """Which namespaces: Same (the Role's own), All, Selector (by the namespace's labels) or Names. Default: Same."""
    selector: LabelSelector | None = None
    """Labels that the namespace must have; with from: Selector only. Not empty."""
    names: Annotated[tuple[Namespace, ...] | None, Field(min_length=1, max_length=256, json_schema_extra=SET)] = None
    """Names of the namespaces; with from: Names only. 1 to 256."""


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
    ttl: Lifetime
    """How long a key lives: a number and s, m, h, d or w, at most 3650d; or Never. LiteLLM itself refuses the key
    afterwards, operator or not. A change applies to keys issued from then on."""
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
    """The metadata.generation that this status is about."""


class LiteLLMRole(Resource):
    """What a LiteLLM key may do, how long it lives, and who may ask for one."""

    spec: RoleSpec
    """What a key may do, how long it lives, and who may ask for one."""
    status: RoleStatus = RoleStatus()
    """What was seen of the role and its keys; written by the operator."""
