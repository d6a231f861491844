"""`kubectl llkey find`: the Key behind a token id, or behind a value that is read from stdin and shown nowhere."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from litellm_key_operator.api.key import LiteLLMKey, NotedRevision
from litellm_key_operator.api.names import KEY
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.domain.errors import NotPermitted
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.plugin.commandline import Asked
from litellm_key_operator.plugin.exits import Exit, Failure
from litellm_key_operator.plugin.forest import key_shape
from litellm_key_operator.plugin.moments import relative
from litellm_key_operator.plugin.reading import Reader
from litellm_key_operator.plugin.screen import Cell, Screen
from litellm_key_operator.plugin.shapes import FindingShape, MatchShape, Standing

HEADER = ("KEY", "STATE", "VALUE", "REVISION", "EXPIRES", "ROLE", "SECRET", "ALIAS")
_MOST = 4096
"""Characters of a value that are read."""


async def run(asked: Asked, client: Client, namespace: str, screen: Screen) -> Exit:
    """Look for it, and show whose it is."""
    token = asked.token or _read().token_id
    reader = Reader(client)
    where, keys = await _keys(asked, reader, namespace)
    finding = FindingShape(token_id=token, namespace=where, matches=matches(keys, token), unread=tuple(reader.unread))
    place = "any namespace" if where is None else f"namespace {where}"
    if screen.machine:
        screen.answer(finding)
    elif finding.matches:
        screen.table(HEADER, [_row(match, datetime.now(UTC)) for match in finding.matches])
    for sentence in finding.unread:
        screen.note(f"note: {sentence}")
    if finding.matches:
        return Exit.DONE
    screen.note(
        f"no {KEY.kind} in {place} has it now: it may have been replaced, be of another cluster, or made by hand"
    )
    return Exit.NO


def matches(keys: Iterable[LiteLLMKey], token: str) -> tuple[MatchShape, ...]:
    """Every value of these Keys whose id begins so, by namespace and name."""
    listed = sorted(keys, key=lambda key: (key.metadata.namespace, key.metadata.name))
    return tuple(match for key in listed for match in _values(key) if match.token_id.startswith(token))


def _values(key: LiteLLMKey) -> Iterator[MatchShape]:
    status, shape = key.status, key_shape(key)
    if status.token_id is not None and status.revision is not None:
        yield MatchShape(
            standing=Standing.CURRENT, revision=status.revision, token_id=status.token_id, retire_at=None, key=shape
        )
    others: list[tuple[Standing, NotedRevision]] = [(Standing.RETIRING, noted) for noted in status.retiring]
    if status.pending is not None and status.pending.token_id != status.token_id:
        others.append((Standing.PENDING, status.pending))
    ends = {noted.token_id: noted.retire_at for noted in status.retiring}
    for standing, noted in others:
        if noted.token_id is not None:
            yield MatchShape(
                standing=standing,
                revision=noted.revision,
                token_id=noted.token_id,
                retire_at=ends.get(noted.token_id),
                key=shape,
            )


async def _keys(asked: Asked, reader: Reader, namespace: str) -> tuple[str | None, list[LiteLLMKey]]:
    """Where could be looked, and the Keys there."""
    if asked.namespace is None:
        try:
            return None, await reader.keys(None)
        except NotPermitted as error:
            if asked.all_namespaces:
                raise Failure(Exit.REFUSED, f"you may not list {KEY.plural} in all namespaces: {error}") from None
            reader.unread.append(f"you may not list {KEY.plural} in all namespaces: looked into {namespace} only")
    return namespace, await reader.keys(namespace)


def _read() -> KeyValue:
    """The value, from a pipe or typed without being shown. Raises Failure if there is none."""
    text = getpass.getpass("Value of the key (not shown): ") if sys.stdin.isatty() else sys.stdin.read(_MOST)
    value = text.strip()
    if not value or len(value.split()) != 1:
        raise Failure(Exit.USAGE, "stdin has to hold one key's value and nothing else, or give a hash as argument")
    return KeyValue(value)


def _row(match: MatchShape, now: datetime) -> list[Cell]:
    key = match.key
    ends = relative(key.expires_at, now, "never") if match.standing is Standing.CURRENT else "-"
    return [
        Cell(f"{key.namespace}/{key.name}", "bold"),
        Cell(key.state),
        Cell(match.standing, "green" if match.standing is Standing.CURRENT else "yellow"),
        Cell(str(match.revision)),
        Cell(relative(match.retire_at, now, "soon") if match.standing is Standing.RETIRING else ends),
        Cell(key.role),
        Cell(key.secret),
        Cell(key.alias or "-", "dim"),
    ]
