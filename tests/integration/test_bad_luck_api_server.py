"""What goes wrong between the operator and the API server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from dev.faultproxy import Answer, Drop, Hold, Interject, Moment, Rule
from dev.faultrules import Fault
from tests.integration.site import SECRETS, Claim, Site
from tests.integration.soundness import await_sound
from tests.support.waiting import until

WATCHES: Final = "[?&]watch="
KEY_LISTS: Final = r"/litellmkeys\?(?!.*watch=)"
REFUSED: Final = 12
"""Requests in vain after which an outage has lasted long enough."""


def status(code: int, reason: str) -> bytes:
    """What an API server answers with when it does not do something."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return json.dumps({**body, "message": "for the sake of the test"}).encode()


def refusal(code: int, reason: str) -> Answer:
    """The same as an answer."""
    return Answer(code, status(code, reason), {"Content-Type": "application/json"})


CONFLICT: Final = refusal(409, "Conflict")
ERROR: Final = refusal(500, "InternalError")
LOST: Final[dict[str, tuple[Fault, Moment]]] = {
    "conflict": (CONFLICT, Moment.BEFORE),
    "conflict-though-done": (CONFLICT, Moment.AFTER),
    "failing": (ERROR, Moment.BEFORE),
    "failing-though-done": (ERROR, Moment.AFTER),
    "cut": (Drop(), Moment.BEFORE),
    "cut-though-done": (Drop(), Moment.AFTER),
}


@dataclass(frozen=True)
class Write:
    """One of the operator's writes for a claim: method, what follows the collection, and the collection."""

    method: str
    path: Callable[[str], str]

    def strike(self, site: Site, claim: str, fault: Fault, moment: Moment) -> Rule:
        """Let the next one for this claim meet a fault."""

        def names_it(body: bytes) -> bool:
            # What is created has its name in the body alone.
            return self.method != "POST" or f'"{claim}"'.encode() in body

        return site.api.on(self.method, self.path(re.escape(claim)), fault, moment=moment, where=names_it)


ISSUE: Final = {
    "finalizer": Write("PATCH", lambda claim: rf"/litellmkeys/{claim}(\?|$)"),
    "secret": Write("POST", lambda _: "/secrets"),
    "status": Write("PATCH", lambda claim: f"/litellmkeys/{claim}/status"),
}
DELETION: Final = {
    "secret": Write("DELETE", lambda claim: f"/secrets/{claim}"),
    "finalizer": ISSUE["finalizer"],
}


@pytest.mark.parametrize("case", LOST)
def test_a_write_that_is_refused_or_lost(site: Site, case: str) -> None:
    fault, moment = LOST[case]
    site.role(case)
    first = {step: write.strike(site, f"{case}-{step}", fault, moment) for step, write in ISSUE.items()}
    claims = {step: site.claim(f"{case}-{step}", case) for step in ISSUE}
    await_sound(site, *claims.values())
    assert [step for step, rule in first.items() if not rule.is_reached()] == []
    assert [claim.status["revision"] for claim in claims.values()] == [1] * len(claims)

    last = {step: write.strike(site, f"{case}-{step}", fault, moment) for step, write in DELETION.items()}
    for step in last:
        claims[step].delete()
    for step, rule in last.items():
        claims[step].wait_gone()
        assert rule.is_reached()
        assert claims[step].secret() is None
    await_sound(site, claims["status"])


def test_a_watch_that_expires_in_the_middle(own_site: Site) -> None:
    site = own_site
    expired = json.dumps({"type": "ERROR", "object": json.loads(status(410, "Expired"))}).encode() + b"\n"
    watches = site.api.on("GET", WATCHES, Interject(expired), nth=None)
    operator = site.start().wait_ready()
    site.role("plain")
    edited, deleted, bare = (site.claim(name, "plain").wait() for name in ("edited", "deleted", "bare"))
    kept = bare.value
    lists = site.api.on("GET", KEY_LISTS, Hold(), nth=None)
    site.api.remove(watches)
    lists.wait_reached()
    # Nobody watches now.
    made = site.claim("made", "plain")
    edited.edit(limits={"rpm": 7})
    deleted.delete()
    bare.cluster.delete(SECRETS, bare.name)
    assert "finalizers" not in made.resource["metadata"]

    site.api.remove(lists)
    deleted.wait_gone()
    until(lambda: bare.secret() is not None, "the Secret to be restored")
    await_sound(site, made, edited, bare)
    assert edited.field("rpm_limit") == 7
    assert bare.value == kept
    assert operator.metric("litellm_key_watch_restarts_total") == 0


@pytest.mark.parametrize("fault", [ERROR, Drop()], ids=["failing", "unreachable"])
def test_an_outage_of_the_api_server(own_site: Site, fault: Fault) -> None:
    site = own_site
    watches = site.api.on("GET", WATCHES, Interject(), nth=None)
    operator = site.start(request_timeout="2s").wait_ready()
    site.role("plain")
    names = ("settled", "edited", "deleted", "bare", "brief")
    settled, edited, deleted, bare, brief = (_issued(site, name) for name in names)
    version, value, short = settled.resource["metadata"]["resourceVersion"], bare.value, brief.value
    before = site.api.count()
    outage = site.api.on("*", "", fault, nth=None)
    site.api.remove(watches)
    made = site.claim("made", "plain")
    edited.edit(limits={"rpm": 7})
    deleted.delete()
    bare.cluster.delete(SECRETS, bare.name)
    until(lambda: site.admin.chat(short) == 401, "the brief key's time to be over")
    until(lambda: site.api.count() >= before + REFUSED, "requests in vain")
    assert operator.running
    assert "finalizers" not in made.resource["metadata"]
    assert site.admin.chat(settled.value) == 200

    site.api.remove(outage)
    deleted.wait_gone()
    until(lambda: bare.secret() is not None, "the Secret to be restored")
    await_sound(site, settled, made, edited, bare)
    assert edited.field("rpm_limit") == 7
    assert bare.value == value
    brief.wait("Expired", "Expired")
    assert brief.secret() is None
    assert settled.resource["metadata"]["resourceVersion"] == version
    assert operator.running


def _issued(site: Site, name: str) -> Claim:
    short: dict[str, Any] = {"ttl": "5s", "renewal": {"policy": "None"}} if name == "brief" else {}
    return site.claim(name, "plain", **short).wait()
