"""Who may ask for keys of a role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, assert_never

from litellm_key_operator.api.audience import NamespacesFrom, SelectorOperator

if TYPE_CHECKING:
    from litellm_key_operator.api.audience import AllowedNamespaces, LabelSelector, SelectorRequirement
    from litellm_key_operator.api.role import LiteLLMRole


def consents(role: LiteLLMRole, namespace: str, labels: Mapping[str, str] | None) -> bool:
    """Whether Keys in a namespace with these labels may use the role. Its own namespace always may.

    Labels that are not known (None) satisfy no selector: one could ask for the absence of a label.
    """
    if namespace == role.metadata.namespace:
        return True
    allowed: AllowedNamespaces = role.spec.allowed_namespaces
    match allowed.from_:
        case NamespacesFrom.SAME:
            return False
        case NamespacesFrom.ALL:
            return True
        case NamespacesFrom.NAMES:
            return namespace in (allowed.names or ())
        case NamespacesFrom.SELECTOR:
            return allowed.selector is not None and labels is not None and selects(allowed.selector, labels)
        case _:
            assert_never(allowed.from_)


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Kubernetes' label selector; an empty one selects everything."""
    if any(labels.get(name) != value for name, value in selector.match_labels.items()):
        return False
    return all(_holds(e, labels.get(e.key)) for e in selector.match_expressions)


def _holds(rule: SelectorRequirement, value: str | None) -> bool:
    match rule.operator:
        case SelectorOperator.IN:
            return value is not None and value in rule.values
        case SelectorOperator.NOT_IN:
            return value is None or value not in rule.values
        case SelectorOperator.EXISTS:
            return value is not None
        case SelectorOperator.DOES_NOT_EXIST:
            return value is None
        case _:
            assert_never(rule.operator)
