"""The operator is killed with -9 before, during and after every step that it takes, and started again.

The steps are those of an undisturbed run, so a new one is covered by itself. Each has claims of its own, one for each
moment, whose requests are held where the moment says; when all of them are there, one kill does for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from dev.faultproxy import Rule
from dev.operatorprocess import OperatorProcess
from tests.kill.protocols import PROTOCOLS, Protocol
from tests.kill.site import Site
from tests.kill.standing import Claim, Outcome, Standing, await_sound, check_values
from tests.kill.steps import Caught, Cell, Step, labels_of, recorded
from tests.kill.stillness import await_still, look_again
from tests.support.waiting import until

RECORDED = "k00"


@pytest.mark.slow
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_killed_at_every_step(protocol: Protocol, site: Site) -> None:
    operator = site.operator().wait_ready()
    steps = steps_of(protocol, site, operator)
    moments = [(step, caught) for step in steps for caught in step.moments(lives=protocol.outcome is Outcome.LIVE)]
    cells = [Cell(f"k{number:02}", *moment) for number, moment in enumerate(moments, start=1)]
    (site.folder / "cells.txt").write_text("".join(f"{cell}\n" for cell in cells))

    claims = begin(protocol, site, operator, [cell.name for cell in cells], cells)
    for cell in cells:
        reach(cell)
    for step in {cell.step for cell in cells if cell.step.goes_with_others and not cell.step.reads}:
        together = [cell.held for cell in cells if cell.step == step]
        until(partial(any_reached, together), f"{step} of any claim")
    operator.kill9()
    never_came = [cell for cell in cells if not cell.held.is_reached()]
    if protocol.serves_throughout:
        assert not Standing.of(site).refused(claims)
    for cell in cells:
        if cell in never_came:
            site.proxies[cell.step.server].remove(cell.held)
        elif cell.caught is Caught.BEFORE:
            cell.held.drop()
        elif cell.caught is Caught.DURING:
            cell.held.release()
    operator.start().wait_ready()
    check(site, operator, claims)

    late = [cell for cell in cells if cell.caught.is_late and cell not in never_came]
    gone = [cell.name for cell in cells if cell.caught is Caught.LATE_GONE]
    site.delete(gone)
    claims = [Claim(c.name, c.uid, Outcome.GONE) if c.name in gone else c for c in claims]
    await_sound(site, claims)
    for cell in late:
        forward(site, cell)
    check(site, operator, claims)
    check_values(Standing.of(site), claims)


def steps_of(protocol: Protocol, site: Site, operator: OperatorProcess) -> list[Step]:
    """The steps of the protocol, as an undisturbed run takes them."""
    (claim,) = begin(protocol, site, operator, [RECORDED])
    await_sound(site, [claim])
    await_still(site, [claim])
    steps = recorded(site, labels_of(site, claim.name, claim.uid))
    assert steps
    return steps


def begin(
    protocol: Protocol, site: Site, operator: OperatorProcess, names: Sequence[str], cells: Sequence[Cell] = ()
) -> list[Claim]:
    """Bring claims to where the protocol begins, and let it begin when every cell is armed."""
    protocol.prepare(site, operator, names)
    if protocol.restarts:
        operator.kill9()
    else:
        operator.sigstop()
    protocol.happens(site, names)
    uids = site.uids(names)
    for proxy in site.proxies.values():
        proxy.clear()
    for cell in cells:
        cell.arm(site, uids[cell.name])
    if protocol.restarts:
        operator.start()
    else:
        operator.sigcont()
    return [Claim(name, uid, protocol.outcome, protocol.revision, protocol.fields) for name, uid in uids.items()]


def reach(cell: Cell) -> None:
    """Wait until the request of a cell is held."""
    if cell.step.may_be_left_out or cell.step.goes_with_others:
        return
    try:
        cell.held.wait_reached()
    except TimeoutError:
        pytest.fail(f"never came: {cell}")


def any_reached(rules: Sequence[Rule]) -> bool:
    """Whether one of them holds a request."""
    return any(rule.is_reached() for rule in rules)


def forward(site: Site, cell: Cell) -> None:
    """Let the held request of a cell get to the server at last."""
    before = cell.passed(site)
    cell.held.release()
    until(lambda: cell.passed(site) > before, f"the end of {cell}")


def check(site: Site, operator: OperatorProcess, claims: list[Claim]) -> None:
    """All is as it should be, stays so, and another look changes nothing."""
    await_sound(site, claims)
    await_still(site, claims)
    look_again(site, operator, claims)
    await_sound(site, claims)
