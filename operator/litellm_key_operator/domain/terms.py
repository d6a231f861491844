"""What one key is to be: the role's terms, narrowed by the claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from litellm_key_operator.api.common import DeletionPolicy
from litellm_key_operator.api.names import METADATA_KEY, METADATA_LABELS
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.api.role import KeyType
from litellm_key_operator.api.templates import render
from litellm_key_operator.domain.lifetime import Span, span
from litellm_key_operator.domain.loose import mapping, texts
from litellm_key_operator.domain.problem import Problem, wider

if TYPE_CHECKING:
    from litellm_key_operator.api.key import KeySpec, LiteLLMKey
    from litellm_key_operator.api.role import LiteLLMRole, RoleSpec

DURATION: Final = "duration"
_ANY_MODEL: Final = ("all-proxy-models", "all-team-models")
_ROUTE: Final = {
    KeyType.LLM_API: "llm_api_routes",
    KeyType.MANAGEMENT: "management_routes",
    KeyType.READ_ONLY: "info_routes",
}
_KEY_TYPE: Final = {"llm_api_routes": "llm_api", "management_routes": "management", "info_routes": "read_only"}


@dataclass(frozen=True, slots=True)
class Terms:
    """What LiteLLM is asked for.

    `fields` have LiteLLM's own names and units (US dollars, per minute), as `/key/update` takes them.
    """

    fields: Mapping[str, object]
    span: Span

    @property
    def duration(self) -> str | None:
        """The TTL as LiteLLM takes it; None for a key that never ends."""
        return None if self.span.ttl is None else in_seconds(self.span.ttl)

    @property
    def applied(self) -> dict[str, object]:
        """What the resource remembers of them once LiteLLM has them."""
        return {**self.fields, DURATION: self.duration}


def terms(key: LiteLLMKey, role: LiteLLMRole, *, installation: str, cluster: str) -> Terms | Problem:
    """The effective terms, or the first thing in the claim that is wider than the role allows."""
    ask, give = key.spec, role.spec
    wide, lives = _too_wide(ask, give), span(ask, give)
    if wide is not None:
        return wide
    if isinstance(lives, Problem):
        return lives
    place = {"namespace": key.metadata.namespace, "name": key.metadata.name, "cluster": cluster}
    fields: dict[str, object] = {
        "key_alias": render(give.alias_template, place),
        "models": list(ask.models or give.models),
        "allowed_routes": _routes(give),
        "metadata": {**give.metadata, METADATA_KEY: _mark(key, role, installation)},
        "max_budget": _first(ask.budget.max, give.budget.max),
        "soft_budget": give.budget.soft,
        "budget_duration": give.budget.period,
        "budget_id": give.budget.id,
        "tpm_limit": _first(ask.limits.tpm, give.limits.tpm),
        "rpm_limit": _first(ask.limits.rpm, give.limits.rpm),
        "max_parallel_requests": _first(ask.limits.max_parallel_requests, give.limits.max_parallel_requests),
        "team_id": give.identity.team_id,
        "user_id": give.identity.user_id,
        "organization_id": give.identity.organization_id,
        "project_id": give.identity.project_id,
    }
    return Terms({name: value for name, value in fields.items() if value is not None}, lives)


def in_seconds(length: timedelta) -> str:
    """A length of time as LiteLLM takes it: in seconds, at least one."""
    return f"{max(1, length // timedelta(seconds=1))}s"


def _first(asked: float | None, given: float | None) -> float | None:
    return given if asked is None else asked


def _mark(key: LiteLLMKey, role: LiteLLMRole, installation: str) -> dict[str, object]:
    mark: dict[str, object] = {
        "installation": installation,
        "namespace": key.metadata.namespace,
        "name": key.metadata.name,
        "uid": key.metadata.uid,
        "role": f"{role.metadata.namespace}/{role.metadata.name}",
    }
    return mark | ({METADATA_LABELS: dict(key.spec.metadata)} if key.spec.metadata else {})


def _routes(role: RoleSpec) -> list[str]:
    if role.access.allowed_routes:
        return list(role.access.allowed_routes)
    route = _ROUTE.get(role.access.key_type)
    return [route] if route else []


def stamped(fields: Mapping[str, object], revision: int) -> dict[str, object]:
    """The fields with the revision in the mark: known only when they are sent, so not part of what is declared."""
    metadata = mapping(fields.get("metadata"))
    stamp = {**mapping(metadata.get(METADATA_KEY)), "revision": revision}
    return {**fields, "metadata": {**metadata, METADATA_KEY: stamp}} if metadata else dict(fields)


def registration(fields: Mapping[str, object], revision: int, duration: str | None) -> dict[str, object]:
    """The body of a registration: `key_type` in the place of the routes that it stands for, the duration in seconds."""
    body = stamped(fields, revision)
    match body.get("allowed_routes"):
        case [str(route)] if route in _KEY_TYPE:
            del body["allowed_routes"]
            body["key_type"] = _KEY_TYPE[route]
        case _:
            pass
    return body if duration is None else body | {DURATION: duration}


def tightened(fields: Mapping[str, object], applied: Mapping[str, object]) -> dict[str, object]:
    """What a paused key gets: of each field that limits it the narrower of what it has and what is declared now."""
    narrow = dict(applied)
    for name in ("max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests"):
        limit, had = fields.get(name), applied.get(name)
        if isinstance(limit, int | float) and (not isinstance(had, int | float) or limit < had):
            narrow[name] = limit
    models, had = texts(fields.get("models")), texts(applied.get("models"))
    if models and had and not _any_model(models):
        kept = [model for model in had if model in models or _matches(model, models)]
        # An empty list would mean all models, so a key whose models are all gone gets the declared ones.
        narrow["models"] = (models if _any_model(had) else kept) or models
    return narrow


def _too_wide(ask: KeySpec, give: RoleSpec) -> Problem | None:
    outside = [] if _any_model(give.models) else sorted(set(ask.models or ()) - set(give.models))
    outside = [model for model in outside if not _matches(model, give.models)]
    if outside:
        return wider("spec.models", ", ".join(outside), ", ".join(give.models))
    if ask.budget.max is not None and give.budget.max is None and give.budget.id is not None:
        return Problem(
            KeyReason.INVALID_SPEC,
            f"spec.budget.max: {ask.budget.max:g} was asked for, the role sets none beside budget {give.budget.id}",
        )
    for field, asked, ceiling in (
        ("spec.budget.max", ask.budget.max, give.budget.max),
        ("spec.limits.tpm", ask.limits.tpm, give.limits.tpm),
        ("spec.limits.rpm", ask.limits.rpm, give.limits.rpm),
        ("spec.limits.maxParallelRequests", ask.limits.max_parallel_requests, give.limits.max_parallel_requests),
    ):
        if asked is not None and ceiling is not None and asked > ceiling:
            return wider(field, f"{asked:.15g}", f"{ceiling:.15g}")
    if ask.deletion_policy is DeletionPolicy.RETAIN and give.deletion_policy is not DeletionPolicy.RETAIN:
        return wider("spec.deletionPolicy", ask.deletion_policy, give.deletion_policy)
    return None


def _any_model(models: Iterable[str]) -> bool:
    return any(model in _ANY_MODEL for model in models)


def _matches(model: str, patterns: Iterable[str]) -> bool:
    """Whether a wildcard stands for the model. A word for all models is none, though it may look like one."""
    return model not in _ANY_MODEL and any(
        pattern.endswith("*") and model.startswith(pattern[:-1]) for pattern in patterns
    )
