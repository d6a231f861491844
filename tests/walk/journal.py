"""What operators asked of both servers, in order, and what of that must never happen, whatever went wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from dev.faultproxy import Passed
from litellm_key_operator.api.names import FINALIZER, METADATA_KEY
from litellm_key_operator.domain.state import TOMBSTONE
from tests.support.cluster import Json
from tests.walk.ground import Ground
from tests.walk.ledger import Ledger, Made
from tests.walk.roles import OVERLAP

_TOKEN: Final = re.compile(r"[0-9a-f]{64}")
_CLAIM: Final = re.compile(r"/litellmkeys/([^/?]+)(/status)?(\?|$)")
_SECRET: Final = re.compile(r"/namespaces/[^/]+/secrets(/|\?|$)")
_MISTAKEN: Final = 3.5
"""Seconds by which an operator may think it earlier than it is at LiteLLM, and cut what it notes of a moment."""


@dataclass
class Story:
    """One token's: when it was first noted, first registered, and first ended by an operator.

    `retires`: when that is to be, as last noted, on the wall clock; `hurried`: it had been later before.
    """

    noted: float = math.inf
    registered: float = math.inf
    ended: float = math.inf
    retires: float = 0.0
    hurried: bool = False

    def retire(self, moment: float) -> None:
        """It is noted when it is to end."""
        self.hurried = self.hurried or moment < self.retires
        self.retires = moment


@dataclass
class Journal:
    """Reads on where it ended. What the server behind did counts, whatever its client was told."""

    ground: Ground
    ledger: Ledger
    stories: dict[str, Story] = field(default_factory=dict[str, Story])
    published: dict[str, list[tuple[float, str]]] = field(default_factory=dict[str, list[tuple[float, str]]])
    _read: dict[str, int] = field(default_factory=dict[str, int])

    def faults(self) -> list[str]:
        """What was done since the last look that must never be done."""
        return [fault for passed in self._news() for fault in self._of(passed)]

    def forget_ends(self, dead: set[str]) -> None:
        """The table was set back: of what operators ended only this is dead still."""
        for token, story in self.stories.items():
            if token not in dead:
                story.ended = math.inf

    def _news(self) -> list[Passed]:
        news: list[Passed] = []
        for name, proxy in (("api", self.ground.api), ("litellm", self.ground.litellm)):
            passed = proxy.requests()
            news += passed[self._read.get(name, 0) :]
            self._read[name] = len(passed)
        return sorted((one for one in news if one.answered is not None and one.body), key=lambda one: one.done)

    def _of(self, passed: Passed) -> Iterator[str]:
        if passed.method not in {"POST", "PUT", "PATCH"}:
            return
        good = passed.answered is not None and 200 <= passed.answered < 300
        claim = _CLAIM.search(passed.target)
        if passed.target.startswith("/key/"):
            yield from self._of_key(passed, good=good)
        elif good and claim is not None:
            self._note(passed, claim[1], status=claim[2] is not None)
        elif good and _SECRET.search(passed.target):
            yield from self._of_secret(passed)

    def _of_key(self, passed: Passed, *, good: bool) -> Iterator[str]:
        body: Json = json.loads(passed.body)
        if passed.target == "/key/generate":
            token = hashlib.sha256(str(body.get("key")).encode()).hexdigest()
            if token not in self.ledger.origins:
                return
            if not _is_tombstone(body):
                yield from self._of_registration(passed, body, token, good=good)
            elif good:
                yield from self._of_end(passed, token)
        elif passed.target == "/key/delete" and good:
            for token in body["keys"]:
                yield from self._of_end(passed, token)
        elif passed.target == "/key/update" and good and _is_tombstone(body):
            yield from self._of_end(passed, body["key"])
        elif passed.target == "/key/update" and good and "duration" in body and body["key"] in self.ledger.origins:
            self.ledger.ends[body["key"]] = passed.begun + _seconds(body["duration"])

    def _of_registration(self, passed: Passed, body: Json, token: str, *, good: bool) -> Iterator[str]:
        story, told = self._story(token), self.ledger.told(token)
        if story.noted >= passed.begun:
            yield f"{told} was sent to be registered before anything noted it"
        if story.ended < passed.begun or self.ledger.died.get(token, math.inf) < passed.begun:
            yield f"{told} was sent to be registered again after it had died"
        if good:
            story.registered = min(story.registered, passed.done)
            end = passed.begun + _seconds(body["duration"])
            self.ledger.ends[token] = min(end, self.ledger.ends.get(token, end))

    def _of_end(self, passed: Passed, token: str) -> Iterator[str]:
        origin = self.ledger.origins.get(token)
        if origin is None:
            return
        story, claim = self._story(token), self.ledger.claims[origin.uid]
        if story.registered <= passed.done:
            story.ended = min(story.ended, passed.done)
        before = [shown for moment, shown in self.published.get(origin.uid, ()) if moment < passed.begun]
        if claim.deleted <= passed.begun or claim.stripped or not before or token in self.ledger.taken:
            return
        told = self.ledger.told(token)
        if before[-1] == token:
            if self.ledger.ends.get(token, 0.0) > passed.begun:
                yield f"{told} was ended before its time while it was the published one"
        elif token in before:
            since = len(before) - before[::-1].index(token)
            yield from self._of_overlap(passed, claim, token, before[since])

    def _of_overlap(self, passed: Passed, claim: Made, token: str, successor: str) -> Iterator[str]:
        """Of a value that was published before another took over from it."""
        story, told, over = self._story(token), self.ledger.told(token), self.ledger.over()
        if claim.cleared or {token, successor} & (over | self.ledger.taken | self.ledger.restored):
            return
        if passed.begun + time.time() - time.monotonic() < story.retires:
            yield f"{told} was ended before the moment that was noted"
        since = self._story(successor).registered
        cut_short = story.hurried or self.ledger.ends[token] < since + OVERLAP + 1
        if passed.begun < since + OVERLAP - _MISTAKEN and not cut_short:
            yield f"{told} was ended as soon as {self.ledger.told(successor)} had taken over"

    def _of_secret(self, passed: Passed) -> Iterator[str]:
        data: dict[str, str | None] = json.loads(passed.body).get("data") or {}
        texts = [base64.b64decode(text) for text in data.values() if text is not None]
        for token in {hashlib.sha256(text).hexdigest() for text in texts} & self.ledger.origins.keys():
            story = self._story(token)
            self.published.setdefault(self.ledger.origins[token].uid, []).append((passed.done, token))
            if story.registered > passed.begun and token not in self.ledger.restored:
                yield f"{self.ledger.told(token)} was published before it was registered"
            if story.ended < passed.begun:
                yield f"{self.ledger.told(token)} was published after an operator had ended it"

    def _note(self, passed: Passed, name: str, *, status: bool) -> None:
        text = passed.body.decode()
        tokens = set(_TOKEN.findall(text)) & self.ledger.origins.keys()
        claim = self.ledger.named(name, passed.begun)
        if not status and FINALIZER in text and claim is not None:
            tokens |= {t for t, origin in self.ledger.origins.items() if origin == (claim.uid, 1)}
        for token in tokens:
            story = self._story(token)
            story.noted = min(story.noted, passed.done)
            self.ledger.charge(token, passed.begun)
        told: Json = json.loads(text).get("status") or {}
        for entry in told.get("retiring") or ():
            if entry["tokenID"] in self.ledger.origins:
                self._story(entry["tokenID"]).retire(self.ground.second_of(entry["retireAt"]))

    def _story(self, token: str) -> Story:
        return self.stories.setdefault(token, Story())


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def _is_tombstone(body: Json) -> bool:
    metadata: dict[str, dict[str, Any]] = body.get("metadata") or {}
    mark = metadata.get(METADATA_KEY) or {}
    return body.get("blocked") is True and TOMBSTONE in mark
