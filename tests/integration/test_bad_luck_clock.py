"""LiteLLM's clock is five minutes ahead of, or behind, the operator's.

The operator asks it through a proxy that shifts every moment; what really lives is asked for straight.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from dev.faultproxy import FaultProxy
from dev.forwarding import Upstream
from tests.integration.site import Claim, Site
from tests.integration.soundness import await_sound
from tests.support.skew import shift
from tests.support.waiting import until

SKEW: Final = timedelta(minutes=5)
PROMPT: Final = timedelta(seconds=15)
"""What a busy machine may need; whoever follows the wrong clock is late by five minutes."""
GONE: Final = (("False", "Expired"), ("False", "Expired"))


def real_end(claim: Claim) -> datetime:
    """When LiteLLM will refuse it, on the clock of this machine."""
    return datetime.fromisoformat(str(claim.field("expires"))).replace(tzinfo=UTC)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [SKEW, -SKEW], ids=["ahead", "behind"])
def test_a_key_ends_when_litellm_says_so_whatever_the_clocks_say(own_site: Site, wrong: timedelta) -> None:
    site = own_site
    with FaultProxy(Upstream(site.admin.url)) as proxy:
        shift(proxy, wrong)
        site.start().wait_ready()
        site.connection("skewed", url=proxy.url, sweepInterval="10s")
        site.role("skewed", connectionRef={"name": "skewed"}, renewal={"policy": "None"})
        lasting = site.claim("lasting", "skewed", ttl="2m").wait()
        brief = [site.claim(f"brief-{n}", "skewed", ttl="8s").wait() for n in range(3)]
        values, ends = {claim.name: claim.value for claim in brief}, {claim.name: real_end(claim) for claim in brief}
        kept = lasting.value
        told = datetime.fromisoformat(lasting.status["expiresAt"])
        assert abs(told - real_end(lasting) - wrong) <= timedelta(seconds=1)
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
