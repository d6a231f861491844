"""Keys are rotated again and again under clients that never pause, while everything else is killed."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from dev.controlplane import Access
from dev.litellm import Proxy
from tests.integration.conftest import opened
from tests.integration.site import Claim, Site
from tests.integration.traffic import Traffic
from tests.support.waiting import until

CLAIMS: Final = ("one", "two", "three", "four")
CLIENTS: Final = 20
ROTATIONS: Final = 10
KILLS: Final = 10
RESTARTS: Final = frozenset({3, 7})
"""After which kills of the operator LiteLLM is restarted."""
LATEST: Final = 2.0
"""Seconds by which a Pod sees a new value late: a kubelet's minute, scaled down along with the overlap."""
ROLE: Final[dict[str, Any]] = {"ttl": "2m", "renewal": {"before": "102s", "overlap": "8s"}}
"""Renewed every 9 to 18 seconds, by chance of the uid."""
_AFTERWARDS: Final = 2.0
"""Seconds after LiteLLM says that it is ready in which it may not know its own database yet."""


@pytest.fixture
def loaded(crds: Access, own_litellm: Proxy, tmp_path: Path) -> Generator[Site]:
    """A site whose LiteLLM may be restarted."""
    with opened(crds, own_litellm, tmp_path) as made:
        yield made


def live_rows(claim: Claim) -> int:
    """How many keys of a claim LiteLLM accepts."""
    rows = claim.site.admin.rows(f"{claim.cluster.namespace}/{claim.name}")
    return sum(1 for row in rows if not row["blocked"] and claim.site.admin.row(row["token"]) is not None)


def wait_for_requests(site: Site, number: int) -> None:
    """Wait until the operator has sent so many more."""
    before = site.api.count() + site.litellm.count()
    until(lambda: site.api.count() + site.litellm.count() >= before + number, "the operator to work")


def spent(proxy: Proxy, tokens: list[str]) -> float:
    """What LiteLLM booked for these keys, in US dollars."""
    booked = proxy.postgres.psql(proxy.database, 'SELECT api_key, sum(spend) FROM "LiteLLM_SpendLogs" GROUP BY api_key')
    by_token = dict(line.split("|") for line in booked.splitlines())
    return sum(float(by_token.get(token, 0)) for token in set(tokens))


@pytest.mark.slow
def test_no_request_is_refused_over_ten_rotations_ten_kills_and_two_restarts(loaded: Site, own_litellm: Proxy) -> None:
    seed = secrets.randbits(32)
    chance = random.Random(seed)  # noqa: S311 - moments to kill at
    operator = loaded.start().wait_ready()
    loaded.role("rotates", **ROLE)
    claims = [loaded.claim(name, "rotates").wait() for name in CLAIMS]
    outages: list[tuple[float, float]] = []

    with Traffic(own_litellm.url, claims, CLIENTS, LATEST) as traffic:
        for kill in range(1, KILLS + 1):
            wait_for_requests(loaded, chance.randint(1, 60))
            operator.kill9()
            if kill in RESTARTS:
                began = time.monotonic()
                own_litellm.stop()
                own_litellm.start()
                outages.append((began, time.monotonic() + _AFTERWARDS))
            operator.start().wait_ready()
            assert all(live_rows(claim) <= 2 for claim in claims)
        until(lambda: all(claim.status["revision"] > ROTATIONS for claim in claims), "ten rotations of each", 300)
        loaded.edit_role("rotates", renewal={"policy": "None"})
        until(lambda: not any({"retiring", "pending"} & claim.status.keys() for claim in claims), "rest")

    unexplained = [
        r for r in traffic.refusals if not any(r.sent <= ended and began <= r.at for began, ended in outages)
    ]
    assert unexplained == [], f"seed {seed}, {traffic.answered} answered"
    assert traffic.answered > 100 * ROTATIONS
    for claim in claims:
        assert live_rows(claim) == 1
        assert claim.says()[0] == ("True", "Issued")
        assert loaded.admin.chat(claim.value) == 200
    # LiteLLM books some hundred requests a second, fewer than it answers.
    booked = until(
        lambda: (found := spent(own_litellm, traffic.tokens)) >= traffic.cost - 1e-6 and found,
        "the spend to be booked",
        300,
    )
    # Beyond it, answers that got lost when LiteLLM ended, and the four completions above.
    assert booked == pytest.approx(traffic.cost, rel=0.02)
