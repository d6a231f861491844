"""What the operator does for a claim, each from where it begins: what is there before, and what happens then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dev.faultproxy import Drop, Hold, Moment
from dev.operatorprocess import OperatorProcess
from tests.kill.site import KEYS, RETAINING, ROTATING, SECRETS, SWEPT, Site
from tests.kill.standing import Claim, Outcome, await_sound
from tests.kill.steps import renamed
from tests.support.waiting import until

Names = Sequence[str]
SHORT: Final = "15s"
"""A time to live that is enough to issue a batch of keys, and not long to wait for."""

ENDS: Final = {"policy": "None"}
"""The renewal of a key that is to end with its time."""
AFTERWARDS: Final = timedelta(seconds=1)
"""How long a claim stays when its time is over, if it is to remove itself."""


@dataclass(frozen=True)
class Protocol:
    """`prepare` brings claims to where it begins; `happens` is what sets it off, while the operator sees nothing.

    `revision`, `fields`: what LiteLLM holds at its end. `restarts`: it begins with an operator that remembers nothing.
    `breaks`: what is published does not work any more when it begins.
    """

    name: str
    prepare: Callable[[Site, OperatorProcess, Names], None]
    happens: Callable[[Site, Names], None]
    outcome: Outcome = Outcome.LIVE
    revision: int = 1
    fields: dict[str, Any] | None = None
    restarts: bool = False
    breaks: bool = False

    @property
    def serves_throughout(self) -> bool:
        """Whether what is published works from its beginning to its end."""
        return self.outcome is Outcome.LIVE and not self.breaks


def _nothing(site: Site, operator: OperatorProcess, names: Names) -> None:
    del site, operator, names


def _issued(**spec: Any) -> Callable[[Site, OperatorProcess, Names], None]:
    def prepare(site: Site, operator: OperatorProcess, names: Names) -> None:
        del operator
        site.apply(names, **spec)
        await_sound(site, [Claim(name, uid) for name, uid in site.uids(names).items()])

    return prepare


def _issued_in_doubt(site: Site, operator: OperatorProcess, names: Names) -> None:
    """The answer to the registration was lost: it may be on its way for ever."""
    rules = [
        site.litellm.on("POST", "/key/generate", Drop(), moment=Moment.AFTER, where=_alias(site, name))
        for name in names
    ]
    _issued()(site, operator, names)
    for rule in rules:
        assert rule.is_reached()
        site.litellm.remove(rule)
    assert all(site.cluster.all(KEYS)[name]["status"]["doubtful"] for name in names)


def _never_registered(site: Site, operator: OperatorProcess, names: Names) -> None:
    """Killed before the registration got to LiteLLM."""
    rules = [site.litellm.on("POST", "/key/generate", Hold(), where=_alias(site, name)) for name in names]
    site.apply(names)
    for rule in rules:
        rule.wait_reached()
    operator.kill9()
    for rule in rules:
        rule.drop()


def _alias(site: Site, name: str) -> Callable[[bytes], bool]:
    text = f'"{site.namespace}/{name}"'.encode()
    return lambda body: text in body


def _secret_deleted(site: Site, names: Names) -> None:
    for name in names:
        site.cluster.delete(SECRETS, name)


def _revoked_by_an_administrator(site: Site, names: Names) -> None:
    there = site.cluster.all(KEYS)
    for name in names:
        site.books.revoke(there[name]["status"]["tokenID"])


def _expires(site: Site, names: Names) -> None:
    there = site.cluster.all(KEYS)
    last = max(datetime.fromisoformat(there[name]["status"]["expiresAt"]) for name in names)
    # And what stays of them afterwards is over, too: else the next look would be a matter of chance.
    until(lambda: datetime.now(UTC) > last + 2 * AFTERWARDS, "the keys' time to be over")


def _revoked_and_deleted(site: Site, names: Names) -> None:
    _revoked_by_an_administrator(site, names)
    site.delete(names)


PROTOCOLS: Final = (
    Protocol("issue", _nothing, lambda site, names: site.apply(names)),
    Protocol(
        "update",
        _issued(limits={"rpm": 100}),
        lambda site, names: site.edit(names, lambda _: {"limits": {"rpm": 50}}),
        fields={"rpm_limit": 50},
    ),
    Protocol("restore-secret", _issued(), _secret_deleted),
    Protocol(
        "rename-secret",
        _issued(),
        lambda site, names: site.edit(names, lambda name: {"secret": {"name": renamed(name)}}),
    ),
    Protocol("replace", _issued(role=SWEPT), _revoked_by_an_administrator, revision=2, breaks=True),
    Protocol("rotate", _issued(role=ROTATING), Site.rotate, revision=2),
    Protocol("expire", _issued(ttl=SHORT, renewal=ENDS), _expires, Outcome.EXPIRED),
    Protocol(
        "remove-itself",
        _issued(ttl=SHORT, renewal=ENDS, ttlAfterExpired=f"{AFTERWARDS.seconds}s"),
        _expires,
        Outcome.GONE,
    ),
    Protocol("delete", _issued(), Site.delete, Outcome.GONE),
    Protocol("retain", _issued(role=RETAINING), Site.delete, Outcome.RETAINED),
    Protocol("bury", _issued_in_doubt, Site.delete, Outcome.GONE),
    Protocol("bury-revoked", _issued_in_doubt, _revoked_and_deleted, Outcome.GONE),
    Protocol("bury-unknown", _never_registered, Site.delete, Outcome.GONE, restarts=True),
    Protocol("resume-issue", _never_registered, lambda _site, _names: None, restarts=True),
)
