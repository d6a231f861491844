from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from litellm_key_operator.api.audience import NamespacesFrom
from litellm_key_operator.api.common import Condition, Model, Resource, rfc3339, wire_name
from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.names import CONNECTION, KEY, ROLE
from litellm_key_operator.api.role import KeyType, LiteLLMRole
from tests.support.specs import lost, specs

META = {"name": "app", "namespace": "team-a"}
KEY_BODY: dict[str, Any] = {
    "apiVersion": "llmkeys.io/v1alpha1",
    "kind": "LiteLLMKey",
    "metadata": META
    | {
        "uid": "u-1",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-11-25T02:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
    },
    "spec": {"roleRef": {"name": "chat", "namespace": "platform"}, "ttl": "1h", "secret": {"preset": "OpenAI"}},
    "status": {
        "revision": 2,
        "tokenID": "ab",
        "seed": 1,
        "keyAlias": "team-a/app",
        "doubtful": False,
        "issuedAt": "2026-11-25T02:00:00Z",
        "expiresAt": "2026-11-25T03:00:00Z",
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Issued",
                "message": "",
                "lastTransitionTime": "2026-11-25T02:00:00Z",
            }
        ],
        "pending": {"revision": 3, "url": "http://litellm:4000", "doubtful": True},
        "retiring": [{"revision": 1, "tokenID": "cd", "doubtful": False, "retireAt": "2026-11-25T02:30:00Z"}],
        "binding": {"name": "app"},
        "connection": {"namespace": "platform", "name": "default", "url": "http://litellm:4000"},
        "applied": {"max_budget": 20.0, "models": ["a"]},
    },
}


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("url", "url"),
        ("public_url", "publicURL"),
        ("team_id", "teamID"),
        ("id", "id"),
        ("ttl", "ttl"),
        ("ttl_after_expired", "ttlAfterExpired"),
        ("max_ttl", "maxTTL"),
        ("from_", "from"),
        ("ca_ref", "caRef"),
        ("admin_key_secret_ref", "adminKeySecretRef"),
        ("max_parallel_requests", "maxParallelRequests"),
    ],
)
def test_fields_are_called_as_in_the_contract(field: str, name: str) -> None:
    assert wire_name(field) == name


def test_a_key_is_read_and_its_status_written_back_as_it_was() -> None:
    key = LiteLLMKey.model_validate(KEY_BODY)
    assert key.metadata.resource_version == "7"
    assert key.spec.role_ref.namespace == "platform"
    assert key.spec.ttl is not None
    assert key.spec.ttl.seconds == 3600
    assert key.status.retiring[0].retire_at == datetime(2026, 11, 25, 2, 30, tzinfo=UTC)
    assert key.status.model_dump(by_alias=True, mode="json", exclude_none=True) == KEY_BODY["status"]


def test_an_object_without_a_status_has_an_empty_one() -> None:
    key = LiteLLMKey.model_validate({"metadata": META, "spec": {"roleRef": {"name": "chat"}}})
    assert key.status.revision is None
    assert key.status.conditions == ()
    assert key.spec.secret.preset is None


def test_defaults_are_those_of_the_contract() -> None:
    role = LiteLLMRole.model_validate({"metadata": META, "spec": {"models": ["gpt"], "ttl": "30d"}}).spec
    assert role.connection_ref.name == "default"
    assert role.allowed_namespaces.from_ is NamespacesFrom.SAME
    assert role.access.key_type is KeyType.LLM_API
    assert role.alias_template == "{{ namespace }}/{{ name }}"
    assert role.deletion_policy == "Revoke"
    connection = LiteLLMConnection.model_validate(
        {"metadata": META, "spec": {"url": "http://litellm:4000", "adminKeySecretRef": {"name": "admin"}}}
    ).spec
    assert connection.admin_key_secret_ref.key == "master-key"
    assert (connection.timeout.seconds, connection.max_in_flight, connection.sweep_interval.seconds) == (15, 8, 600)


def test_a_field_of_a_newer_version_is_overlooked() -> None:
    body = KEY_BODY | {"spec": KEY_BODY["spec"] | {"suspend": True}}
    assert LiteLLMKey.model_validate(body).spec == LiteLLMKey.model_validate(KEY_BODY).spec


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "roleRef"),
        ({"roleRef": {"name": "chat"}, "ttl": "1y"}, "ttl"),
        ({"roleRef": {"name": "chat"}, "models": []}, "models"),
        ({"roleRef": {"name": "chat"}, "secret": {"data": {"a": "{{ nope }}"}}}, "a"),
    ],
)
def test_an_error_names_the_field_as_the_user_wrote_it(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        LiteLLMKey.model_validate({"metadata": META, "spec": spec})
    assert error.value.errors()[0]["loc"][-1] == field


def test_models_cannot_be_changed() -> None:
    key = LiteLLMKey.model_validate(KEY_BODY)
    with pytest.raises(ValidationError):
        key.spec = key.spec  # type: ignore[misc]


def test_moments_are_written_in_utc_and_whole_seconds() -> None:
    moment = datetime(2026, 11, 25, 4, 0, 1, 999999, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(moment) == "2026-11-25T02:00:01Z"
    condition = Condition.model_validate(
        {"type": "Ready", "status": "True", "reason": "Issued", "lastTransitionTime": moment}
    )
    assert condition.model_dump(by_alias=True, mode="json")["lastTransitionTime"] == "2026-11-25T02:00:01Z"


@pytest.mark.parametrize(
    ("model", "drawn"),
    [(LiteLLMConnection, specs(CONNECTION)), (LiteLLMRole, specs(ROLE)), (LiteLLMKey, specs(KEY))],
)
@settings(max_examples=30)
@given(data=st.data())
def test_the_types_keep_all_that_the_schema_lets_in(
    model: type[Resource], drawn: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    spec = data.draw(drawn)
    read: Model = model.model_validate({"metadata": META, "spec": spec})
    assert not lost(spec, read.model_dump(by_alias=True, mode="json")["spec"])
