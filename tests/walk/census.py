"""What both servers hold at a moment, and what of that must never be, whatever went wrong.

Nothing is taken for wrong because two servers were asked one after the other: what looks wrong is asked again, and what
is wrong was so at a moment in between.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from litellm_key_operator.api.names import ANNOTATION_INSTALLATION, FINALIZER
from tests.support.books import BookedKey
from tests.support.cluster import Json
from tests.walk.ground import KEYS, SECRETS, Ground
from tests.walk.ledger import Ledger

MOST_AT_ONCE: Final = 2
"""Live values of one claim."""


@dataclass(frozen=True)
class Census:
    """Claims and Secrets by name, as they were after `before` was read from LiteLLM, and before `after` was."""

    ledger: Ledger
    before: list[BookedKey]
    claims: dict[str, Json]
    secrets: dict[str, Json]
    after: list[BookedKey]

    @classmethod
    def of(cls, ground: Ground, ledger: Ledger) -> Census:
        """As it is now."""
        before = ground.books.keys()
        return cls(ledger, before, ground.team.all(KEYS), ground.team.all(SECRETS), ground.books.keys())

    def faults(self, ground: Ground) -> list[str]:
        """Everything that must never be."""
        return [*self._unnoted(), *self._too_many(), *self._useless(ground), *self._meddled()]

    def live(self, keys: Iterable[BookedKey]) -> list[str]:
        """The tokens of this installation among these that a request with their value is served for."""
        return [key.token_id for key in keys if key.live and key.token_id in self.ledger.origins]

    def published(self) -> dict[str, list[tuple[str, str]]]:
        """By the owner's uid the Secrets' names and the tokens of ours in them."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name, secret in self.secrets.items():
            for uid in (owner["uid"] for owner in secret["metadata"].get("ownerReferences", ())):
                found.setdefault(uid, []).extend((name, token) for token in tokens_in(secret, self.ledger))
        return found

    def _unnoted(self) -> list[str]:
        there = {claim["metadata"]["uid"]: claim for claim in self.claims.values()}
        both = set(self.live(self.before)) & set(self.live(self.after)) - self.ledger.excused.keys()
        return [
            f"{self.ledger.told(token)} is live and nothing notes it"
            for token in sorted(both)
            if not notes(there.get(self.ledger.origins[token].uid), token)
        ]

    def _too_many(self) -> list[str]:
        live = Counter(self.ledger.origins[t].uid for t in self.live(self.after) if t not in self.ledger.excused)
        return [
            f"{number} values of {self.ledger.claims[uid].name} are live"
            for uid, number in live.items()
            if number > MOST_AT_ONCE
        ]

    def _useless(self, ground: Ground) -> list[str]:
        live, excused = set(self.live(self.after)), self.ledger.taken | self.ledger.over()
        shown = {uid: tokens for uid, pairs in self.published().items() if (tokens := {t for _, t in pairs} - live)}
        if not any(tokens - excused for tokens in shown.values()):
            return []
        then = Census(self.ledger, [], ground.team.all(KEYS), ground.team.all(SECRETS), self.after)
        still = {uid: {token for _, token in pairs} for uid, pairs in then.published().items()}
        wanted = {c["metadata"]["uid"] for c in then.claims.values() if "deletionTimestamp" not in c["metadata"]}
        return [
            f"{self.ledger.told(token)} is published and does not work"
            for uid, tokens in shown.items()
            for token in sorted(tokens & still.get(uid, set[str]()) - excused)
            if uid in wanted
        ]

    def _meddled(self) -> list[str]:
        return [
            f"{key.token_id[:8]} is a stranger's, and has become {key.alias}, blocked: {key.blocked}"
            for key in self.after
            if (alias := self.ledger.strangers.get(key.token_id)) and (key.alias, key.blocked) != (alias, False)
        ]


def noted(claim: Json) -> set[str]:
    """The tokens in a claim's status."""
    status: Json = claim.get("status", {})
    entries: list[Json | None] = [status, status.get("pending"), *status.get("retiring", ())]
    return {entry["tokenID"] for entry in entries if entry and entry.get("tokenID")}


def notes(claim: Json | None, token: str) -> bool:
    """Whether a claim notes this token of its own: by its status or, that being empty, by finalizer or annotation."""
    if claim is None:
        return False
    meta, known = claim["metadata"], noted(claim)
    held = FINALIZER in meta.get("finalizers", ()) or ANNOTATION_INSTALLATION in meta.get("annotations", {})
    return token in known if known else held


def tokens_in(secret: Json, ledger: Ledger) -> set[str]:
    """The tokens of ours whose values a Secret holds."""
    data: dict[str, str] = secret.get("data") or {}
    texts = [base64.b64decode(text) for text in data.values()]
    return {hashlib.sha256(text).hexdigest() for text in texts} & ledger.origins.keys()
