"""What Argo CD shows of each reason; a sync waits for Progressing, fails at Degraded and goes on at Healthy."""

from __future__ import annotations

from typing import Any, Final

import pytest

from litellm_key_operator.api.names import CONNECTION, KEY, ROLE
from litellm_key_operator.api.reasons import ConnectionReason, KeyReason, RoleReason
from tests.support.argocd import health, scripts

WITHOUT_A_KEY: Final = {
    "Progressing": {"Pending", "Revoking", "ExternallyDeleted", "RoleNotFound", "RoleNotReady", "ConnectionNotReady"},
    "Suspended": {"Paused"},
    "Degraded": {
        "NamespaceNotAllowed", "InvalidSpec", "Rejected", "AliasConflict", "SecretConflict", "SecretRejected",
        "ExternallyBlocked", "Expired", "RevocationBlocked", "Unreachable", "Drifted", "RenewalFailed",
        "AppliesAtNextRotation", "ForeignInstallation",
    },
}  # fmt: skip
"""Of a Key whose Ready is not True. Some reasons are never said there."""
WITH_A_KEY: Final = {
    "Suspended": {"Paused"},
    "Degraded": {
        "NamespaceNotAllowed", "InvalidSpec", "Rejected", "AliasConflict", "SecretConflict", "SecretRejected",
        "ForeignInstallation",
    },
    "Healthy": {
        "Pending", "Revoking", "ExternallyDeleted", "RoleNotFound", "RoleNotReady", "ConnectionNotReady",
        "ExternallyBlocked", "Expired", "RevocationBlocked", "Unreachable", "Drifted", "RenewalFailed",
        "AppliesAtNextRotation",
    },
}  # fmt: skip
"""Of a Key whose Ready is True, and whose Synced is not."""


def resource(kind: str, *conditions: tuple[str, str, str], observed: int = 2, **status: Any) -> dict[str, Any]:
    told = [{"type": t, "status": s, "reason": r, "message": "words"} for t, s, r in conditions]
    return {
        "kind": kind,
        "metadata": {"name": "app", "generation": 2},
        "status": {"conditions": told, "observedGeneration": observed, **status},
    }


def sorted_by(expected: dict[str, set[str]]) -> dict[str, str]:
    return {reason: status for status, reasons in expected.items() for reason in reasons}


def test_each_kind_has_its_entry() -> None:
    kinds = (KEY, ROLE, CONNECTION)
    assert scripts().keys() == {f"resource.customizations.health.llmkeys.io_{kind.kind}" for kind in kinds}


@pytest.mark.parametrize("reason", sorted(set(KeyReason) - {KeyReason.ISSUED, KeyReason.UP_TO_DATE}))
def test_a_key_by_its_reason(reason: KeyReason) -> None:
    without = resource("LiteLLMKey", ("Ready", "False", reason), ("Synced", "False", reason))
    assert health(without) == (sorted_by(WITHOUT_A_KEY)[reason], f"{reason}: words")
    with_one = resource("LiteLLMKey", ("Ready", "True", "Issued"), ("Synced", "False", reason))
    assert health(with_one) == (sorted_by(WITH_A_KEY)[reason], f"{reason}: words")


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("ConnectionNotFound", "Progressing"),
        ("ConnectionNotReady", "Progressing"),
        ("InvalidSpec", "Degraded"),
        ("Available", "Healthy"),
    ],
)
def test_a_role_by_its_reason(reason: str, status: str) -> None:
    ready = ("Ready", "True" if status == "Healthy" else "False", reason)
    assert health(resource("LiteLLMRole", ready, ("ModelsResolved", "True", "Resolved"))).status == status
    assert reason in set(RoleReason)


def test_a_role_with_models_that_nobody_serves_says_so_and_is_healthy() -> None:
    said = resource("LiteLLMRole", ("Ready", "True", "Available"), ("ModelsResolved", "False", "UnknownModels"))
    assert health(said) == ("Healthy", "UnknownModels: words")


@pytest.mark.parametrize("reason", sorted(set(ConnectionReason) - {ConnectionReason.CONNECTED}))
def test_a_connection_by_its_reason(reason: ConnectionReason) -> None:
    down = ("Ready", "False", reason)
    starting = {ConnectionReason.SECRET_NOT_FOUND, ConnectionReason.UNREACHABLE}
    first = "Progressing" if reason in starting else "Degraded"
    assert health(resource("LiteLLMConnection", down)).status == first
    assert health(resource("LiteLLMConnection", down, customKeys="Allowed")).status == "Degraded"


@pytest.mark.parametrize("kind", [KEY.kind, ROLE.kind, CONNECTION.kind])
def test_what_was_said_of_another_spec_does_not_count(kind: str) -> None:
    ready = ("Ready", "True", "Issued")
    assert health(resource(kind, ready)) == ("Healthy", "Issued: words")
    assert health(resource(kind, ready, observed=1)).status == "Progressing"
    assert health({"kind": kind, "metadata": {"generation": 1}}).status == "Progressing"
    assert health({"kind": kind, "metadata": {"generation": 1}, "status": {"observedGeneration": -1}}).status == (
        "Progressing"
    )
