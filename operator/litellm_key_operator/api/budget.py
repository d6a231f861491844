"""What a key may spend: as a Role says it, and as a claim narrows it."""

from typing import Annotated, Final, TypeAlias

from pydantic import ConfigDict, Field

from litellm_key_operator.api.common import Model
from litellm_key_operator.api.rules import checked, plain

Amount: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""US dollars."""

_DAYS: Final = "int(self.substring(0, size(self) - 1)) * (self.endsWith('w') ? 7 : 1)"
_PERIOD: Final = (f"!self.matches('^[1-9][0-9]{{0,3}}[dw]$') || {_DAYS} <= 3650", "must be at most 3650d")


class Budget(Model):
    """What a key may spend; one value of it, so that a rotation or a second key has a budget of its own."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            ("!(has(self.id) && has(self.soft))", "id excludes soft: LiteLLM would put soft in the place of the tier"),
            ("!has(self.soft) || !has(self.max) || self.soft <= self.max", "soft must be at most max"),
            (
                "!has(self.period) || has(self.max) || has(self.soft) || has(self.id)",
                "period needs max, soft or id: nothing else starts again with it",
            ),
        )
    )

    max: Amount | None = None
    """US dollars after which LiteLLM refuses the key (max_budget), at least 0. Absent: not managed."""
    soft: Amount | None = None
    """US dollars after which LiteLLM warns (soft_budget), at least 0 and at most max; not together with id."""
    period: Annotated[
        str | None,
        Field(
            pattern=r"^(1h|24h|[1-9][0-9]{0,3}d|[1-9][0-9]{0,3}w|1mo)$",
            max_length=5,
            json_schema_extra=checked(_PERIOD),
        ),
    ] = None
    """When the spend starts again from 0 (budget_duration): 1h, 24h, a number of days (30d) or weeks (4w), at most
    3650d, or 1mo. Other spellings LiteLLM resets at the wrong moment. Absent: never. Needs max, soft or id."""
    id: Annotated[str | None, Field(pattern=plain(), min_length=1, max_length=256)] = None
    """A budget tier of LiteLLM (budget_id) that the key shares; not together with soft."""


class KeyBudget(Model):
    """A claim's own budget."""

    max: Amount | None = None
    """US dollars after which LiteLLM refuses the key, at least 0 and at most the role's. Default: the role's."""
