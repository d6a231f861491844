"""Whether the operator leaves what it has settled alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from dev.operatorprocess import OperatorProcess
from tests.kill.site import KEYS, Site
from tests.kill.standing import Claim
from tests.kill.steps import labels_of, requests_of
from tests.support.waiting import PATIENCE, until

STILL: Final = 1.0
"""Seconds without a write after which nothing more is expected."""


def writes(site: Site, claims: Sequence[Claim]) -> list[str]:
    """What the operators wrote for these claims, to both servers."""
    labels = {
        f"{label} {claim.name}": text
        for claim in claims
        for label, text in labels_of(site, claim.name, claim.uid).items()
    }
    return [f"{r.method} {r.target} {r.status}" for _, r in requests_of(site, labels) if r.method != "GET"]


def await_still(site: Site, claims: Sequence[Claim]) -> None:
    """Wait until nothing is written any more."""
    deadline = time.monotonic() + PATIENCE
    before = writes(site, claims)
    while True:
        time.sleep(STILL)
        now = writes(site, claims)
        if len(now) == len(before):
            return
        assert time.monotonic() < deadline, f"still writing: {Counter(now) - Counter(before)}"
        before = now


def look_again(site: Site, operator: OperatorProcess, claims: Sequence[Claim]) -> None:
    """Make the operator look at every claim that is there: it has nothing to write."""
    before = writes(site, claims)
    there = [name for name in site.cluster.all(KEYS) if any(claim.name == name for claim in claims)]

    def runs() -> float:
        return operator.metric("litellm_key_reconcile_total", kind="key")

    seen = runs()
    for name in there:
        site.cluster.patch(KEYS, name, {"metadata": {"annotations": {"example.com/looked": str(time.time())}}})
    until(lambda: runs() >= seen + len(there), "another look at every claim")
    assert not (more := Counter(writes(site, claims)) - Counter(before)), more
