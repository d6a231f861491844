"""What has to be so whatever happened: asked of LiteLLM's own table and of the API server, past every fault."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from dev.litellm import Endpoint
from tests.integration.site import GOOD, KEYS, Claim, Site
from tests.support.books import BookedKey, Books
from tests.support.litellm_admin import token_id
from tests.support.waiting import PATIENCE

_SLOW: Final = 0.3
"""Seconds between two looks at everything."""


def await_sound(site: Site, *claims: Claim, seconds: float = PATIENCE) -> None:
    """Wait until each claim has one live key, which its Secret holds and which works, and nothing else of ours lives.

    Claims that are not named may stand as they like, but those that are gone have left nothing behind.
    """
    deadline = time.monotonic() + seconds
    with Books(Endpoint(site.admin.url, site.admin.master_key)) as books:
        while faults := [*_faults(site, claims, [key for key in books.keys() if key.live])]:  # noqa: SIM118 - no mapping
            assert time.monotonic() < deadline, "\n".join(faults)
            time.sleep(_SLOW)


def _faults(site: Site, claims: Sequence[Claim], live: Sequence[BookedKey]) -> Iterator[str]:
    for claim in claims:
        yield from (f"{claim.name}: {fault}" for fault in _faults_of(claim, live))
    uids = {key["metadata"]["uid"] for cluster in site.clusters.values() for key in cluster.all(KEYS).values()}
    yield from (
        f"left behind: {key.alias} {key.mark}" for key in live if _is_of(site, key) and key.mark.get("uid") not in uids
    )


def _faults_of(claim: Claim, live: Sequence[BookedKey]) -> Iterator[str]:
    resource, status, value = claim.resource, claim.status, claim.data().get("api-key", "")
    if claim.says() != GOOD:
        yield f"says {claim.says()}"
    if status.get("pending") or status.get("retiring"):
        yield f"notes pending {status.get('pending')}, retiring {status.get('retiring')}"
    theirs = [key for key in live if key.mark.get("uid") == resource["metadata"]["uid"] or key.alias == _alias(claim)]
    if [(key.token_id, key.alias) for key in theirs] != [(status.get("tokenID"), _alias(claim))]:
        yield f"not one live key, {status.get('tokenID')}, but {[(key.token_id, key.alias) for key in theirs]}"
    if token_id(value) != status.get("tokenID"):
        yield "the Secret holds another value than the status says"
    elif (answer := claim.site.admin.chat(value)) != 200:
        yield f"a request with the value in the Secret is answered {answer}"


def _alias(claim: Claim) -> str:
    return f"{claim.cluster.namespace}/{claim.name}"


def _is_of(site: Site, key: BookedKey) -> bool:
    """Whether a claim of these namespaces made it: their names are random, and no other test has them."""
    return key.mark.get("namespace") in site.clusters or key.alias.partition("/")[0] in site.clusters
