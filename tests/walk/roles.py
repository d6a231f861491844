"""The roles of a walk, as they are while nobody edits them, and what they become so that a walk can come to rest."""

from __future__ import annotations

from typing import Final

from tests.support.books import MODEL
from tests.support.cluster import Json
from tests.support.litellm_admin import LARGE

WIDE, NARROW, NOWHERE = "wide", "narrow", "nowhere"
"""Two at the LiteLLM that there is, and one behind a Connection where nobody has ever answered."""
ROTATING, EXTENDED, ENDING = "rotating", "extended", "ending"
"""Their keys are due as soon as they are there: for a new value, for a later end; or they end, and nothing follows."""
ROLES: Final = (WIDE, NARROW, NOWHERE, ROTATING, EXTENDED, ENDING)
RPM: Final = 1000
OVERLAP: Final = 5.0
"""Seconds, of the keys that rotate by themselves: longer than an operator may be mistaken about LiteLLM's clock."""
_HOUR: Final[Json] = {"ttl": "1h", "maxTTL": None}
_RENEWAL: Final[Json] = {"policy": "Rotate", "before": None, "beforePercentage": 33, "overlap": "1h"}
_SOON: Final[Json] = {"policy": "Rotate", "before": "292s", "beforePercentage": None, "overlap": f"{OVERLAP:g}s"}
"""Of five minutes: 4 to 8 seconds after its issue, and nothing ends though it could have been renewed."""
_LIVES: Final[dict[str, Json]] = {
    ROTATING: {"ttl": "5m", "renewal": _SOON},
    EXTENDED: {"ttl": "5m", "maxTTL": "310s", "renewal": {**_SOON, "policy": "Extend"}},
    ENDING: {"ttl": "5s", "renewal": {**_RENEWAL, "policy": "None"}},
}
_CALM: Final[dict[str, Json]] = {
    EXTENDED: {"renewal": {**_RENEWAL, "policy": "Extend"}},
    ENDING: {"renewal": {**_RENEWAL, "policy": "None"}},
}


def spec_of(role: str, namespace: str, *, calm: bool = False) -> Json:
    """The whole spec of a role, for claims of this namespace; a calm one renews nothing for the next half an hour."""
    lives = (_CALM if calm else _LIVES).get(role, {})
    return {
        "connectionRef": {"name": NOWHERE if role == NOWHERE else "default"},
        "models": [MODEL] if role == NARROW else [MODEL, LARGE],
        "limits": {"rpm": RPM, "tpm": None},
        "allowedNamespaces": {"from": "Names", "names": [namespace]},
        **_HOUR,
        "renewal": _RENEWAL,
        **lives,
    }
