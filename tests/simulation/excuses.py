"""What nobody can be blamed for: tokens of which somebody else destroyed every trace."""

from __future__ import annotations

from litellm_key_operator.api import names
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.domain.record import record
from tests.simulation.world import World, origins


def excuse_vanished(world: World, key: LiteLLMKey) -> None:
    """Nothing is left that could tell of what was issued for this resource."""
    left = world.claim
    if (
        left is None
        or left.metadata.uid != key.metadata.uid
        or _let_go(left)
        or not (
            names.FINALIZER in left.metadata.finalizers
            or names.ANNOTATION_INSTALLATION in left.metadata.annotations
            or not record(left).empty
        )
    ):
        _excuse(world, key)


def forget(world: World) -> None:
    """Neither status nor LiteLLM tells any more of what travels, but for the revision after those that it knows."""
    known = origins(world.seeds)
    for key, noted in world.records():
        if not noted.empty:
            continue
        uid = key.metadata.uid
        tokens = {token for proxy in world.proxies.values() for token in (*proxy.rows, *proxy.archive)}
        highest = max((known[token].number for token in tokens & known.keys() if known[token].uid == uid), default=0)
        world.excused |= {
            (url, token)
            for url, token in world.coming()
            if known[token].uid == uid and known[token].number > highest + 1
        }


def unpublish(world: World) -> None:
    """Neither a status nor a Secret tells any more of a value that was published."""
    world.outlived -= {key.metadata.uid for key, noted in world.records() if noted.empty}


def _let_go(key: LiteLLMKey) -> bool:
    broken = key.metadata.annotations.get(names.ANNOTATION_SKIP_REVOCATION) == "true"
    return broken and key.metadata.deletion_timestamp is not None


def _excuse(world: World, key: LiteLLMKey) -> None:
    world.excused |= {
        (url, token)
        for url in world.proxies
        for token, origin in origins(world.seeds).items()
        if origin.uid == key.metadata.uid
    }
