"""How claims stand, in all places at once, and what is wrong with that."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from litellm_key_operator.domain.material import KeyValue
from tests.kill.site import KEYS, SECRETS, Site
from tests.support.books import BookedKey
from tests.support.cluster import Json
from tests.support.waiting import PATIENCE

_SLOW: Final = 0.3
"""Seconds between two looks at everything."""


class Outcome(Enum):
    """What becomes of a claim."""

    LIVE = "live"
    EXPIRED = "expired"
    GONE = "gone"
    RETAINED = "retained"
    """Gone, and its key and Secret are left to their users."""


@dataclass(frozen=True)
class Claim:
    """A claim that was made: its uid, what has to become of it, its revision then, what LiteLLM shall hold of it."""

    name: str
    uid: str
    outcome: Outcome = Outcome.LIVE
    revision: int = 1
    fields: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Standing:
    """Resources and Secrets by name, and every key in LiteLLM."""

    site: Site
    keys: dict[str, Json]
    secrets: dict[str, Json]
    booked: list[BookedKey]

    @classmethod
    def of(cls, site: Site) -> Standing:
        """As it is now. LiteLLM is asked first: what it holds, the cluster has to know."""
        booked = site.books.keys()
        return cls(site, site.cluster.all(KEYS), site.cluster.all(SECRETS), booked)

    def faults(self, claims: list[Claim]) -> list[str]:
        """Everything that is wrong, with these claims and with keys that no claim accounts for."""
        return [
            *(f"{claim.name}: {fault}" for claim in claims for fault in self._faults_of(claim)),
            *self.leaks(),
        ]

    def leaks(self) -> list[str]:
        """Live keys of this installation, or in this namespace's name, whose resource is not there."""
        uids = {key["metadata"]["uid"] for key in self.keys.values()}
        tokens = {value.token_id: uid for uid in uids for value in self.site.values(uid)}
        return [
            f"leaked: {key.alias} {key.token_id[:8]} {key.mark}"
            for key in self.booked
            if key.live
            and not key.mark.get("retained")
            and self._is_of_here(key)
            and key.mark.get("uid", tokens.get(key.token_id)) not in uids
        ]

    def booked_for(self, claim: Claim) -> list[BookedKey]:
        """The keys of a claim: by mark, by alias, or because their value is derived from it."""
        derived = {value.token_id for value in self.site.values(claim.uid)}
        alias = f"{self.site.namespace}/{claim.name}"
        return [
            key
            for key in self.booked
            if key.mark.get("uid") == claim.uid
            or key.token_id in derived
            or (key.alias.partition("@")[0] == alias and key.mark.get("uid") is None)
        ]

    def published(self, claim: Claim) -> dict[str, KeyValue]:
        """What the Secrets of a claim hold, by the Secret's name."""
        return {
            name: _value(secret)
            for name, secret in self.secrets.items()
            if any(owner["uid"] == claim.uid for owner in secret["metadata"].get("ownerReferences", ()))
        }

    def refused(self, claims: list[Claim]) -> list[str]:
        """Claims with a Secret whose value buys no completion."""
        held = {claim.name: list(self.published(claim).values()) for claim in claims}
        accepted = self.site.books.accepted([value for values in held.values() for value in values])
        return [name for name, values in held.items() if not {value.token_id for value in values} <= accepted]

    def _is_of_here(self, key: BookedKey) -> bool:
        ours = key.mark.get("installation") == self.site.keyring.installation
        return ours or key.alias.startswith(f"{self.site.namespace}/")

    def _faults_of(self, claim: Claim) -> Iterator[str]:
        resource = self.keys.get(claim.name)
        there = resource is not None and resource["metadata"]["uid"] == claim.uid
        live = [key for key in self.booked_for(claim) if key.live]
        if there != (claim.outcome in {Outcome.LIVE, Outcome.EXPIRED}):
            yield f"the resource is {'still there' if there else 'gone'}"
        if claim.outcome is Outcome.RETAINED:
            yield from self._faults_of_retained(claim, live)
        elif claim.outcome is not Outcome.LIVE:
            yield from (f"alive: {key.alias} {key.token_id[:8]}" for key in live)
            yield from (f"Secret {name} is left" for name in self.published(claim))
        if resource is None or not there:
            return
        status = resource.get("status", {})
        yield from _faults_of_status(status, claim)
        if claim.outcome is Outcome.LIVE:
            yield from self._faults_of_issue(claim, resource, status, live)

    def _faults_of_retained(self, claim: Claim, live: list[BookedKey]) -> Iterator[str]:
        secret = self.secrets.get(claim.name)
        value = None if secret is None else _value(secret)
        if [(key.token_id, key.mark.get("retained")) for key in live] != [(value and value.token_id, True)]:
            yield f"not one key that is retained, but {[(key.alias, key.mark) for key in live]}"
        if self.published(claim):
            yield "the Secret has an owner that is gone"

    def _faults_of_issue(self, claim: Claim, resource: Json, status: Json, live: list[BookedKey]) -> Iterator[str]:
        token_id = status.get("tokenID")
        if [key.token_id for key in live] != [token_id]:
            yield f"not one live key, {token_id}, but {[(key.alias, key.token_id) for key in live]}"
        for key in live:
            off = {
                name: key.fields.get(name)
                for name, value in (claim.fields or {}).items()
                if key.fields.get(name) != value
            }
            if off or key.alias != f"{self.site.namespace}/{claim.name}":
                yield f"LiteLLM holds {key.alias} {off}"
        published = self.published(claim)
        wanted = resource["spec"].get("secret", {}).get("name", claim.name)
        if {name: value.token_id for name, value in published.items()} != {wanted: token_id}:
            yield f"not Secret {wanted} with {token_id}, but {[(name, v.token_id) for name, v in published.items()]}"
        elif self.secrets[wanted]["metadata"]["annotations"].get("llmkeys.io/revision") != str(status.get("revision")):
            yield "the Secret's revision is not the status's"
        if status.get("revision") != claim.revision:
            yield f"revision {status.get('revision')}, not {claim.revision}"


def _value(secret: Json) -> KeyValue:
    return KeyValue(base64.b64decode(secret["data"]["api-key"]).decode())


def _faults_of_status(status: Json, claim: Claim) -> Iterator[str]:
    expected = ("True", "True") if claim.outcome is Outcome.LIVE else ("False", "False")
    conditions = {condition["type"]: condition for condition in status.get("conditions", ())}
    told = tuple(conditions.get(name, {}).get("status") for name in ("Ready", "Synced"))
    if told != expected:
        yield f"Ready, Synced are {list(conditions.values())}"
    if claim.outcome is Outcome.EXPIRED and conditions.get("Ready", {}).get("reason") != "Expired":
        yield "not Expired"
    if status.get("pending") or status.get("retiring"):
        yield f"noted: pending {status.get('pending')}, retiring {status.get('retiring')}"


def await_sound(site: Site, claims: list[Claim], seconds: float = PATIENCE) -> Standing:
    """Waits until nothing is wrong; raises AssertionError with all that is."""
    deadline = time.monotonic() + seconds
    while True:
        standing = Standing.of(site)
        faults = standing.faults(claims)
        if not faults:
            return standing
        assert time.monotonic() < deadline, f"after {seconds:g} s:\n" + "\n".join(faults)
        time.sleep(_SLOW)


def check_values(standing: Standing, claims: list[Claim]) -> None:
    """The value in each Secret buys a completion, and no other value that a claim ever had does."""
    published = {value.token_id for claim in claims for value in standing.published(claim).values()}
    retained = [standing.secrets[claim.name] for claim in claims if claim.outcome is Outcome.RETAINED]
    published |= {_value(secret).token_id for secret in retained}
    all_values = [value for claim in claims for value in standing.site.values(claim.uid)[: claim.revision + 1]]
    assert standing.site.books.accepted(all_values) == published
