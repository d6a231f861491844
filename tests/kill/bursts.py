"""Many claims at once, caught in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dev.operatorprocess import OperatorProcess
from tests.kill.site import KEYS, Site
from tests.kill.standing import Claim
from tests.support.waiting import until

_BEGUN: Final = 5
"""Registrations after which a burst is in its middle."""


def begin_burst(site: Site, operator: OperatorProcess, names: Sequence[str]) -> list[Claim]:
    """Make claims and answer when some of them are registered, and most are not."""
    operator.sigstop()
    site.apply(names)
    uids = site.uids(names)
    before = site.litellm.count("POST", "/key/generate")
    operator.sigcont()
    until(lambda: site.litellm.count("POST", "/key/generate") >= before + _BEGUN, "the burst to begin")
    assert len(ready(site)) < len(names), "the burst is over already"
    return [Claim(name, uid) for name, uid in uids.items()]


def ready(site: Site) -> list[str]:
    """The names of claims that say that they are ready."""
    return [
        name
        for name, key in site.cluster.all(KEYS).items()
        for condition in key.get("status", {}).get("conditions", ())
        if condition["type"] == "Ready" and condition["status"] == "True"
    ]
