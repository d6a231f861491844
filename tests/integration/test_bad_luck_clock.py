"""LiteLLM's clock is five minutes ahead of, or behind, the operator's.

The proxy on the way shifts every moment that LiteLLM tells, in its `Date` headers and in its answers: that is all that
anybody ever sees of its clock. What really lives is asked for straight.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

import pytest

from dev.faultproxy import FaultProxy, Rewrite
from dev.forwarding import Upstream
from tests.integration.site import Claim, Site
from tests.integration.soundness import await_sound
from tests.support.waiting import until

SKEW: Final = timedelta(minutes=5)
PROMPT: Final = timedelta(seconds=15)
"""What a busy machine may need; whoever follows the wrong clock is late by five minutes."""
MOMENT: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
GONE: Final = (("False", "Expired"), ("False", "Expired"))

Headers = Mapping[str, str]


def shifted(by: timedelta) -> Callable[[Headers, bytes], tuple[Headers, bytes]]:
    """How LiteLLM answers when its clock is wrong by so much."""

    def moved(found: re.Match[bytes]) -> bytes:
        return (datetime.fromisoformat(found[0].decode()) + by).isoformat().encode()

    def change(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
        date = parsedate_to_datetime(headers["Date"]) + by
        return {**headers, "Date": format_datetime(date, usegmt=True)}, MOMENT.sub(moved, body)

    return change


def real_end(claim: Claim) -> datetime:
    """When LiteLLM will refuse it, on the clock of this machine."""
    return datetime.fromisoformat(str(claim.field("expires"))).replace(tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["ahead", "behind"])
def test_a_key_ends_when_litellm_says_so_whatever_the_clocks_say(own_site: Site, skew: timedelta) -> None:
    site = own_site
    with FaultProxy(Upstream(site.admin.url)) as proxy:
        proxy.on("*", "", Rewrite(shifted(skew)), nth=None)
        site.start().wait_ready()
        site.connection("skewed", url=proxy.url, sweepInterval="10s")
        site.role("skewed", connectionRef={"name": "skewed"}, renewal={"policy": "None"})
        lasting = site.claim("lasting", "skewed", ttl="2m").wait()
        brief = [site.claim(f"brief-{n}", "skewed", ttl="8s").wait() for n in range(3)]
        values, ends = {claim.name: claim.value for claim in brief}, {claim.name: real_end(claim) for claim in brief}
        kept = lasting.value
        told = datetime.fromisoformat(lasting.status["expiresAt"])
        assert abs(told - real_end(lasting) - skew) <= timedelta(seconds=1)
        # Whoever has just started knows only its own clock.
        site.operator.kill9()
        site.operator.start().wait_ready()
        served = 0
        while brief:
            for claim in list(brief):
                answer, row, said = site.admin.chat(values[claim.name]), claim.row(), claim.says()
                late = datetime.now(UTC) - ends[claim.name]
                if late < timedelta():
                    assert (answer, row is not None, said[0]) == (200, True, ("True", "Issued"))
                    served += 1
                elif said == GONE:
                    assert (answer, row, claim.secret()) == (401, None, None)
                    brief.remove(claim)
                assert late < PROMPT, said
        assert served >= len(ends)
        until(lambda: proxy.count("POST", "/v2/key/info") > 0, "a sweep")
        await_sound(site, lasting)
        assert lasting.value == kept
