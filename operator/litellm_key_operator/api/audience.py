"""Which namespaces' Keys may use a Role."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from litellm_key_operator.api.common import LabelValue, Model, Namespace
from litellm_key_operator.api.rules import QUALIFIED_NAME, SET, checked, names_allowed

_LABELS: Final = "has(self.matchLabels) && size(self.matchLabels) > 0"
_EXPRESSIONS: Final = "has(self.matchExpressions) && size(self.matchExpressions) > 0"


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
