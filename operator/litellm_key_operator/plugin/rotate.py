"""`kubectl llkey rotate`: asks for a new value, and waits for it if wanted."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.names import ANNOTATION_PAUSED, ANNOTATION_ROTATE
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.cluster.client import MERGE_PATCH, Client
from litellm_key_operator.cluster.paths import KEYS
from litellm_key_operator.domain.errors import Unavailable
from litellm_key_operator.plugin.commandline import Asked
from litellm_key_operator.plugin.exits import Exit, Failure
from litellm_key_operator.plugin.forest import key_shape
from litellm_key_operator.plugin.lot import Lot
from litellm_key_operator.plugin.reading import Reader
from litellm_key_operator.plugin.screen import Screen
from litellm_key_operator.plugin.shapes import RotationShape, RotationsShape

FIELD_MANAGER: Final = "kubectl-llkey"
PAUSE: Final = 0.5
"""Seconds between two looks at what is waited for."""


async def run(asked: Asked, client: Client, namespace: str, screen: Screen) -> Exit:
    """Ask for all of them before any is waited for."""
    reader = Reader(client)
    lot = Lot([RotationShape(namespace=namespace, name=name) for name in asked.names])

    async def request(item: RotationShape) -> RotationShape:
        item = await _ask(reader, client, item)
        if not asked.wait and not screen.machine:
            screen.say(f"{namespace}/{item.name}: rotation of revision {item.before} asked for")
        return item

    async def await_turn(item: RotationShape) -> RotationShape:
        item = await _wait(reader, item, asked.timeout)
        if not screen.machine:
            screen.say(f"{namespace}/{item.name}: revision {item.revision} took over from {item.before}", "green")
        return item

    await lot.each(request)
    if asked.wait:
        await lot.each(await_turn)
    lot.tell(screen)
    if screen.machine:
        screen.answer(RotationsShape(items=lot.items))
    return lot.exit_code


async def _ask(reader: Reader, client: Client, item: RotationShape) -> RotationShape:
    """Write the annotation. Raises Failure where it would not be followed by a rotation."""
    key = await reader.key(item.namespace, item.name)
    _require_rotatable(key)
    text = datetime.now(UTC).isoformat(timespec="microseconds")
    metadata = {"uid": key.metadata.uid, "annotations": {ANNOTATION_ROTATE: text}}
    await client.request(
        "PATCH",
        KEYS.of(item.namespace, item.name),
        body={"metadata": metadata},
        query={"fieldManager": FIELD_MANAGER},
        content_type=MERGE_PATCH,
    )
    return item.model_copy(update={"asked": text, "before": key.status.revision})


def _require_rotatable(key: LiteLLMKey) -> None:
    shape = key_shape(key)
    if key.metadata.deletion_timestamp is not None:
        raise Failure(Exit.NO, "is being deleted")
    if key.metadata.annotations.get(ANNOTATION_PAUSED) == "true":
        raise Failure(Exit.NO, f'is paused: take the annotation {ANNOTATION_PAUSED}: "true" off first')
    if shape.state == KeyReason.EXPIRED:
        raise Failure(Exit.NO, "has expired, and what has expired stays so: delete it and apply it anew")
    if shape.revision is None:
        raise Failure(Exit.NO, f"has no key yet that could be replaced ({shape.state}: {shape.message})")


async def _wait(reader: Reader, item: RotationShape, seconds: float) -> RotationShape:
    """Wait until the revision asked for is in the Secret, which is when the status calls it current."""
    deadline = time.monotonic() + seconds
    said = ""
    while True:
        try:
            key = await reader.key(item.namespace, item.name)
        except Unavailable as error:
            said = str(error)
        else:
            status, shape = key.status, key_shape(key)
            # Noted together; what is pending goes when the Secret holds it.
            if status.last_handled_rotate == item.asked and status.pending is None:
                return item.model_copy(update={"revision": status.revision, "token_id": status.token_id})
            said = f"{shape.synced or shape.state}: {shape.message}" if shape.message else "the operator has not acted"
        if time.monotonic() > deadline:
            raise Failure(Exit.TIMEOUT, f"no new revision within {seconds:g} s; the request stands ({said})")
        await asyncio.sleep(PAUSE)
