"""What users and administrators do during a walk: to a claim, its Secret, its key in LiteLLM, its role."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from litellm_key_operator.api.names import (
    ANNOTATION_PAUSED,
    ANNOTATION_ROTATE,
    ANNOTATION_SKIP_REVOCATION,
    LABEL_MANAGED_BY,
)
from tests.support.books import MODEL, BookedKey
from tests.support.cluster import Json
from tests.support.litellm_admin import LARGE, token_id
from tests.walk.ground import CREDENTIAL, KEYS, ROLE_KIND, SECRETS, Ground, strip
from tests.walk.ledger import Ledger, Made
from tests.walk.roles import NARROW, NOWHERE, ROTATING, WIDE

EDITS: Final[Mapping[str, Json]] = {
    "50 a minute": {"limits": {"rpm": 50}},
    "20 a minute": {"limits": {"rpm": 20}},
    "the role's limit": {"limits": None},
    "one model": {"models": [MODEL]},
    "the role's models": {"models": None},
    "another Secret": {"secret": {"name": "{name}-x"}},
    "its own Secret": {"secret": {"name": None}},
    "the preset of OpenAI": {"secret": {"preset": "OpenAI"}},
    "the default preset": {"secret": {"preset": None}},
    "a label": {"secret": {"labels": {"team": "red"}}},
    "another type": {"secret": {"type": "example.com/key"}},
    "metadata": {"metadata": {"cost-centre": "7"}},
    "a shorter time": {"ttl": "15m"},
    "the role's time": {"ttl": None},
    "no renewal": {"renewal": {"policy": "None"}},
    "the role's renewal": {"renewal": None},
    "the narrow role": {"roleRef": {"name": NARROW}},
    "the wide role": {"roleRef": {"name": WIDE}},
    "the role that rotates": {"roleRef": {"name": ROTATING}},
    "a role of another proxy": {"roleRef": {"name": NOWHERE}},
}
CALM: Final[Json] = {"ttl": None, "renewal": None}
"""What a claim must not ask for if it is to come to rest."""
ROLE_EDITS: Final[Mapping[str, Json]] = {
    "fewer models": {"models": [MODEL]},
    "more models": {"models": [MODEL, LARGE]},
    "less a minute": {"limits": {"rpm": 30}},
    "more a minute": {"limits": {"rpm": 2000}},
    "another limit": {"limits": {"tpm": 5000}},
    "no consent": {"allowedNamespaces": {"from": "Same", "names": None}},
    "consent for all": {"allowedNamespaces": {"from": "All", "names": None}},
    "no renewal": {"renewal": {"policy": "None"}},
    "extension": {"renewal": {"policy": "Extend"}},
    "rotation": {"renewal": {"policy": "Rotate"}},
}
BY_HAND: Final[Mapping[str, Mapping[str, object]]] = {
    "limits": {"rpm_limit": 5000},
    "models": {"models": []},
    "metadata": {"metadata": {"noted": "by hand"}},
    "alias": {"key_alias": "renamed-by-hand"},
    "blocked": {"blocked": True},
    "expiring": {"duration": "1s"},
}
TAKES: Final = frozenset({"blocked", "expiring"})
"""What is done by hand after which the value does not work any more."""
DELETED: Final = "deleted"
STRIPPED: Final = "without its finalizer"
GLASS: Final = "with the glass broken"
CREDENTIAL_DEEDS: Final = ("wrong", "gone", "right")
SECRET_DEEDS: Final = ("deleted", "edited", "emptied", "immutable", "unlabelled")


@dataclass(frozen=True)
class Deeds:
    """Done straight at the servers, past every trouble, and entered into the ledger."""

    ground: Ground
    ledger: Ledger

    def apply(self, name: str, role: str = WIDE) -> Made:
        """The claim of this name, made if it is not there. One that is on its way out stays so."""
        there = self.ground.team.get(KEYS, name)
        if there is None:
            began = time.monotonic()
            ref = {"name": role, "namespace": self.ground.home.namespace}
            there = self.ground.team.create(KEYS, "LiteLLMKey", name, spec={"roleRef": ref})
            uid = there["metadata"]["uid"]
            self.ledger.enter(Made(name, uid, began), self.ground.values(uid))
        return self.ledger.claims[there["metadata"]["uid"]]

    def edit(self, name: str, change: Json) -> None:
        """Change the spec of a claim."""
        self.apply(name)
        spec: Json = json.loads(json.dumps(change).replace("{name}", name))
        self.ground.team.patch(KEYS, name, {"spec": spec})

    def rotate(self, name: str) -> None:
        """Ask for a rotation."""
        self.apply(name)
        annotations = {ANNOTATION_ROTATE: secrets.token_hex(4)}
        self.ground.team.patch(KEYS, name, {"metadata": {"annotations": annotations}})

    def pause(self, name: str, *, on: bool) -> None:
        """Set the annotation, or take it off."""
        self.apply(name)
        annotations = {ANNOTATION_PAUSED: "true" if on else None}
        self.ground.team.patch(KEYS, name, {"metadata": {"annotations": annotations}})

    def delete(self, name: str, how: str = "") -> None:
        """Delete a claim. Stripped of its finalizer, or with the glass broken, only its operator may remember it."""
        claim = self.apply(name)
        claim.deleted = min(claim.deleted, time.monotonic())
        claim.stripped = claim.stripped or how in {STRIPPED, GLASS}
        if how == GLASS:
            self.ledger.excuse_claim(claim.uid)
            annotations = {ANNOTATION_SKIP_REVOCATION: "true"}
            self.ground.team.patch(KEYS, name, {"metadata": {"annotations": annotations}})
        self.ground.team.delete(KEYS, name)
        if how == STRIPPED and self._there(name, claim.uid) is not None:
            with suppress(AssertionError):
                strip(self.ground.team, name)
        if claim.stripped and self._there(name, claim.uid) is None:
            self.ledger.excuse_claim(claim.uid)

    def strip(self, name: str) -> None:
        """Take the finalizer off a claim that stays."""
        claim = self.apply(name)
        there = self._there(name, claim.uid)
        claim.stripped = True
        if there is not None:
            strip(self.ground.team, name)
        if self._there(name, claim.uid) is None:
            self.ledger.excuse_claim(claim.uid)

    def clear_status(self, name: str) -> None:
        """Empty the status, as who restores a backup of the resources does."""
        claim = self.apply(name)
        there = self._there(name, claim.uid)
        if there is None or not there.get("status"):
            return
        claim.cleared = True
        self.ground.team.patch(KEYS, f"{name}/status", {"status": dict.fromkeys(there["status"])})
        # Nobody can find a revision whose registration is on its way, but for the one after those that LiteLLM knows.
        rows = self.ground.books.keys()
        self.ledger.excuse_untold(claim.uid, {key.token_id for key in rows})

    def touch_secret(self, name: str, deed: str) -> None:
        """Do something to the Secret of a claim."""
        claim = self.apply(name)
        for secret in self.ground.team.all(SECRETS).values():
            meta = secret["metadata"]
            if not any(owner["uid"] == claim.uid for owner in meta.get("ownerReferences", ())):
                continue
            changes: dict[str, Json] = {
                "edited": {"data": {"api-key": base64.b64encode(b"mine").decode(), "more": ""}},
                "emptied": {"data": None},
                "immutable": {"immutable": True},
                "unlabelled": {"metadata": {"labels": {LABEL_MANAGED_BY: None}}},
            }
            with suppress(AssertionError):  # gone, or immutable
                if deed == DELETED:
                    self.ground.team.delete(SECRETS, meta["name"])
                else:
                    self.ground.team.patch(SECRETS, meta["name"], changes[deed])

    def by_hand(self, name: str, deed: str) -> None:
        """Do something to the live key of a claim in LiteLLM."""
        claim = self.apply(name)
        key = self._key(claim)
        if key is None:
            return
        with suppress(AssertionError):  # gone meanwhile
            if deed == DELETED:
                self.ledger.taken.add(key.token_id)
                self.ground.admin.delete(key.token_id)
                self.ledger.died[key.token_id] = time.monotonic()
                return
            if deed in TAKES:
                self.ledger.taken.add(key.token_id)
            if deed == "expiring":
                self.ledger.outlived.add(claim.uid)
            self.ground.admin.update(key.token_id, **BY_HAND[deed])

    def squat(self, name: str) -> None:
        """Somebody else's key gets the alias of a claim, if it is free."""
        alias = f"{self.ground.team.namespace}/{name}"
        with suppress(AssertionError):  # taken
            made = self.ground.admin.post("/key/generate", key_alias=alias)
            self.ledger.strangers[token_id(made["key"])] = alias

    def spoil_credential(self, deed: str) -> None:
        """Change what the operator has to show at LiteLLM, take it away, or set it right."""
        if deed == "gone":
            with suppress(AssertionError):  # gone already
                self.ground.home.delete(SECRETS, CREDENTIAL)
        else:
            self.ground.set_credential("sk-wrong" if deed == "wrong" else None)

    def add_seed(self) -> None:
        """There is another seed, which operators take notice of when they begin; none may run under the old ones."""
        first, *others = self.ground.operators
        for process in (first, *others):
            process.kill9()
        self.ground.operators[1:] = []
        self.ground.add_seed()
        for claim in list(self.ledger.claims.values()):
            self.ledger.enter(claim, self.ground.values(claim.uid))
        first.start()

    def edit_role(self, role: str, change: Json) -> None:
        """Change a role."""
        self.ground.home.patch(ROLE_KIND, role, {"spec": change})

    def gone(self, name: str) -> bool:
        """Whether there is no claim of this name."""
        return self.ground.team.get(KEYS, name) is None

    def _there(self, name: str, uid: str) -> Json | None:
        there = self.ground.team.get(KEYS, name)
        return there if there is not None and there["metadata"]["uid"] == uid else None

    def _key(self, claim: Made) -> BookedKey | None:
        """The live key that a claim says it has."""
        there = self._there(claim.name, claim.uid)
        token = (there or {}).get("status", {}).get("tokenID")
        if there is None or "deletionTimestamp" in there["metadata"]:
            return None
        rows = self.ground.books.keys()
        return next((key for key in rows if key.token_id == token and key.live), None)
