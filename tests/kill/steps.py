"""The steps of a protocol, read off an undisturbed run, and the moments at which one can be caught."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from typing_extensions import override

from dev.faultproxy import Hold, Moment, Passed, Rule
from tests.kill.site import Site

_NO_STEPS: Final = re.compile(r"/events(/|$|\?)|/v2/key/info$|[?&]watch=")
"""What names a claim and is no step of its protocol: Events, the sweep over all keys, watches."""


class Caught(Enum):
    """When the operator is killed, and what becomes of its request."""

    BEFORE = "before"
    """The server never sees it. This is also the moment just after the step before this one."""
    DURING = "during"
    """The server has done it, and the operator does not know."""
    LATE = "late"
    """The server sees it after a new operator has brought everything to its end."""
    LATE_GONE = "late, gone"
    """The server sees it after the claim has been deleted and is gone."""

    @property
    def is_late(self) -> bool:
        """Whether the request outlives the next operator's work."""
        return self in {Caught.LATE, Caught.LATE_GONE}


@dataclass(frozen=True)
class Step:
    """One request. `target` has placeholders for what is different for each claim; without any, `body` is where it is.

    `nth`: of the requests of a run that look the same, which one.
    """

    server: str
    method: str
    target: str
    body: frozenset[str]
    nth: int

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    @property
    def goes_with_others(self) -> bool:
        """Whether one request does it for many claims: the cell of another, perhaps of another moment, may hold it."""
        return self.target.startswith(("/key/delete", "/key/info"))

    @property
    def may_be_left_out(self) -> bool:
        """Whether it is a look at what was looked at before: an event at the right moment brings one more of those.

        Nothing is lost with it: being killed before a read is being killed after the write that went before.
        """
        return self.reads and self.nth > 1

    def moments(self, *, lives: bool) -> Iterator[Caught]:
        """When it can be caught with different results, in a protocol that leaves a live key or none."""
        yield Caught.BEFORE
        if not self.reads:
            yield Caught.DURING
            yield Caught.LATE
            if lives:
                yield Caught.LATE_GONE

    @override
    def __str__(self) -> str:
        return f"{self.method} {self.target} #{self.nth}"


@dataclass
class Cell:
    """One claim, whose operator is killed at one moment of one step."""

    name: str
    step: Step
    caught: Caught
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    rule: Rule | None = None

    def arm(self, site: Site, uid: str) -> None:
        """Hold its request, which is yet to come."""
        self.labels = labels_of(site, self.name, uid)
        moment = Moment.AFTER if self.caught is Caught.DURING else Moment.BEFORE
        self.rule = site.proxies[self.step.server].on(
            self.step.method, self._pattern, Hold(), moment=moment, nth=self.step.nth, where=self._names_it
        )

    @property
    def held(self) -> Rule:
        """The rule that holds its request."""
        assert self.rule is not None, "the cell is not armed"
        return self.rule

    def passed(self, site: Site) -> int:
        """How many requests like its own have come to their end."""
        done = site.proxies[self.step.server].requests(self.step.method, self._pattern)
        return sum(1 for request in done if self._names_it(request.body))

    @property
    def _pattern(self) -> str:
        return f"^{re.escape(self.step.target.format(**self.labels))}$"

    def _names_it(self, body: bytes) -> bool:
        return all(self.labels[label].encode() in body for label in self.step.body)

    @override
    def __str__(self) -> str:
        return f"{self.name} {self.caught.value} {self.step}"


def labels_of(site: Site, name: str, uid: str) -> dict[str, str]:
    """What a request can call a claim, the longest texts first."""
    tokens = {f"token{number}": value.token_id for number, value in enumerate(site.values(uid), start=1)}
    return {**tokens, "uid": uid, "renamed": renamed(name), "name": name}


def renamed(name: str) -> str:
    """Another name for a claim's Secret."""
    return f"{name}-renamed"


def requests_of(site: Site, labels: Mapping[str, str]) -> Iterator[tuple[str, Passed]]:
    """What was sent for a claim, and to which server."""
    for server, proxy in site.proxies.items():
        for request in proxy.requests():
            said = request.target.encode() + request.body
            if not _NO_STEPS.search(request.target) and any(text.encode() in said for text in labels.values()):
                yield server, request


def recorded(site: Site, labels: Mapping[str, str]) -> list[Step]:
    """The steps that were taken for a claim since the proxies began to count."""
    return list(_numbered(_step(server, request, labels) for server, request in requests_of(site, labels)))


def _step(server: str, request: Passed, labels: Mapping[str, str]) -> Step:
    target = request.target
    assert not set("{}") & set(target), target
    for label, text in labels.items():
        target = target.replace(text, f"{{{label}}}")
    body = frozenset(label for label, text in labels.items() if text.encode() in request.body)
    return Step(server, request.method, target, frozenset[str]() if "{" in target else body, 0)


def _numbered(steps: Iterable[Step]) -> Iterator[Step]:
    seen: Counter[Step] = Counter()
    for step in steps:
        seen[step] += 1
        yield Step(step.server, step.method, step.target, step.body, seen[step])
