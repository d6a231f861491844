"""What the operator does not do: write without news, ask again and again, let one proxy's trouble be another's."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from dev.faultproxy import Drop, FaultProxy, Hold, Passed, before_litellm
from dev.litellm import Endpoint
from tests.integration.site import CONNECTIONS, KEYS, ROLES, SECRETS, SWEPT, Claim, Site
from tests.support.cluster import Json
from tests.support.waiting import until

MANY = 12
QUICK = 10.0
"""Seconds in which a busy machine issues a few keys; a call that hangs takes longer."""
SWEEP = "/v2/key/info"


@pytest.fixture(scope="module")
def settled(site: Site) -> tuple[Site, list[Claim]]:
    site.role("swept", connectionRef={"name": SWEPT}, limits={"rpm": 100}, budget={"max": 20, "period": "30d"})
    claims = [site.claim(f"settled-{n}", "swept") for n in range(MANY)]
    for claim in claims:
        claim.wait().wait_event("KeyIssued")
    until(lambda: counted(site, ROLES, "swept", "keysReady") == MANY, "the role's count")
    until(lambda: counted(site, CONNECTIONS, SWEPT, "keys") == MANY, "the connection's count")
    return site, claims


def counted(site: Site, collection: str, name: str, field: str) -> object:
    """A number in a status."""
    status: Json = (site.at().get(collection, name) or {}).get("status", {})
    return status.get(field)


def calls(site: Site, connection: str, endpoint: str) -> dict[str, float]:
    """How many calls through a Connection were answered, and how many were not."""
    labels = {"connection": f"{site.home}/{connection}", "endpoint": endpoint}
    name = "litellm_key_litellm_requests_total"
    return {code: site.operator.metric(name, **labels, code=code) for code in ("200", "lost")}


def writes(proxy: FaultProxy, since: int) -> list[Passed]:
    return [one for one in proxy.requests()[since:] if one.method != "GET"]


def versions(site: Site) -> dict[str, str]:
    found = {
        f"{collection}/{name}": item["metadata"]["resourceVersion"]
        for collection in (KEYS, ROLES, CONNECTIONS, SECRETS, "events")
        for name, item in site.at().all(collection).items()
    }
    assert len(found) > MANY
    return found


@pytest.mark.slow
def test_sweeps_over_settled_keys_write_nothing(settled: tuple[Site, list[Claim]]) -> None:
    site, _ = settled
    before, sent, lines = versions(site), len(site.api.requests()), len(site.operator.lines)
    swept, asked = site.litellm.count("POST", SWEEP), len(site.litellm.requests())
    until(lambda: site.litellm.count("POST", SWEEP) >= swept + 2, "two sweeps")
    assert writes(site.api, sent) == []
    assert versions(site) == before
    keyed = [one.target for one in site.litellm.requests()[asked:] if one.target.startswith(("/key", "/v2/key"))]
    assert set(keyed) == {SWEEP}
    assert site.operator.lines[lines:] == []


@pytest.mark.slow
def test_a_restart_over_settled_keys_writes_nothing(settled: tuple[Site, list[Claim]]) -> None:
    site, claims = settled
    assert site.operator.terminate() == 0
    before, sent, asked = versions(site), len(site.api.requests()), len(site.litellm.requests())
    site.operator.start().wait_ready()
    until(lambda: SWEEP in {one.target for one in site.litellm.requests()[asked:] if b'"' in one.body}, "a sweep", 30)
    until(lambda: site.operator.metric("litellm_key_reconcile_total", kind="key") >= MANY, "a look at every key")
    assert writes(site.api, sent) == []
    assert versions(site) == before
    tokens = {claim.token_id for claim in claims}
    singly = [one for one in site.litellm.requests()[asked:] if any(token in one.target for token in tokens)]
    assert singly == []
    # It is awake nevertheless.
    site.claim("awake", "swept").wait().delete()


def test_a_proxy_that_hangs_keeps_nobody_else_waiting(settled: tuple[Site, list[Claim]], litellm: Endpoint) -> None:
    site, _ = settled
    with ExitStack() as stack:
        proxies = [stack.enter_context(before_litellm(litellm)) for _ in range(3)]
        for n, proxy in enumerate(proxies):
            site.connection(f"proxy-{n}", url=proxy.url, timeout="25s", maxInFlight=2)
            site.role(f"proxy-{n}", connectionRef={"name": f"proxy-{n}"})
            site.claim(f"proxy-{n}-first", f"proxy-{n}").wait()
        dead = proxies[0].on("POST", "/key/generate", Hold(), nth=None)
        stuck = [site.claim(f"stuck-{n}", "proxy-0") for n in range(40)]
        dead.wait_reached()
        for n in range(6):
            site.claim(f"swift-{n}", f"proxy-{1 + n % 2}").wait()
        # All of that was done before a single call to the dead one was over.
        assert calls(site, "proxy-0", "/key/generate") == {"200": 1.0, "lost": 0.0}
        assert [calls(site, f"proxy-{n}", "/key/generate")["200"] for n in (1, 2)] == [4.0, 4.0]
        assert all(claim.secret() is None for claim in stuck)
        # A deletion is not behind them in the line either.
        (freed,) = [site.claim("freed", "proxy-1").wait()]
        freed.delete()
        freed.wait_gone(QUICK)
        dead.release()
        for claim in stuck:
            claim.wait()
        for claim in stuck:
            claim.delete()
        for claim in stuck:
            claim.wait_gone()


def test_an_outage_leaves_ready_keys_ready_and_is_over_when_it_is_over(
    settled: tuple[Site, list[Claim]], litellm: Endpoint
) -> None:
    site, _ = settled
    with before_litellm(litellm) as proxy:
        site.connection("broken", url=proxy.url)
        site.role("broken", connectionRef={"name": "broken"}, limits={"rpm": 10})
        claim = site.claim("lives-on", "broken").wait()
        since = next(c["lastTransitionTime"] for c in claim.status["conditions"] if c["type"] == "Ready")
        outage = proxy.on("*", "/", Drop(), nth=None)
        site.edit_role("broken", limits={"rpm": 20})
        until(lambda: claim.says()[1][0] != "True", "the outage to be said")
        assert claim.says()[0] == ("True", "Issued")
        assert claim.says()[1][1] in {"Unreachable", "ConnectionNotReady"}
        until(lambda: site.connection_says("broken") == ("False", "Unreachable"), "the connection to say so")
        late = site.claim("late", "broken").wait("ConnectionNotReady", "ConnectionNotReady")
        proxy.remove(outage)
        claim.wait()
        late.wait()
        assert claim.field("rpm_limit") == 20
        assert next(c["lastTransitionTime"] for c in claim.status["conditions"] if c["type"] == "Ready") == since
        for one in (claim, late):
            one.delete()
            one.wait_gone()
