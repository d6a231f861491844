"""How long one key lives, and how it goes on: the role's word, narrowed by the claim."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from litellm_key_operator.api.renewal import DEFAULT_PERCENTAGE, DEFAULT_TTL, RenewalPolicy, RoleRenewal
from litellm_key_operator.domain.problem import Problem, wider

if TYPE_CHECKING:
    from litellm_key_operator.api.duration import Lifetime
    from litellm_key_operator.api.key import KeySpec
    from litellm_key_operator.api.renewal import KeyRenewal
    from litellm_key_operator.api.role import RoleSpec

_WIDTH: Final = {RenewalPolicy.NONE: 0, RenewalPolicy.EXTEND: 1, RenewalPolicy.ROTATE: 2}


@dataclass(frozen=True, slots=True)
class Span:
    """`ttl` is None for a key that never ends, `most` (since its issue) for one that Extend may renew for ever.

    `before`: how long before its end it is renewed, None if it has no end. `overlap`: how long an old value works on.
    """

    ttl: timedelta | None
    most: timedelta | None
    policy: RenewalPolicy
    before: timedelta | None
    overlap: timedelta


def span(ask: KeySpec, give: RoleSpec) -> Span | Problem:
    """What holds for this claim of this role, or the first thing in which the claim is wider."""
    ttl = _ttl(ask, give)
    if isinstance(ttl, Problem):
        return ttl
    wide = _wider_renewal(ask.renewal, give.renewal, ttl)
    if wide is not None:
        return wide
    policy, overlap = ask.renewal.policy or give.renewal.policy, ask.renewal.overlap or give.renewal.overlap
    return Span(
        ttl=_delta(ttl),
        most=_delta(give.max_ttl.seconds if give.max_ttl is not None else None),
        policy=policy,
        before=_delta(_before(ask.renewal, ttl) or _given(give.renewal, ttl)),
        overlap=timedelta(seconds=overlap.seconds),
    )


def _ttl(ask: KeySpec, give: RoleSpec) -> int | Problem | None:
    """Seconds, or None for a key that never ends."""
    given, most = _default(give), give.max_ttl or give.ttl or DEFAULT_TTL
    if ask.ttl is None:
        return given
    if most.seconds is not None and (ask.ttl.seconds is None or ask.ttl.seconds > most.seconds):
        return wider("spec.ttl", ask.ttl, most)
    return ask.ttl.seconds


def _default(give: RoleSpec) -> int | None:
    said: Lifetime | None = give.ttl
    if said is not None:
        return said.seconds
    return min(DEFAULT_TTL.seconds, give.max_ttl.seconds if give.max_ttl is not None else DEFAULT_TTL.seconds)


def _wider_renewal(ask: KeyRenewal, give: RoleRenewal, ttl: int | None) -> Problem | None:
    if ask.policy is not None and _WIDTH[ask.policy] > _WIDTH[give.policy]:
        return wider("spec.renewal.policy", ask.policy, give.policy)
    if ask.overlap is not None and ask.overlap.seconds > give.overlap.seconds:
        return wider("spec.renewal.overlap", ask.overlap, give.overlap)
    before, given = _before(ask, ttl), _given(give, ttl)
    if ttl is None or before is None or given is None:
        return None
    field, asked = (
        ("spec.renewal.before", str(ask.before))
        if ask.before is not None
        else ("spec.renewal.beforePercentage", f"{ask.before_percentage} % ({before}s)")
    )
    if before >= ttl:
        return wider(field, asked, f"less than the ttl, {ttl}s")
    return wider(field, asked, f"{given}s or more") if before < given else None


def _given(give: RoleRenewal, ttl: int | None) -> int | None:
    """The role's, in seconds; one that does not fit into the TTL gives way to the default part of it."""
    before = _before(give, ttl)
    fits = before is not None and ttl is not None and before < ttl
    return before if fits else _before(RoleRenewal(before_percentage=DEFAULT_PERCENTAGE), ttl)


def _before(renewal: KeyRenewal | RoleRenewal, ttl: int | None) -> int | None:
    """In seconds, None if nothing is said or nothing ends."""
    if ttl is None:
        return None
    if renewal.before is not None:
        return renewal.before.seconds
    return None if renewal.before_percentage is None else max(1, ttl * renewal.before_percentage // 100)


def _delta(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
