"""What the operator refuses a tenant, and says so: the claim is stored, and no key comes of it."""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.support.cluster import Json
from tests.support.litellm_admin import LARGE, SMALL
from tests.tenants.ground import ANY, CLOSED, PLAIN, TIERED, WILD


class Greed(NamedTuple):
    """What is attempted, the role, the spec, the reason of the refusal, and words of its message."""

    what: str
    role: str
    spec: Json
    reason: str
    words: str


def _wider(what: str, spec: Json, words: str, role: str = PLAIN) -> Greed:
    return Greed(what, role, spec, "InvalidSpec", words)


GREED: Final = [
    _wider("more money", {"budget": {"max": 1000000.5}}, "spec.budget.max: 1000000.5 was asked for"),
    _wider("money over a tier", {"budget": {"max": 6}}, "sets none beside budget", TIERED),
    _wider("more requests", {"limits": {"rpm": 5001}}, "spec.limits.rpm: 5001"),
    _wider("more tokens", {"limits": {"tpm": 2**53 - 1}}, "spec.limits.tpm"),
    _wider("more at once", {"limits": {"maxParallelRequests": 501}}, "spec.limits.maxParallelRequests: 501"),
    _wider("a longer life", {"ttl": "61m"}, "spec.ttl: 61m"),
    _wider("a life without end", {"ttl": "Never"}, "spec.ttl: Never"),
    _wider("another model", {"models": [LARGE]}, "spec.models: fake-large"),
    _wider("another model beside the role's", {"models": [SMALL, LARGE]}, "spec.models: fake-large"),
    _wider("all models", {"models": ["all-proxy-models"]}, "spec.models: all-proxy-models"),
    _wider("the team's models", {"models": ["all-team-models"]}, "spec.models: all-team-models"),
    _wider("models by a wildcard", {"models": ["fake-*"]}, "spec.models: fake-*"),
    _wider("all models by one", {"models": ["*"]}, "spec.models: *"),
    _wider("all models, as one of a wildcard's", {"models": ["all-proxy-models"]}, "all-proxy-models", WILD),
    _wider("a key that stays", {"deletionPolicy": "Retain"}, "spec.deletionPolicy: Retain"),
    _wider("more renewal", {"renewal": {"policy": "Rotate"}}, "spec.renewal.policy: Rotate"),
    _wider("a longer overlap", {"renewal": {"overlap": "2m"}}, "spec.renewal.overlap: 2m"),
    _wider("renewal at its last moment", {"renewal": {"before": "1s"}}, "spec.renewal.before: 1s"),
    Greed("a role that admits nobody", CLOSED, {}, "NamespaceNotAllowed", "does not admit"),
    Greed("a role that is not there", "absent", {}, "RoleNotFound", "absent"),
    Greed(
        "a Secret that no memory holds",
        ANY,
        {
            "models": [f"{n:03}-{'m' * 250}" for n in range(256)],
            "secret": {"data": {"key": "{{ key }}", **{f"k{n}": "{{models}}" * 800 for n in range(60)}}},
        },
        "SecretRejected",
        "spec.secret.data: comes to",
    ),
]
