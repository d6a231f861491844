"""LiteLLM's JSON as values of the core. What cannot be understood is Unavailable: then nobody knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import orjson

from litellm_key_operator.domain.errors import Unavailable
from litellm_key_operator.domain.state import Row

Json = Mapping[str, object]

_VALUES = ("key", "api_key")
"""Fields that hold, or may hold, a key's value."""
_SHOWN = ("key_name", "key_alias")
"""Fields that may begin as a key does and hold none."""
_WRAPPED = re.compile(r"""^\{'error': (['"])(?P<text>.*)\1\}$""", re.DOTALL)
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `endpoint` is the path asked, `payload` the parsed body, None if that was not JSON."""

    endpoint: str
    status: int
    payload: object = field(repr=False)
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """What LiteLLM says is wrong. `code` is None if the web framework answered, not LiteLLM's own handlers."""

    text: str
    param: str | None = None
    code: str | None = None


def parsed(data: bytes) -> object:
    """A body as JSON, without the value of a key that it may answer with; None if it is not JSON."""
    try:
        payload: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(payload, dict):
        return payload
    told = cast("dict[str, object]", payload)
    return {name: value for name, value in told.items() if name not in _VALUES}


def complaint(payload: object) -> Complaint | None:
    """The complaint in an error's body; None if it is not of a shape that LiteLLM has."""
    body = _mapping(payload)
    error, detail = _mapping(body.get("error")), body.get("detail")
    if isinstance(error.get("message"), str):
        param, code = error.get("param"), error.get("code")
        return Complaint(_bare(str(error["message"])), None if param is None else str(param), str(code))
    if isinstance(detail, str):
        return Complaint(detail)
    if isinstance(detail, list):
        return Complaint("; ".join(_invalid(_mapping(item)) for item in cast("list[object]", detail)))
    text = _mapping(detail).get("error")
    return Complaint(text) if isinstance(text, str) else None


def generated(reply: Reply, token_id: str) -> Row:
    """The row in an answer of `/key/generate` that must be about this token."""
    told = _expect(reply)
    if told.get("token_id", token_id) != token_id:
        raise Unavailable(f"{reply.endpoint} answered about another key than the one asked for")
    return _row(reply, told, token_id)


def updated(reply: Reply, token_id: str) -> Row:
    """The row in an answer of `/key/update`; its soft budget is not told there."""
    return _row(reply, _expect(reply), token_id)


def informed(reply: Reply, token_id: str) -> Row:
    """The row in an answer of `/key/info`."""
    info = _expect(reply).get("info")
    if not isinstance(info, Mapping):
        raise _not_understood(reply)
    return _row(reply, cast("Json", info), token_id)


def batch(reply: Reply) -> list[Row]:
    """The rows in an answer of `/v2/key/info`, which names no tokens."""
    return [_row(reply, told, None) for told in _objects(reply, "info")]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of `/key/list`. `last`: no further page was announced."""

    rows: list[Row]
    last: bool


def page(reply: Reply, number: int) -> Page:
    """The rows in an answer of `/key/list` for the page of this number, which counts from 1."""
    rows: list[Row] = []
    for told in _objects(reply, "keys"):
        token_id = told.get("token")
        if not isinstance(token_id, str):
            raise _not_understood(reply)
        rows.append(_row(reply, told, token_id))
    total = _expect(reply).get("total_pages")
    return Page(rows, last=not rows or (isinstance(total, int) and number >= total))


def model_names(reply: Reply) -> frozenset[str]:
    """The ids in an answer of `/v1/models`."""
    return frozenset(str(told["id"]) for told in _objects(reply, "data") if "id" in told)


def text(reply: Reply, name: str) -> str | None:
    """One field of an object; None if it is not there or not a text."""
    value = _mapping(reply.payload).get(name)
    return value if isinstance(value, str) else None


def _row(reply: Reply, told: Json, token_id: str | None) -> Row:
    alias, metadata = told.get("key_alias"), told.get("metadata")
    if not isinstance(alias, str | None) or not isinstance(metadata, Mapping | None):
        raise _not_understood(reply)
    try:
        ends_at, deleted_at = _moment(told.get("expires")), _whole(_moment(told.get("deleted_at")))
    except ValueError:
        raise _not_understood(reply) from None
    if deleted_at is None and told.get("status") == "deleted":
        deleted_at = _EPOCH
    expires = _whole(ends_at)
    return Row(
        token_id=token_id,
        alias=alias,
        expires=expires,
        blocked=bool(told.get("blocked")),
        deleted_at=deleted_at,
        metadata=cast("Json | None", metadata) or {},
        fields=_fields(told),
        fraction=ends_at - expires if ends_at is not None and expires is not None else timedelta(0),
    )


def _fields(told: Json) -> dict[str, object]:
    """All fields without those that hold, or look like, a key's value.

    The soft budget is in a table of its own; if the key has a budget and the answer comes without that table, it is
    left out: unknown, not none.
    """
    fields = {name: value for name, value in told.items() if name not in _VALUES and not _like_key(name, value)}
    table = told.get("litellm_budget_table")
    if isinstance(table, Mapping):
        fields["soft_budget"] = cast("Json", table).get("soft_budget")
    elif told.get("budget_id") is None:
        fields["soft_budget"] = None
    else:
        fields.pop("soft_budget", None)
    return fields


def _like_key(name: str, value: object) -> bool:
    return isinstance(value, str) and value.startswith("sk-") and name not in _SHOWN


def _moment(value: object) -> datetime | None:
    """A time in UTC. Raises ValueError."""
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _whole(moment: datetime | None) -> datetime | None:
    """Cut to the second: the answers differ in what they tell beyond."""
    return None if moment is None else moment.replace(microsecond=0)


def _bare(message: str) -> str:
    """The text of an error that LiteLLM wrapped into the repr of a dict."""
    found = _WRAPPED.match(message)
    return message if found is None else found["text"]


def _invalid(item: Json) -> str:
    """One finding of the validation, without the input that it may quote."""
    where = item.get("loc")
    path = ".".join(str(part) for part in cast("list[object]", where)) if isinstance(where, list) else "?"
    return f"{path}: {item.get('msg')}"


def _mapping(value: object) -> Json:
    return cast("Json", value) if isinstance(value, Mapping) else {}


def _expect(reply: Reply) -> Json:
    payload = reply.payload
    if not isinstance(payload, Mapping):
        raise _not_understood(reply)
    return cast("Json", payload)


def _objects(reply: Reply, name: str) -> list[Json]:
    items = _expect(reply).get(name)
    if not isinstance(items, list):
        raise _not_understood(reply)
    objects = cast("list[object]", items)
    if not all(isinstance(item, Mapping) for item in objects):
        raise _not_understood(reply)
    return cast("list[Json]", objects)


def _not_understood(reply: Reply) -> Unavailable:
    return Unavailable(f"{reply.endpoint} answered {reply.status} with something that LiteLLM does not answer there")
