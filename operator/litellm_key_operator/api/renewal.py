"""What happens before a key's TTL ends: as a Role says it, and as a claim narrows it."""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

from pydantic import ConfigDict, Field

from litellm_key_operator.api.common import Model
from litellm_key_operator.api.duration import Duration, is_duration, seconds_in
from litellm_key_operator.api.rules import checked

DEFAULT_TTL: Final = Duration("30d")
"""How long a key lives if neither role nor claim say it."""
DEFAULT_PERCENTAGE: Final = 33
"""The part of the TTL that is left when a key is renewed, if nobody says it."""

Percentage: TypeAlias = Annotated[int, Field(ge=1, le=90)]
"""A part of the TTL."""

_ONE_OF_THEM: Final = (
    "!(has(self.before) && has(self.beforePercentage))",
    "before and beforePercentage exclude each other",
)

_TTL, _MOST, _BEFORE = "self.ttl", "self.maxTTL", "self.renewal.before"
_WITHIN: Final = f"self.ttl != 'Never' && (!{is_duration(_TTL)} || {seconds_in(_TTL)} <= {seconds_in(_MOST)})"
_EARLIER: Final = f"self.ttl == 'Never' || !{is_duration(_TTL)} || {seconds_in(_BEFORE)} < {seconds_in(_TTL)}"

TTL_WITHIN_MAX: Final = (
    f"!has({_TTL}) || !has({_MOST}) || !{is_duration(_MOST)} || ({_WITHIN})",
    "ttl must be at most maxTTL",
)
"""For a spec with `ttl` and `maxTTL`."""
RENEWED_IN_TIME: Final = (
    f"!has(self.renewal) || !has({_BEFORE}) || !{is_duration(_BEFORE)} || !has({_TTL}) || {_EARLIER}",
    "renewal.before must be shorter than ttl",
)
"""For a spec with `ttl` and `renewal`; what depends on another object, or on a default, the operator judges."""


class RenewalPolicy(StrEnum):
    """How a key goes on when its TTL comes near."""

    ROTATE = "Rotate"
    EXTEND = "Extend"
    NONE = "None"


class RoleRenewal(Model):
    """What happens before a key's TTL ends."""

    model_config = ConfigDict(json_schema_extra=checked(_ONE_OF_THEM))

    policy: RenewalPolicy = RenewalPolicy.ROTATE
    """Rotate (a new value takes over, the old one works on for the overlap), Extend (the same value lives longer, until
    maxTTL; then it is rotated) or None (the key ends with its TTL). Default: Rotate."""
    # No default in the schema for either: `has()` would be true always, and both together refused always.
    before: Duration | None = None
    """How long before its end a key is renewed: a number and s, m, h, d or w, shorter than ttl; not together with
    beforePercentage. For a claim with a TTL that is not longer, the default percentage counts."""
    before_percentage: Percentage | None = None
    """The same as a part of the TTL, 1 to 90 percent; not together with before. Default: 33, if before is not set."""
    overlap: Duration = Duration("1h")
    """How long the old value still works after a rotation, at the latest until its own end: a number and s, m, h, d or
    w, at most 3650d. Pods see a new value after a minute or so, or when they start anew. Default: 1h."""


class KeyRenewal(Model):
    """A claim's own renewal: no more of it than the role gives."""

    model_config = ConfigDict(json_schema_extra=checked(_ONE_OF_THEM))

    policy: RenewalPolicy | None = None
    """Rotate, Extend or None, which is the narrowest; not wider than the role's. Default: the role's."""
    before: Duration | None = None
    """How long before its end the key is renewed: a number and s, m, h, d or w, not shorter than the role's and shorter
    than ttl; not together with beforePercentage. Default: the role's."""
    before_percentage: Percentage | None = None
    """The same as a part of the TTL, 1 to 90 percent, not less than the role's; not together with before. Default: the
    role's."""
    overlap: Duration | None = None
    """How long the old value still works after a rotation: a number and s, m, h, d or w, not longer than the role's.
    Default: the role's."""
