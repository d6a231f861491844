"""Resources as the API server has them, for what the plugin makes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.role import LiteLLMRole

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "http://litellm.platform:4000"


def conditions(**said: str) -> list[dict[str, Any]]:
    """Conditions by their type; `Issued` and the like are True, `Reason: message` is not."""
    return [
        {
            "type": kind,
            "status": "False" if ": " in text else "True",
            "reason": text.partition(": ")[0],
            "message": text.partition(": ")[2],
            "lastTransitionTime": "2026-03-01T00:00:00Z",
        }
        for kind, text in said.items()
    ]


def key(name: str = "app", *, role: str = "chat", spec: Any = None, metadata: Any = None, **status: Any) -> LiteLLMKey:
    """A Key of team-a, issued and well unless its status says otherwise."""
    whole = {
        "conditions": conditions(Ready="Issued", Synced="UpToDate"),
        "revision": 2,
        "tokenID": "ab" * 32,
        "seed": 1,
        "keyAlias": f"team-a/{name}",
        "expiresAt": "2026-03-13T12:00:00Z",
        "renewAt": "2026-03-03T17:00:00Z",
        "connection": {"namespace": "platform", "name": "default", "url": URL},
        **status,
    }
    return LiteLLMKey.model_validate(
        {
            "metadata": {"name": name, "namespace": "team-a", "uid": f"uid-{name}", **(metadata or {})},
            "spec": {"roleRef": {"name": role, "namespace": "platform"}, **(spec or {})},
            "status": {field: value for field, value in whole.items() if value is not None},
        }
    )


def role(name: str = "chat", keys: int = 1) -> LiteLLMRole:
    """A Role of the platform."""
    return LiteLLMRole.model_validate(
        {
            "metadata": {"name": name, "namespace": "platform"},
            "spec": {"models": ["m"]},
            "status": {"conditions": conditions(Ready="Available"), "keys": keys},
        }
    )


def connection(**said: str) -> LiteLLMConnection:
    """The platform's Connection."""
    return LiteLLMConnection.model_validate(
        {
            "metadata": {"name": "default", "namespace": "platform"},
            "spec": {"url": URL, "adminKeySecretRef": {"name": "admin"}},
            "status": {"conditions": conditions(**(said or {"Ready": "Connected"})), "version": "1.106.2"},
        }
    )
