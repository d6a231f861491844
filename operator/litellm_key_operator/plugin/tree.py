"""`kubectl llkey tree`: what hangs on what, in which state, and what happens next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from litellm_key_operator.api.names import KEY
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.domain.errors import NotPermitted
from litellm_key_operator.plugin.commandline import Asked
from litellm_key_operator.plugin.exits import Exit, Failure
from litellm_key_operator.plugin.forest import READY, Objects, connection_of, grow
from litellm_key_operator.plugin.moments import relative
from litellm_key_operator.plugin.reading import Reader
from litellm_key_operator.plugin.screen import Cell, Screen
from litellm_key_operator.plugin.shapes import ConnectionShape, Found, KeyShape, RoleShape, TreeShape

HEADER: Final = ("CONNECTION / ROLE / KEY", "STATE", "EXPIRES", "RENEWS", "REVISION", "SECRET", "NOTE")
_CANNOT_READ: Final = {
    Found.ABSENT: "does not exist",
    Found.FORBIDDEN: "you may not read it",
    Found.UNKNOWN: "not read",
}


async def run(asked: Asked, client: Client, namespace: str, screen: Screen) -> Exit:
    """Read, and show."""
    reader = Reader(client)
    where = None if asked.all_namespaces else namespace
    tree = TreeShape(namespace=where, connections=grow(await _read(reader, where)), unread=tuple(reader.unread))
    if screen.machine:
        screen.answer(tree)
        return Exit.DONE
    if tree.connections:
        screen.table(HEADER, list(rows(tree.connections, datetime.now(UTC))))
    else:
        screen.note("nothing found in " + ("any namespace" if where is None else f"namespace {where}; -A looks in all"))
    for sentence in tree.unread:
        screen.note(f"note: {sentence}")
    return Exit.DONE


async def _read(reader: Reader, namespace: str | None) -> Objects:
    """The Keys there, the Roles and Connections there, and those elsewhere that they refer to."""
    try:
        objects = Objects(keys=await reader.keys(namespace))
    except NotPermitted as error:
        hint = "; without -A one namespace is enough" if namespace is None else f" in namespace {namespace}"
        raise Failure(Exit.REFUSED, f"you may not list {KEY.plural}{hint}: {error}") from None
    objects.roles = {(r.metadata.namespace, r.metadata.name): r for r in await reader.roles(namespace)}
    listed = await reader.connections(namespace)
    objects.connections = {(c.metadata.namespace, c.metadata.name): c for c in listed}
    for name in sorted({key.role for key in objects.keys} - set(objects.roles)):
        role, objects.found["role", name] = await reader.role(*name)
        if role is not None:
            objects.roles[name] = role
    above = {
        connection_of(name, objects.roles.get(name), [key for key in objects.keys if key.role == name])
        for name in {*objects.roles, *(key.role for key in objects.keys)}
    }
    for home in sorted({(space, name) for space, name in above if name is not None} - set(objects.connections)):
        connection, objects.found["connection", home] = await reader.connection(*home)
        if connection is not None:
            objects.connections[home] = connection
    return objects


def rows(connections: Sequence[ConnectionShape], now: datetime) -> Iterator[Sequence[Cell]]:
    """The lines of the table."""
    for connection in connections:
        yield _connection(connection)
        for number, role in enumerate(connection.roles, 1):
            last = number == len(connection.roles)
            yield _role(role, "└─ " if last else "├─ ")
            stem = "   " if last else "│  "
            for place, key in enumerate(role.keys, 1):
                yield _key(key, stem + ("└─ " if place == len(role.keys) else "├─ "), now)


def _connection(shape: ConnectionShape) -> Sequence[Cell]:
    name = "(connection not known)" if shape.name is None else f"{shape.namespace}/{shape.name}"
    notes = [shape.url or "", shape.message]
    return _line(Cell(name, "bold"), _state(shape.state, shape.found), note=" ".join(filter(None, notes)))


def _role(shape: RoleShape, branch: str) -> Sequence[Cell]:
    shown, in_all = len(shape.keys), shape.keys_in_all
    count = f"{in_all} keys in all" if in_all is not None and in_all > shown else ""
    notes = "; ".join(filter(None, (count, shape.message)))
    return _line(Cell(f"{branch}{shape.namespace}/{shape.name}"), _state(shape.state, shape.found), note=notes)


def _key(shape: KeyShape, branch: str, now: datetime) -> Sequence[Cell]:
    state = shape.state
    differs = shape.state == READY and shape.synced not in ("", KeyReason.UP_TO_DATE)
    tone = "yellow" if differs else _tone(state)
    old = [f"r{r.revision} ends {relative(r.retire_at, now, 'soon')}" for r in shape.retiring]
    notes = "; ".join(filter(None, (f"{shape.synced}: {shape.message}" if differs else shape.message, *old)))
    revision = "-" if shape.revision is None else str(shape.revision)
    return (
        Cell(f"{branch}{shape.namespace}/{shape.name}"),
        Cell(f"{state}, not synced" if differs else state, tone),
        Cell(relative(shape.expires_at, now, "never" if shape.revision is not None else "-")),
        Cell(relative(shape.renew_at, now)),
        Cell(revision if shape.pending in (None, shape.revision) else f"{revision} -> {shape.pending}"),
        Cell(shape.secret),
        Cell(notes, "dim"),
    )


def _line(name: Cell, state: Cell, note: str) -> Sequence[Cell]:
    return name, state, Cell(""), Cell(""), Cell(""), Cell(""), Cell(note, "dim")


def _state(state: str, found: Found) -> Cell:
    if found is Found.READ:
        return Cell(state, _tone(state))
    return Cell(f"({_CANNOT_READ[found]})", "dim")


def _tone(state: str) -> str:
    return "green" if state == READY else "yellow" if state == KeyReason.PENDING else "red"
