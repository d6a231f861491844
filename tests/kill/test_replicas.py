"""Two operators and one Lease: what the second costs, and what happens when the first is killed, leaves, or is cut off.

What was measured is logged: `--log-cli-level=INFO` shows it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from functools import partial
from statistics import median
from typing import Final

import pytest

from dev.controlplane import Access
from dev.faultproxy import Delay, Drop, Hold, Moment
from dev.faultrules import Fault
from tests.kill.replicas import LEASES, Load, Replicas
from tests.kill.site import SECRETS, Site
from tests.kill.standing import Claim, await_sound, check_values
from tests.support.waiting import until

_log = logging.getLogger(__name__)

SHORT: Final = 8.0
"""Seconds of a Lease whose end is waited for."""
LONG: Final = 300.0
"""Seconds of a Lease that is never waited for: who leaves hands it over."""
SOON: Final = LONG / 20
"""Seconds in which a busy machine takes over; what waits for the Lease, or for its next renewal, takes longer."""
RATE: Final = 10.0
"""New claims a second."""
MOST: Final = 50
"""Claims that wait at the same time."""
GENERATE: Final = "/key/generate"


@pytest.fixture
def short(site: Site, crds: Access) -> Generator[Replicas]:
    with Replicas(site, crds, SHORT) as made:
        yield made


@pytest.fixture
def long(site: Site, crds: Access) -> Generator[Replicas]:
    with Replicas(site, crds, LONG) as made:
        yield made


def made(site: Site, names: list[str]) -> list[Claim]:
    """Claims of these names, each of which is to end with its first revision."""
    site.apply(names)
    return [Claim(name, uid) for name, uid in site.uids(names).items()]


def _served_some(load: Load, replicas: Replicas, count: int) -> bool:
    """Whether the claims that were made are served up to this one."""
    return len(load.made.keys() & replicas.served().keys()) >= count


def await_served(site: Site, name: str) -> float:
    """Wait for the Secret of a claim; answers when it was there, in monotonic seconds."""
    until(lambda: site.cluster.get(SECRETS, name), f"the Secret of {name}")
    return time.monotonic()


def test_a_standby_is_ready_costs_little_and_says_so(site: Site, short: Replicas) -> None:
    leader, standby = short.pair()
    claims = made(site, [f"k{number:02}" for number in range(20)])
    await_sound(site, claims)

    assert standby.process.page("/readyz") == (200, "standby: waiting for the Lease\n")
    assert standby.process.page("/healthz") == (200, "ok\n")
    assert (leader.process.metric("litellm_key_leader"), standby.process.metric("litellm_key_leader")) == (1, 0)
    assert standby.acts() == []
    assert standby.api.under_way(path="[?&]watch=") == 0
    assert leader.api.under_way(path="[?&]watch=") >= 4
    asked = {(one.method, one.status) for one in standby.api.requests(path=LEASES)}
    assert asked == {("GET", 200)}
    _log.info("%d MiB the standby, %d MiB the leader", standby.resident >> 20, leader.resident >> 20)
    assert standby.resident < leader.resident
    assert standby.resident < 100 * 2**20


def test_a_leader_that_is_killed_is_replaced_when_its_lease_is_over(site: Site, short: Replicas) -> None:
    leader, _ = short.pair()
    claims = made(site, [f"k{number:02}" for number in range(5)])
    await_sound(site, claims)

    leader.process.kill9()
    killed = time.monotonic()
    claims += made(site, ["next"])
    took = await_served(site, "next") - killed
    _log.info("next key %.1f s after the kill, of which %g s are the Lease's", took, SHORT)
    assert took < 2 * SHORT
    check_values(await_sound(site, claims), claims)


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_a_leader_that_leaves_hands_over_at_once(site: Site, long: Replicas, *, busy: bool) -> None:
    leader, _ = long.pair()
    claims = made(site, ["first"])
    await_sound(site, claims)
    if busy:
        begun = site.litellm.count("POST", GENERATE)
        claims += made(site, [f"k{number:02}" for number in range(30)])
        until(lambda: site.litellm.count("POST", GENERATE) > begun, "the burst to begin")

    told = time.monotonic()
    assert leader.process.terminate() == 0
    ended = time.monotonic()
    claims += made(site, ["next"])
    served = await_served(site, "next")
    _log.info("%.1f s to its end, %.1f s to the next key", ended - told, served - told)
    assert served - told < SOON
    check_values(await_sound(site, claims), claims)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Hold(), Drop()], ids=["silent", "refused"])
def test_a_leader_that_is_cut_off_stops_before_another_starts(site: Site, short: Replicas, fault: Fault) -> None:
    leader, standby = short.pair()
    # LiteLLM is slow, so that the leader is in the middle of many registrations when it loses the API server.
    site.litellm.on("POST", GENERATE, Delay(SHORT / 4), moment=Moment.AFTER, nth=None)
    claims = made(site, [f"k{number:02}" for number in range(30)])
    until(lambda: site.litellm.under_way("POST", GENERATE), "the first registration")
    leader.partition(fault)
    cut = time.monotonic()
    assert leader.process.wait_exit() == 1
    ended = time.monotonic()
    assert standby.acts() == []

    standby.process.wait_ready()
    await_sound(site, claims)
    began = standby.leads_since()
    _log.info("%.1f s to its end, %.1f s to the other's begin", ended - cut, began - cut)
    asked = site.litellm.requests()
    assert any(cut < one.done < ended for one in asked), "the leader did nothing after it was cut off"
    assert not [one for one in asked if ended < one.begun < began]
    assert not [one for one in leader.acts() if one.begun > cut and one.answered is not None]
    assert ended < began
    assert began - cut < 2 * SHORT
    leader.api.clear()
    check_values(await_sound(site, claims), claims)


@pytest.mark.slow
def test_a_rolling_upgrade_under_load_loses_nothing(site: Site, long: Replicas) -> None:
    old = long.pair()
    with Load(site, long, RATE, MOST) as load:
        until(partial(_served_some, load, long, 20), "the load to be under way")
        for leaving in old:
            long.start().process.wait_standby()
            assert leaving.process.terminate() == 0
            count = len(load.made)
            until(partial(_served_some, load, long, count), "the new leader to serve")
    claims = [Claim(name, uid) for name, uid in site.uids(list(load.made)).items()]
    check_values(await_sound(site, claims), claims)
    late = {name: at - load.made[name] for name, at in long.served().items()}
    _log.info("%d claims; latest %.1f s, median %.1f s", len(late), max(late.values()), median(late.values()))
    assert late.keys() == load.made.keys()
    assert max(late.values()) < LONG / 10
