from datetime import timedelta
from typing import Any

import pytest

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.terms import Terms, registration, stamped, tightened
from tests.unit.domain.objects import agreed, key, role

Fields = dict[str, Any]


def fields(claim: Fields | None = None, **spec: Any) -> Fields:
    found = agreed(key(**(claim or {})), role(**spec))
    assert isinstance(found, Terms), found
    return dict(found.fields)


def test_the_least_that_litellm_is_asked_for() -> None:
    mark = {"installation": "here", "namespace": "team-a", "name": "app", "uid": "uid-one", "role": "platform/chat"}

    assert fields() == {
        "key_alias": "team-a/app",
        "models": ["small"],
        "allowed_routes": ["llm_api_routes"],
        "metadata": {"llmkeys": mark},
    }


@pytest.mark.parametrize(
    ("given", "asked", "name", "value"),
    [
        ({"budget": {"max": 20, "soft": 10, "period": "30d"}}, {}, "max_budget", 20),
        ({"budget": {"max": 20, "soft": 10, "period": "30d"}}, {}, "soft_budget", 10),
        ({"budget": {"max": 20, "period": "30d"}}, {"budget": {"max": 5}}, "max_budget", 5),
        ({"budget": {"max": 20, "period": "30d"}}, {"budget": {"max": 5}}, "budget_duration", "30d"),
        ({"budget": {"id": "tier", "max": 9}}, {"budget": {"max": 0}}, "max_budget", 0),
        ({"budget": {"id": "tier"}}, {}, "budget_id", "tier"),
        ({"limits": {"rpm": 10}}, {}, "rpm_limit", 10),
        ({"limits": {"rpm": 10}}, {"limits": {"rpm": 0}}, "rpm_limit", 0),
        ({}, {"limits": {"tpm": 7}}, "tpm_limit", 7),
        ({"limits": {"maxParallelRequests": 3}}, {}, "max_parallel_requests", 3),
        ({"models": ["a", "b", "c"]}, {"models": ["b"]}, "models", ["b"]),
        ({"models": ["all-proxy-models"]}, {"models": ["b"]}, "models", ["b"]),
        ({"models": ["openai/*"]}, {"models": ["openai/small"]}, "models", ["openai/small"]),
        ({"identity": {"teamID": "t1"}}, {}, "team_id", "t1"),
        ({"access": {"keyType": "ReadOnly"}}, {}, "allowed_routes", ["info_routes"]),
        ({"access": {"keyType": "Default"}}, {}, "allowed_routes", []),
        ({"access": {"keyType": "Default", "allowedRoutes": ["/v1/models"]}}, {}, "allowed_routes", ["/v1/models"]),
        ({"aliasTemplate": "{{cluster}}.{{ name }}"}, {}, "key_alias", "blue.app"),
    ],
)
def test_the_claim_narrows_what_the_role_gives(given: Fields, asked: Fields, name: str, value: object) -> None:
    assert fields(asked, **given)[name] == value


def test_metadata_of_the_role_stands_at_the_top_and_that_of_the_claim_where_nothing_is_interpreted() -> None:
    metadata = fields({"metadata": {"tags": "mine"}}, metadata={"tags": ["gold"]})["metadata"]

    assert (metadata["tags"], metadata["llmkeys"]["labels"]) == (["gold"], {"tags": "mine"})


@pytest.mark.parametrize(
    ("given", "asked", "seconds"),
    [("1h", None, 3600), ("1h", "30m", 1800), ("Never", None, None), ("Never", "2d", 172800), ("Never", "Never", None)],
)
def test_how_long_a_key_lives(given: str, asked: str | None, seconds: int | None) -> None:
    found = agreed(key(ttl=asked), role(ttl=given))

    assert isinstance(found, Terms)
    assert found.span.ttl == (None if seconds is None else timedelta(seconds=seconds))
    assert found.applied["duration"] == (None if seconds is None else f"{seconds}s")


@pytest.mark.parametrize(
    ("given", "asked", "message"),
    [
        ({"ttl": "1h"}, {"ttl": "2h"}, "spec.ttl: 2h was asked for, the role allows 1h"),
        ({"ttl": "1h"}, {"ttl": "Never"}, "spec.ttl: Never was asked for, the role allows 1h"),
        (
            {"models": ["a", "b"]},
            {"models": ["x", "a", "d"]},
            "spec.models: d, x was asked for, the role allows a, b",
        ),
        (
            {"models": ["a*"]},
            {"models": ["all-proxy-models"]},
            "spec.models: all-proxy-models was asked for, the role allows a*",
        ),
        (
            {"models": ["openai/*"]},
            {"models": ["mistral/small"]},
            "spec.models: mistral/small was asked for, the role allows openai/*",
        ),
        ({"budget": {"max": 20}}, {"budget": {"max": 20.5}}, "spec.budget.max: 20.5 was asked for, the role allows 20"),
        (
            {"budget": {"id": "tier"}},
            {"budget": {"max": 5}},
            "spec.budget.max: 5 was asked for, the role sets none beside budget tier",
        ),
        ({"limits": {"tpm": 1}}, {"limits": {"tpm": 2}}, "spec.limits.tpm: 2 was asked for, the role allows 1"),
        (
            {"limits": {"rpm": 1000000}},
            {"limits": {"rpm": 1000001}},
            "spec.limits.rpm: 1000001 was asked for, the role allows 1000000",
        ),
        (
            {"limits": {"maxParallelRequests": 1}},
            {"limits": {"maxParallelRequests": 3}},
            "spec.limits.maxParallelRequests: 3 was asked for, the role allows 1",
        ),
        ({}, {"deletionPolicy": "Retain"}, "spec.deletionPolicy: Retain was asked for, the role allows Revoke"),
    ],
)
def test_wider_is_refused_with_field_value_and_ceiling(given: Fields, asked: Fields, message: str) -> None:
    assert agreed(key(**asked), role(**given)) == Problem(KeyReason.INVALID_SPEC, message)


def test_the_revision_is_stamped_into_the_mark_and_nothing_else_is_changed() -> None:
    declared = {"models": ["a"], "metadata": {"tags": [1], "llmkeys": {"uid": "u"}}}

    assert stamped(declared, 3) == {"models": ["a"], "metadata": {"tags": [1], "llmkeys": {"uid": "u", "revision": 3}}}
    assert declared["metadata"] == {"tags": [1], "llmkeys": {"uid": "u"}}


@pytest.mark.parametrize(
    ("routes", "sent"),
    [
        (["llm_api_routes"], {"key_type": "llm_api"}),
        (["management_routes"], {"key_type": "management"}),
        (["info_routes"], {"key_type": "read_only"}),
        ([], {"allowed_routes": []}),
        (["/v1/models"], {"allowed_routes": ["/v1/models"]}),
        (["llm_api_routes", "/x"], {"allowed_routes": ["llm_api_routes", "/x"]}),
    ],
)
def test_a_registration_names_the_type_that_its_routes_stand_for(routes: list[str], sent: Fields) -> None:
    assert registration({"allowed_routes": routes}, 1, "60s") == {**sent, "duration": "60s"}


def test_a_key_that_never_ends_is_registered_without_a_duration() -> None:
    assert "duration" not in registration({}, 1, None)


@pytest.mark.parametrize(
    ("declared", "applied", "name", "value"),
    [
        ({"max_budget": 5}, {"max_budget": 20}, "max_budget", 5),
        ({"max_budget": 50}, {"max_budget": 20}, "max_budget", 20),
        ({"rpm_limit": 5}, {}, "rpm_limit", 5),
        ({"models": ["a"]}, {"models": ["a", "b"]}, "models", ["a"]),
        ({"models": ["a", "c"]}, {"models": ["a", "b"]}, "models", ["a"]),
        ({"models": ["c"]}, {"models": ["a", "b"]}, "models", ["c"]),
        ({"models": ["x/*"]}, {"models": ["x/1", "y"]}, "models", ["x/1"]),
        ({"models": ["a"]}, {"models": ["all-proxy-models"]}, "models", ["a"]),
        ({"models": ["all-proxy-models"]}, {"models": ["a"]}, "models", ["a"]),
        ({"key_alias": "new"}, {"key_alias": "old"}, "key_alias", "old"),
    ],
)
def test_a_paused_key_only_gets_tighter(declared: Fields, applied: Fields, name: str, value: object) -> None:
    assert tightened(declared, applied)[name] == value
