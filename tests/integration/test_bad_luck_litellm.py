"""What goes wrong between the operator and LiteLLM: each with its own way there, so that it strikes nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest

from dev.faultproxy import Answer, Delay, Drip, Drop, FaultProxy, Hold, Moment
from dev.faultrules import Fault
from tests.integration.mishaps import FAILED, GENERATE, connected, error, of
from tests.integration.site import Site
from tests.integration.soundness import await_sound
from tests.support.waiting import until

PAUSE: Final = 5
UNDER_WAY: Final = 1.0
"""Seconds in which what was sent before the first answer came has arrived."""
CHANGES: Final = "/key/(generate|update|delete|info)|/v2/key/info"


@dataclass(frozen=True)
class Accident:
    """What happens to one registration, `timeout` being the Connection's; whether it is in doubt from then on."""

    fault: Fault
    moment: Moment = Moment.BEFORE
    timeout: str = "15s"
    doubtful: bool = True


ACCIDENTS: Final = {
    "slow": Accident(Delay(3), doubtful=False),
    "slower-than-allowed": Accident(Delay(3), timeout="1s"),
    "dripping": Accident(Drip(1.0), timeout="2s"),
    "failing-before-it-commits": Accident(FAILED),
    "failing-after-it-committed": Accident(FAILED, Moment.AFTER),
    "cut-before-it-commits": Accident(Drop()),
    "cut-after-it-committed": Accident(Drop(), Moment.AFTER),
    "html-after-it-committed": Accident(Answer(502, b"<html>Bad Gateway</html>"), Moment.AFTER),
}


@pytest.mark.parametrize("case", ACCIDENTS)
def test_an_accident_at_the_registration(site: Site, proxy: FaultProxy, case: str) -> None:
    accident = ACCIDENTS[case]
    early = connected(site, proxy, case, timeout=accident.timeout)
    name = f"{case}-late"
    rule = proxy.on("POST", GENERATE, accident.fault, moment=accident.moment, where=of(name))
    late = site.claim(name, case).wait()
    assert rule.is_reached()
    assert late.status["revision"] == 1
    assert late.status.get("doubtful", False) is accident.doubtful
    await_sound(site, early, late)
    late.delete()
    late.wait_gone()
    await_sound(site, early)


@pytest.mark.parametrize("deleted", [False, True], ids=["kept", "deleted"])
def test_a_registration_that_is_committed_long_after_it_was_given_up(
    site: Site, proxy: FaultProxy, *, deleted: bool
) -> None:
    case = "deleted-meanwhile" if deleted else "kept-meanwhile"
    early = connected(site, proxy, case, timeout="1s")
    name = f"{case}-late"
    rule = proxy.on("POST", GENERATE, Hold(), where=of(name))
    late = site.claim(name, case).wait()
    kept = [] if deleted else [late]
    if deleted:
        late.delete()
        late.wait_gone()
    await_sound(site, early, *kept)
    before = proxy.count("POST", GENERATE)
    rule.release()
    until(lambda: proxy.count("POST", GENERATE) > before, "the late registration to end")
    await_sound(site, early, *kept)


@dataclass(frozen=True)
class Outage:
    """What becomes of all requests, or of those to `path`, for a while, and what the Connection says of it."""

    fault: Fault
    words: str
    reason: str = "Unreachable"
    path: str = ""
    timeout: str = "15s"


OUTAGES: Final = {
    "cut-off": Outage(Drop(), "was sent and not answered"),
    "too-slow": Outage(Delay(3), "took longer than 1 s", timeout="1s"),
    "dripping": Outage(Drip(1.0), "took longer than 1 s", timeout="1s"),
    "failing": Outage(FAILED, "answered 500"),
    "unauthorized": Outage(
        error(401, "Authentication Error, Invalid proxy server token passed. Unable to find token in cache or DB"),
        "LiteLLM does not know the admin credential",
        reason="BadCredential",
        path=CHANGES,
    ),
    "forbidden": Outage(
        Answer(
            403, b'{"detail": "Virtual key is not allowed to call this route"}', {"Content-Type": "application/json"}
        ),
        "the admin credential may not call",
        reason="Forbidden",
        path=CHANGES,
    ),
    "redirecting": Outage(Answer(307, b"", {"Location": "/elsewhere"}), "redirects are not followed"),
    "html": Outage(Answer(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}), "not in the way of LiteLLM"),
    "busy": Outage(error(429, "Too many requests", **{"Retry-After": "1"}), "answered 429, and wants to be left alone"),
    "overloaded": Outage(
        Answer(503, b"<html>no upstream</html>", {"Retry-After": "1"}), "answered 503, and wants to be left alone"
    ),
}


@pytest.mark.parametrize("case", OUTAGES)
def test_an_outage(site: Site, proxy: FaultProxy, case: str) -> None:
    outage, name = OUTAGES[case], f"out-{case}"
    early = connected(site, proxy, name, timeout=outage.timeout)
    value = early.value
    rule = proxy.on("*", outage.path, outage.fault, nth=None)
    early.edit(limits={"rpm": 7})
    until(lambda: site.connection_says(name) == ("False", outage.reason), "the Connection to say so")
    until(lambda: outage.words in site.connection_message(name), f"it to say why: {outage.words}")
    late = site.claim(f"{name}-late", name).wait("ConnectionNotReady", "ConnectionNotReady")
    early.wait("Issued", "ConnectionNotReady")
    assert early.says()[0] == ("True", "Issued")
    assert site.admin.chat(value) == 200
    assert proxy.count("*", "^/elsewhere") == 0

    proxy.remove(rule)
    await_sound(site, early, late)
    assert early.value == value
    assert early.field("rpm_limit") == 7


def test_an_enterprise_field_is_refused_until_it_is_taken_out(site: Site, proxy: FaultProxy) -> None:
    early = connected(site, proxy, "enterprise")
    words = "You must be a LiteLLM Enterprise user to use this feature"
    rule = proxy.on("POST", GENERATE, error(403, f"{{'error': '{words}'}}"), nth=None, where=of("licensed"))
    late = site.claim("licensed", "enterprise").wait("Rejected", "Rejected")
    assert words in late.message("Ready")
    late.wait_event("IssueFailed")
    assert site.connection_says("enterprise") == ("True", "Connected")
    proxy.remove(rule)
    late.edit(limits={"rpm": 100})
    await_sound(site, early, late)


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_for_a_pause_gets_it(site: Site, proxy: FaultProxy, status: int) -> None:
    name = f"pausing-{status}"
    early = connected(site, proxy, name)
    before = proxy.count()
    rule = proxy.on("*", "", error(status, "later, please", **{"Retry-After": str(PAUSE)}), nth=None)
    late = [site.claim(f"{name}-{n}", name) for n in range(4)]
    early.edit(limits={"rpm": 7})
    early.wait("Issued", "ConnectionNotReady")
    first = proxy.requests()[before]
    until(lambda: proxy.requests()[-1].begun > first.done + PAUSE, "it to be asked again")
    proxy.remove(rule)
    await_sound(site, early, *late)
    asked = [one.begun - first.done for one in proxy.requests()[before:]]
    assert [seconds for seconds in asked if UNDER_WAY < seconds < PAUSE] == []
