"""`kubectl llkey revoke`: ends keys by deleting their resources, which are gone when nothing of them works any more."""

from __future__ import annotations

import asyncio
import time

from litellm_key_operator.api.common import DeletionPolicy
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.names import ANNOTATION_SKIP_REVOCATION, FINALIZER, KEY
from litellm_key_operator.cluster.client import MERGE_PATCH, Client
from litellm_key_operator.cluster.paths import KEYS
from litellm_key_operator.domain.errors import Gone, Unavailable
from litellm_key_operator.domain.record import record
from litellm_key_operator.plugin.commandline import Asked
from litellm_key_operator.plugin.exits import Exit, Failure
from litellm_key_operator.plugin.forest import key_shape
from litellm_key_operator.plugin.lot import Lot
from litellm_key_operator.plugin.reading import Reader
from litellm_key_operator.plugin.rotate import FIELD_MANAGER, PAUSE
from litellm_key_operator.plugin.screen import Screen
from litellm_key_operator.plugin.shapes import RevocationShape, RevocationsShape


async def run(asked: Asked, client: Client, namespace: str, screen: Screen) -> Exit:
    """Look at all, ask once, delete all, wait for all."""
    reader, keys = Reader(client), dict[str, LiteLLMKey]()
    lot = Lot([RevocationShape(namespace=namespace, name=name) for name in asked.names])

    async def look(item: RevocationShape) -> RevocationShape:
        keys[item.name] = await reader.key(namespace, item.name)
        return item.model_copy(update=_known(keys[item.name]))

    async def end(item: RevocationShape) -> RevocationShape:
        await _end(client, keys[item.name])
        if not asked.wait and not screen.machine:
            screen.say(f"{namespace}/{item.name}: deletion asked for")
        return item

    async def await_end(item: RevocationShape) -> RevocationShape:
        await _wait(reader, keys[item.name], asked.timeout)
        if not screen.machine:
            screen.say(f"{namespace}/{item.name}: revoked", "green")
        return item.model_copy(update={"gone": True})

    await lot.each(look)
    if keys and not asked.yes:
        _confirm(screen, list(keys.values()))
    await lot.each(end)
    if asked.wait:
        await lot.each(await_end)
    lot.tell(screen)
    if screen.machine:
        screen.answer(RevocationsShape(items=lot.items))
    return lot.exit_code


def _known(key: LiteLLMKey) -> dict[str, object]:
    return {"uid": key.metadata.uid, "tokens": tuple(revision.token_id for revision in record(key).known)}


def _confirm(screen: Screen, keys: list[LiteLLMKey]) -> None:
    """Raises Failure unless somebody says yes."""
    if not screen.answers:
        raise Failure(Exit.USAGE, "nobody can be asked here: say --yes")
    for key in keys:
        shape = key_shape(key)
        shown = ", ".join(
            filter(None, (shape.state, shape.preview, shape.alias, f"role {shape.role}", f"Secret {shape.secret}"))
        )
        screen.note(f"  {shape.namespace}/{shape.name}: {shown}")
    what = "this Key" if len(keys) == 1 else f"these {len(keys)} Keys"
    if not screen.ask(
        f"Delete {what} and end every value of it now? Whatever uses the Secret is refused from then on."
    ):
        raise Failure(Exit.NO, "nothing was changed")


async def _end(client: Client, key: LiteLLMKey) -> None:
    """Delete the resource, and before that whatever would let a value live on. Raises OutsideError, Failure."""
    path = KEYS.of(key.metadata.namespace, key.metadata.name)
    annotated = ANNOTATION_SKIP_REVOCATION in key.metadata.annotations
    if annotated or key.spec.deletion_policy is not DeletionPolicy.REVOKE:
        # The role may say Retain, and its reader need not be allowed to know.
        metadata: dict[str, object] = {"uid": key.metadata.uid, "annotations": {ANNOTATION_SKIP_REVOCATION: None}}
        body = {"metadata": metadata, "spec": {"deletionPolicy": DeletionPolicy.REVOKE}}
        query = {"fieldManager": FIELD_MANAGER}
        await client.request("PATCH", path, body=body, query=query, content_type=MERGE_PATCH)
    if record(key).known and FINALIZER not in key.metadata.finalizers:
        text = f"the finalizer {FINALIZER} is not on it, so that nobody would revoke its key; the operator puts it back"
        raise Failure(Exit.NO, text)
    try:
        await client.request("DELETE", path, body={"preconditions": {"uid": key.metadata.uid}})
    except Gone:
        return


async def _wait(reader: Reader, key: LiteLLMKey, seconds: float) -> None:
    """Wait until it is gone, or its name belongs to another."""
    deadline = time.monotonic() + seconds
    said = ""
    while True:
        try:
            there = await reader.key(key.metadata.namespace, key.metadata.name)
        except Failure:
            return
        except Unavailable as error:
            said = str(error)
        else:
            if there.metadata.uid != key.metadata.uid:
                return
            shape = key_shape(there)
            said = ": ".join(filter(None, (shape.state, shape.message)))
        if time.monotonic() > deadline:
            text = f"the {KEY.kind} is not gone after {seconds:g} s; its deletion stands ({said})"
            raise Failure(Exit.TIMEOUT, text)
        await asyncio.sleep(PAUSE)
