"""What all three kinds are made of: the model, metadata, conditions, references."""

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, TypeAlias
from weakref import WeakValueDictionary

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from typing_extensions import override

from litellm_key_operator.api.rules import (
    DNS_LABEL,
    DNS_SUBDOMAIN,
    ENTRY_NAME,
    LABEL_VALUE,
    LIST_MAP_KEYS,
    LIST_TYPE,
    Extension,
    plain,
)

_ACRONYMS: Final = frozenset({"id", "url", "ttl"})


def wire_name(field: str) -> str:
    """Answer a Python field's name as the API spells it: `team_id` is `teamID`, `from_` is `from`."""
    first, *rest = field.rstrip("_").split("_")
    return first + "".join(word.upper() if word in _ACRONYMS else word.capitalize() for word in rest)


def rfc3339(moment: datetime) -> str:
    """Answer a moment as Kubernetes writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Timestamp: TypeAlias = Annotated[AwareDatetime, PlainSerializer(rfc3339, when_used="json")]
"""A moment with a zone; serialised as RFC 3339 in UTC, in whole seconds."""


_GIVEN: Final[dict[frozenset[str], set[str]]] = {}
"""The fields that were given, by themselves; as many as there are ways to fill in a part."""


def terse(value: Any) -> Any:
    """The same, every text in it kept once in this process: names and reasons are those of many objects."""
    kind: object = value.__class__
    if kind is str:
        return sys.intern(value)
    if kind is dict:
        return {terse(name): terse(inner) for name, inner in value.items()}
    if kind is list:
        return [terse(inner) for inner in value]
    return value


def shared() -> WrapValidator:
    """Of a part that many objects have alike: it is kept once, for as long as one of them has it."""
    kept: WeakValueDictionary[str, Model] = WeakValueDictionary()

    def once(given: object, read: ValidatorFunctionWrapHandler) -> Any:
        if type(given) is not dict:
            return read(given)
        try:
            text = json.dumps(given, sort_keys=True)
        except TypeError:  # not as it was read
            return read(given)
        found = kept.get(text)
        if found is None:
            found = kept[text] = read(given)
        return found

    return WrapValidator(once)


class Model(BaseModel):
    """A part of a resource: immutable, snake_case here and camelCase there, blind to fields of a newer version."""

    model_config = ConfigDict(
        alias_generator=wire_name,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    @override
    def model_post_init(self, context: object, /) -> None:
        # Nothing changes these sets, and one for every part would be a third of what many Keys take in memory.
        given = self.__pydantic_fields_set__
        object.__setattr__(self, "__pydantic_fields_set__", _GIVEN.setdefault(frozenset(given), given))
        fields: dict[str, Any] = vars(self)
        for name in given:
            fields[name] = terse(fields[name])


class OwnerReference(Model):
    """Who an object belongs to."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False


class ObjectMeta(Model):
    """The part of `metadata` that the operator looks at."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """One observation about a resource, as `metav1.Condition` has it."""

    type: str
    """What it is about, unique in the list."""
    status: ConditionStatus
    """Whether it holds: True, False or Unknown."""
    reason: str
    """One CamelCase word that says why."""
    message: str = ""
    """The same for people; carries no key material."""
    last_transition_time: Timestamp
    """When status last changed."""
    observed_generation: int | None = None
    """The metadata.generation that this was observed at."""


NOT_SEEN: Final = -1
"""The observedGeneration of a status before the operator has looked at its object.

Without it, whoever asks kstatus takes such an object for one that is as it should be.
"""

CONDITIONS: Final[Extension] = {LIST_TYPE: "map", LIST_MAP_KEYS: ["type"]}

ObjectName: TypeAlias = Annotated[str, Field(pattern=DNS_SUBDOMAIN, min_length=1, max_length=253)]
"""A name that objects of any kind may have."""

Namespace: TypeAlias = Annotated[str, Field(pattern=DNS_LABEL, min_length=1, max_length=63)]
"""Name of a namespace."""

LabelValue: TypeAlias = Annotated[str, Field(pattern=LABEL_VALUE, max_length=63)]
"""Value of a label; may be empty."""

EntryName: TypeAlias = Annotated[str, Field(pattern=ENTRY_NAME, min_length=1, max_length=253)]
"""A key in the data of a Secret or ConfigMap."""

ModelName: TypeAlias = Annotated[str, Field(pattern=plain(), min_length=1, max_length=256)]
"""A model, an access group or one of LiteLLM's words for many, without white space around it."""

Count: TypeAlias = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""A limit that LiteLLM keeps as a 64-bit number."""

SmallCount: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A limit that LiteLLM keeps as a 32-bit number."""


class DeletionPolicy(StrEnum):
    """What becomes of a key in LiteLLM when its resource is deleted."""

    REVOKE = "Revoke"
    RETAIN = "Retain"


class Limits(Model):
    """Rates that LiteLLM holds the key to."""

    tpm: Count | None = None
    """Tokens per minute (tpm_limit), at least 0. Absent: not managed; 0 allows none."""
    rpm: Count | None = None
    """Requests per minute (rpm_limit), at least 0. Absent: not managed; 0 allows none."""
    max_parallel_requests: SmallCount | None = None
    """Requests at the same time (max_parallel_requests), at least 0. Absent: not managed; 0 allows none."""


class Resource(Model):
    """An object of one of the three kinds."""

    metadata: ObjectMeta
