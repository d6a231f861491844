"""What holds once nothing is wrong any more: each claim has the one key that it shall have, and nothing moves."""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from litellm_key_operator.api.names import ANNOTATION_PAUSED
from litellm_key_operator.domain.state import TOMBSTONE
from tests.support.cluster import Json
from tests.support.waiting import PATIENCE, until
from tests.walk.census import Census, noted
from tests.walk.deeds import CALM
from tests.walk.ground import KEYS, Ground
from tests.walk.journal import Journal
from tests.walk.ledger import Ledger, Made
from tests.walk.roles import NOWHERE, WIDE
from tests.walk.soundness import Soundness, is_expired
from tests.walk.weather import Weather

STILL: Final = 0.7
"""Seconds without a write after which nothing more is expected; the shortest pause of an operator is much shorter."""
_SLOW: Final = 0.2
"""Seconds between two looks at everything."""
_NO_WRITES: Final = re.compile(r"/events(/|$|\?)|/v2/key/info$|/litellm(roles|connections)/[^/]+/status")
"""What is sent with a verb for changes and changes nothing that a claim consists of."""


@dataclass(frozen=True)
class Rest:
    """Brings a walk to rest and judges it there."""

    ground: Ground
    ledger: Ledger
    journal: Journal
    weather: Weather
    soundness: Soundness

    def come(self) -> None:
        """Take away whatever stands in the way, wait until all is as it should be, and see that it stays so."""
        self._heal()
        self._await_sound()
        self._values_work()
        self._await_still()
        self._look_again()
        self._bury_expired()

    def end(self) -> None:
        """Delete what there is, and wait until nothing is left."""
        self._delete(self._there())
        self._await_sound()

    def _delete(self, claims: list[Made]) -> None:
        for claim in claims:
            claim.deleted = time.monotonic()
            self.ground.team.delete(KEYS, claim.name)

    def _bury_expired(self) -> None:
        """What has expired stays so for ever, and would be in the way."""
        claims = self.ground.team.all(KEYS)
        self._delete([claim for claim in self._there() if is_expired(claims[claim.name])])

    def _heal(self) -> None:
        self.weather.clear()
        first, *others = self.ground.operators
        for process in others:
            process.kill9()
        self.ground.operators[1:] = []
        self.ground.look_after_operators()
        self.ground.set_roles(calm=True)
        self.ground.set_credential()
        rows = self.ground.books.keys()
        strangers = [key.token_id for key in rows if key.token_id in self.ledger.strangers]
        if strangers:
            self.ground.admin.delete(*strangers)
        role = {"name": WIDE, "namespace": self.ground.home.namespace}
        for claim in self._there():
            there = self.ground.team.get(KEYS, claim.name)
            moved = there is not None and there["spec"]["roleRef"]["name"] == NOWHERE
            change: Json = {"metadata": {"annotations": {ANNOTATION_PAUSED: None}}}
            change["spec"] = CALM | ({"roleRef": role} if moved else {})
            self.ground.team.patch(KEYS, claim.name, change)
        first.wait_ready(PATIENCE)

    def _unblock(self, census: Census) -> None:
        """What somebody blocked, an operator leaves so."""
        mine = {token for claim in census.claims.values() for token in noted(claim)}
        for key in census.after:
            if key.token_id in mine and key.blocked and TOMBSTONE not in key.mark:
                with suppress(AssertionError):
                    self.ground.admin.update(key.token_id, blocked=False)

    def _there(self) -> list[Made]:
        """The claims that nobody deleted, as far as they are there."""
        there = {claim["metadata"]["uid"] for claim in self.ground.team.all(KEYS).values()}
        return [claim for uid, claim in self.ledger.claims.items() if claim.deleted > time.monotonic() and uid in there]

    def _await_sound(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while faults := [*self.soundness.flaws(census := self._look()), *census.faults(self.ground)]:
            assert time.monotonic() < deadline, "not at rest:\n    " + "\n    ".join(faults)
            self._unblock(census)
            self.ground.look_after_operators()
            time.sleep(_SLOW)

    def _look(self) -> Census:
        """What there is, and the ledger brought up to it."""
        census, faults = Census.of(self.ground, self.ledger), self.journal.faults()
        assert not faults, faults
        return census

    def _values_work(self) -> None:
        """The published values and those in their overlap buy a completion, and no other that a claim ever had."""
        census, origins = self._look(), self.ledger.origins
        values = {value.token_id: value for uid in self.ledger.claims for _, value in self.ground.values(uid)}
        shown = {token for pairs in census.published().values() for _, token in pairs}
        highest = Counter[str]()
        for token in (shown | {key.token_id for key in census.after}) & values.keys():
            highest[origins[token].uid] = max(highest[origins[token].uid], origins[token].number)
        # Of what was in a table that was set back, LiteLLM goes on for a minute with what it remembers.
        excused = self.ledger.excused.keys() | self.ledger.restored
        tried = [token for token in values.keys() - excused if origins[token].number <= highest[origins[token].uid]]
        works = self.ground.books.accepted(values[token] for token in tried)
        retiring = {e["tokenID"] for claim in census.claims.values() for e in claim["status"].get("retiring") or ()}
        must = (shown | retiring - self.ledger.taken - self.ledger.over()) - excused
        assert must <= works <= shown | retiring, (
            f"{[self.ledger.told(t) for t in works]} work, {[self.ledger.told(t) for t in must]} should"
        )

    def _writes(self) -> list[str]:
        both = (*self.ground.api.requests(), *self.ground.litellm.requests())
        return [
            f"{r.method} {r.target} {r.answered} {r.body[:300]!r}"
            for r in both
            if r.method != "GET" and not _NO_WRITES.search(r.target)
        ]

    def _await_still(self) -> None:
        deadline = time.monotonic() + PATIENCE
        before = self._writes()
        while True:
            time.sleep(STILL)
            now = self._writes()
            if len(now) == len(before):
                return
            assert time.monotonic() < deadline, f"still writing: {now[-3:]}"
            before = now

    def _look_again(self) -> None:
        """An operator that is made to look at every claim has nothing to write."""
        operator, before, there = self.ground.operators[0], self._writes(), self._there()

        def runs() -> float:
            return operator.metric("litellm_key_reconcile_total", kind="key")

        seen = runs()
        for claim in there:
            change = {"metadata": {"annotations": {"example.com/looked": str(time.monotonic())}}}
            self.ground.team.patch(KEYS, claim.name, change)
        until(lambda: runs() >= seen + len(there), "another look at every claim")
        more = Counter(self._writes()) - Counter(before)
        assert not more, f"a settled system writes: {list(more)}"
