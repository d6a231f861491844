from typing import Any

import pytest

from litellm_key_operator.domain.consent import consents
from tests.unit.domain.objects import role


def selector(*expressions: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {"from": "Selector", "selector": {"matchLabels": labels, "matchExpressions": list(expressions)}}


def llm(operator: str, *values: str) -> dict[str, Any]:
    return {"key": "llm", "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("allowed", "labels", "may"),
    [
        ({"from": "Same"}, {}, False),
        ({"from": "All"}, {}, True),
        ({"from": "Names", "names": ["team-a", "team-b"]}, {}, True),
        ({"from": "Names", "names": ["team-b"]}, {}, False),
        (selector(llm="yes"), {"llm": "yes", "x": "y"}, True),
        (selector(llm="yes"), {"llm": "no"}, False),
        (selector(llm="yes"), {}, False),
        (selector(llm="yes", env="dev"), {"llm": "yes"}, False),
        (selector(llm("In", "a", "b")), {"llm": "b"}, True),
        (selector(llm("In", "a", "b")), {}, False),
        (selector(llm("NotIn", "a")), {"llm": "a"}, False),
        (selector(llm("NotIn", "a")), {"llm": "b"}, True),
        (selector(llm("NotIn", "a")), {}, True),
        (selector(llm("Exists")), {"llm": ""}, True),
        (selector(llm("Exists")), {}, False),
        (selector(llm("DoesNotExist")), {}, True),
        (selector(llm("DoesNotExist")), {"llm": "a"}, False),
        (selector(llm("Exists"), env="dev"), {"llm": "a", "env": "prod"}, False),
        (selector(), None, False),
        (selector(llm("NotIn", "a")), None, False),
        (selector(llm("DoesNotExist")), None, False),
        ({"from": "All"}, None, True),
        ({"from": "Names", "names": ["team-a"]}, None, True),
    ],
)
def test_who_may_use_a_role(allowed: dict[str, Any], labels: dict[str, str] | None, may: bool) -> None:
    assert consents(role(allowedNamespaces=allowed), "team-a", labels) is may


@pytest.mark.parametrize("allowed", [{"from": "Same"}, {"from": "Names", "names": ["team-b"]}, selector(llm="yes")])
def test_its_own_namespace_always_may(allowed: dict[str, Any]) -> None:
    assert consents(role(allowedNamespaces=allowed), "platform", {})
    assert consents(role(allowedNamespaces=allowed), "platform", None)
