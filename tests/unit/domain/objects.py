"""Resources, rows and pictures that the tests of the decisions start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.names import FINALIZER
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.material import Keyring, Material
from litellm_key_operator.domain.picture import Want
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.record import Proxy, Record
from litellm_key_operator.domain.state import Row, SecretSeen
from litellm_key_operator.domain.terms import Terms, terms

NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER: Final = NOW + timedelta(hours=1)
URL: Final = "http://litellm.test"
PROXY: Final = Proxy("platform", "default", URL)
RING: Final = Keyring("here", {1: b"1" * 32})
MATERIAL: Final = Material(RING, "uid-one")
ONE: Final = MATERIAL.revision(1, URL)
TWO: Final = MATERIAL.revision(2, URL)


def role(**spec: Any) -> LiteLLMRole:
    """A role; models and ttl unless others are named."""
    body = {"models": ["small"], "ttl": "1h", **spec}
    return LiteLLMRole.model_validate({"metadata": {"namespace": "platform", "name": "chat"}, "spec": body})


def key(
    *,
    namespace: str = "team-a",
    annotations: Mapping[str, str] | None = None,
    deleted: datetime | None = None,
    **spec: Any,
) -> LiteLLMKey:
    """A claim for that role."""
    metadata: dict[str, Any] = {"namespace": namespace, "name": "app", "uid": "uid-one", "finalizers": [FINALIZER]}
    metadata["deletionTimestamp"] = deleted
    body = {"roleRef": {"name": "chat", "namespace": "platform"}, **spec}
    return LiteLLMKey.model_validate({"metadata": {**metadata, "annotations": annotations or {}}, "spec": body})


def agreed(claim: LiteLLMKey, given: LiteLLMRole) -> Terms | Problem:
    """The terms between the two."""
    return terms(claim, given, installation="here", cluster="blue")


def want(claim: LiteLLMKey | None = None, **features: Any) -> Want:
    """What is wanted of a claim, all being well."""
    claim = key() if claim is None else claim
    return replace(Want(claim, MATERIAL, agreed(claim, role()), PROXY, URL, (URL,)), **features)


def issued(**features: Any) -> Record:
    """The record of a claim whose revision 1 was issued."""
    plain = Record(
        held=True, current=ONE, issued_at=NOW, expires_at=LATER, alias="team-a/app", binding="app", proxy=PROXY
    )
    return replace(plain, **features)


def row(**features: Any) -> Row:
    """Revision 1 in LiteLLM, live."""
    plain = Row(ONE.token_id, "team-a/app", LATER, blocked=False, deleted_at=None, metadata={}, fields={})
    return replace(plain, **features)


def secret(**features: Any) -> SecretSeen:
    """A Secret of the claim, empty."""
    plain = SecretSeen(
        namespace="team-a",
        name="app",
        uid="uid-secret",
        resource_version="1",
        owner_uid="uid-one",
        type="Opaque",
        immutable=False,
        labels={},
        annotations={},
    )
    return replace(plain, **features)
