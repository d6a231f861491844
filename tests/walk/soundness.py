"""What is not as it shall be once nothing is wrong any more: each claim has the one key that it asks for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from litellm_key_operator.api.names import ANNOTATION_INSTALLATION, ANNOTATION_ROTATE, FINALIZER, LABEL_KEY
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.api.renewal import RenewalPolicy
from litellm_key_operator.domain.state import TOMBSTONE
from tests.support.books import BookedKey
from tests.support.cluster import Json
from tests.walk.census import Census, noted
from tests.walk.ground import Ground
from tests.walk.ledger import Ledger, Made
from tests.walk.roles import RPM, spec_of

_UNDISTURBED: Final = 60.0
"""Seconds in which what is due later does not disturb a rest."""
_ENTRIES: Final = 2
"""Of a Secret, whatever the preset."""


@dataclass(frozen=True)
class Soundness:
    """Judges what is there at a moment; whatever it finds may still be on its way to become right."""

    ground: Ground
    ledger: Ledger

    def flaws(self, census: Census) -> Iterator[str]:
        """Everything that has to become otherwise."""
        rows = {key.token_id: key for key in census.after}
        uids = {claim["metadata"]["uid"]: claim for claim in census.claims.values()}
        shown = census.published()
        alive, wanted = set(census.live(census.after)) - self.ledger.excused.keys(), set[str]()
        for uid, claim in self.ledger.claims.items():
            live = {token for token in alive if self.ledger.origins[token].uid == uid}
            if claim.deleted < time.monotonic():
                if uid in uids or live or uid in shown:
                    yield f"{claim.name} {uid[:8]} was deleted, and is there: {uid in uids} {live} {shown.get(uid)}"
            elif uid in uids:
                resource, published = uids[uid], shown.get(uid, [])
                wanted |= live | noted(resource)
                if is_expired(resource):
                    found = self._ended(claim, resource, [*live, *published])
                else:
                    found = chain(self._serves(claim, resource, live, published), _declared(resource, census, rows))
                yield from (f"{claim.name}: {flaw}" for flaw in found)
            else:
                yield f"{claim.name} {uid[:8]} is gone, and nobody deleted it"
        for token, key in rows.items():
            ours = token in self.ledger.origins or key.mark.get("installation") == self.ground.keyring.installation
            if ours and token not in wanted | self.ledger.excused.keys() and TOMBSTONE not in key.mark:
                yield f"LiteLLM holds {self.ledger.told(token)}: {key.alias} {key.mark}"

    def _ended(self, claim: Made, resource: Json, left: list[object]) -> Iterator[str]:
        token = str(resource["status"].get("tokenID"))
        if claim.uid not in self.ledger.outlived and token not in self.ledger.over():
            yield f"has expired before the time of {self.ledger.told(token)} was over"
        if left:
            yield f"has expired, and there is {left}"

    def _serves(self, claim: Made, resource: Json, live: set[str], shown: list[tuple[str, str]]) -> Iterator[str]:
        """What the resource says, and whether that is so."""
        status, meta = resource.get("status", {}), resource["metadata"]
        annotations, token = meta.get("annotations", {}), str(status.get("tokenID"))
        if FINALIZER not in meta.get("finalizers", ()) or ANNOTATION_INSTALLATION not in annotations:
            yield "its finalizer is off"
        if not _is_well(claim, resource):
            yield f"says {status.get('conditions')}"
        if status.get("observedGeneration") != meta["generation"]:
            yield "was edited since"
        yield from self._due(status)
        role = spec_of(resource["spec"]["roleRef"]["name"], meta["namespace"], calm=True)
        renewed, newest = role["renewal"]["policy"] != RenewalPolicy.NONE, self.ground.keyring.newest
        if renewed and status.get("seed") != newest:
            yield f"is under seed {status.get('seed')}, not {newest}"
        if status.get("lastHandledRotate") != annotations.get(ANNOTATION_ROTATE):
            yield f"was not rotated: {status.get('lastHandledRotate')}, {annotations.get(ANNOTATION_ROTATE)}"
        if live - {entry["tokenID"] for entry in status.get("retiring") or ()} != {token}:
            yield f"live are {[self.ledger.told(t) for t in live]}, it says {self.ledger.told(token)}"
        if shown != [(_secret_name(resource), token)]:
            yield f"published is {shown}, not {_secret_name(resource)} with {token[:8]}"

    def _due(self, status: Json) -> Iterator[str]:
        """What is under way, or will be in a moment."""
        if status.get("pending"):
            yield f"is not done: {status['pending']}"
        named = [(name, status.get(name)) for name in ("renewAt", "expiresAt")]
        named += [("retireAt", entry["retireAt"]) for entry in status.get("retiring") or ()]
        for name, moment in named:
            if moment is not None and self.ground.second_of(moment) < time.time() + _UNDISTURBED:
                yield f"has {name} {moment}"


def is_expired(resource: Json) -> bool:
    """Whether a resource says that its key's time is over."""
    return _said(resource, "Ready")[1] == KeyReason.EXPIRED


def _is_well(claim: Made, resource: Json) -> bool:
    """Whether a resource says so. An emptied status forgets for how long the key was issued, until it is rotated."""
    ready, synced = (_said(resource, name) for name in ("Ready", "Synced"))
    waits = claim.cleared and synced[1] == KeyReason.APPLIES_AT_NEXT_ROTATION
    return ready[0] == "True" and (synced[0] == "True" or waits)


def _declared(resource: Json, census: Census, rows: dict[str, BookedKey]) -> Iterator[str]:
    """How key and Secret differ from what is declared."""
    meta, spec = resource["metadata"], resource["spec"]
    role = spec_of(spec["roleRef"]["name"], meta["namespace"])
    key = rows.get(str(resource.get("status", {}).get("tokenID")))
    if key is not None:
        rpm, models = spec.get("limits", {}).get("rpm", RPM), spec.get("models", role["models"])
        declared = {"rpm_limit": rpm, "tpm_limit": None, "models": models}
        held = {name: key.fields.get(name) for name in declared}
        if held != declared or key.alias != f"{meta['namespace']}/{meta['name']}":
            yield f"LiteLLM holds {key.alias} with {held}, not {declared}"
        if key.mark.get("uid") != meta["uid"]:
            yield f"LiteLLM's mark is {key.mark}"
    secret = census.secrets.get(_secret_name(resource))
    if secret is not None:
        labels: Json = secret["metadata"].get("labels", {})
        entries: Json = secret.get("data") or {}
        if len(entries) != _ENTRIES or LABEL_KEY not in labels:
            yield f"its Secret has {sorted(entries)} and {labels}"


def _said(resource: Json, kind: str) -> tuple[str, str]:
    """Status and reason of a condition, empty if it is not there."""
    conditions: list[Json] = resource.get("status", {}).get("conditions", [])
    return next(((c["status"], c["reason"]) for c in conditions if c["type"] == kind), ("", ""))


def _secret_name(resource: Json) -> str:
    name: str = resource["spec"].get("secret", {}).get("name", resource["metadata"]["name"])
    return name
