"""From the objects in the cache to what the metrics show of them."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.engine.cache import Cache
from litellm_key_operator.entry import series
from litellm_key_operator.metrics import ConnectionSeries

AT = "2026-01-01T12:00:00Z"


def condition(kind: str, status: str, reason: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": AT}


def cache(*, role: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **spec: Any) -> Cache:
    """A Key of platform/chat, which exists if a spec is given."""
    made = Cache()
    meta = {"namespace": "team", "name": "app", "uid": "uid", "resourceVersion": "1"}
    body = {"roleRef": {"name": "chat", "namespace": "platform"}, **spec}
    made.put_key(LiteLLMKey.model_validate({"metadata": meta, "spec": body, "status": status or {}}))
    if role is not None:
        meta = {"namespace": "platform", "name": "chat"}
        whole = LiteLLMRole.model_validate({"metadata": meta, "spec": {"models": ["small"], **role}})
        made.roles["platform", "chat"] = whole
    return made


@pytest.mark.parametrize(
    ("role", "spec", "renewal"),
    [
        (None, {}, ""),
        (None, {"renewal": {"policy": "None"}}, "None"),
        ({}, {}, "Rotate"),
        ({"renewal": {"policy": "Extend"}}, {}, "Extend"),
        ({"renewal": {"policy": "Extend"}}, {"renewal": {"policy": "None"}}, "None"),
    ],
)
def test_renewal_is_the_claims_word_else_the_roles_else_unknown(
    role: dict[str, Any] | None, spec: dict[str, Any], renewal: str
) -> None:
    (one,) = series.of_keys(cache(role=role, **spec))
    assert one.renewal == renewal
    assert (one.namespace, one.name, one.role) == ("team", "app", "platform/chat")


def test_the_connection_is_that_of_the_key_else_that_of_its_role_else_unknown() -> None:
    noted = {"connection": {"namespace": "platform", "name": "old", "url": "http://litellm"}}
    roles = {"connectionRef": {"name": "new"}}
    assert [one.connection for one in series.of_keys(cache(role=roles, status=noted))] == ["platform/old"]
    assert [one.connection for one in series.of_keys(cache(role=roles))] == ["platform/new"]
    assert [one.connection for one in series.of_keys(cache())] == [""]


@pytest.mark.parametrize(("reason", "blocked"), [("RevocationBlocked", True), ("Revoking", False)])
def test_conditions_come_with_their_reasons_and_tell_what_cannot_be_revoked(reason: str, blocked: bool) -> None:
    said = {"conditions": [condition("Ready", "False", reason), condition("Synced", "True", "UpToDate")]}
    (one,) = series.of_keys(cache(status=said))
    assert one.conditions == {"Ready": ("False", reason), "Synced": ("True", "UpToDate")}
    assert one.blocked is blocked


def test_a_connection_is_shown_once_it_was_checked() -> None:
    made, meta = Cache(), {"namespace": "platform", "name": "a"}
    spec = {"url": "http://litellm", "adminKeySecretRef": {"name": "admin"}}
    for name, conditions in {"a": [condition("Ready", "False", "TLSError")], "new": []}.items():
        whole = {"metadata": meta | {"name": name}, "spec": spec, "status": {"conditions": conditions}}
        made.connections["platform", name] = LiteLLMConnection.model_validate(whole)
    assert list(series.of_connections(made)) == [ConnectionSeries("platform/a", False, "TLSError")]
