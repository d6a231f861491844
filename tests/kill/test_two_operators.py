"""More than one operator at work on the same claims: at the same time, one after the other, and one of them frozen."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import Final

import pytest

from dev.faultproxy import Hold, Moment
from dev.operatorprocess import OperatorProcess
from tests.kill.bursts import begin_burst
from tests.kill.site import Site
from tests.kill.standing import Claim, Outcome, await_sound, check_values
from tests.kill.stillness import await_still, look_again, writes
from tests.support.waiting import until

FROZEN: Final = float(os.environ.get("LLMKEYS_TEST_FROZEN", "5"))
"""Seconds for which an operator is frozen. Nothing in the protocol counts them, so that any number shows the same."""
QUARREL: Final = 16
"""Writes for a claim that is issued, and edited or deleted, which show that two operators undo each other's work."""
LEASE: Final = "2s"


@pytest.mark.slow
def test_two_without_a_lease_on_the_same_claims(site: Site) -> None:
    both = [site.operator("one").wait_ready(), site.operator("two").wait_ready()]
    names = [f"k{number:02}" for number in range(30)]

    site.apply(names)
    claims = [Claim(name, uid) for name, uid in site.uids(names).items()]
    await_sound(site, claims)

    edited, deleted = names[:20], names[20:]
    site.edit(edited, lambda _: {"limits": {"rpm": 10}})
    site.delete(deleted)
    claims = [
        Claim(c.name, c.uid, Outcome.GONE) if c.name in deleted else Claim(c.name, c.uid, fields={"rpm_limit": 10})
        for c in claims
    ]
    await_sound(site, claims)
    await_still(site, claims)
    for operator in both:
        look_again(site, operator, claims)
    check_values(await_sound(site, claims), claims)
    written = writes(site, claims)
    assert len(written) < QUARREL * len(claims), Counter(written)

    site.delete(edited)
    claims = [Claim(c.name, c.uid, Outcome.GONE) for c in claims]
    check_values(await_sound(site, claims), claims)


@pytest.mark.slow
@pytest.mark.parametrize("recreated", [False, True], ids=["deleted", "deleted-and-made-anew"])
@pytest.mark.parametrize("moment", list(Moment), ids=["committed-afterwards", "answered-afterwards"])
def test_frozen_while_it_registers_and_another_deletes(site: Site, moment: Moment, *, recreated: bool) -> None:
    frozen = site.operator("frozen").wait_ready()
    claim = freeze_in_registration(site, frozen, moment)
    began = time.monotonic()
    site.operator("other").wait_ready()
    site.delete([claim.name])
    await_sound(site, [claim])
    claims = [claim]
    if recreated:
        site.apply([claim.name])
        claims = [Claim(claim.name, site.uids([claim.name])[claim.name])]
        await_sound(site, claims)
    until(lambda: time.monotonic() - began > FROZEN, "the frost to be over")

    release(site)
    frozen.sigcont()
    await_still(site, claims)
    await_sound(site, claims)
    look_again(site, frozen, claims)
    check_values(await_sound(site, claims), [claim, *claims])


@pytest.mark.slow
def test_a_leader_frozen_while_it_registers_gives_way(site: Site) -> None:
    frozen = site.operator("frozen", leader_election="true", lease_duration=LEASE).wait_ready()
    claim = freeze_in_registration(site, frozen, Moment.BEFORE)
    site.operator("other", leader_election="true", lease_duration=LEASE).wait_ready()
    site.delete([claim.name])
    await_sound(site, [claim])

    release(site)
    frozen.sigcont()
    assert frozen.wait_exit() == 1
    check_values(await_sound(site, [claim]), [claim])


@pytest.mark.slow
def test_the_leader_killed_in_a_burst(site: Site) -> None:
    leader = site.operator("leader", leader_election="true", lease_duration=LEASE).wait_ready()
    standby = site.operator("standby", leader_election="true", lease_duration=LEASE).wait_standby()
    names = [f"k{number:02}" for number in range(50)]
    claims = begin_burst(site, leader, names)
    leader.kill9()
    standby.wait_ready()
    await_sound(site, claims)
    await_still(site, claims)
    look_again(site, standby, claims)
    check_values(await_sound(site, claims), claims)


def freeze_in_registration(site: Site, operator: OperatorProcess, moment: Moment) -> Claim:
    """A claim whose registration is held, and so is its operator; answers it as it is to end."""
    rule = site.litellm.on("POST", "/key/generate", Hold(), moment=moment, where=lambda body: b'/held"' in body)
    site.apply(["held"])
    rule.wait_reached()
    operator.sigstop()
    return Claim("held", site.uids(["held"])["held"], Outcome.GONE)


def release(site: Site) -> None:
    """Let the held registration go on, and wait for its end."""
    site.litellm.clear()
    until(lambda: site.litellm.requests("POST", "/key/generate"), "the held registration to end")
